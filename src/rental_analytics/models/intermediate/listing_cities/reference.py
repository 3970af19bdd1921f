"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from metrics.marketplace import Marketplace, Row


def rows(marketplace: Marketplace) -> list[Row]:
    return [
        (found.listing_id, *marketplace.named_city(found.listing_id))
        for found in marketplace.attributes
        if not found.is_deleted
    ]

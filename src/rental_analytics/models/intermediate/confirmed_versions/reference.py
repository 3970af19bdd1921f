"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from metrics.marketplace import Marketplace, Row


def rows(marketplace: Marketplace) -> list[Row]:
    return [
        (version.booking_id, version.valid_from, *version.stay, version.reporting_total_price, start, end)
        for version, start, end in marketplace.confirmed_versions()
    ]

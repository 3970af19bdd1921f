"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict

from metrics.marketplace import Marketplace, Row, Viewing


def rows(marketplace: Marketplace) -> list[Row]:
    pairs: dict[tuple[int, int], list[Viewing]] = defaultdict(list)
    for viewing in marketplace.viewings:
        if viewing.user_id is not None and viewing.viewed_at.date() <= marketplace.as_of:
            pairs[viewing.user_id, viewing.listing_id].append(viewing)
    return [
        (*pair, min(view.viewed_at for view in views), int(any(view.is_wishlisted for view in views)))
        for pair, views in pairs.items()
    ]

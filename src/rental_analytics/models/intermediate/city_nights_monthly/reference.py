"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter
from datetime import date

from metrics.marketplace import Marketplace, Row, first_of_month


def rows(marketplace: Marketplace) -> list[Row]:
    booked: Counter[tuple[str, str | None, date]] = Counter()
    available: Counter[tuple[str, str | None, date]] = Counter()
    for night, listings in marketplace.nights.items():
        for counter, found in zip((booked, available), listings, strict=True):
            counter.update((*marketplace.named_city(listing_id), first_of_month(night)) for listing_id in found)
    return [(*key, booked[key], nights) for key, nights in available.items()]

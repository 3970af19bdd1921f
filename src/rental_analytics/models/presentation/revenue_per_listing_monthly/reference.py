"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.marketplace import Marketplace, Row, first_of_month, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    booked: Counter[tuple[date, int]] = Counter()
    available: Counter[tuple[date, int]] = Counter()
    for night, listings in marketplace.nights.items():
        for counter, found in zip((booked, available), listings, strict=True):
            counter.update((first_of_month(night), listing_id) for listing_id in found)
    revenue: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    for stay in marketplace.all_bookings:
        for night, price in stay.by_night.items():
            if stay.is_confirmed and night in marketplace.nights:
                revenue[first_of_month(night), stay.listing_id] += price
    return [
        (
            *key,
            nights,
            available[key],
            revenue[key],
            rounded_half_up(Fraction(revenue[key]), nights, 2),
            rounded_half_up(nights, available[key], 6),
            marketplace.currency,
        )
        for key, nights in booked.items()
    ]

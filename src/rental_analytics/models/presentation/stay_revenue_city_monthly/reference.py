"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.marketplace import Marketplace, Row, first_of_month, rounded_half_up

Place = tuple[date, str, str | None]


def rows(marketplace: Marketplace) -> list[Row]:
    booked: Counter[Place] = Counter()
    available: Counter[Place] = Counter()
    for night, listings in marketplace.nights.items():
        for counter, found in zip((booked, available), listings, strict=True):
            counter.update((first_of_month(night), *marketplace.named_city(listing_id)) for listing_id in found)
    revenue: dict[Place, Decimal] = defaultdict(Decimal)
    for stay in marketplace.all_bookings:
        for night, price in stay.by_night.items():
            if stay.is_confirmed and night in marketplace.nights:
                revenue[first_of_month(night), *marketplace.named_city(stay.listing_id)] += price
    return [
        (
            *place,
            booked[place],
            nights,
            revenue[place],
            rounded_half_up(Fraction(revenue[place]), booked[place], 2),
            rounded_half_up(Fraction(revenue[place]), nights, 2),
            rounded_half_up(booked[place], nights, 6),
            marketplace.currency,
        )
        for place, nights in available.items()
    ]

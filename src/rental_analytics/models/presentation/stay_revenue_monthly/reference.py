"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.marketplace import Marketplace, Row, first_of_month, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    booked: Counter[date] = Counter()
    available: Counter[date] = Counter()
    for night, (booked_listings, available_listings) in marketplace.nights.items():
        booked[first_of_month(night)] += len(booked_listings)
        available[first_of_month(night)] += len(available_listings)
    revenue: dict[date, Decimal] = defaultdict(Decimal)
    for stay in marketplace.all_bookings:
        for night, price in stay.by_night.items():
            if stay.is_confirmed and night in marketplace.nights:
                revenue[first_of_month(night)] += price
    return [
        (
            month,
            booked[month],
            nights,
            revenue[month],
            rounded_half_up(Fraction(revenue[month]), booked[month], 2),
            rounded_half_up(Fraction(revenue[month]), nights, 2),
            rounded_half_up(booked[month], nights, 6),
            marketplace.currency,
        )
        for month, nights in available.items()
    ]

"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter

from metrics.marketplace import Marketplace, Row, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    nights = marketplace.nights
    days_of_years = Counter(night.year for night in nights)
    whole = {year for year, days in days_of_years.items() if days == 366 or (days == 365 and year % 4)}
    if len(whole) < 2:
        return []
    booked = {
        month: sum(len(found[0]) for night, found in nights.items() if night.year in whole and night.month == month)
        for month in range(1, 13)
    }
    total = sum(booked.values())
    return [
        (month, len(whole), booked[month], total, rounded_half_up(12 * booked[month], total, 6))
        for month in range(1, 13)
    ]

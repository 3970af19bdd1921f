"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from metrics.marketplace import CALENDAR_START, Marketplace, Row, days, monday_of, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    starts = [version.valid_from.date() for version in marketplace.versions]
    first = max(min(starts, default=marketplace.as_of), CALENDAR_START)
    for week_start in sorted({monday_of(day) for day in days(first, marketplace.as_of)}):
        sunday = week_start + timedelta(days=6)
        active = marketplace.active_listings_at_end_of(min(sunday, marketplace.as_of))
        if active:
            total = sum((Fraction(version.reporting_price or 0) for version in active.values()), Fraction())
            found.append((week_start, len(active), rounded_half_up(total, len(active), 2), marketplace.currency))
    return found

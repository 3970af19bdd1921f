"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from metrics.marketplace import CALENDAR_START, Marketplace, Row, days, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    bookings = marketplace.bookings_so_far
    if not bookings:
        return []
    found: list[Row] = []
    first = min(booking.booked_at.date() for booking in bookings)
    for day in days(max(first, CALENDAR_START), marketplace.as_of):
        counts: dict[int, int] = defaultdict(int)
        for booking in bookings:
            if booking.is_kept and day - timedelta(days=29) <= booking.booked_at.date() <= day:
                counts[booking.user_id] += 1
        repeat = sum(count >= 2 for count in counts.values())
        found.append((day, len(counts), repeat, rounded_half_up(repeat, len(counts), 6)))
    return found

"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter
from datetime import date

from metrics.marketplace import Marketplace, Row, monday_of, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    made: Counter[date] = Counter()
    canceled: Counter[date] = Counter()
    for booking in marketplace.bookings_so_far:
        week_start = monday_of(booking.booked_at.date())
        version = marketplace.booking_version_at_end_of(marketplace.as_of, booking.booking_id)
        made[week_start] += 1
        canceled[week_start] += version is not None and version.status == "canceled"
    return [(week, count, canceled[week], rounded_half_up(canceled[week], count, 6)) for week, count in made.items()]

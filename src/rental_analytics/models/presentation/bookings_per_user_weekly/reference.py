"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from metrics.marketplace import Marketplace, Row, monday_of


def rows(marketplace: Marketplace) -> list[Row]:
    kept: dict[tuple[date, int], int] = defaultdict(int)
    canceled: dict[tuple[date, int], int] = defaultdict(int)
    for booking in marketplace.bookings_so_far:
        key = monday_of(booking.booked_at.date()), booking.user_id
        kept[key] += booking.is_kept
        canceled[key] += booking.status == "canceled"
    return [(*key, kept[key], canceled[key]) for key in kept]

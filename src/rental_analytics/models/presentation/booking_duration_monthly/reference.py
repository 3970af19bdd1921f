"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from metrics.marketplace import Marketplace, Row, first_of_month, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    months: dict[date, list[int]] = defaultdict(list)
    for booking in marketplace.all_bookings:
        if booking.is_confirmed:
            months[first_of_month(booking.checkin_date)].append(booking.stay_nights)
    return [
        (month, len(nights), sum(nights), rounded_half_up(sum(nights), len(nights), 2))
        for month, nights in months.items()
    ]

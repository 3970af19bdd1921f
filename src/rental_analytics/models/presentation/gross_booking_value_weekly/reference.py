"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.marketplace import Booking, Marketplace, Row, monday_of, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    weeks: dict[date, list[Booking]] = defaultdict(list)
    for booking in marketplace.bookings_so_far:
        weeks[monday_of(booking.booked_at.date())].append(booking)
    found: list[Row] = []
    for week_start, bookings in weeks.items():
        canceled = [booking for booking in bookings if booking.status == "canceled"]
        gross, lost = (sum((one.reporting_total_price for one in some), Decimal()) for some in (bookings, canceled))
        average = rounded_half_up(Fraction(gross), len(bookings), 2)
        counted = len(bookings), gross, len(canceled), lost, gross - lost
        found.append((week_start, *counted, average, marketplace.currency))
    return found

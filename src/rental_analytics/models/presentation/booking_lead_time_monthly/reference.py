"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from statistics import median

from metrics.marketplace import Marketplace, Row, first_of_month, rounded_half_up

RANGES = ((0, 1), (2, 7), (8, 14), (15, 30), (31, 60), (61, 90), (91, 10**6))


def rows(marketplace: Marketplace) -> list[Row]:
    months: dict[date, list[int]] = defaultdict(list)
    for booking in marketplace.bookings_so_far:
        if booking.is_kept:
            months[first_of_month(booking.booked_at.date())].append(booking.lead_days)
    found: list[Row] = []
    for month, lead_times in months.items():
        counted = [days for days in lead_times if days >= 0]
        average = rounded_half_up(sum(counted), len(counted), 2)
        middle = rounded_half_up(int(2 * median(counted)), 2, 1) if counted else None
        ranges = [sum(first <= days <= last for days in counted) for first, last in RANGES]
        found.append((month, len(counted), sum(counted), average, middle, *ranges, len(lead_times) - len(counted)))
    return found

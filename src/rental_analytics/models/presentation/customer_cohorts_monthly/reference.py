"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from metrics.marketplace import CALENDAR_START, DAY, Marketplace, Row, first_of_month, months_later, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    months_of_users: dict[int, set[date]] = defaultdict(set)
    for booking in marketplace.bookings_so_far:
        if booking.is_kept:
            months_of_users[booking.user_id].add(first_of_month(booking.booked_at.date()))
    cohorts: dict[date, list[set[date]]] = defaultdict(list)
    for months in months_of_users.values():
        if min(months) >= CALENDAR_START:
            cohorts[min(months)].append(months)
    found: list[Row] = []
    for cohort, users in cohorts.items():
        since = 0
        while months_later(cohort, since + 1) <= marketplace.as_of + DAY:
            active = sum(months_later(cohort, since) in months for months in users)
            found.append((cohort, since, len(users), active, rounded_half_up(active, len(users), 6)))
            since += 1
    return found

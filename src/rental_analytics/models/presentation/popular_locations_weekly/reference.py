"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from metrics.marketplace import Booking, Marketplace, Row, monday_of


def rows(marketplace: Marketplace) -> list[Row]:
    weeks: dict[date, dict[tuple[str, str | None], list[Booking]]] = defaultdict(lambda: defaultdict(list))
    for booking in marketplace.bookings_so_far:
        if booking.is_kept:
            city, state = marketplace.city_and_state(booking.listing_id)
            if city is None or not city.strip():
                city = "Unknown"
            weeks[monday_of(booking.booked_at.date())][city, state].append(booking)
    found: list[Row] = []
    for week_start, locations in weeks.items():
        ranking = sorted(
            locations, key=lambda place: (-len(locations[place]), place[0], place[1] is None, place[1] or "")
        )
        for rank, (city, state) in enumerate(ranking, start=1):
            kept = locations[city, state]
            found.append((week_start, city, state, len(kept), sum(b.is_confirmed for b in kept), rank))
    return found

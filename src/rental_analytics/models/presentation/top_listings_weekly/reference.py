"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

from metrics.marketplace import Booking, Marketplace, Row, monday_of


def rows(marketplace: Marketplace) -> list[Row]:
    weeks: dict[date, dict[int, list[Booking]]] = defaultdict(lambda: defaultdict(list))
    for booking in marketplace.bookings_so_far:
        if booking.is_confirmed:
            weeks[monday_of(booking.booked_at.date())][booking.listing_id].append(booking)
    found: list[Row] = []
    for week_start, listings in weeks.items():
        revenue = {
            listing_id: sum((booking.reporting_total_price for booking in bookings), Decimal())
            for listing_id, bookings in listings.items()
        }
        ranking = sorted(listings, key=lambda listing_id: (-revenue[listing_id], listing_id))
        for rank, listing_id in enumerate(ranking[:10], start=1):
            city, state = marketplace.city_and_state(listing_id)
            title = marketplace.title(listing_id)
            count = len(listings[listing_id])
            earned = revenue[listing_id], marketplace.currency
            found.append((week_start, rank, listing_id, title, city, state, count, *earned))
    return found

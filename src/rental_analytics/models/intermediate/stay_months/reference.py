"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal

from metrics.marketplace import CALENDAR_START, Marketplace, Row, first_of_month


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    for stay in marketplace.all_bookings:
        if stay.is_confirmed:
            so_far = {night: price for night, price in stay.by_night.items() if night <= marketplace.as_of}
            for month, nights, revenue in by_month(so_far):
                found.append(("now", stay.booking_id, stay.booked_at, month, stay.listing_id, nights, revenue))
    for version, _, _ in marketplace.confirmed_versions():
        for month, nights, revenue in by_month(version.by_night):
            if month > marketplace.as_of + timedelta(days=366):
                continue
            found.append(("version", version.booking_id, version.valid_from, month, None, nights, revenue))
    return found


def by_month(by_night: Mapping[date, Decimal]) -> Iterator[tuple[date, int, Decimal]]:
    months: dict[date, list[Decimal]] = defaultdict(list)
    for night, price in by_night.items():
        if night >= CALENDAR_START:
            months[first_of_month(night)].append(price)
    for month, prices in months.items():
        yield month, len(prices), sum(prices, Decimal())

"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from metrics.marketplace import CALENDAR_START, DAY, Marketplace, Row, days


def rows(marketplace: Marketplace) -> list[Row]:
    periods: dict[tuple[int, str], list[tuple[date, date]]] = defaultdict(list)
    for stay in marketplace.all_bookings:
        if stay.is_confirmed:
            for kind in ("booked", "available"):
                periods[stay.listing_id, kind].append((stay.checkin_date, stay.checkout_date - DAY))
    for version in marketplace.versions:
        if version.is_active:
            later = [
                other.valid_from
                for other in marketplace.versions
                if other.listing_id == version.listing_id and other.valid_from > version.valid_from
            ]
            last = min(later).date() - DAY if later else marketplace.as_of
            periods[version.listing_id, "available"].append((version.valid_from.date(), last))
    found: list[Row] = []
    for (listing_id, kind), unsorted in periods.items():
        covered: set[date] = set()
        bounded = [(max(first, CALENDAR_START), min(last, marketplace.as_of)) for first, last in unsorted]
        for first, last in sorted(bounded, key=lambda period: (period[0], -period[1].toordinal())):
            nights = sorted(set(days(first, last)) - covered)
            covered.update(nights)
            if nights:
                found.append((listing_id, kind, nights[0], nights[-1] + DAY))
    return found

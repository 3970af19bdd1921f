"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from metrics.marketplace import Marketplace, Row, Viewing, monday_of, rounded_half_up

WINDOW = timedelta(days=30)


def rows(marketplace: Marketplace) -> list[Row]:
    pairs: dict[tuple[int, int], list[Viewing]] = defaultdict(list)
    for viewing in marketplace.viewings:
        if viewing.user_id is not None and viewing.viewed_at.date() <= marketplace.as_of:
            pairs[viewing.user_id, viewing.listing_id].append(viewing)
    weeks: dict[date, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for pair, views in pairs.items():
        first = min(view.viewed_at for view in views)
        booked = any(
            booking.is_kept
            and (booking.user_id, booking.listing_id) == pair
            and first <= booking.booked_at <= first + WINDOW
            for booking in marketplace.bookings_so_far
        )
        is_open = (first + WINDOW).date() > marketplace.as_of
        weeks[monday_of(first.date())].append((any(view.is_wishlisted for view in views), booked, is_open))
    found: list[Row] = []
    for week_start, viewers in weeks.items():
        wished, booked, opened = (sum(column) for column in zip(*viewers, strict=True))
        rates = [rounded_half_up(part, len(viewers), 6) for part in (wished, booked)]
        found.append((week_start, len(viewers), wished, booked, *rates, opened))
    return found

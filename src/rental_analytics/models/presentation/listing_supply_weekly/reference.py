"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from metrics.marketplace import CALENDAR_START, Marketplace, Row, monday_of, week_ends


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    before: set[int] = set()
    ever: set[int] = set()
    start = min((version.valid_from.date() for version in marketplace.versions), default=marketplace.as_of)
    for end in week_ends(max(start, CALENDAR_START), marketplace.as_of):
        active = set(marketplace.active_listings_at_end_of(end))
        came = active - before
        if active or ever:
            found.append((monday_of(end), len(came - ever), len(came & ever), len(before - active), len(active)))
        before = active
        ever |= active
    return found

"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from metrics.marketplace import CALENDAR_START, Marketplace, Row, monday_of, week_ends

WEEK = timedelta(days=7)


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    start = min((version.valid_from.date() for version in marketplace.versions), default=marketplace.as_of)
    for listing_id in {version.listing_id for version in marketplace.versions}:
        running: tuple[date, object, Decimal | None] | None = None
        for end in week_ends(max(start, CALENDAR_START), marketplace.as_of):
            version = marketplace.version_at_end_of(end, listing_id)
            active = version if version and version.is_active else None
            if running and running[1] is not active:
                found.append((listing_id, running[0], monday_of(end), running[2]))
                running = None
            if active and not running:
                running = monday_of(end), active, active.reporting_price
        if running:
            found.append((listing_id, running[0], None, running[2]))
    return found

"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from metrics.marketplace import CALENDAR_START, Marketplace, Row, monday_of, rounded_half_up, week_ends


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    start = min((version.valid_from.date() for version in marketplace.versions), default=marketplace.as_of)
    for end in week_ends(max(start, CALENDAR_START), marketplace.as_of):
        prices: dict[tuple[str, str | None], list[Decimal]] = defaultdict(list)
        for listing_id, version in marketplace.active_listings_at_end_of(end).items():
            assert version.reporting_price is not None
            prices[marketplace.named_city(listing_id)].append(version.reporting_price)
        for place, asked in prices.items():
            average = rounded_half_up(Fraction(sum(asked)), len(asked), 2)
            found.append((monday_of(end), *place, len(asked), average, marketplace.currency))
    return found

"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from decimal import Decimal

from metrics.marketplace import CALENDAR_START, Marketplace, Row, days, first_of_month, months_later


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    shown = [version for version, _, _ in marketplace.confirmed_versions() if max(version.by_night) >= CALENDAR_START]
    bookings = {version.booking_id for version in marketplace.booking_versions}
    for day in days(marketplace.known_from, marketplace.as_of):
        versions = [marketplace.booking_version_at_end_of(day, booking_id) for booking_id in bookings]
        confirmed = [version for version in versions if version and version.status == "confirmed"]
        if not found and not any(version in shown for version in confirmed):
            continue
        for ahead in range(-1, 13):
            month = months_later(first_of_month(day), ahead)
            prices = [
                price
                for version in confirmed
                for night, price in version.by_night.items()
                if first_of_month(night) == month
            ]
            if month >= CALENDAR_START:
                found.append((day, month, len(prices), sum(prices, Decimal("0.00")), marketplace.currency))
    return found

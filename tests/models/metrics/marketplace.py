"""A marketplace in memory, and what the slow references of the metrics (`reference.py` in their folders) share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

CALENDAR_START = date(1970, 1, 1)
DAY = timedelta(days=1)
Row = tuple[object, ...]
Id = Any
"""A whole number or a text, as the ids of the marketplace are."""


@dataclass(frozen=True)
class Listing:
    listing_id: Id
    title: str | None
    is_deleted: bool


@dataclass(frozen=True)
class Attributes:
    listing_id: Id
    city: str | None
    state: str | None
    is_deleted: bool


@dataclass(frozen=True)
class Version:
    listing_id: Id
    valid_from: datetime
    reporting_price: Decimal | None
    is_active: bool | None


@dataclass(frozen=True)
class Booking:
    booking_id: Id
    user_id: Id
    listing_id: Id
    booked_at: datetime
    checkin_date: date
    checkout_date: date
    reporting_total_price: Decimal
    status: str
    is_deleted: bool

    @property
    def is_kept(self) -> bool:
        return self.status in ("pending", "confirmed")

    @property
    def is_confirmed(self) -> bool:
        return self.status == "confirmed"

    @property
    def stay_nights(self) -> int:
        return (self.checkout_date - self.checkin_date).days


@dataclass(frozen=True)
class Viewing:
    user_id: Id | None
    listing_id: Id
    viewed_at: datetime
    is_wishlisted: bool | None


@dataclass(frozen=True)
class Marketplace:
    as_of: date
    currency: str = "USD"
    """What prices are in."""
    listings: tuple[Listing, ...] = ()
    attributes: tuple[Attributes, ...] = ()
    versions: tuple[Version, ...] = ()
    bookings: tuple[Booking, ...] = ()
    viewings: tuple[Viewing, ...] = ()

    @property
    def all_bookings(self) -> list[Booking]:
        return [booking for booking in self.bookings if not booking.is_deleted]

    @property
    def bookings_so_far(self) -> list[Booking]:
        return [booking for booking in self.all_bookings if booking.booked_at.date() <= self.as_of]

    def title(self, listing_id: Id) -> str | None:
        for listing in self.listings:
            if listing.listing_id == listing_id and not listing.is_deleted:
                return listing.title
        return None

    def city_and_state(self, listing_id: Id) -> tuple[str | None, str | None]:
        for attributes in self.attributes:
            if attributes.listing_id == listing_id and not attributes.is_deleted:
                return attributes.city, attributes.state
        return None, None

    def version_at_end_of(self, day: date, listing_id: Id) -> Version | None:
        midnight = datetime.combine(day + DAY, time())
        known = [
            version for version in self.versions if version.listing_id == listing_id and version.valid_from < midnight
        ]
        return max(known, key=lambda version: version.valid_from, default=None)

    def active_listings_at_end_of(self, day: date) -> dict[Id, Version]:
        active = {}
        for listing_id in {version.listing_id for version in self.versions}:
            version = self.version_at_end_of(day, listing_id)
            if version is not None and version.is_active is True:
                active[listing_id] = version
        return active


def days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += DAY


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def rounded_half_up(numerator: Fraction | int, denominator: int, places: int) -> Decimal | None:
    if denominator == 0:
        return None
    return Decimal(math.floor(Fraction(numerator) / denominator * 10**places + Fraction(1, 2))).scaleb(-places)

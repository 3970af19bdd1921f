"""A marketplace in memory, and what the slow references of the metrics (`reference.py` in their folders) share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
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

    @property
    def by_night(self) -> dict[date, Decimal]:
        return nightly(self.reporting_total_price, self.checkin_date, self.checkout_date)

    @property
    def lead_days(self) -> int:
        return (self.checkin_date - self.booked_at.date()).days


@dataclass(frozen=True)
class BookingVersion:
    booking_id: int
    valid_from: datetime
    status: str | None
    checkin_date: date | None
    checkout_date: date | None
    reporting_total_price: Decimal | None

    @property
    def stay(self) -> tuple[date, date]:
        """Check-in and check-out of a version that is no deletion."""
        assert self.checkin_date
        assert self.checkout_date
        return self.checkin_date, self.checkout_date

    @property
    def by_night(self) -> dict[date, Decimal]:
        assert self.reporting_total_price is not None
        return nightly(self.reporting_total_price, *self.stay)


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
    known_from: date = CALENDAR_START
    """The day up to which the first loaded run had read."""
    listings: tuple[Listing, ...] = ()
    attributes: tuple[Attributes, ...] = ()
    versions: tuple[Version, ...] = ()
    bookings: tuple[Booking, ...] = ()
    booking_versions: tuple[BookingVersion, ...] = ()
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

    def named_city(self, listing_id: Id) -> tuple[str, str | None]:
        """City and state as metrics by city name them."""
        city, state = self.city_and_state(listing_id)
        return (city if city and city.strip(" ") else "Unknown"), state

    @cached_property
    def nights(self) -> dict[date, tuple[set[Id], set[Id]]]:
        """Listings with a confirmed booking, and those on offer or booked, by night, from the first one to `as_of`."""
        stays = [booking for booking in self.all_bookings if booking.is_confirmed]
        starts = [stay.checkin_date for stay in stays] + [version.valid_from.date() for version in self.versions]
        found: dict[date, tuple[set[Id], set[Id]]] = {}
        for night in days(max(min(starts, default=self.as_of), CALENDAR_START), self.as_of):
            booked = {stay.listing_id for stay in stays if stay.checkin_date <= night < stay.checkout_date}
            available = booked | set(self.active_listings_at_end_of(night))
            if available or found:
                found[night] = booked, available
        return found

    def confirmed_versions(self) -> Iterator[tuple[BookingVersion, date, date | None]]:
        """Versions on the books at the end of a known day, with the first such day and the first one after them."""
        earliest = months_later(first_of_month(self.known_from), -1)
        for version in self.booking_versions:
            later = [
                other.valid_from
                for other in self.booking_versions
                if other.booking_id == version.booking_id and other.valid_from > version.valid_from
            ]
            end = min(later).date() if later else None
            start = max(version.valid_from.date(), self.known_from)
            lasts = end is None or start < end
            if version.status == "confirmed" and version.stay[1] > earliest and lasts:
                yield version, start, end

    def booking_version_at_end_of(self, day: date, booking_id: Id) -> BookingVersion | None:
        midnight = datetime.combine(day + DAY, time())
        known = [
            version
            for version in self.booking_versions
            if version.booking_id == booking_id and version.valid_from < midnight
        ]
        return max(known, key=lambda version: version.valid_from, default=None)

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


def nightly(price: Decimal, checkin: date, checkout: date) -> dict[date, Decimal]:
    """A stay's price by its nights; the first ones take a cent more until those that do not divide are spent."""
    nights = list(days(checkin, checkout - DAY))
    each, rest = divmod(int(price * 100), len(nights))
    return {night: Decimal(each + (number < rest)).scaleb(-2) for number, night in enumerate(nights)}


def week_ends(first: date, as_of: date) -> Iterator[date]:
    """The last day of each week from the one that `first` lies in: its Sunday, or `as_of` if that comes earlier."""
    if first <= as_of:
        for monday in days(monday_of(first), as_of):
            if monday.weekday() == 0:
                yield min(monday + 6 * DAY, as_of)


def months_later(month: date, count: int) -> date:
    """First day of the month `count` months after the one that begins on `month`."""
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def rounded_half_up(numerator: Fraction | int, denominator: int, places: int) -> Decimal | None:
    if denominator == 0:
        return None
    return Decimal(math.floor(Fraction(numerator) / denominator * 10**places + Fraction(1, 2))).scaleb(-places)

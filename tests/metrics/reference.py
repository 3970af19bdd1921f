"""The seven metrics once more, slow and obvious, one day and one listing at a time, from their definitions alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

CALENDAR_START = date(1970, 1, 1)
DAY = timedelta(days=1)
Row = tuple[object, ...]


@dataclass(frozen=True)
class Listing:
    listing_id: int
    title: str | None
    is_deleted: bool


@dataclass(frozen=True)
class Attributes:
    listing_id: int
    city: str | None
    state: str | None
    is_deleted: bool


@dataclass(frozen=True)
class Version:
    listing_id: int
    valid_from: datetime
    price_usd: Decimal | None
    is_active: bool | None


@dataclass(frozen=True)
class Booking:
    booking_id: int
    user_id: int
    listing_id: int
    booked_at: datetime
    checkin_date: date
    checkout_date: date
    total_price_usd: Decimal
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
class Marketplace:
    as_of: date
    listings: tuple[Listing, ...] = ()
    attributes: tuple[Attributes, ...] = ()
    versions: tuple[Version, ...] = ()
    bookings: tuple[Booking, ...] = ()

    @property
    def all_bookings(self) -> list[Booking]:
        return [booking for booking in self.bookings if not booking.is_deleted]

    @property
    def bookings_so_far(self) -> list[Booking]:
        return [booking for booking in self.all_bookings if booking.booked_at.date() <= self.as_of]

    def title(self, listing_id: int) -> str | None:
        for listing in self.listings:
            if listing.listing_id == listing_id and not listing.is_deleted:
                return listing.title
        return None

    def city_and_state(self, listing_id: int) -> tuple[str | None, str | None]:
        for attributes in self.attributes:
            if attributes.listing_id == listing_id and not attributes.is_deleted:
                return attributes.city, attributes.state
        return None, None

    def version_at_end_of(self, day: date, listing_id: int) -> Version | None:
        midnight = datetime.combine(day + DAY, time())
        known = [
            version for version in self.versions if version.listing_id == listing_id and version.valid_from < midnight
        ]
        return max(known, key=lambda version: version.valid_from, default=None)

    def active_listings_at_end_of(self, day: date) -> dict[int, Version]:
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


def average_listing_price_weekly(marketplace: Marketplace) -> list[Row]:
    rows: list[Row] = []
    starts = [version.valid_from.date() for version in marketplace.versions]
    first = max(min(starts, default=marketplace.as_of), CALENDAR_START)
    for week_start in sorted({monday_of(day) for day in days(first, marketplace.as_of)}):
        sunday = week_start + timedelta(days=6)
        active = marketplace.active_listings_at_end_of(min(sunday, marketplace.as_of))
        if active:
            total = sum((Fraction(version.price_usd or 0) for version in active.values()), Fraction())
            rows.append((week_start, len(active), rounded_half_up(total, len(active), 2)))
    return rows


def occupancy_rate_monthly(marketplace: Marketplace) -> list[Row]:
    stays = [booking for booking in marketplace.all_bookings if booking.is_confirmed]
    starts = [stay.checkin_date for stay in stays]
    starts += [version.valid_from.date() for version in marketplace.versions]
    booked_nights: dict[date, int] = defaultdict(int)
    available_nights: dict[date, int] = defaultdict(int)
    months: list[date] = []
    for day in days(max(min(starts, default=marketplace.as_of), CALENDAR_START), marketplace.as_of):
        month = first_of_month(day)
        booked = {stay.listing_id for stay in stays if stay.checkin_date <= day < stay.checkout_date}
        available = booked | set(marketplace.active_listings_at_end_of(day))
        booked_nights[month] += len(booked)
        available_nights[month] += len(available)
        if month not in months and (months or available):
            months.append(month)
    return [
        (
            month,
            booked_nights[month],
            available_nights[month],
            rounded_half_up(booked_nights[month], available_nights[month], 6),
        )
        for month in months
    ]


def popular_locations_weekly(marketplace: Marketplace) -> list[Row]:
    weeks: dict[date, dict[tuple[str, str | None], list[Booking]]] = defaultdict(lambda: defaultdict(list))
    for booking in marketplace.bookings_so_far:
        if booking.is_kept:
            city, state = marketplace.city_and_state(booking.listing_id)
            if city is None or not city.strip():
                city = "Unknown"
            weeks[monday_of(booking.booked_at.date())][city, state].append(booking)
    rows: list[Row] = []
    for week_start, locations in weeks.items():
        ranking = sorted(
            locations, key=lambda place: (-len(locations[place]), place[0], place[1] is None, place[1] or "")
        )
        for rank, (city, state) in enumerate(ranking, start=1):
            kept = locations[city, state]
            rows.append((week_start, city, state, len(kept), sum(b.is_confirmed for b in kept), rank))
    return rows


def top_listings_weekly(marketplace: Marketplace) -> list[Row]:
    weeks: dict[date, dict[int, list[Booking]]] = defaultdict(lambda: defaultdict(list))
    for booking in marketplace.bookings_so_far:
        if booking.is_confirmed:
            weeks[monday_of(booking.booked_at.date())][booking.listing_id].append(booking)
    rows: list[Row] = []
    for week_start, listings in weeks.items():
        revenue = {
            listing_id: sum((booking.total_price_usd for booking in bookings), Decimal())
            for listing_id, bookings in listings.items()
        }
        ranking = sorted(listings, key=lambda listing_id: (-revenue[listing_id], listing_id))
        for rank, listing_id in enumerate(ranking[:10], start=1):
            city, state = marketplace.city_and_state(listing_id)
            title = marketplace.title(listing_id)
            count = len(listings[listing_id])
            rows.append((week_start, rank, listing_id, title, city, state, count, revenue[listing_id]))
    return rows


def bookings_per_user_weekly(marketplace: Marketplace) -> list[Row]:
    kept: dict[tuple[date, int], int] = defaultdict(int)
    canceled: dict[tuple[date, int], int] = defaultdict(int)
    for booking in marketplace.bookings_so_far:
        key = monday_of(booking.booked_at.date()), booking.user_id
        kept[key] += booking.is_kept
        canceled[key] += booking.status == "canceled"
    return [(*key, kept[key], canceled[key]) for key in kept]


def booking_duration_monthly(marketplace: Marketplace) -> list[Row]:
    months: dict[date, list[int]] = defaultdict(list)
    for booking in marketplace.all_bookings:
        if booking.is_confirmed:
            months[first_of_month(booking.checkin_date)].append(booking.stay_nights)
    return [
        (month, len(nights), sum(nights), rounded_half_up(sum(nights), len(nights), 2))
        for month, nights in months.items()
    ]


def repeat_customer_rate_daily(marketplace: Marketplace) -> list[Row]:
    bookings = marketplace.bookings_so_far
    if not bookings:
        return []
    rows: list[Row] = []
    first = min(booking.booked_at.date() for booking in bookings)
    for day in days(max(first, CALENDAR_START), marketplace.as_of):
        counts: dict[int, int] = defaultdict(int)
        for booking in bookings:
            if booking.is_kept and day - timedelta(days=29) <= booking.booked_at.date() <= day:
                counts[booking.user_id] += 1
        repeat = sum(count >= 2 for count in counts.values())
        rows.append((day, len(counts), repeat, rounded_half_up(repeat, len(counts), 6)))
    return rows


METRICS: dict[str, Callable[[Marketplace], list[Row]]] = {
    metric.__name__: metric
    for metric in (
        average_listing_price_weekly,
        occupancy_rate_monthly,
        popular_locations_weekly,
        top_listings_weekly,
        bookings_per_user_weekly,
        booking_duration_monthly,
        repeat_customer_rate_daily,
    )
}

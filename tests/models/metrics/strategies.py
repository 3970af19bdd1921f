"""Small random marketplaces in which collisions, ties, overlaps and edges of the calendar are frequent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

from metrics.marketplace import (
    CALENDAR_START,
    Attributes,
    Booking,
    BookingVersion,
    Listing,
    Marketplace,
    Version,
    Viewing,
)
from support.text_ids import of_row

Drawn = TypeVar("Drawn")
FIRST_LISTING_ID = 2**53 + 1
EDGES = (
    date(1970, 1, 1),  # the calendar's first day, a Thursday
    date(2024, 2, 28),  # a leap day follows
    date(2024, 12, 30),  # a week in two years
    date(2025, 6, 1),  # a month that starts on a Sunday
)
TIMES = (time(), time(12), time(23, 59, 59, 999999))
PRICES = tuple(Decimal(cents).scaleb(-2) for cents in (1, 2, 10000, 10001, 33333, 10**12 + 1))
STATUSES = ("confirmed", "confirmed", "pending", "canceled")
CITIES = (None, "", "  ", "Austin", "austin", "Boston", "Évora")
STATES = (None, "MA", "TX")
_IDS = ("listing_id", "user_id", "booking_id")
RARELY = st.sampled_from((False, False, False, False, True))


def some(rows: st.SearchStrategy[Drawn]) -> st.SearchStrategy[list[Drawn]]:
    """Lists that are as often long as short; Hypothesis left to itself prefers short ones."""
    return st.sampled_from((3, 8, 15, 25)).flatmap(lambda size: st.lists(rows, min_size=size, max_size=size))


@cache
def days_around(edge: date) -> st.SearchStrategy[date]:
    """Days within seven weeks of `edge`; often 30 days or a week apart."""
    offsets = (*range(-20, 46), *(-30, -29, -7, -1, 0, 1, 7, 29, 30, 31) * 3)
    return st.sampled_from([edge + timedelta(days=offset) for offset in offsets])


@cache
def moments_around(edge: date) -> st.SearchStrategy[datetime]:
    return st.builds(datetime.combine, days_around(edge), st.sampled_from(TIMES))


@cache
def ids_of_listings(count: int) -> st.SearchStrategy[int]:
    """The ids of `count` listings, and one that no listing has."""
    return st.integers(FIRST_LISTING_ID, FIRST_LISTING_ID + count)


@cache
def bookings(edge: date, listing_count: int) -> st.SearchStrategy[list[Booking]]:
    fields = st.tuples(
        st.integers(1, 3),
        ids_of_listings(listing_count),
        moments_around(edge),
        days_around(edge),
        st.sampled_from((*range(1, 9), 30, 31, 90)),
        st.sampled_from(PRICES),
        st.sampled_from(STATUSES),
        RARELY,
    )
    return some(fields).map(
        lambda drawn: [
            Booking(number, user, listing, booked_at, checkin, checkin + timedelta(days=nights), *rest)
            for number, (user, listing, booked_at, checkin, nights, *rest) in enumerate(drawn, start=1)
        ]
    )


@cache
def versions(edge: date, listing_count: int) -> st.SearchStrategy[list[Version]]:
    """Versions, no two of one listing at one moment, some of them deletions."""
    states = [(price, active) for price in PRICES for active in (True, True, True, False, None)]
    fields = st.tuples(
        st.tuples(ids_of_listings(listing_count), moments_around(edge)),
        st.sampled_from([*states, *[(None, False)] * 5]),
    )
    return some(fields).map(lambda drawn: [Version(*key, *state) for key, state in dict(drawn).items()])


def versions_of(found: list[Booking], edge: date) -> st.SearchStrategy[list[BookingVersion]]:
    """Versions of bookings, no two of one booking at one moment; some are deletions, and some bookings have none."""

    def version(booking: Booking, moment: datetime, status: str | None, nights: int) -> BookingVersion:
        if status is None:
            return BookingVersion(booking.booking_id, moment, None, None, None, None)
        stay = booking.checkin_date, booking.checkin_date + timedelta(days=nights)
        return BookingVersion(booking.booking_id, moment, status, *stay, booking.reporting_total_price)

    if not found:
        return st.just([])
    drawn = st.builds(
        version,
        st.sampled_from(found),
        moments_around(edge),
        st.sampled_from((*STATUSES, None)),
        st.sampled_from((1, 2, 7, 31, 90)),
    )
    return some(drawn).map(lambda versions: list({(one.booking_id, one.valid_from): one for one in versions}.values()))


@cache
def listings(listing_count: int) -> st.SearchStrategy[list[Listing]]:
    fields = st.tuples(st.sampled_from((None, "Loft", "Studio")), RARELY)
    return st.lists(fields, min_size=listing_count, max_size=listing_count).map(
        lambda drawn: [Listing(number, *row) for number, row in enumerate(drawn, start=FIRST_LISTING_ID)]
    )


@cache
def attributes(listing_count: int) -> st.SearchStrategy[list[Attributes]]:
    fields = st.tuples(st.sampled_from(CITIES), st.sampled_from(STATES), RARELY)
    return st.lists(fields, min_size=listing_count, max_size=listing_count).map(
        lambda drawn: [Attributes(number, *row) for number, row in enumerate(drawn, start=FIRST_LISTING_ID)]
    )


@cache
def viewings(edge: date, listing_count: int) -> st.SearchStrategy[list[Viewing]]:
    """Views, some of them twice at one moment, some of users who are not signed in."""
    fields = st.tuples(
        st.sampled_from((1, 2, 3, None)),
        ids_of_listings(listing_count),
        moments_around(edge),
        st.sampled_from((False, True, None)),
    )
    return some(fields).map(lambda drawn: [Viewing(*row) for row in drawn])


def with_text_ids(marketplace: Marketplace) -> Marketplace:
    """The same with texts as ids, whose order is not that of the numbers they stand for."""
    rows = {
        name: tuple(
            replace(row, **of_row({key: getattr(row, key) for key in _IDS if hasattr(row, key)}, _IDS)) for row in found
        )
        for name in ("listings", "attributes", "versions", "bookings", "booking_versions", "viewings")
        if (found := getattr(marketplace, name))
    }
    return replace(marketplace, **rows)


@st.composite
def marketplaces(draw: st.DrawFn) -> Marketplace:
    edge = draw(st.sampled_from(EDGES))
    listing_count = draw(st.sampled_from((2, 3, 13)))
    as_of = edge + timedelta(days=draw(st.integers(-10, 80)))
    booked = draw(bookings(edge, listing_count))
    return Marketplace(
        as_of=as_of,
        known_from=max(as_of - timedelta(days=draw(st.integers(-1, 40))), CALENDAR_START),
        currency=draw(st.sampled_from(("USD", "EUR", "JPY"))),
        listings=tuple(draw(listings(listing_count))),
        attributes=tuple(draw(attributes(listing_count))),
        versions=tuple(draw(versions(edge, listing_count))),
        bookings=tuple(booked),
        booking_versions=tuple(draw(versions_of(booked, edge))),
        viewings=tuple(draw(viewings(edge, listing_count))),
    )

"""What `advance` must know about an existing marketplace, read with queries whose answers are bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rental_marketplace.bookings import FIRST_BOOKING_ID
from rental_marketplace.calendar import DAY, HISTORY_DAYS
from rental_marketplace.cities import CURRENCIES
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.ids import Ids, IdValue
from rental_marketplace.listings import FIRST_LISTING_ID
from rental_marketplace.market import FEWEST_USERS, FIRST_USER_ID, capacity
from rental_marketplace.render import render
from rental_marketplace.sampling import Flags, Ints
from rental_marketplace.schema import Table
from rental_marketplace.values import day_text, microseconds
from rental_marketplace.viewings import FIRST_VIEWING_ID
from rental_marketplace.writers.base import Row, Target

SAMPLE_ROWS = 20_000
_RECENT_DAYS = 28
_ABSURD = "2100-01-01"
_NEWEST = (
    "SELECT MAX(last_modified_timestamp) FROM apartments WHERE last_modified_timestamp < ?",
    "SELECT MAX(booking_date) FROM bookings WHERE booking_date < ?",
    "SELECT MAX(viewed_at) FROM user_viewing WHERE viewed_at < ?",
)
_NEW_ROWS = {
    "apartments": "SELECT COUNT(*) FROM apartments WHERE listing_created_on >= ? AND listing_created_on < ?",
    "bookings": "SELECT COUNT(*) FROM bookings WHERE booking_date >= ? AND booking_date < ?",
    "user_viewing": "SELECT COUNT(*) FROM user_viewing WHERE viewed_at >= ? AND viewed_at < ?",
}
_ALL_ROWS = {
    "apartments": "SELECT COUNT(*) FROM apartments",
    "bookings": "SELECT COUNT(*) FROM bookings",
    "user_viewing": "SELECT COUNT(*) FROM user_viewing",
}


@dataclass(frozen=True)
class SampledListings:
    """Some of the listings, in order of creation; units as in Market."""

    ids: Ints
    price: Ints
    currency: Ints
    created: Ints
    active: Flags
    capacity: Ints
    written_as: Ids

    def __len__(self) -> int:
        return len(self.ids)

    def key(self, position: int) -> IdValue:
        """The id of one of them as its table has it."""
        return self.written_as.value(int(self.ids[position]))


@dataclass(frozen=True)
class State:
    """The marketplace as it is: newest day, next free ids, users, new rows a day, some of its listings."""

    last_day: int
    listing_count: int
    next_listing: int
    next_booking: int
    next_viewing: int
    first_user: int
    users: int
    per_day: dict[str, float]
    listings: SampledListings
    ids: Ids


def read_state(target: Target, tables: dict[str, Table]) -> State:
    """Look at the marketplace in a database.

    Raises:
        MarketplaceError: there is no dated row.
    """
    last_day = _last_day(target)
    listing_count = _number(target, _ALL_ROWS["apartments"])
    users = target.fetch("SELECT MIN(user_id), MAX(user_id) FROM bookings")[0]
    ids = Ids.like(target.fetch("SELECT MAX(id) FROM apartments")[0][0])
    first_user, last_user = (None if user is None else ids.number(user) for user in users)
    next_listings = [
        _next(target, ids, "SELECT MAX(id) FROM apartments", FIRST_LISTING_ID),
        _next(target, ids, "SELECT MAX(id) FROM apartment_attributes", FIRST_LISTING_ID),
    ]
    next_viewing = FIRST_VIEWING_ID
    if tables["user_viewing"].key is not None:
        next_viewing = _next(target, ids, "SELECT MAX(id) FROM user_viewing", FIRST_VIEWING_ID)
    return State(
        last_day=last_day,
        listing_count=listing_count,
        next_listing=max(next_listings),
        next_booking=_next(target, ids, "SELECT MAX(booking_id) FROM bookings", FIRST_BOOKING_ID),
        next_viewing=next_viewing,
        first_user=first_user or FIRST_USER_ID,
        users=max(last_user - first_user + 1, FEWEST_USERS) if first_user and last_user else FEWEST_USERS,
        per_day=_rates(target, last_day),
        listings=_sample(target, ids, listing_count),
        ids=ids,
    )


def _number(target: Target, sql: str, values: Sequence[object] = ()) -> int:
    return int(target.fetch(sql, values)[0][0] or 0)


def _next(target: Target, ids: Ids, highest_id: str, first: int) -> int:
    """The first free number, given the query for the highest id."""
    highest = target.fetch(highest_id)[0][0]
    return first if highest is None else ids.number(highest) + 1


def _last_day(target: Target) -> int:
    newest = [target.fetch(query, (_ABSURD,))[0][0] for query in _NEWEST]
    moments = [microseconds(value) for value in newest if value is not None]
    if not moments:
        raise MarketplaceError(
            f"{target.label} holds no dated row to continue from.",
            remedy="Make a marketplace first with `rental generate`.",
            reason="marketplace-without-dates",
        )
    return max(moments) // DAY


def _rates(target: Target, last_day: int) -> dict[str, float]:
    """New rows a day over the last weeks; where nothing happened lately, over the usual history."""
    since, until = day_text(last_day - _RECENT_DAYS + 1), day_text(last_day + 1)
    rates = {}
    for table, new_rows in _NEW_ROWS.items():
        recent = _number(target, new_rows, (since, until))
        everything = _number(target, _ALL_ROWS[table]) if recent == 0 else 0
        rates[table] = recent / _RECENT_DAYS if recent else everything / HISTORY_DAYS
    return rates


def _sample(target: Target, ids: Ids, listing_count: int) -> SampledListings:
    stride = -(-listing_count // SAMPLE_ROWS) or 1
    found = target.fetch(
        render("some_listings", share=ids.share("apartments.id")),
        (stride, 2 * SAMPLE_ROWS),
    )
    rows = sorted((microseconds(row[3]), row) for row in found if _usable(row))
    return SampledListings(
        ids=_ints([ids.number(row[0]) for _, row in rows]),
        price=_ints([round(row[1] * 100) for _, row in rows]),
        currency=_ints([CURRENCIES.index(row[2].strip().upper()) for _, row in rows]),
        created=_ints([created for created, _ in rows]),
        active=np.array([bool(row[4]) for _, row in rows], dtype=bool),
        capacity=capacity(_ints([1 if row[5] is None else row[5] for _, row in rows])),
        written_as=ids,
    )


def _usable(row: Row) -> bool:
    _, price, currency, created, *_ = row
    return bool(price and price > 0 and created and currency and currency.strip().upper() in CURRENCIES)


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)

"""Bad rows, one kind for each quality rule of the four tables.

A bad row is a believable row of its own, broken in exactly one way, and comes on top of the good rows: no
good row changes when bad ones are planted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rental_marketplace import arrow
from rental_marketplace.sampling import Flags, Ints

Break = Callable[[arrow.Table, Flags], arrow.Table]

UNKNOWN_LISTING_ID = 9_090_000_000_000_001
_HUNDRED_YEARS = 100 * 365
_MICROSECONDS = 86_400_000_000
_FIRST_DAY, _LAST_DAY = ((date(*day) - date(1970, 1, 1)).days for day in ((1000, 1, 1), (9999, 12, 31)))
"""The first day that MySQL promises to hold, and the last."""


def planted_per_rule(table: str, rows: int, dirty_rate: float) -> dict[str, int]:
    """Bad rows per rule: about `dirty_rate` of the table, at least one of each; none for an empty table."""
    rules = list(RULES[table])
    if rows == 0 or dirty_rate == 0:
        return dict.fromkeys(rules, 0)
    total = max(len(rules), round(rows * dirty_rate / (1 - dirty_rate)))
    return {rule: (total + len(rules) - 1 - position) // len(rules) for position, rule in enumerate(rules)}


def plant(table: str, chunks: Iterator[arrow.Table]) -> Iterator[arrow.Table]:
    """Break every row of the chunks, by each rule in turn."""
    done = 0
    breaks = list(RULES[table].values())
    for chunk in chunks:
        rule = (done + np.arange(len(chunk))) % len(breaks)
        broken = chunk.combine_chunks()
        for number, break_ in enumerate(breaks):
            broken = break_(broken, rule == number)
        done += len(chunk)
        yield broken


def _column(rows: arrow.Table, name: str) -> arrow.Column:
    return pa.concat_arrays(rows[name].chunks)


def _numbers(rows: arrow.Table, name: str) -> Ints:
    """Dates as days, timestamps as microseconds, 0 where an earlier rule left NULL."""
    column = _column(rows, name)
    kind = pa.int32() if pa.types.is_date(column.type) else pa.int64()
    return np.asarray(column.cast(kind).fill_null(0)).astype(np.int64)


def _put(rows: arrow.Table, name: str, mask: Flags, value: arrow.Column | pa.Scalar) -> arrow.Table:
    position = rows.column_names.index(name)
    return rows.set_column(position, name, arrow.choose(mask, value, _column(rows, name)))


def _nulls(*names: str) -> Break:
    def break_(rows: arrow.Table, mask: Flags) -> arrow.Table:
        for name in names:
            rows = _put(rows, name, mask, pa.scalar(None, rows[name].type))
        return rows

    return break_


def _texts(name: str, *values: str | None) -> Break:
    def break_(rows: arrow.Table, mask: Flags) -> arrow.Table:
        return _put(rows, name, mask, arrow.words(values, _nth(mask) % len(values)))

    return break_


def _nth(mask: Flags) -> Ints:
    """Numbers the marked rows 0, 1, 2 ..."""
    return np.cumsum(mask).astype(np.int64) - mask


def _missing_stay_dates(rows: arrow.Table, mask: Flags) -> arrow.Table:
    nth = _nth(mask)
    rows = _nulls("checkin_date")(rows, mask & (nth % 3 != 1))
    return _nulls("checkout_date")(rows, mask & (nth % 3 != 0))


def _checkout_not_after_checkin(rows: arrow.Table, mask: Flags) -> arrow.Table:
    checkout = _numbers(rows, "checkin_date") - 2 * (_nth(mask) % 2)
    return _put(rows, "checkout_date", mask, arrow.dates(checkout))


def _stay_longer_than_year(rows: arrow.Table, mask: Flags) -> arrow.Table:
    checkout = _numbers(rows, "checkin_date") + 366 + _nth(mask) % 400
    return _put(rows, "checkout_date", mask, arrow.dates(checkout))


def _negative_price(rows: arrow.Table, mask: Flags) -> arrow.Table:
    return _put(rows, "total_price", mask, _money_times(rows, "total_price", -1))


def _money_times(rows: arrow.Table, name: str, factor: int) -> arrow.Column:
    product = pc.multiply(_column(rows, name), pa.scalar(factor, pa.decimal128(1, 0)))
    return product.cast(rows[name].type)


def _booked_after_checkin(rows: arrow.Table, mask: Flags) -> arrow.Table:
    checkin = _numbers(rows, "checkin_date")
    nights = _numbers(rows, "checkout_date") - checkin
    moved = _numbers(rows, "booking_date") // 86_400_000_000 - 1 - _nth(mask) % 20
    rows = _put(rows, "checkin_date", mask, arrow.dates(moved))
    return _put(rows, "checkout_date", mask, arrow.dates(moved + nights))


def _far_ahead(*names: str) -> Break:
    """Moves dates and moments by a hundred years, beyond any clock that reads them."""

    def break_(rows: arrow.Table, mask: Flags) -> arrow.Table:
        for name in names:
            is_date = pa.types.is_date(rows[name].type)
            later = _numbers(rows, name) + _HUNDRED_YEARS * (1 if is_date else _MICROSECONDS)
            rows = _put(rows, name, mask, arrow.dates(later) if is_date else arrow.timestamps(later))
        return rows

    return break_


def _stay_at_the_end_of_time(rows: arrow.Table, mask: Flags) -> arrow.Table:
    """The last night that has a date; no reader of the warehouse holds it."""
    last = np.full(len(mask), _LAST_DAY)
    rows = _put(rows, "checkin_date", mask, arrow.dates(last - 1))
    return _put(rows, "checkout_date", mask, arrow.dates(last))


def _created_in_the_year_1000(rows: arrow.Table, mask: Flags) -> arrow.Table:
    first = np.full(len(mask), _FIRST_DAY * _MICROSECONDS)
    return _put(rows, "listing_created_on", mask, arrow.timestamps(first))


def _unknown_listing(rows: arrow.Table, mask: Flags) -> arrow.Table:
    return _put(rows, "apartment_id", mask, arrow.integers(UNKNOWN_LISTING_ID + _nth(mask)))


def _price_not_positive(rows: arrow.Table, mask: Flags) -> arrow.Table:
    nth = _nth(mask)
    rows = _put(rows, "price", mask, _money_times(rows, "price", 0))
    rows = _nulls("price")(rows, mask & (nth % 3 == 1))
    return _put(rows, "price", mask & (nth % 3 == 2), arrow.money(np.full(len(nth), -4_900)))


def _modified_before_created(rows: arrow.Table, mask: Flags) -> arrow.Table:
    earlier = _numbers(rows, "listing_created_on") - 3_600_000_000 * (1 + _nth(mask) % 200)
    return _put(rows, "last_modified_timestamp", mask, arrow.timestamps(earlier))


def _coordinates_out_of_range(rows: arrow.Table, mask: Flags) -> arrow.Table:
    nth = _nth(mask)
    latitude = np.where(nth % 2 == 0, 91_500_000, 45_000_000)
    longitude = np.where(nth % 2 == 0, -73_500_000, -181_250_000)
    rows = _put(rows, "latitude", mask, arrow.decimals(latitude, 9, 6))
    return _put(rows, "longitude", mask, arrow.decimals(longitude, 9, 6))


RULES: Mapping[str, Mapping[str, Break]] = {
    "apartments": {
        "missing_key": _nulls("id"),
        "price_not_positive": _price_not_positive,
        "unknown_currency": _texts("currency", "XXX", None, "DOGE", "", "US$"),
        "missing_created_at": _nulls("listing_created_on"),
        "value_out_of_range": _created_in_the_year_1000,
        "modified_before_created": _modified_before_created,
        "modified_in_future": _far_ahead("last_modified_timestamp"),
    },
    "apartment_attributes": {
        "missing_key": _nulls("id"),
        "coordinates_out_of_range": _coordinates_out_of_range,
        "missing_city": _texts("cityname", None, ""),
    },
    "user_viewing": {
        "missing_listing": _nulls("apartment_id"),
        "missing_viewed_at": _nulls("viewed_at"),
        "viewed_in_future": _far_ahead("viewed_at"),
    },
    "bookings": {
        "missing_key": _nulls("booking_id"),
        "missing_user": _nulls("user_id"),
        "missing_listing": _nulls("apartment_id"),
        "missing_booked_at": _nulls("booking_date"),
        "missing_stay_dates": _missing_stay_dates,
        "checkout_not_after_checkin": _checkout_not_after_checkin,
        "stay_longer_than_year": _stay_longer_than_year,
        "negative_price": _negative_price,
        "missing_price": _nulls("total_price"),
        "unknown_currency": _texts("currency", "XXX", None, "DOGE", "", "US$"),
        "unknown_status": _texts("booking_status", "on hold", None, "???", "", "confirmed?"),
        "value_out_of_range": _stay_at_the_end_of_time,
        "booked_after_checkin": _booked_after_checkin,
        "booked_in_future": _far_ahead("booking_date", "checkin_date", "checkout_date"),
        "unknown_listing": _unknown_listing,
    },
}
"""Rule names per source table, and how a good row is broken by each."""

NULLED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "apartments": ("id", "price", "currency", "listing_created_on"),
    "apartment_attributes": ("id", "cityname"),
    "user_viewing": ("apartment_id", "viewed_at"),
    "bookings": (
        "booking_id",
        "user_id",
        "apartment_id",
        "booking_date",
        "checkin_date",
        "checkout_date",
        "total_price",
        "currency",
        "booking_status",
    ),
}
"""Columns that must take NULL for bad rows to be planted."""

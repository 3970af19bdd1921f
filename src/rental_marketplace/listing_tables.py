"""Both tables about listings, good rows first, then bad ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rental_marketplace import arrow, dirt
from rental_marketplace.attributes import attributes_rows
from rental_marketplace.cities import Cities
from rental_marketplace.listings import Listings, apartments_rows
from rental_marketplace.sampling import Generator, stream

_CHUNK_ROWS = 50_000

_ROWS: dict[str, Callable[[Generator, Cities, Listings], arrow.Table]] = {
    "apartments": apartments_rows,
    "apartment_attributes": attributes_rows,
}


def listing_table(
    table: str, *, seed: int, name: str, cities: Cities, good: Listings, bad: Listings
) -> Iterator[arrow.Table]:
    """The rows of `apartments` or `apartment_attributes` in chunks, drawn from the random stream `name`."""
    yield from _chunks(table, seed, f"{name} {table}", cities, good)
    yield from dirt.plant(table, _chunks(table, seed, f"{name} bad {table}", cities, bad))


def _chunks(table: str, seed: int, name: str, cities: Cities, listings: Listings) -> Iterator[arrow.Table]:
    for number, low in enumerate(range(0, len(listings), _CHUNK_ROWS)):
        part = listings.rows(low, min(low + _CHUNK_ROWS, len(listings)))
        yield _ROWS[table](stream(seed, name, number), cities, part)

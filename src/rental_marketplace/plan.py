"""A whole marketplace, made chunk by chunk: the same rows for the same options, whatever the target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rental_marketplace import arrow, dirt
from rental_marketplace.bookings import FIRST_BOOKING_ID, BookingChunk, booking_chunks
from rental_marketplace.calendar import (
    DAY,
    HISTORY_DAYS,
    booking_season,
    day_number,
    viewing_season,
)
from rental_marketplace.cities import load_cities
from rental_marketplace.funnel import Booked
from rental_marketplace.listing_tables import listing_table
from rental_marketplace.listings import FIRST_LISTING_ID, Listings, creation_moments, draw_listings
from rental_marketplace.market import FEWEST_USERS, Market, capacity
from rental_marketplace.options import MarketplaceOptions
from rental_marketplace.sampling import Floats, Generator, Ints, spread, stream
from rental_marketplace.viewings import FIRST_VIEWING_ID, no_views, viewing_chunks


class MarketplacePlan:
    """The rows of all tables for the given options."""

    def __init__(self, options: MarketplaceOptions) -> None:
        self._options = options
        self._cities = load_cities()
        self._end = (day_number(options.end_date) + 1) * DAY
        self._days = day_number(options.end_date) + 1 - HISTORY_DAYS + np.arange(HISTORY_DAYS, dtype=np.int64)
        self._listings = self._draw_listings("listings", options.listings, FIRST_LISTING_ID)
        counted = np.searchsorted(self._listings.created, self._days * DAY)
        self._listings_per_day = np.maximum(counted.astype(np.float64), 1.0)
        self._market = self._open_market()
        self._booked = Booked()
        sizes = {
            "apartments": options.listings,
            "apartment_attributes": options.listings,
            "bookings": options.bookings,
            "user_viewing": options.viewings,
        }
        self.planted = {table: dirt.planted_per_rule(table, rows, options.dirty_rate) for table, rows in sizes.items()}
        """Bad rows per table and rule."""
        self._bad = {table: sum(rules.values()) for table, rules in self.planted.items()}

    def tables(self) -> Iterator[tuple[str, Iterator[arrow.Table]]]:
        """Each table's name and its rows in chunks, bad rows last, all optional columns present.

        Each table must be read to its end before the next: viewings follow from the bookings made before.
        """
        most_bad = max(self._bad["apartments"], self._bad["apartment_attributes"])
        bad = self._draw_listings("bad listings", most_bad, FIRST_LISTING_ID + self._options.listings)
        for table in ("apartments", "apartment_attributes"):
            some_bad = bad.rows(0, self._bad[table])
            yield (
                table,
                listing_table(
                    table,
                    seed=self._options.seed,
                    name="all",
                    cities=self._cities,
                    good=self._listings,
                    bad=some_bad,
                ),
            )
        yield "bookings", self._bookings()
        yield "user_viewing", self._viewings()

    def _rng(self, name: str) -> Generator:
        return stream(self._options.seed, name)

    def _draw_listings(self, name: str, count: int, first_id: int) -> Listings:
        rng = self._rng(name)
        created = creation_moments(rng, count, int(self._days[0]) * DAY, self._end)
        return draw_listings(rng, self._cities, first_id, created, self._end)

    def _open_market(self) -> Market:
        users = 0.6 * self._options.bookings + 0.08 * self._options.viewings
        so_far = np.cumsum(self._listings_per_day) / self._listings_per_day.sum()
        return Market(
            ids=self._listings.ids,
            created=self._listings.created,
            deactivated=self._listings.deactivated,
            price=self._listings.price,
            currency=self._listings.currency,
            capacity=capacity(self._listings.bedrooms),
            first_day=int(self._days[0]),
            users=np.maximum(np.floor(users * np.power(so_far, 0.85)), FEWEST_USERS),
        )

    def _bookings(self) -> Iterator[arrow.Table]:
        demand = self._listings_per_day * booking_season(self._days)
        per_day = self._per_day("booking days", self._options.bookings, demand)
        yield from self._booked.gather(self._booking_chunks("bookings", per_day, FIRST_BOOKING_ID))
        bad = self._per_day("bad booking days", self._bad["bookings"], demand)
        first_id = FIRST_BOOKING_ID + self._options.bookings
        chunks = self._booking_chunks("bad bookings", bad, first_id)
        yield from dirt.plant("bookings", (chunk.rows for chunk in chunks))

    def _booking_chunks(self, name: str, per_day: Ints, first_id: int) -> Iterator[BookingChunk]:
        return booking_chunks(
            self._market, per_day, seed=self._options.seed, name=name, first_id=first_id, end=self._end
        )

    def _viewings(self) -> Iterator[arrow.Table]:
        seed, wanted = self._options.seed, self._options.viewings
        funnel = self._booked.views(self._rng("funnel"), self._market, wanted)
        demand = self._listings_per_day * viewing_season(self._days)
        per_day = self._per_day("viewing days", wanted - len(funnel.moments), demand)
        yield from viewing_chunks(self._market, per_day, funnel, seed=seed, name="viewings", first_id=FIRST_VIEWING_ID)
        bad = self._per_day("bad viewing days", self._bad["user_viewing"], demand)
        chunks = viewing_chunks(
            self._market,
            bad,
            no_views(),
            seed=seed,
            name="bad viewings",
            first_id=FIRST_VIEWING_ID + wanted,
        )
        yield from dirt.plant("user_viewing", chunks)

    def _per_day(self, name: str, total: int, demand: Floats) -> Ints:
        rng = self._rng(name)
        return spread(rng, total, demand * np.exp(rng.normal(0, 0.07, len(demand))))

"""The new rows of the days that follow a marketplace's last one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rental_marketplace import arrow, dirt
from rental_marketplace.bookings import booking_chunks
from rental_marketplace.calendar import DAY, booking_season, viewing_season
from rental_marketplace.cities import load_cities
from rental_marketplace.funnel import Booked
from rental_marketplace.listing_tables import listing_table
from rental_marketplace.listings import STILL_ACTIVE, Listings, draw_listings
from rental_marketplace.market import Market, capacity
from rental_marketplace.sampling import Flags, Generator, spread, stream
from rental_marketplace.state import State
from rental_marketplace.viewings import no_views, viewing_chunks

_NEW_USERS_PER_DAY = 0.001


class FutureDays:
    """New listings, and bookings and viewings of old and new ones, at about the rate there was so far."""

    def __init__(self, seed: int, state: State, days: int, bookable: Flags, dirty_rate: float) -> None:
        self._seed = seed
        self._state = state
        self._days = state.last_day + 1 + np.arange(days, dtype=np.int64)
        self._end = (state.last_day + 1 + days) * DAY
        self._cities = load_cities()
        counts = self._counts(bookable)
        self.planted = {table: dirt.planted_per_rule(table, rows, dirty_rate) for table, rows in counts.items()}
        """Bad rows per table and rule."""
        self._bad = {table: sum(rules.values()) for table, rules in self.planted.items()}
        self._counts_wanted = counts
        self._new = self._draw_listings("new listings", counts["apartments"], state.next_listing)
        self._market = self._open_market(bookable)
        self._booked = Booked()

    def rows(self, table: str) -> Iterator[arrow.Table]:
        """The new rows of a table in chunks; bookings must be read to their end before viewings."""
        if table == "bookings":
            return self._bookings()
        if table == "user_viewing":
            return self._viewings()
        count = max(self._bad["apartments"], self._bad["apartment_attributes"])
        bad = self._draw_listings("new bad listings", count, self._state.next_listing + len(self._new))
        return listing_table(
            table,
            seed=self._seed,
            name=self._name("new"),
            cities=self._cities,
            good=self._new,
            bad=bad.rows(0, self._bad[table]),
        )

    def _name(self, what: str) -> str:
        """Streams differ from one advance to the next."""
        return f"{what} after {self._state.last_day}"

    def _rng(self, what: str) -> Generator:
        return stream(self._seed, self._name(what))

    def _counts(self, bookable: Flags) -> dict[str, int]:
        rng, days, rates = self._rng("counts"), len(self._days), self._state.per_day
        listings = max(1, int(rng.poisson(rates["apartments"] * days)))
        can_book = bool(bookable.any())
        return {
            "apartments": listings,
            "apartment_attributes": listings,
            "bookings": int(rng.poisson(rates["bookings"] * days)) * can_book,
            "user_viewing": int(rng.poisson(rates["user_viewing"] * days)) * can_book,
        }

    def _draw_listings(self, name: str, count: int, first_id: int) -> Listings:
        rng = self._rng(name)
        created = np.sort(rng.integers(int(self._days[0]) * DAY, self._end, count))
        return draw_listings(rng, self._cities, first_id, created, self._end)

    def _open_market(self, bookable: Flags) -> Market:
        old, new = self._state.listings, self._new
        users = self._state.users * (1 + _NEW_USERS_PER_DAY * np.arange(len(self._days)))
        return Market(
            ids=np.r_[old.ids[bookable], new.ids],
            created=np.r_[np.minimum(old.created[bookable], int(self._days[0]) * DAY - 1), new.created],
            deactivated=np.full(int(bookable.sum()) + len(new), STILL_ACTIVE),
            price=np.r_[old.price[bookable], new.price],
            currency=np.r_[old.currency[bookable], new.currency],
            capacity=np.r_[old.capacity[bookable], capacity(new.bedrooms)],
            first_day=int(self._days[0]),
            users=np.floor(users),
            first_user=self._state.first_user,
        )

    def _bookings(self) -> Iterator[arrow.Table]:
        wanted, first_id = self._counts_wanted["bookings"], self._state.next_booking
        season = booking_season(self._days)
        good = spread(self._rng("new booking days"), wanted, season)
        bad = spread(self._rng("new bad booking days"), self._bad["bookings"], season)
        chunks = booking_chunks(
            self._market,
            good,
            seed=self._seed,
            name=self._name("new bookings"),
            first_id=first_id,
            end=self._end,
        )
        yield from self._booked.gather(chunks)
        chunks = booking_chunks(
            self._market,
            bad,
            seed=self._seed,
            name=self._name("new bad bookings"),
            first_id=first_id + wanted,
            end=self._end,
        )
        yield from dirt.plant("bookings", (chunk.rows for chunk in chunks))

    def _viewings(self) -> Iterator[arrow.Table]:
        wanted, first_id = self._counts_wanted["user_viewing"], self._state.next_viewing
        funnel = self._booked.views(self._rng("new funnel"), self._market, wanted)
        funnel = funnel.between(int(self._days[0]) * DAY, self._end)
        season = viewing_season(self._days)
        good = spread(self._rng("new viewing days"), wanted - len(funnel.moments), season)
        bad = spread(self._rng("new bad viewing days"), self._bad["user_viewing"], season)
        yield from viewing_chunks(
            self._market, good, funnel, seed=self._seed, name=self._name("new viewings"), first_id=first_id
        )
        chunks = viewing_chunks(
            self._market,
            bad,
            no_views(),
            seed=self._seed,
            name=self._name("new bad viewings"),
            first_id=first_id + wanted,
        )
        yield from dirt.plant("user_viewing", chunks)

"""From bookings to the views that led to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rental_marketplace import arrow
from rental_marketplace.bookings import BookingChunk
from rental_marketplace.calendar import DAY, HOUR, MINUTE
from rental_marketplace.market import Market
from rental_marketplace.sampling import Flags, Generator, Ints, chance, pick
from rental_marketplace.viewings import BOOKING, CONSIDERING, Views, no_views

_VIEWS_PER_BOOKING = (12, 50, 25, 13)
_MAX_SHARE_OF_VIEWS = 0.7


@dataclass
class Booked:
    """Who booked which listing when, gathered while bookings are made: 20 bytes a booking."""

    users: list[Ints] = field(default_factory=list)
    listings: list[npt.NDArray[np.int32]] = field(default_factory=list)
    moments: list[Ints] = field(default_factory=list)

    def gather(self, chunks: Iterator[BookingChunk]) -> Iterator[arrow.Table]:
        """Pass the rows on and remember what viewings are derived from."""
        for chunk in chunks:
            self.users.append(chunk.users)
            self.listings.append(chunk.listings.astype(np.int32))
            self.moments.append(chunk.booked)
            yield chunk.rows

    def views(self, rng: Generator, market: Market, limit: int) -> Views:
        """The views that led to the bookings; forgets the bookings."""
        if not self.moments:
            return no_views()
        moments = np.concatenate(self.moments)
        listings = np.concatenate(self.listings).astype(np.int64)
        bookings = Views(moments, np.concatenate(self.users), listings, np.full(len(moments), BOOKING))
        self.users, self.listings, self.moments = [], [], []
        return _views_before(rng, market, bookings, limit)


def _views_before(rng: Generator, market: Market, bookings: Views, limit: int) -> Views:
    """The views that led to the bookings: none to three each, by the same user, of the same listing.

    Args:
        limit: rows of `user_viewing` in all; at most 70 % of them are spent here.
    """
    wanted = pick(rng, _VIEWS_PER_BOOKING, len(bookings.moments))
    afforded = _MAX_SHARE_OF_VIEWS * limit / max(int(wanted.sum()), 1)
    if afforded < 1:
        wanted = np.where(chance(rng, afforded * 1.5, len(bookings.moments)), np.minimum(wanted, 1), 0)
    booking = np.repeat(np.arange(len(bookings.moments)), wanted)[:limit]
    last = np.ones(len(booking), dtype=bool)
    last[:-1] = booking[:-1] != booking[1:]
    when = _shortly_before(rng, bookings.moments[booking], market.created[bookings.listings[booking]], last)
    order = np.argsort(when, kind="stable")
    booking, purpose = booking[order], np.where(last, BOOKING, CONSIDERING)[order]
    return Views(when[order], bookings.users[booking], bookings.listings[booking], purpose)


def _shortly_before(rng: Generator, booked: Ints, created: Ints, last: Flags) -> Ints:
    minutes = MINUTE * (1 + rng.exponential(18, len(booked)))
    days = HOUR + DAY * rng.exponential(3.5, len(booked))
    earlier = booked - np.where(last, minutes, days).astype(np.int64)
    between = created + (rng.random(len(booked)) * (booked - created)).astype(np.int64)
    result: Ints = np.where(earlier > created, earlier, np.minimum(between, booked - 1))
    return result

"""The rows of `user_viewing`: browsing, and the views that lead to a booking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rental_marketplace import arrow, vocabulary
from rental_marketplace.calendar import CHUNK_ROWS, DAY, day_chunks, moments
from rental_marketplace.market import Market
from rental_marketplace.sampling import Generator, Ints, chance, pick, stream

FIRST_VIEWING_ID = 9_200_000_000_000_001

BROWSING, CONSIDERING, BOOKING = range(3)
"""What a view was for."""

_ACTION_WEIGHTS = (vocabulary.BROWSING_WEIGHTS, vocabulary.CONSIDERING_WEIGHTS, vocabulary.BOOKING_WEIGHTS)
_WISHLISTED_SHARE = np.array([0.05, 0.34, 0.28])


@dataclass(frozen=True)
class Views:
    """Views sorted by moment: user ids, listings (positions in the market) and what the view was for."""

    moments: Ints
    users: Ints
    listings: Ints
    purpose: Ints

    def between(self, low: int, high: int) -> Views:
        """The views in the moments [low, high)."""
        part = slice(*np.searchsorted(self.moments, [low, high], side="left"))
        return Views(self.moments[part], self.users[part], self.listings[part], self.purpose[part])


def no_views() -> Views:
    """Nothing viewed."""
    empty = np.zeros(0, dtype=np.int64)
    return Views(empty, empty, empty, empty)


def viewing_chunks(
    market: Market, browsing: Ints, funnel: Views, *, seed: int, name: str, first_id: int
) -> Iterator[arrow.Table]:
    """All viewings in order of time, in chunks of whole days.

    Args:
        browsing: number of views per day that lead to nothing, from the market's first day on.
        funnel: views that lead to bookings.
        name: random stream to draw from.
    """
    next_id = first_id
    days = len(browsing)
    for number, (low, high) in enumerate(day_chunks(browsing, CHUNK_ROWS)):
        rng = stream(seed, name, number)
        when = moments(rng, market.first_day + np.repeat(np.arange(low, high), browsing[low:high]))
        since = (market.first_day + low) * DAY if low else np.iinfo(np.int64).min
        until = (market.first_day + high) * DAY if high < days else np.iinfo(np.int64).max
        views = _merge(_browse(rng, market, when), funnel.between(since, until))
        if len(views.moments):
            yield viewing_rows(rng, market, views, next_id)
            next_id += len(views.moments)


def _browse(rng: Generator, market: Market, when: Ints) -> Views:
    listings = market.draw_listings(rng, when)
    return Views(when, market.draw_users(rng, when), listings, np.full(len(when), BROWSING))


def _merge(one: Views, other: Views) -> Views:
    order = np.argsort(np.concatenate([one.moments, other.moments]), kind="stable")
    return Views(
        np.concatenate([one.moments, other.moments])[order],
        np.concatenate([one.users, other.users])[order],
        np.concatenate([one.listings, other.listings])[order],
        np.concatenate([one.purpose, other.purpose])[order],
    )


def viewing_rows(rng: Generator, market: Market, views: Views, first_id: int) -> arrow.Table:
    """The rows of `user_viewing` for these views."""
    count = len(views.moments)
    action = np.zeros(count, dtype=np.int64)
    for purpose, weights in enumerate(_ACTION_WEIGHTS):
        here = np.flatnonzero(views.purpose == purpose)
        action[here] = pick(rng, weights, len(here))
    wishlisted = chance(rng, _WISHLISTED_SHARE[views.purpose], count) | (action == vocabulary.WISHLIST)
    return arrow.Table.from_pydict(
        {
            "id": arrow.integers(first_id + np.arange(count)),
            "user_id": arrow.integers(views.users),
            "apartment_id": arrow.integers(market.ids[views.listings]),
            "viewed_at": arrow.timestamps(views.moments),
            "is_wishlisted": arrow.flags(wishlisted),
            "call_to_action": arrow.words(vocabulary.CALLS_TO_ACTION, action),
        }
    )

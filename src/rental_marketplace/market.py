"""Who meets whom: the listings that can be booked at a moment, and the users there are by then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rental_marketplace.calendar import DAY
from rental_marketplace.sampling import Floats, Generator, Ints, popularity, power_law_rank

FIRST_USER_ID = 9_050_000_000_000_001
FEWEST_USERS = 40
_REDRAWS = 4


@dataclass(frozen=True)
class Market:
    """Supply and demand.

    Listings in order of creation, one array entry each: moments in microseconds, `price` in hundredths of
    `currency` (index into CURRENCIES), `capacity` in guests. `users` is the number of users on each day from
    `first_day` on; their ids start at `first_user`.
    """

    ids: Ints
    created: Ints
    deactivated: Ints
    price: Ints
    currency: Ints
    capacity: Ints
    first_day: int
    users: Floats
    first_user: int = FIRST_USER_ID

    @cached_property
    def _demand(self) -> Floats:
        return np.cumsum(popularity(self.ids))

    def draw_listings(self, rng: Generator, moments: Ints) -> Ints:
        """Positions of a listing per moment: created before it, rarely deactivated by then."""
        existing = np.searchsorted(self.created, moments, side="left").astype(np.int64)
        drawn = self._draw(rng, existing)
        for _ in range(_REDRAWS):
            gone = np.flatnonzero(self.deactivated[drawn] <= moments)
            drawn[gone] = self._draw(rng, existing[gone])
        return drawn

    def _draw(self, rng: Generator, existing: Ints) -> Ints:
        target = rng.random(len(existing)) * self._demand[existing - 1]
        return np.minimum(np.searchsorted(self._demand, target, side="right"), existing - 1)

    def draw_users(self, rng: Generator, moments: Ints) -> Ints:
        """Ids of a user per moment."""
        day = np.clip(moments // DAY - self.first_day, 0, len(self.users) - 1)
        return self.first_user + power_law_rank(rng, self.users[day])


def capacity(bedrooms: Ints) -> Ints:
    """Guests a listing takes."""
    return np.clip(2 * bedrooms + 2, 2, 12)

"""What happens to existing listings: new prices, owners who stop or come back, listings taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rental_marketplace.calendar import DAY
from rental_marketplace.cities import CURRENCY_SYMBOLS
from rental_marketplace.ids import IdValue
from rental_marketplace.listings import round_price
from rental_marketplace.sampling import Flags, Generator, Ints
from rental_marketplace.schema import Table
from rental_marketplace.state import SampledListings, State
from rental_marketplace.values import amount_text, moment_text
from rental_marketplace.writers.base import Target

_PRICE_CHANGES_PER_DAY = 0.01
_DEACTIVATIONS_PER_DAY = 0.001
_REACTIVATIONS_PER_DAY = 0.0004
_DELETES_PER_DAY = 0.0003
_TOO_FEW = 20
"""Below so many listings none is deleted or deactivated."""


@dataclass(frozen=True)
class ListingChanges:
    """Positions in the sampled listings, each in one group at most; prices in hundredths."""

    repriced: Ints
    prices: Ints
    deactivated: Ints
    reactivated: Ints
    deleted: Ints
    moments: Ints

    def bookable(self, listings: SampledListings) -> Flags:
        """The sampled listings that guests can book afterwards."""
        result = listings.active.copy()
        result[self.deactivated] = False
        result[self.deleted] = False
        return result


def draw_listing_changes(rng: Generator, state: State, days: int) -> ListingChanges:
    """Changes within the days that follow the state's last one."""
    listings = state.listings
    active = rng.permutation(np.flatnonzero(listings.active & (listings.ids != state.next_listing - 1)))
    inactive = rng.permutation(np.flatnonzero(~listings.active))
    scale = days * state.listing_count
    repriced = _many(_PRICE_CHANGES_PER_DAY * scale, len(active), fewest=1)
    deactivated = _many(_DEACTIVATIONS_PER_DAY * scale, len(active), fewest=len(active) > _TOO_FEW)
    deleted = _many(_DELETES_PER_DAY * scale, len(active), fewest=len(active) > _TOO_FEW)
    reactivated = _many(_REACTIVATIONS_PER_DAY * scale, len(inactive), fewest=1)
    parts = np.split(active, np.cumsum([deleted, deactivated, repriced]))
    price = listings.price[parts[2]] / 100 * np.exp(rng.normal(0.01, 0.09, len(parts[2])))
    first = (state.last_day + 1) * DAY
    return ListingChanges(
        repriced=parts[2],
        prices=round_price(price, listings.currency[parts[2]]),
        deactivated=parts[1],
        reactivated=inactive[:reactivated],
        deleted=parts[0],
        moments=first + rng.integers(0, days * DAY, len(listings)),
    )


def _many(expected: float, available: int, fewest: int) -> int:
    """About `expected`, at least `fewest`, and never more than a fifth of those there are (rounded up)."""
    return min(max(round(expected), int(fewest)), -(-available // 5))


def write_listing_changes(target: Target, listings: SampledListings, changes: ListingChanges) -> None:
    """Apply the changes to `apartments`."""
    when = [moment_text(moment) for moment in changes.moments]
    target.execute(
        "UPDATE apartments SET price = ?, last_modified_timestamp = ? WHERE id = ?",
        [
            (amount_text(cents), when[position], listings.key(position))
            for position, cents in zip(changes.repriced, changes.prices, strict=True)
        ],
    )
    for positions, is_active in ((changes.deactivated, 0), (changes.reactivated, 1)):
        target.execute(
            "UPDATE apartments SET is_active = ?, last_modified_timestamp = ? WHERE id = ?",
            [(is_active, when[position], listings.key(position)) for position in positions],
        )
    target.execute("DELETE FROM apartments WHERE id = ?", _keys(listings, changes.deleted))


def write_attribute_changes(target: Target, table: Table, listings: SampledListings, changes: ListingChanges) -> None:
    """Apply the changes to `apartment_attributes`, as far as its optional columns show them."""
    if "price_display" in table.column_names:
        dated = "last_modified_timestamp" in table.column_names
        target.execute(
            "UPDATE apartment_attributes SET price_display = ?, last_modified_timestamp = ? WHERE id = ?"
            if dated
            else "UPDATE apartment_attributes SET price_display = ? WHERE id = ?",
            [
                (
                    f"{CURRENCY_SYMBOLS[listings.currency[position]]}{round(cents / 100)}",
                    *([moment_text(changes.moments[position])] if dated else []),
                    listings.key(position),
                )
                for position, cents in zip(changes.repriced, changes.prices, strict=True)
            ],
        )
    target.execute("DELETE FROM apartment_attributes WHERE id = ?", _keys(listings, changes.deleted))


def _keys(listings: SampledListings, positions: Ints) -> list[tuple[IdValue]]:
    return [(listings.key(position),) for position in positions]

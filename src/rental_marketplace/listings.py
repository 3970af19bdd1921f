"""Listings: what each one is (numbers, for all of them) and the rows of `apartments` (text, in chunks)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from rental_marketplace import arrow, vocabulary
from rental_marketplace.calendar import DAY, HOUR, LAUNCH_DAYS
from rental_marketplace.cities import CURRENCIES, WHOLE_UNITS, Cities
from rental_marketplace.sampling import Flags, Floats, Generator, Ints, chance, pick

FIRST_LISTING_ID = 9_007_300_000_000_001
"""Above 2**53: a reader that goes through floating point merges neighbouring ids."""

STILL_ACTIVE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Listings:
    """Listings in order of creation, one array entry each.

    Moments in microseconds, `price` in hundredths of `currency` (index into CURRENCIES), `city` an index into
    Cities; `deactivated` is STILL_ACTIVE for an active listing.
    """

    ids: Ints
    city: Ints
    currency: Ints
    bedrooms: Ints
    square_feet: Ints
    price: Ints
    created: Ints
    modified: Ints
    deactivated: Ints

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, low: int, high: int) -> Listings:
        """The listings at positions [low, high)."""
        return Listings(**{field.name: getattr(self, field.name)[low:high] for field in fields(self)})

    @property
    def active(self) -> Flags:
        """Whether each listing can be booked at the end of the data."""
        result: Flags = self.deactivated == STILL_ACTIVE
        return result


def draw_listings(rng: Generator, cities: Cities, first_id: int, created: Ints, end: int) -> Listings:
    """What the listings created at the given moments are; `end` is the first moment after the data."""
    count = len(created)
    city = pick(rng, cities.weight, count)
    bedrooms = pick(rng, (14, 42, 27, 12, 4, 1), count)
    square_feet = np.rint(np.exp(rng.normal(6.05, 0.22, count)) * (1 + 0.62 * bedrooms)).astype(np.int64)
    currency = cities.currency[city]
    price = _prices(rng, cities, city, bedrooms, square_feet)
    modified, deactivated = _history(rng, created, end)
    return Listings(
        ids=first_id + np.arange(count, dtype=np.int64),
        city=city,
        currency=currency,
        bedrooms=bedrooms,
        square_feet=square_feet,
        price=round_price(price, currency),
        created=created,
        modified=modified,
        deactivated=deactivated,
    )


def creation_moments(rng: Generator, count: int, start: int, end: int) -> Ints:
    """Sorted moments: a launch before `start`, then growth until `end`; the first is before any booking."""
    grown = np.power(rng.random(count), 1 / 1.5) * (end - start)
    launched = -rng.random(count) * LAUNCH_DAYS * DAY
    created = start + np.where(chance(rng, 0.10, count), launched, grown).astype(np.int64)
    created = np.minimum(created, end - HOUR)
    if count:
        created[0] = start - LAUNCH_DAYS * DAY + 9 * HOUR
    return np.sort(created)


def _prices(rng: Generator, cities: Cities, city: Ints, bedrooms: Ints, square_feet: Ints) -> Floats:
    dollars = 58 * np.exp(rng.normal(0, 0.30, len(city))) * np.power(1 + bedrooms, 0.55)
    dollars *= np.power(square_feet / 650, 0.25) * cities.level[city]
    result: Floats = dollars * cities.units_per_usd[city]
    return result


def round_price(units: Floats, currency: Ints) -> Ints:
    """Hundredths; hosts like whole numbers, and yen have no cents."""
    fine = np.rint(units * 100).astype(np.int64)
    whole = np.rint(units).astype(np.int64) * 100
    keep_cents = (fine % 5 == 0) & ~WHOLE_UNITS[currency]
    return np.maximum(np.where(keep_cents, fine, whole), 100)


def _history(rng: Generator, created: Ints, end: int) -> tuple[Ints, Ints]:
    life = end - created
    left = chance(rng, 0.12, len(created)) & (life > 30 * DAY)
    deactivated = created + 7 * DAY + (rng.random(len(created)) * (life - 8 * DAY)).astype(np.int64)
    edited = created + np.rint(np.power(rng.random(len(created)), 0.5) * (life - 1)).astype(np.int64)
    untouched = chance(rng, 0.35, len(created))
    modified = np.where(left, deactivated, np.where(untouched, created, edited))
    return np.minimum(modified, end - 1), np.where(left, deactivated, STILL_ACTIVE)


def apartments_rows(rng: Generator, cities: Cities, listings: Listings) -> arrow.Table:
    """The rows of `apartments` for these listings."""
    count = len(listings)
    title = arrow.join(
        arrow.words(vocabulary.ADJECTIVES, rng.integers(0, len(vocabulary.ADJECTIVES), count)),
        " ",
        _rooms(listings.bedrooms),
        arrow.words(vocabulary.KINDS, rng.integers(0, len(vocabulary.KINDS), count)),
        " in ",
        arrow.words(cities.names, listings.city),
        arrow.words(vocabulary.TITLE_ENDINGS, pick(rng, vocabulary.TITLE_WEIGHTS, count)),
    )
    return arrow.Table.from_pydict(
        {
            "id": arrow.integers(listings.ids),
            "title": title,
            "source": arrow.words(vocabulary.SOURCES, pick(rng, vocabulary.SOURCE_WEIGHTS, count)),
            "price": arrow.money(listings.price),
            "currency": currency_codes(rng, listings.currency),
            "listing_created_on": arrow.timestamps(listings.created),
            "is_active": arrow.flags(listings.active),
            "last_modified_timestamp": arrow.timestamps(listings.modified),
        }
    )


def _rooms(bedrooms: Ints) -> arrow.Column:
    return arrow.words(("", "1-bedroom ", "2-bedroom ", "3-bedroom ", "4-bedroom ", "5-bedroom "), bedrooms)


def currency_codes(rng: Generator, currency: Ints) -> arrow.Column:
    """Codes as companies store them: now and then in lower case or padded."""
    spellings = [*CURRENCIES, *(code.lower() for code in CURRENCIES), *(f" {code} " for code in CURRENCIES)]
    style = pick(rng, (98.8, 0.8, 0.4), len(currency))
    return arrow.words(spellings, currency + style * len(CURRENCIES))

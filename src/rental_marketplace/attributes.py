"""The rows of `apartment_attributes`, shaped like the UCI data set "apartments for rent"."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rental_marketplace import arrow, vocabulary
from rental_marketplace.cities import CURRENCY_SYMBOLS, Cities
from rental_marketplace.listings import Listings
from rental_marketplace.sampling import Floats, Generator, chance, pick


def attributes_rows(rng: Generator, cities: Cities, listings: Listings) -> arrow.Table:
    """The rows of `apartment_attributes` for these listings, optional columns included."""
    count = len(listings)
    unlocated = chance(rng, 0.01, count)
    return arrow.Table.from_pydict(
        {
            "id": arrow.integers(listings.ids),
            "category": arrow.words(vocabulary.CATEGORIES, pick(rng, vocabulary.CATEGORY_WEIGHTS, count)),
            "body": _body(rng, count),
            "amenities": _amenities(rng, count),
            "bathrooms": _bathrooms(rng, listings),
            "bedrooms": arrow.null_where(chance(rng, 0.01, count), arrow.integers(listings.bedrooms)),
            "fee": arrow.words(vocabulary.FEES, pick(rng, vocabulary.FEE_WEIGHTS, count)),
            "has_photo": arrow.words(vocabulary.PHOTOS, pick(rng, vocabulary.PHOTO_WEIGHTS, count)),
            "pets_allowed": arrow.words(vocabulary.PETS, pick(rng, vocabulary.PET_WEIGHTS, count)),
            "price_display": price_display(listings),
            "price_type": arrow.words(("Nightly", None), pick(rng, (99, 1), count)),
            "square_feet": arrow.integers(listings.square_feet),
            "address": _address(rng, count),
            "cityname": arrow.words(cities.names, listings.city),
            "state": arrow.words(cities.states, listings.city),
            "latitude": arrow.null_where(unlocated, _near(rng, cities.latitude[listings.city], count)),
            "longitude": arrow.null_where(unlocated, _near(rng, cities.longitude[listings.city], count)),
            "last_modified_timestamp": arrow.timestamps(listings.modified),
        }
    )


def price_display(listings: Listings) -> arrow.Column:
    """The price as the site shows it, such as '$120'."""
    units = np.rint(listings.price / 100).astype(np.int64)
    return arrow.join(arrow.words(CURRENCY_SYMBOLS, listings.currency), arrow.text(units))


def _near(rng: Generator, degrees: Floats, count: int) -> arrow.Column:
    jittered = np.clip(degrees + rng.normal(0, 0.035, count), -179.9, 179.9)
    return arrow.decimals(np.rint(jittered * 1_000_000).astype(np.int64), 9, 6)


def _bathrooms(rng: Generator, listings: Listings) -> arrow.Column:
    halves = 2 + np.maximum(listings.bedrooms - 1, 0) + pick(rng, (70, 20, 10), len(listings))
    return arrow.null_where(chance(rng, 0.015, len(listings)), arrow.decimals(halves * 5, 3, 1))


def _body(rng: Generator, count: int) -> arrow.Column:
    return arrow.join(
        arrow.words(vocabulary.OPENINGS, rng.integers(0, len(vocabulary.OPENINGS), count)),
        " ",
        arrow.words(vocabulary.MIDDLES, rng.integers(0, len(vocabulary.MIDDLES), count)),
        arrow.words(vocabulary.CLOSINGS, pick(rng, vocabulary.CLOSING_WEIGHTS, count)),
    )


def _amenities(rng: Generator, count: int) -> arrow.Column:
    order = np.argsort(rng.random((count, len(vocabulary.AMENITIES)), dtype=np.float32), axis=1, kind="stable")
    chosen = np.minimum(rng.poisson(4.5, count), len(vocabulary.AMENITIES))
    taken = order[np.arange(len(vocabulary.AMENITIES)) < chosen[:, None]]
    offsets = np.r_[0, np.cumsum(chosen)].astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), arrow.words(vocabulary.AMENITIES, taken))
    separators = arrow.words(vocabulary.AMENITY_SEPARATORS, pick(rng, vocabulary.AMENITY_SEPARATOR_WEIGHTS, count))
    return arrow.null_where((chosen == 0) & chance(rng, 0.7, count), pc.binary_join(lists, separators))


def _address(rng: Generator, count: int) -> arrow.Column:
    full = arrow.join(
        arrow.text(rng.integers(1, 9_900, count)),
        " ",
        arrow.words(vocabulary.STREETS, rng.integers(0, len(vocabulary.STREETS), count)),
        arrow.words(vocabulary.UNITS, pick(rng, vocabulary.UNIT_WEIGHTS, count)),
    )
    return arrow.null_where(chance(rng, 0.08, count), full)

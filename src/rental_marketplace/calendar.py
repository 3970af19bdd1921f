"""Days, hours and seasons.

A day is the number of days since 1970-01-01, a moment the number of microseconds since then (UTC).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from rental_marketplace.sampling import Floats, Generator, Ints

DAY = 86_400_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000
EPOCH = date(1970, 1, 1)
HISTORY_DAYS = 1_095
LAUNCH_DAYS = 21
"""Listings come onto the marketplace this long before its first booking."""
CHUNK_ROWS = 250_000
"""Rows of a large table that are in memory at a time, about."""

_BOOKING_WEEKDAYS = np.array([1.10, 1.08, 1.05, 1.02, 0.92, 0.84, 1.12])
_VIEWING_WEEKDAYS = np.array([0.95, 0.93, 0.94, 0.97, 0.98, 1.10, 1.18])
_HOURS = np.array(
    [
        [1.6, 1.0, 0.7, 0.5, 0.4, 0.5],
        [0.9, 1.6, 2.6, 3.6, 4.3, 4.7],
        [5.0, 4.8, 4.6, 4.5, 4.6, 5.0],
        [5.8, 6.9, 7.8, 7.6, 5.6, 3.2],
    ]
).ravel()
_MONTHS = np.array([0.82, 0.84, 0.95, 1.02, 1.10, 1.28, 1.42, 1.38, 1.06, 0.98, 0.86, 1.04])


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (date(day.year, day.month, day.day) - EPOCH).days


def day_date(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=number)


def weekday(days: Ints) -> Ints:
    """Monday is 0."""
    return (days + 3) % 7


def season(days: Ints) -> Floats:
    """Demand for stays on a day of the year, about 1 on average, summer highest."""
    position = (days % 365.2425) / 365.2425 * 12 - 0.5
    result: Floats = np.interp(position, np.arange(-1, 13), np.r_[_MONTHS[-1], _MONTHS, _MONTHS[0]])
    return result


def booking_season(days: Ints) -> Floats:
    """Demand for making bookings on a day: guests book some weeks ahead, and less on Saturdays."""
    result: Floats = (0.35 + 0.65 * season(days + 30)) * _BOOKING_WEEKDAYS[weekday(days)]
    return result


def viewing_season(days: Ints) -> Floats:
    """Demand for looking at listings: highest at weekends."""
    result: Floats = season(days + 35) * _VIEWING_WEEKDAYS[weekday(days)]
    return result


def moments(rng: Generator, days: Ints) -> Ints:
    """A moment on each of `days`, evenings more often than nights; sorted when whole days are sorted."""
    cumulative = np.r_[0.0, np.cumsum(_HOURS)] / _HOURS.sum()
    hours = np.interp(rng.random(len(days)), cumulative, np.arange(25))
    within = np.minimum((hours * HOUR).astype(np.int64), DAY - 1)
    result: Ints = np.sort(days * DAY + within)
    return result


def day_chunks(counts: Ints, rows: int) -> Iterator[tuple[int, int]]:
    """Ranges [low, high) of consecutive positions holding about `rows` rows each, at least one position."""
    low = 0
    ends = np.cumsum(counts)
    while low < len(counts):
        done = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, done + rows, side="right")))
        yield low, high
        low = high

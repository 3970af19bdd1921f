"""The rows of `bookings`: when guests book, how far ahead, how long they stay, what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rental_marketplace import arrow, vocabulary
from rental_marketplace.calendar import (
    CHUNK_ROWS,
    DAY,
    HOUR,
    MINUTE,
    day_chunks,
    moments,
    season,
    weekday,
)
from rental_marketplace.cities import WHOLE_UNITS
from rental_marketplace.listings import currency_codes
from rental_marketplace.market import Market
from rental_marketplace.sampling import Flags, Generator, Ints, chance, pick, stream

FIRST_BOOKING_ID = 9_100_000_000_000_001
MAX_LEAD_DAYS = 180

_THURSDAY, _FRIDAY, _SATURDAY = 3, 4, 5
_STAY_NIGHTS = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 21, 28, 30, 45])
_STAY_WEIGHTS = np.array([15, 25, 22, 12, 8, 4, 6, 1.6, 1, 1.4, 0.8, 1.4, 0.5, 0.7, 0.4, 0.15])
_WEEKEND_BOOST = np.array([0.8, 1.9, 1.3, 0.8, 0.6, 0.6, 1.0, 0.6, 0.6, 0.6, 0.6, 0.8, 0.7, 0.7, 0.7, 0.7])


@dataclass(frozen=True)
class BookingChunk:
    """Rows of `bookings`, and who booked which listing (position in the market) when."""

    rows: arrow.Table
    users: Ints
    listings: Ints
    booked: Ints


@dataclass(frozen=True)
class _Outcome:
    status: arrow.Column
    payment: arrow.Column
    updated: Ints


def booking_chunks(
    market: Market, per_day: Ints, *, seed: int, name: str, first_id: int, end: int
) -> Iterator[BookingChunk]:
    """Bookings in order of time, in chunks of whole days.

    Args:
        per_day: number of bookings per day, from the market's first day on.
        name: random stream to draw from.
        end: first moment after the data; bookings are in the state they have by then.
    """
    for number, (low, high) in enumerate(day_chunks(per_day, CHUNK_ROWS)):
        rng = stream(seed, name, number)
        booked = moments(rng, market.first_day + np.repeat(np.arange(low, high), per_day[low:high]))
        if len(booked):
            yield booking_chunk(rng, market, booked, first_id, end)
            first_id += len(booked)


def booking_chunk(rng: Generator, market: Market, booked: Ints, first_id: int, end: int) -> BookingChunk:
    """One booking per moment in `booked` (sorted), in the state it has just before `end`."""
    count = len(booked)
    listings = market.draw_listings(rng, booked)
    users = _returning(rng, market.draw_users(rng, booked))
    checkin = _checkin(rng, booked // DAY)
    nights = _nights(rng, checkin)
    outcome = _outcome(rng, booked, checkin, checkin + nights, end)
    currency = market.currency[listings]
    price = _total_price(rng, market.price[listings], currency, checkin, nights)
    guests = 1 + (np.power(rng.random(count), 1.3) * market.capacity[listings]).astype(np.int64)
    rows = arrow.Table.from_pydict(
        {
            "booking_id": arrow.integers(first_id + np.arange(count)),
            "user_id": arrow.integers(users),
            "apartment_id": arrow.integers(market.ids[listings]),
            "booking_date": arrow.timestamps(booked),
            "checkin_date": arrow.dates(checkin),
            "checkout_date": arrow.dates(checkin + nights),
            "total_price": arrow.money(price),
            "currency": currency_codes(rng, currency),
            "booking_status": outcome.status,
            "payment_status": outcome.payment,
            "num_guests": arrow.null_where(chance(rng, 0.01, count), arrow.integers(guests)),
            "updated_at": arrow.timestamps(outcome.updated),
        }
    )
    return BookingChunk(rows, users, listings, booked)


def _returning(rng: Generator, users: Ints) -> Ints:
    """Some guests book again within days: they take the place of a user shortly after their last booking."""
    position = np.arange(len(users))
    back = 1 + (rng.exponential(0.02, len(users)) * len(users)).astype(np.int64)
    returns = chance(rng, 0.05, len(users)) & (back <= position)
    result: Ints = np.where(returns, users[np.maximum(position - back, 0)], users)
    return result


def _checkin(rng: Generator, booked_day: Ints) -> Ints:
    first, second = booked_day + _lead(rng, len(booked_day)), booked_day + _lead(rng, len(booked_day))
    liked = np.square(season(first))
    take_first = rng.random(len(first)) * (liked + np.square(season(second))) < liked
    checkin = np.where(take_first, first, second)
    wait = (_THURSDAY + pick(rng, (12, 63, 25), len(checkin)) - weekday(checkin)) % 7
    weekend = chance(rng, 0.22, len(checkin)) & (checkin > booked_day)
    shifted = np.where(weekend, checkin + wait, checkin)
    result: Ints = np.where(shifted - booked_day <= MAX_LEAD_DAYS, shifted, checkin)
    return result


def _lead(rng: Generator, count: int) -> Ints:
    days = np.exp(rng.normal(2.75, 1.05, count))
    last_minute = chance(rng, 0.16, count)
    days = np.where(last_minute, rng.random(count) * 3, days)
    return np.minimum(days, MAX_LEAD_DAYS).astype(np.int64)


def _nights(rng: Generator, checkin: Ints) -> Ints:
    weekend = (weekday(checkin) == _FRIDAY) | (weekday(checkin) == _SATURDAY)
    usual = _STAY_NIGHTS[pick(rng, _STAY_WEIGHTS, len(checkin))]
    short = _STAY_NIGHTS[pick(rng, _STAY_WEIGHTS * _WEEKEND_BOOST, len(checkin))]
    result: Ints = np.where(weekend, short, usual)
    return result


def _total_price(rng: Generator, nightly: Ints, currency: Ints, checkin: Ints, nights: Ints) -> Ints:
    discount = np.select([nights >= 28, nights >= 7], [0.80, 0.90], 1.0)
    discount = discount * np.where(chance(rng, 0.06, len(nights)), 0.85, 1.0)
    weekend = np.where(weekday(checkin) >= _FRIDAY, 1.06, 1.0)
    demand = 0.75 + 0.25 * season(checkin)
    noise = np.exp(rng.normal(0, 0.04, len(nights)))
    cents = np.rint(nightly * nights * discount * weekend * demand * noise).astype(np.int64)
    whole = np.maximum(np.rint(cents / 100), 1).astype(np.int64) * 100
    result: Ints = np.where(WHOLE_UNITS[currency], whole, cents)
    return result


def _outcome(rng: Generator, booked: Ints, checkin: Ints, checkout: Ints, end: int) -> _Outcome:
    """Pending until the host confirms, at most until check-in; canceled more often the further ahead."""
    count = len(booked)
    confirmed_at = booked + _confirmation_delay(rng, count)
    canceled_at = booked + (rng.random(count) * np.maximum(checkin * DAY - booked, 2 * HOUR)).astype(np.int64)
    finished_at = np.maximum(checkout * DAY + 10 * HOUR, confirmed_at)
    finished_at += (rng.random(count) * 4 * HOUR).astype(np.int64)
    lead = checkin - booked // DAY
    canceled = chance(rng, 0.04 + 0.24 * (1 - np.exp(-lead / 50)), count) & (canceled_at < end)
    confirmed = (confirmed_at < end) & ~chance(rng, 0.012, count)
    expired = ~confirmed & ~canceled & (checkin * DAY < end)
    canceled_at = np.where(expired, np.maximum(checkin * DAY, booked), canceled_at)
    canceled |= expired
    finished = confirmed & (finished_at < end) & chance(rng, 0.75, count)
    states: list[Flags] = [canceled, finished, confirmed]
    updated = np.select(states, [canceled_at, finished_at, confirmed_at], booked)
    state = np.select(states, [2, 3, 1], 0)
    return _Outcome(_status(rng, state), _payment(rng, state), updated)


def _confirmation_delay(rng: Generator, count: int) -> Ints:
    by_host = np.exp(rng.normal(0.0, 1.3, count)) * 12 * HOUR
    instant = (0.5 + rng.random(count) * 4) * MINUTE
    return np.where(chance(rng, 0.35, count), instant, by_host).astype(np.int64)


_SPELLINGS = (
    (vocabulary.PENDING, vocabulary.PENDING_WEIGHTS),
    (vocabulary.CONFIRMED, vocabulary.CONFIRMED_WEIGHTS),
    (vocabulary.CANCELED, vocabulary.CANCELED_WEIGHTS),
    (vocabulary.FINISHED, vocabulary.FINISHED_WEIGHTS),
)
_PAYMENTS = ("pending", "paid", "partially_paid", "refunded", "unpaid", None)
_PAYMENT_WEIGHTS = (
    (80, 12, 4, 0, 2, 2),
    (3, 86, 9, 0, 0, 2),
    (0, 8, 3, 68, 19, 2),
    (0, 98, 0, 0.5, 0, 1.5),
)


def _status(rng: Generator, state: Ints) -> arrow.Column:
    spelled = [word for words, _ in _SPELLINGS for word in words]
    starts = np.cumsum([0, *(len(words) for words, _ in _SPELLINGS)])
    return arrow.words(spelled, starts[state] + _by_state(rng, state, [weights for _, weights in _SPELLINGS]))


def _payment(rng: Generator, state: Ints) -> arrow.Column:
    return arrow.words(_PAYMENTS, _by_state(rng, state, _PAYMENT_WEIGHTS))


def _by_state(rng: Generator, state: Ints, weights: Sequence[Sequence[float]]) -> Ints:
    drawn = np.zeros(len(state), dtype=np.int64)
    chosen = rng.random(len(state))
    for number, of_state in enumerate(weights):
        cumulative = np.cumsum(of_state) / sum(of_state)
        here = state == number
        drawn[here] = np.searchsorted(cumulative, chosen[here], side="right")
    return drawn

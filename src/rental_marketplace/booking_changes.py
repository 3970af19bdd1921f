"""What happens to existing bookings: confirmed, canceled, finished, or taken out altogether."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rental_marketplace.calendar import DAY, HOUR
from rental_marketplace.ids import IdValue
from rental_marketplace.render import render
from rental_marketplace.sampling import Floats, Generator, Ints
from rental_marketplace.schema import Table
from rental_marketplace.state import SAMPLE_ROWS, State
from rental_marketplace.values import day_of, day_text, microseconds, moment_text
from rental_marketplace.writers.base import Target

_DECIDED_PER_DAY = 0.5
_OLD_DECIDED_PER_DAY = 0.01
_OLD = 14 * DAY
_CANCELED_PER_DAY = 0.003
_FINISHED = 0.75
_DELETED_PER_BOOKED = 0.002
_TOO_FEW = 20
"""Below so many bookings none is deleted."""

_STATUS_IS = "LOWER(TRIM(booking_status)) = ?"
_DECIDE = {
    (): "UPDATE bookings SET booking_status = ? WHERE booking_id = ?",
    ("payment_status",): "UPDATE bookings SET booking_status = ?, payment_status = ? WHERE booking_id = ?",
    ("updated_at",): "UPDATE bookings SET booking_status = ?, updated_at = ? WHERE booking_id = ?",
    ("payment_status", "updated_at"): "UPDATE bookings SET booking_status = ?, payment_status = ?, updated_at = ? "
    "WHERE booking_id = ?",
}
"""Statements by the optional columns they change."""
_PAYMENTS = {"confirmed": "paid", "canceled": "refunded", "completed": "paid"}


@dataclass(frozen=True)
class BookingChanges:
    """Booking id, new status and its moment (microseconds), in order of id; ids of deleted bookings."""

    status: list[tuple[IdValue, str, int]]
    deleted: list[IdValue]


def draw_booking_changes(rng: Generator, target: Target, state: State, days: int) -> BookingChanges:
    """Changes within the days that follow the state's last one, among at most some ten thousand bookings."""
    status = [
        *_decided(rng, target, state, days),
        *_canceled(rng, target, state, days),
        *_finished(rng, target, state, days),
    ]
    by_id = {booking_id: (booking_id, name, moment) for booking_id, name, moment in status}
    deleted = [key for key in _deleted(rng, target, state, days) if key not in by_id]
    return BookingChanges(sorted(by_id.values()), deleted)


def _decided(rng: Generator, target: Target, state: State, days: int) -> list[tuple[IdValue, str, int]]:
    """Hosts answer: soon or, mostly, never."""
    found = target.fetch(
        f"SELECT booking_id, booking_date FROM bookings WHERE {_STATUS_IS} AND booking_id IS NOT NULL "
        "AND booking_date IS NOT NULL ORDER BY booking_id DESC LIMIT ?",
        ("pending", SAMPLE_ROWS),
    )
    booked = np.array([microseconds(value) for _, value in found], dtype=np.int64)
    old = booked < _first(state) - _OLD
    keep = 1 - np.where(old, _OLD_DECIDED_PER_DAY, _DECIDED_PER_DAY)
    chosen = np.flatnonzero(rng.random(len(found)) > np.power(keep, days))
    names = np.where(rng.random(len(chosen)) < 0.2, "canceled", "confirmed").tolist()
    moments = _within(rng, state, days, len(chosen))
    return [(found[row][0], name, int(moment)) for row, name, moment in zip(chosen, names, moments, strict=True)]


def _canceled(rng: Generator, target: Target, state: State, days: int) -> list[tuple[IdValue, str, int]]:
    """Guests change their plans before they travel."""
    found = target.fetch(
        f"SELECT booking_id FROM bookings WHERE {_STATUS_IS} AND booking_id IS NOT NULL AND checkin_date > ? "
        "ORDER BY booking_id DESC LIMIT ?",
        ("confirmed", day_text(state.last_day + days), SAMPLE_ROWS),
    )
    chosen = np.flatnonzero(rng.random(len(found)) > (1 - _CANCELED_PER_DAY) ** days)
    moments = _within(rng, state, days, len(chosen))
    return [(found[row][0], "canceled", int(moment)) for row, moment in zip(chosen, moments, strict=True)]


def _finished(rng: Generator, target: Target, state: State, days: int) -> list[tuple[IdValue, str, int]]:
    """Guests leave."""
    found = target.fetch(
        f"SELECT booking_id, checkout_date FROM bookings WHERE {_STATUS_IS} AND booking_id IS NOT NULL "
        "AND checkout_date BETWEEN ? AND ? ORDER BY booking_id DESC LIMIT ?",
        ("confirmed", day_text(state.last_day + 1), day_text(state.last_day + days), SAMPLE_ROWS),
    )
    chosen = np.flatnonzero(rng.random(len(found)) < _FINISHED)
    hours: Floats = 10 + 4 * rng.random(len(chosen))
    return [
        (found[row][0], "completed", day_of(found[row][1]) * DAY + int(hour * HOUR))
        for row, hour in zip(chosen, hours, strict=True)
    ]


def _deleted(rng: Generator, target: Target, state: State, days: int) -> list[IdValue]:
    """Support removes a few, never the newest: its id must not be given out again."""
    count = int(target.fetch("SELECT COUNT(*) FROM bookings")[0][0])
    if count < _TOO_FEW:
        return []
    stride = -(-count // SAMPLE_ROWS)
    found = target.fetch(
        render("some_bookings", share=state.ids.share("booking_id")),
        (stride, state.ids.value(state.next_booking - 1), 2 * SAMPLE_ROWS),
    )
    wanted = max(1, round(_DELETED_PER_BOOKED * state.per_day["bookings"] * days))
    chosen = rng.permutation(len(found))[: min(wanted, len(found))]
    return sorted(found[row][0] for row in chosen)


def write_booking_changes(target: Target, table: Table, changes: BookingChanges) -> None:
    """Apply the changes to `bookings`, with payment and moment where the table has them."""
    optional = tuple(name for name in ("payment_status", "updated_at") if name in table.column_names)
    rows = []
    for booking_id, status, moment in changes.status:
        values = {"payment_status": _PAYMENTS[status], "updated_at": moment_text(moment)}
        rows.append((status, *(values[name] for name in optional), booking_id))
    target.execute(_DECIDE[optional], rows)
    target.execute("DELETE FROM bookings WHERE booking_id = ?", [(key,) for key in changes.deleted])


def _first(state: State) -> int:
    return (state.last_day + 1) * DAY


def _within(rng: Generator, state: State, days: int, count: int) -> Ints:
    return _first(state) + rng.integers(0, days * DAY, count)

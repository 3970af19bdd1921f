"""Single values as both drivers return and take them; for the few rows that are read back."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from rental_marketplace.calendar import EPOCH

_START = datetime(EPOCH.year, EPOCH.month, EPOCH.day)  # noqa: DTZ001


def microseconds(value: datetime | str) -> int:
    """A moment read, in microseconds since 1970-01-01."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (moment - _START) // timedelta(microseconds=1)


def moment_text(moment: int) -> str:
    """A moment to write, as YYYY-MM-DD HH:MM:SS.ffffff."""
    return (_START + timedelta(microseconds=int(moment))).isoformat(" ", "microseconds")


def day_text(number: int) -> str:
    """A day to write or compare with, as YYYY-MM-DD."""
    return (EPOCH + timedelta(days=int(number))).isoformat()


def day_of(value: date | str) -> int:
    """A date read, in days since 1970-01-01."""
    return ((date.fromisoformat(value) if isinstance(value, str) else value) - EPOCH).days


def amount_text(cents: int) -> str:
    """An amount to write, from hundredths."""
    return f"{int(cents) // 100}.{int(cents) % 100:02d}"

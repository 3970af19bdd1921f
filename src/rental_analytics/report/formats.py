"""How the page writes values; a value that is not known is a dash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from rental_analytics.contracts.display import Format, Period

UNKNOWN = "–"
Number = Decimal | int
Writer = Callable[[Number | None], str]


def money(value: Number | None) -> str:
    """An amount with two decimals; the currency stands in the title."""
    if value is None:
        return UNKNOWN
    return f"{'−' if value < 0 else ''}{abs(value):,.2f}"


def percent(value: Number | None) -> str:
    """A rate between 0 and 1 as a percentage."""
    return UNKNOWN if value is None else f"{Decimal(value) * 100:,.1f}%"


def count(value: Number | None) -> str:
    """A whole number."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def decimal(value: Number | None) -> str:
    """A number with two decimals."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def day(value: date | None) -> str:
    """A day, such as 3 Jun 2024."""
    return UNKNOWN if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """A moment, to the minute."""
    return UNKNOWN if value is None else f"{day(value)}, {value:%H:%M} UTC"


def period(start: date | None, length: Period) -> str:
    """The period that starts on a day, such as `week of 3 Jun 2024`."""
    if start is None:
        return UNKNOWN
    return {
        Period.DAY: day(start),
        Period.WEEK: f"week of {day(start)}",
        Period.MONTH: f"{start:%B %Y}",
    }[length]


def titled(title: str, written: Format | None, currency: str | None) -> str:
    """A title of numbers, with the currency of those that are money."""
    return f"{title} ({currency})" if written is Format.MONEY and currency else title


WRITERS: Mapping[Format, Writer] = {
    Format.MONEY: money,
    Format.PERCENT: percent,
    Format.COUNT: count,
    Format.DECIMAL: decimal,
}

"""Numbers in words, for conclusions that hold whatever the numbers are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from math import isfinite
from typing import Any

UNKNOWN = "not known"
_THOUSAND, _MILLION = 10_000, 1_000_000
_NEGLIGIBLE = 0.05
"""Below this a percentage shows as 0.0."""


def known(value: Any) -> bool:
    """Whether a value is a finite number: pandas has several that stand for none."""
    try:
        return value is not None and isfinite(float(value))
    except (TypeError, ValueError):
        return False


def count(value: Any) -> str:
    """A whole number, such as 12,345."""
    return f"{float(value):,.0f}" if known(value) else UNKNOWN


def counted(value: Any, noun: str) -> str:
    """A whole number with its noun, such as `1 run` or `2 runs`."""
    return f"{count(value)} {noun}{'' if known(value) and float(value) == 1 else 's'}"


def money(value: Any, currency: Any) -> str:
    """An amount, such as 1.25 million USD, 12,345 USD or 99.50 USD."""
    if not known(value):
        return UNKNOWN
    amount = float(value)
    if abs(amount) >= _MILLION:
        return f"{amount / _MILLION:,.2f} million {currency}"
    return f"{amount:,.0f} {currency}" if abs(amount) >= _THOUSAND else f"{amount:,.2f} {currency}"


def percent(rate: Any) -> str:
    """A rate as a percentage: 0.123 is 12.3%."""
    return f"{float(rate) * 100:.1f}%" if known(rate) else UNKNOWN


def day(value: Any) -> str:
    """A day, such as 3 June 2026."""
    moment = _date(value)
    return f"{moment.day} {moment:%B %Y}" if moment else UNKNOWN


def month(value: Any) -> str:
    """A month, such as June 2026."""
    moment = _date(value)
    return f"{moment:%B %Y}" if moment else UNKNOWN


def share(part: Any, whole: Any) -> float | None:
    """A part of a whole, or None where there is no whole."""
    if not (known(part) and known(whole)) or float(whole) == 0:
        return None
    return float(part) / float(whole)


def change(now: Any, before: Any) -> str:
    """How a number moved, such as `rose by 5.2%`."""
    moved = share(float(now) - float(before), before) if known(now) and known(before) else None
    if moved is None or float(before) < 0:
        return "cannot be compared"
    if abs(moved) * 100 < _NEGLIGIBLE:
        return "hardly changed"
    return f"{'rose' if moved > 0 else 'fell'} by {abs(moved) * 100:.1f}%"


def points(now: Any, before: Any) -> str:
    """How a rate moved, in percentage points, such as `rose by 1.3 points`."""
    if not (known(now) and known(before)):
        return "cannot be compared"
    moved = (float(now) - float(before)) * 100
    if abs(moved) < _NEGLIGIBLE:
        return "hardly changed"
    return f"{'rose' if moved > 0 else 'fell'} by {abs(moved):.1f} points"


def listed(names: Iterable[str]) -> str:
    """Names in a row, such as `a, b and c`."""
    *most, last = [str(name) for name in names] or [UNKNOWN]
    return f"{', '.join(most)} and {last}" if most else last


def _date(value: Any) -> date | None:
    # pandas' moment that is none is not equal to itself.
    return value if isinstance(value, date) and value == value else None  # noqa: PLR0124

"""What an expression of EventBridge Scheduler says, and how far apart its runs are as far as that is plain from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

_UNITS = {"minute": 1, "hour": 60, "day": 24 * 60}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MINUTES_OF_DAY = 24 * 60
_WEEK = 7
_RATE = re.compile(r"rate\(([1-9]\d{0,8}) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
LEAST_MINUTES = 10
"""Between two starts: the machines of one run's five jobs take as long to begin, and a start beside it is skipped."""


@dataclass(frozen=True)
class _Field:
    """One of the six fields of a cron expression.

    Args:
        names: of its values, from `first` on.
        special: pattern of what it may be beside numbers, ranges, steps and lists.
    """

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    special: str = r"\*"


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of the month", 1, 31, special=r"[*?]|L|LW|([1-9]|[12]\d|3[01])W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 1, _WEEK, _DAYS, rf"[*?]|L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    _Field("year", 1970, 2199),
)


def expression_fault(expression: str) -> str | None:
    """Why EventBridge Scheduler would not take an expression, or would start nothing useful by it."""
    if rate := _RATE.fullmatch(expression):
        return _too_often(expression, timedelta(minutes=int(rate[1]) * _UNITS[rate[2]]))
    if at := _AT.fullmatch(expression):
        return _at_fault(expression, at[1])
    cron = re.fullmatch(r"cron\((.*)\)", expression)
    fields = cron[1].split(" ") if cron else []
    if len(fields) != len(_FIELDS):
        return (
            f"{expression!r} is not an expression of EventBridge Scheduler, such as cron(0 3 * * ? *), rate(1 day) or "
            "at(2027-01-31T03:00:00)"
        )
    for field, text in zip(_FIELDS, fields, strict=True):
        if not _is_field(field, text):
            named = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
            return f"{text!r} in {expression!r} is no {field.name}, which is {field.first} to {field.last}{named}"
    # Of the day of the month and that of the week, EventBridge wants exactly one.
    if (fields[2] == "?") == (fields[4] == "?"):
        return f"{expression!r} names both a day of the month and one of the week, or neither; one has to be ?"
    years = fields[5]
    if years != "*" and max(_numbers(years, 1970, 2199)) < datetime.now(UTC).year:
        return f"{expression!r} names years that are over"
    return _too_often(expression, min(_gaps_of_day(fields[0], fields[1])))


def longest_gap(expression: str) -> timedelta | None:
    """The longest time between two starts, in a week without a change of the clock.

    Returns:
        None for `at(...)`, for days of the month, months and years, and for what is no such expression.
    """
    if rate := _RATE.fullmatch(expression):
        return timedelta(minutes=int(rate[1]) * _UNITS[rate[2]])
    cron = re.fullmatch(r"cron\((\S+) (\S+) [*?] \* (\S+) \*\)", expression)
    if cron is None:
        return None
    try:
        minutes, hours = _numbers(cron[1], 0, 59), _numbers(cron[2], 0, 23)
        days = [day - 1 for day in _numbers(_without_names(cron[3], _FIELDS[4]), 1, _WEEK)]
    except ValueError:
        return None
    starts = sorted(day * _MINUTES_OF_DAY + hour * 60 + minute for day in days for hour in hours for minute in minutes)
    following = [*starts, starts[0] + _WEEK * _MINUTES_OF_DAY]
    return timedelta(minutes=max(after - before for before, after in pairwise(following)))


def _at_fault(expression: str, moment: str) -> str | None:
    try:
        when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    except ValueError as error:
        return f"{expression!r} names no moment: {error}"
    # Its zone is another key; none is a day from UTC.
    return f"{expression!r} is over" if when < datetime.now(UTC) - timedelta(days=1) else None


def _too_often(expression: str, gap: timedelta) -> str | None:
    if gap >= timedelta(minutes=LEAST_MINUTES):
        return None
    return (
        f"{expression!r} begins a run {gap / timedelta(minutes=1):g} min after another, which takes {LEAST_MINUTES} at "
        "least: most starts would be skipped"
    )


def _gaps_of_day(minutes: str, hours: str) -> Iterator[timedelta]:
    starts = [hour * 60 + minute for hour in _numbers(hours, 0, 23) for minute in _numbers(minutes, 0, 59)]
    for before, after in pairwise([*starts, starts[0] + _MINUTES_OF_DAY]):
        yield timedelta(minutes=after - before)


def _is_field(field: _Field, text: str) -> bool:
    if re.fullmatch(field.special, text):
        return True
    numbers = _without_names(text, field)
    try:
        return re.fullmatch(r"[\d*,/-]+", numbers) is not None and bool(_numbers(numbers, field.first, field.last))
    except ValueError:
        return False


def _without_names(text: str, field: _Field) -> str:
    for number, name in enumerate(field.names, start=field.first):
        text = re.sub(rf"\b{name}\b", str(number), text)
    return text


def _numbers(field: str, first: int, last: int) -> list[int]:
    """The numbers that a field of a cron expression stands for: lists of numbers, ranges and steps.

    Raises:
        ValueError: it is something else, such as the last Friday.
    """
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, dash, high = (f"{first}-{last}" if span in ("*", "?") else span).partition("-")
        begin, end = int(low), int(high) if dash else (last if step else int(low))
        found |= set(range(begin, end + 1, int(step or 1)))
    if not found or min(found) < first or max(found) > last:
        raise ValueError(field)
    return sorted(found)

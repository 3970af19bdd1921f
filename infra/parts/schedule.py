"""How far apart the runs of a schedule are, as far as that is plain from its expression."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

_UNITS = {"minute": 1, "hour": 60, "day": 24 * 60}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTES_OF_DAY = 24 * 60
_WEEK = 7


def longest_gap(expression: str) -> timedelta | None:
    """The longest time between two starts, in a week without a change of the clock.

    Returns:
        None for `at(...)`, for days of the month, months and years, and for what is no such expression.
    """
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return timedelta(minutes=int(rate[1]) * _UNITS[rate[2]])
    cron = re.fullmatch(r"cron\((\S+) (\S+) [*?] \* (\S+) \*\)", expression)
    if cron is None:
        return None
    try:
        minutes, hours = _numbers(cron[1], 0, 59), _numbers(cron[2], 0, 23)
        days = [day - 1 for day in _numbers(_without_names(cron[3]), 1, _WEEK)]
    except ValueError:
        return None
    starts = sorted(day * _MINUTES_OF_DAY + hour * 60 + minute for day in days for hour in hours for minute in minutes)
    if not starts:
        return None
    following = [*starts, starts[0] + _WEEK * _MINUTES_OF_DAY]
    return timedelta(minutes=max(after - before for before, after in pairwise(following)))


def _without_names(field: str) -> str:
    for number, name in enumerate(_DAYS, start=1):
        field = field.replace(name, str(number))
    return field


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

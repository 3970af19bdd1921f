"""Where the parts of a small chart stand: one series over time, as a line or as bars."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rental_analytics.contracts.display import Period
from rental_analytics.report.formats import Writer, period

WIDTH, HEIGHT = 520, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 28
BASE = HEIGHT - BOTTOM
_Y_TICKS, _X_TICKS = 4, 6
_LETTER, _BESIDE_LABELS = 7, 14
"""Pixels that a letter of a label takes, and those on both sides of labels."""
_WIDEST_BAR, _BAR_SHARE = 28.0, 0.72


@dataclass(frozen=True)
class Observation:
    """A series' value in the period that starts on a day; `is_open` where the period has not ended."""

    start: date
    value: Decimal | None
    is_open: bool = False


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, in pixels."""

    place: float
    label: str


@dataclass(frozen=True)
class Mark:
    """An observation in the chart; `left` and `width` are those of its slot, `y` is None without a value."""

    x: float
    y: float | None
    left: float
    width: float
    period: str
    text: str
    is_open: bool


@dataclass(frozen=True)
class Chart:
    """What the template draws; `left` is where the labels of values end and the marks begin."""

    title: str
    left: int
    is_line: bool
    marks: tuple[Mark, ...]
    paths: tuple[str, ...]
    bar_width: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    @property
    def last(self) -> Mark | None:
        """The last observation that has a value."""
        known = [mark for mark in self.marks if mark.y is not None]
        return known[-1] if known else None


def line_chart(title: str, observations: Sequence[Observation], length: Period, text: Writer) -> Chart | None:
    """A line that breaks where a value is missing; its axis starts near the lowest value. None without values."""
    return _chart(title, observations, length, text, is_line=True)


def bar_chart(title: str, observations: Sequence[Observation], length: Period, text: Writer) -> Chart | None:
    """Bars that stand on zero. None without values."""
    return _chart(title, observations, length, text, is_line=False)


def _chart(
    title: str, observations: Sequence[Observation], length: Period, text: Writer, *, is_line: bool
) -> Chart | None:
    values = [float(item.value) for item in observations if item.value is not None]
    if not values:
        return None
    first = _slot(observations[0].start, length)
    slots = _slot(observations[-1].start, length) - first + 1
    scale = _scale(min(values) if is_line else min(0.0, *values), max(values))
    y_ticks = _y_ticks(scale, text)
    left = max(LEFT, _LETTER * max(len(tick.label) for tick in y_ticks) + _BESIDE_LABELS)
    width = (WIDTH - left - RIGHT) / slots
    marks = tuple(
        Mark(
            x=_rounded(left + (_slot(item.start, length) - first + 0.5) * width),
            y=None if item.value is None else _height(float(item.value), scale),
            left=_rounded(left + (_slot(item.start, length) - first) * width),
            width=_rounded(width),
            period=period(item.start, length),
            text=text(item.value),
            is_open=item.is_open,
        )
        for item in observations
    )
    return Chart(
        title=title,
        left=left,
        is_line=is_line,
        marks=marks,
        paths=_paths(marks, width) if is_line else (),
        bar_width=_rounded(min(width * _BAR_SHARE, _WIDEST_BAR)),
        x_ticks=_x_ticks(observations, marks),
        y_ticks=y_ticks,
    )


def _slot(start: date, length: Period) -> int:
    """Periods counted from a fixed one."""
    if length is Period.MONTH:
        return start.year * 12 + start.month
    return start.toordinal() // (7 if length is Period.WEEK else 1)


def _scale(low: float, high: float) -> tuple[float, ...]:
    """Round values from at most `low` to at least `high`, evenly apart; from zero where that is near."""
    if low > 0 and low < (high - low):
        low = 0.0
    span = (high - low) or abs(high) or 1.0
    magnitude = 10.0 ** math.floor(math.log10(span / _Y_TICKS))
    step = next(n * magnitude for n in (1, 2, 2.5, 5, 10) if n * magnitude * _Y_TICKS >= span)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return tuple(round(place * step, 10) for place in range(first, last + 1))


def _height(value: float, scale: Sequence[float]) -> float:
    low, high = scale[0], scale[-1]
    return _rounded(BASE - (value - low) / (high - low) * (BASE - TOP))


def _y_ticks(scale: Sequence[float], text: Writer) -> tuple[Tick, ...]:
    """Labels without decimals where all of them are zero."""
    labels = [text(Decimal(str(value))) for value in scale]
    whole = [re.sub(r"\.0+(?=%?$)", "", label) for label in labels]
    labels = labels if any("." in label for label in whole) else whole
    return tuple(Tick(_height(value, scale), label) for value, label in zip(scale, labels, strict=True))


def _paths(marks: Sequence[Mark], width: float) -> tuple[str, ...]:
    """One path per run of neighbouring values; a single value is a path of no length, drawn as a dot."""
    runs = list[list[Mark]]()
    previous: Mark | None = None
    for mark in marks:
        if mark.y is not None:
            joined = previous is not None and previous.y is not None and mark.x - previous.x < 1.5 * width
            if joined:
                runs[-1].append(mark)
            else:
                runs.append([mark])
        previous = mark
    return tuple("M" + "L".join(f"{mark.x},{mark.y}" for mark in (run if len(run) > 1 else run * 2)) for run in runs)


def _x_ticks(observations: Sequence[Observation], marks: Sequence[Mark]) -> tuple[Tick, ...]:
    """Starts of months; days where the series is shorter than three months."""
    starts = [item.start for item in observations]
    places = [
        place
        for place in range(1, len(starts))
        if (starts[place].month, starts[place].year) != (starts[place - 1].month, starts[place - 1].year)
    ]
    label = "%b %Y"
    if len(places) < 3:
        places, label = list(range(len(starts))), "%d %b"
    step = math.ceil(len(places) / _X_TICKS)
    return tuple(Tick(marks[place].x, starts[place].strftime(label).lstrip("0")) for place in places[::step])


def _rounded(pixels: float) -> float:
    return round(pixels, 2)

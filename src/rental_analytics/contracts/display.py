"""How a metric is shown: its number after a run, its chart and card in the report, its ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from rental_analytics.contracts.base import Contract, Identifier, Sentence, SqlPredicate

LAST_POSITION = 1000
"""Where what names no position is shown: behind all that does, by name."""
Position = Annotated[int, Field(ge=1, le=LAST_POSITION)]


class Period(StrEnum):
    """How long a number's period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Format(StrEnum):
    """How a number is written."""

    MONEY = "money"
    PERCENT = "percent"
    COUNT = "count"
    DECIMAL = "decimal"


class ChartKind(StrEnum):
    """What the report draws; `number` is only the card with the number of the last whole period."""

    LINE = "line"
    BARS = "bars"
    NUMBER = "number"


class Aggregate(StrEnum):
    """How the rows of one period become one number."""

    SUM = "sum"
    COUNT = "count"


@dataclass(frozen=True)
class Placeholder:
    """A column's value in a text; `style` is empty, `percent`, `sum` or `count`."""

    column: str
    style: str = ""


_STYLES = ("", Format.PERCENT, *Aggregate)


def text_parts(text: str) -> Iterator[str | Placeholder]:
    """A text such as `{city}, {bookings} bookings` in its parts.

    Raises:
        ValueError: the braces hold no column, or a style there is not.
    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r} has braces that hold no column: {error}") from error
    for words, column, style, conversion in parsed:
        if words:
            yield words
        if column is None:
            continue
        if not column.isidentifier() or conversion:
            raise ValueError(f"{text!r} has braces that hold no column: {column!r}")
        if style not in _STYLES:
            raise ValueError(f"{style!r} is no style of a value; use {', '.join(filter(None, _STYLES))}, or none")
        yield Placeholder(column, style or "")


def _text(text: str) -> str:
    list(text_parts(text))
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_text)]


def columns_of(text: str) -> list[str]:
    """The columns a text shows."""
    return [part.column for part in text_parts(text) if isinstance(part, Placeholder)]


class PeriodColumn(Contract):
    """The key column that holds the first day of a row's period, and how long the period is."""

    column: Identifier
    length: Period


class Headline(Contract):
    """The metric's number of the last whole period, as `rental run` prints it.

    Args:
        text: the value, with columns in braces: `{city}, {bookings} bookings`; `{rate:percent}` is a percentage,
            `{bookings:sum}` and `{user_id:count}` take all rows of the period together.
        where: which rows of the period; the place 1 of a ranking, for example.
        otherwise: a text, by column, in place of a value that is NULL.
        period_label: words before the day the period starts on; `week of`, `month of` or `to` by default.
        position: its place among the headlines.
    """

    title: Sentence
    text: Text
    where: SqlPredicate | None = None
    otherwise: dict[Identifier, Text] = Field(default_factory=dict)
    period_label: Sentence | None = None
    position: Position = LAST_POSITION

    @property
    def is_aggregated(self) -> bool:
        """Whether it takes the rows of a period together."""
        return bool({*Aggregate} & self._styles())

    def _styles(self) -> set[str]:
        return {part.style for part in text_parts(self.text) if isinstance(part, Placeholder)}

    @model_validator(mode="after")
    def _takes_rows_together_or_not(self) -> Self:
        if self.is_aggregated and self._styles() - {*Aggregate}:
            raise ValueError("text shows one value of a row and another of all rows; give each column sum or count")
        return self


class Chart(Contract):
    """The metric over time in the report, and the card with its last whole period.

    Args:
        value: the column drawn.
        aggregate: how several rows of one period become one number.
        shown_periods: how many periods before `as_of` are drawn.
        position: its place among the charts.
    """

    title: Sentence
    value: Identifier
    format: Format
    kind: ChartKind
    aggregate: Aggregate | None = None
    shown_periods: int = Field(default=0, ge=0, le=10_000)
    position: Position = LAST_POSITION

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        if (self.kind is ChartKind.NUMBER) != (self.shown_periods == 0):
            raise ValueError("shown_periods is how many periods a line or bars show, and is left out for a number")
        return self


class RankedColumn(Contract):
    """A column of a ranking in the report.

    Args:
        values: columns whose values stand in it, with a comma between them; those that are NULL are left out.
        format: how a number is written; left out for texts.
        otherwise: a text where all of them are NULL.
    """

    title: Sentence
    values: tuple[Identifier, ...] = Field(min_length=1)
    format: Format | None = None
    otherwise: Text | None = None

    @model_validator(mode="after")
    def _writes_one_number(self) -> Self:
        if self.format and (len(self.values) > 1 or self.otherwise):
            raise ValueError("a column with a format shows one number; leave out format, or name one value only")
        return self


class Ranking(Contract):
    """The first places of the last whole period in the report.

    Args:
        place: the column that ranks, from 1.
        places: how many are shown.
        position: its place among the rankings.
    """

    title: Sentence
    place: Identifier
    places: int = Field(default=10, ge=1, le=100)
    columns: tuple[RankedColumn, ...] = Field(min_length=1)
    position: Position = LAST_POSITION

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """Columns of the table that it needs, each once, the place left out."""
        texts = (columns_of(column.otherwise) for column in self.columns if column.otherwise)
        named = (
            *(name for column in self.columns for name in column.values),
            *(name for text in texts for name in text),
        )
        return tuple(name for name in dict.fromkeys(named) if name != self.place)

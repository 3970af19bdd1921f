"""What the page says, read from the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts import display
from rental_analytics.contracts.display import ChartKind, Format, Period, text_parts
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import ConfigurationError
from rental_analytics.report import formats
from rental_analytics.report.charts import Chart, Observation, bar_chart, line_chart
from rental_analytics.report.statements import chart_query, ranking_query, with_chart, with_ranking

if TYPE_CHECKING:
    import pyarrow as pa

Query = Callable[[str], "pa.Table"]
Row = dict[str, Any]
_UNITS = {Period.DAY: 1, Period.WEEK: 7}
_LONGEST = _UNITS | {Period.MONTH: 31}
_AHEAD = timedelta(days=366)
"""How far behind `as_of` a chart goes."""


@dataclass(frozen=True)
class Headline:
    """A number of the last whole period, and how it differs from the period before; `change` may be empty."""

    table: str
    title: str
    value: str
    period: str
    change: str


@dataclass(frozen=True)
class Series:
    """A metric over time; `chart` is None where there is no value to draw."""

    model: PresentationModel
    title: str
    chart: Chart | None


@dataclass(frozen=True)
class RankedColumn:
    """A column's head in a ranking."""

    title: str
    is_number: bool


@dataclass(frozen=True)
class Place:
    """A row of a ranking, its cells written out."""

    place: int
    cells: list[str]


@dataclass(frozen=True)
class Ranking:
    """The first places of a metric in its last whole period."""

    model: PresentationModel
    title: str
    period: str
    columns: list[RankedColumn]
    rows: list[Place]


@dataclass(frozen=True)
class Content:
    """All of the page; `rebuilt_at` is when the metrics were last built, `failed_run` a later run that failed."""

    as_of: date | None
    rebuilt_at: datetime | None
    failed_run: Row | None
    headlines: list[Headline]
    series: list[Series]
    rankings: list[Ranking]
    other_models: list[PresentationModel]
    accounting: list[Row]
    freshness: list[Row]


def read_content(query: Query, models: Mapping[str, PresentationModel]) -> Content:
    """Read what the page needs; metrics that are not in `models` are left out.

    Raises:
        ConfigurationError: the warehouse does not have them yet.
    """
    _check_built(query, models)
    build = next(iter(_rows(query, "last_build")), {})
    run = next(iter(_rows(query, "last_run")), {})
    as_of, currency = build.get("as_of"), build.get("reporting_currency")
    measured = [
        (model, chart, [_observation(model, chart, row, as_of) for row in _answer(query, chart_query(model, chart))])
        for model, chart in with_chart(models.values())
    ]
    drawn = [
        Series(model, _title(chart, currency), _drawn(model, chart, observations, as_of, currency))
        for model, chart, observations in measured
        if chart.kind is not ChartKind.NUMBER
    ]
    rankings = [_ranking(query, model, ranking, as_of, currency) for model, ranking in with_ranking(models.values())]
    described = {series.model.name for series in drawn} | {ranking.model.name for ranking in rankings}
    return Content(
        as_of=as_of,
        rebuilt_at=build.get("finished_at"),
        failed_run=run if run.get("status") == "failed" else None,
        headlines=[_headline(model, chart, observations, as_of, currency) for model, chart, observations in measured],
        series=drawn,
        rankings=rankings,
        other_models=[model for name, model in models.items() if name not in described],
        accounting=_rows(query, "row_accounting"),
        freshness=_rows(query, "freshness"),
    )


def _check_built(query: Query, models: Mapping[str, PresentationModel]) -> None:
    built = {row["table_name"] for row in _rows(query, "built_tables")}
    shown = (*with_chart(models.values()), *with_ranking(models.values()))
    missing = [model.name for model, _ in shown if model.name not in built]
    if missing:
        told = f"no metric {missing[0]}" if built else "no metrics"
        raise ConfigurationError(
            f"The warehouse has {told} yet.",
            remedy="start `rental run`, then `rental report`.",
            reason="metrics-missing",
        )


def _rows(query: Query, name: str) -> list[Row]:
    sql = files("rental_analytics.report") / "queries" / f"{name}.sql"
    return _answer(query, sql.read_text(encoding="utf-8"))


def _answer(query: Query, sql: str) -> list[Row]:
    rows: list[Row] = query(sql).to_pylist()
    return rows


def _title(chart: display.Chart, currency: str | None) -> str:
    return formats.titled(chart.title, chart.format, currency)


def _drawn(
    model: PresentationModel,
    chart: display.Chart,
    observations: Sequence[Observation],
    as_of: date | None,
    currency: str | None,
) -> Chart | None:
    """One period far off, such as a stay in 2200, must not squeeze the others to nothing."""
    length = model.shown_period.length
    if as_of:
        earliest = as_of - timedelta(days=_LONGEST[length] * chart.shown_periods)
        observations = [item for item in observations if earliest <= item.start <= as_of + _AHEAD]
    draw = line_chart if chart.kind is ChartKind.LINE else bar_chart
    return draw(_title(chart, currency), observations[-chart.shown_periods :], length, formats.WRITERS[chart.format])


def _observation(model: PresentationModel, chart: display.Chart, row: Row, as_of: date | None) -> Observation:
    value = row[chart.value]
    start: date = row[model.shown_period.column]
    is_open = as_of is not None and start > _last_whole(model.shown_period.length, as_of)
    return Observation(start, None if value is None else Decimal(str(value)), is_open)


def _ranking(
    query: Query, model: PresentationModel, ranking: display.Ranking, as_of: date | None, currency: str | None
) -> Ranking:
    length = model.shown_period.length
    return Ranking(
        model=model,
        title=ranking.title,
        period=formats.period(_last_whole(length, as_of), length) if as_of else "",
        columns=[
            RankedColumn(formats.titled(column.title, column.format, currency), column.format is not None)
            for column in ranking.columns
        ],
        rows=[
            Place(row["place"], [_cell(column, row) for column in ranking.columns])
            for row in _answer(query, ranking_query(model, ranking))
        ],
    )


def _cell(column: display.RankedColumn, row: Row) -> str:
    if column.format:
        return formats.WRITERS[column.format](row[column.values[0]])
    known = ", ".join(str(row[name]) for name in column.values if row[name] not in {None, ""})
    return known or "".join(
        part if isinstance(part, str) else str(row[part.column]) for part in text_parts(column.otherwise or "")
    )


def _headline(
    model: PresentationModel,
    chart: display.Chart,
    observations: Sequence[Observation],
    as_of: date | None,
    currency: str | None,
) -> Headline:
    values = {item.start: item.value for item in observations}
    if as_of is None:
        return Headline(model.name, _title(chart, currency), formats.UNKNOWN, "no data yet", "")
    length = model.shown_period.length
    start = _last_whole(length, as_of)
    missing = Decimal(0) if chart.format is Format.COUNT and values else None
    value = values.get(start, missing)
    before = values.get(_one_before(length, start), missing)
    return Headline(
        table=model.name,
        title=_title(chart, currency),
        value=formats.WRITERS[chart.format](value),
        period=formats.period(start, length),
        change=_change(chart.format, length, value, before),
    )


def _change(written: Format, length: Period, value: Decimal | None, before: Decimal | None) -> str:
    """Rates differ in percentage points, everything else by a share of the value before."""
    if value is None or before is None:
        return ""
    since = f"on the {length} before"
    if written is Format.PERCENT:
        return f"{(value - before) * 100:+.1f} points {since}".replace("-", "−")
    if not before:
        return ""
    return f"{(value - before) / before * 100:+.1f}% {since}".replace("-", "−")


def _last_whole(length: Period, as_of: date) -> date:
    """Start of the last period that has ended by the end of `as_of`."""
    tomorrow = as_of + timedelta(days=1)
    if length is Period.MONTH:
        return _one_before(length, tomorrow.replace(day=1))
    current = tomorrow - timedelta(days=tomorrow.weekday()) if length is Period.WEEK else tomorrow
    return _one_before(length, current)


def _one_before(length: Period, start: date) -> date:
    if length is Period.MONTH:
        return (start - timedelta(days=1)).replace(day=1)
    return start - timedelta(days=_UNITS[length])

"""What the page says, read from the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import ConfigurationError
from rental_analytics.report import formats
from rental_analytics.report.charts import Chart, Observation, bar_chart, line_chart
from rental_analytics.report.formats import Format, Period

if TYPE_CHECKING:
    import pyarrow as pa

Query = Callable[[str], "pa.Table"]
Row = dict[str, Any]
_UNITS = {Period.DAY: 1, Period.WEEK: 7}


@dataclass(frozen=True)
class Measure:
    """A metric as a number per period: its table, the columns it stands in, and how it is shown.

    `shown_periods` is how much of the past its chart covers.
    """

    table: str
    title: str
    start: str
    value: str
    length: Period
    text: Format
    draw: Callable[[str, Sequence[Observation], Period, Format], Chart | None] | None
    shown_periods: int = 0


MEASURES = (
    Measure(
        "average_listing_price_weekly",
        "Average listing price",
        "week_start",
        "average_price_usd",
        Period.WEEK,
        formats.money,
        line_chart,
        104,
    ),
    Measure(
        "occupancy_rate_monthly",
        "Occupancy rate",
        "month_start",
        "occupancy_rate",
        Period.MONTH,
        formats.percent,
        bar_chart,
        36,
    ),
    Measure(
        "repeat_customer_rate_daily",
        "Repeat customer rate",
        "calendar_date",
        "repeat_customer_rate",
        Period.DAY,
        formats.percent,
        line_chart,
        365,
    ),
    Measure("bookings_per_user_weekly", "Bookings", "week_start", "bookings", Period.WEEK, formats.count, None),
    Measure(
        "booking_duration_monthly",
        "Average stay in nights",
        "month_start",
        "average_stay_nights",
        Period.MONTH,
        formats.decimal,
        bar_chart,
        36,
    ),
)

RANKINGS = {"top_listings_weekly": "Top listings", "popular_locations_weekly": "Popular locations"}


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
class Ranking:
    """The first places of a metric in the last whole week."""

    model: PresentationModel
    title: str
    rows: list[Row]


@dataclass(frozen=True)
class Content:
    """All of the page; `rebuilt_at` is when the metrics were last built, `failed_run` a later run that failed."""

    as_of: date | None
    rebuilt_at: datetime | None
    week_start: date | None
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
    as_of = build.get("as_of")
    measures = {
        measure: [_observation(measure, row, as_of) for row in _rows(query, measure.table)]
        for measure in MEASURES
        if measure.table in models
    }
    drawn = [
        Series(models[measure.table], measure.title, _chart(measure, observations))
        for measure, observations in measures.items()
        if measure.draw
    ]
    rankings = [
        Ranking(models[table], title, _rows(query, table)) for table, title in RANKINGS.items() if table in models
    ]
    described = {series.model.name for series in drawn} | {ranking.model.name for ranking in rankings}
    return Content(
        as_of=as_of,
        rebuilt_at=build.get("finished_at"),
        week_start=_last_whole(Period.WEEK, as_of) if as_of else None,
        failed_run=run if run.get("status") == "failed" else None,
        headlines=[_headline(measure, observations, as_of) for measure, observations in measures.items()],
        series=drawn,
        rankings=rankings,
        other_models=[model for name, model in models.items() if name not in described],
        accounting=_rows(query, "row_accounting"),
        freshness=_rows(query, "freshness"),
    )


def _check_built(query: Query, models: Mapping[str, PresentationModel]) -> None:
    built = {row["table_name"] for row in _rows(query, "built_tables")}
    shown = [name for name in (*(measure.table for measure in MEASURES), *RANKINGS) if name in models]
    missing = [name for name in shown if name not in built]
    if missing:
        told = f"no metric {missing[0]}" if built else "no metrics"
        raise ConfigurationError(f"The warehouse has {told} yet.", remedy="do `rental run`, then the report.")


def _rows(query: Query, name: str) -> list[Row]:
    sql = files("rental_analytics.report") / "queries" / f"{name}.sql"
    rows: list[Row] = query(sql.read_text(encoding="utf-8")).to_pylist()
    return rows


def _chart(measure: Measure, observations: Sequence[Observation]) -> Chart | None:
    if measure.draw is None:
        return None
    return measure.draw(measure.title, observations[-measure.shown_periods :], measure.length, measure.text)


def _observation(measure: Measure, row: Row, as_of: date | None) -> Observation:
    value = row[measure.value]
    start: date = row[measure.start]
    is_open = as_of is not None and start > _last_whole(measure.length, as_of)
    return Observation(start, None if value is None else Decimal(str(value)), is_open)


def _headline(measure: Measure, observations: Sequence[Observation], as_of: date | None) -> Headline:
    values = {item.start: item.value for item in observations}
    if as_of is None:
        return Headline(measure.table, measure.title, formats.UNKNOWN, "no data yet", "")
    start = _last_whole(measure.length, as_of)
    missing = Decimal(0) if measure.text is formats.count and values else None
    value = values.get(start, missing)
    before = values.get(_one_before(measure.length, start), missing)
    return Headline(
        table=measure.table,
        title=measure.title,
        value=measure.text(value),
        period=formats.period(start, measure.length),
        change=_change(measure, value, before),
    )


def _change(measure: Measure, value: Decimal | None, before: Decimal | None) -> str:
    """Rates differ in percentage points, everything else by a share of the value before."""
    if value is None or before is None:
        return ""
    since = f"on the {measure.length} before"
    if measure.text is formats.percent:
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

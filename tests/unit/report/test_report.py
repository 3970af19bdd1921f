"""The report is one page that stands on its own and says what the warehouse says, also when that is little."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.contracts.display import ChartKind, Period
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.errors import ConfigurationError
from rental_analytics.report import write_report
from rental_analytics.report.charts import Observation, bar_chart, line_chart
from rental_analytics.report.formats import decimal, money, percent
from support.rights import denied

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

pytestmark = pytest.mark.fast
MODELS = load_contracts().presentation
VOID = {"meta"}


class Warehouse:
    """Empty tables of schemas presentation and ops."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute("CREATE SCHEMA presentation; CREATE SCHEMA ops")
        for name, model in MODELS.items():
            columns = [f"{column} {spec.type}" for column, spec in model.columns.items()]
            connection.execute(f"CREATE TABLE presentation.{name} ({', '.join(columns)})")
        for name, table in ops_tables().items():
            columns = [f"{column.name} {column.type}" for column in table.file_columns]
            connection.execute(f"CREATE TABLE ops.{name} ({', '.join(columns)})")

    def insert(self, relation: str, **row: Any) -> None:
        marks = ", ".join("?" for _ in row)
        self.connection.execute(f"INSERT INTO {relation} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def built(self, as_of: date) -> None:
        run = {"run_id": "run-1", "sequence": 1, "status": "succeeded", "finished_at": datetime(2024, 6, 6, 2, 3)}  # noqa: DTZ001
        self.insert("ops.runs", **run)
        self.insert("ops.run_parameters", run_id="run-1", as_of=as_of, reporting_currency="EUR")

    def query(self, sql: str) -> pa.Table:
        return self.connection.execute(sql).to_arrow_table()


class Page(HTMLParser):
    """Text and attributes of a page; raises where an element is closed that is not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str | None] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += f"{data} "


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    import duckdb

    with duckdb.connect() as connection:
        yield Warehouse(connection)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    return tmp_path / "reports" / "report.html"


def page(warehouse: Warehouse, out: Path) -> Page:
    assert write_report(warehouse.query, MODELS, out, {}) == out
    assert [file.name for file in out.parent.iterdir()] == [out.name]
    return Page(out.read_text(encoding="utf-8"))


def test_a_warehouse_without_numbers(warehouse: Warehouse, out: Path) -> None:
    made = page(warehouse, out)

    assert "There are no numbers yet" in made.text
    drawn = [model for model in MODELS.values() if model.chart and model.chart.kind is not ChartKind.NUMBER]
    assert made.text.count("No values yet") == len(drawn) > 0
    headlines = [model for model in MODELS.values() if model.chart]
    assert made.text.count("no data yet") == len(headlines) > len(drawn)


def test_headlines_are_of_the_last_whole_periods(warehouse: Warehouse, out: Path) -> None:
    warehouse.built(date(2024, 6, 5))  # a Wednesday
    for week, price in [(date(2024, 5, 20), 100), (date(2024, 5, 27), 110), (date(2024, 6, 3), 999)]:
        warehouse.insert(
            "presentation.average_listing_price_weekly", week_start=week, active_listings=1, average_price=price
        )
        for user in (1, 2):
            warehouse.insert("presentation.bookings_per_user_weekly", week_start=week, user_id=user, bookings=price)
    for month, rate in [(date(2024, 4, 1), "0.5"), (date(2024, 5, 1), "0.4375"), (date(2024, 6, 1), "0.9")]:
        warehouse.insert("presentation.occupancy_rate_monthly", month_start=month, occupancy_rate=Decimal(rate))
    for day, rate in [(date(2024, 6, 4), "0.1"), (date(2024, 6, 5), "0.125")]:
        warehouse.insert(
            "presentation.repeat_customer_rate_daily", calendar_date=day, repeat_customer_rate=Decimal(rate)
        )
    warehouse.insert(
        "presentation.booking_duration_monthly", month_start=date(2024, 5, 1), average_stay_nights=Decimal("3.14")
    )
    text = page(warehouse, out).text

    assert "Average listing price (EUR) 110.00 week of 27 May 2024 +10.0% on the week before" in text
    assert "Occupancy rate 43.8% May 2024 −6.2 points on the month before" in text
    assert "Repeat customer rate 12.5% 5 Jun 2024 +2.5 points on the day before" in text
    assert "Bookings 220 week of 27 May 2024 +10.0% on the week before" in text
    assert "Average stay in nights 3.14 May 2024" in text
    assert "June 2024 (not over yet)" in text
    assert "Rebuilt 6 Jun 2024, 02:03 UTC; days to 5 Jun 2024" in text


@pytest.mark.parametrize("as_of", [date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 2)])
def test_a_period_is_whole_on_its_last_day(warehouse: Warehouse, out: Path, as_of: date) -> None:
    warehouse.built(as_of)
    for month, rate in [(date(2024, 5, 1), "0.5"), (date(2024, 6, 1), "0.9")]:
        warehouse.insert("presentation.occupancy_rate_monthly", month_start=month, occupancy_rate=Decimal(rate))
    whole_week = date(2024, 5, 27) if as_of.weekday() == 6 else date(2024, 5, 20)
    for week in (date(2024, 5, 20), date(2024, 5, 27)):
        warehouse.insert(
            "presentation.popular_locations_weekly",
            week_start=week,
            city=f"City of {week}",
            bookings=3,
            confirmed_bookings=2,
            location_rank=1,
        )
    text = page(warehouse, out).text

    assert "Occupancy rate 50.0% May 2024" in text
    assert re.findall(r"City of \S+", text) == [f"City of {whole_week}"]


def test_unknown_values_are_said_to_be(warehouse: Warehouse, out: Path) -> None:
    warehouse.built(date(2024, 6, 2))
    warehouse.insert("presentation.occupancy_rate_monthly", month_start=date(2024, 5, 1), available_nights=0)
    warehouse.insert(
        "presentation.top_listings_weekly",
        week_start=date(2024, 5, 27),
        revenue_rank=1,
        listing_id=2**53 + 1,
        confirmed_bookings=1,
        confirmed_revenue=5,
    )
    warehouse.insert("ops.freshness", table_name="bookings")
    text = page(warehouse, out).text

    assert "Occupancy rate – May 2024" in text
    assert "1 Listing 9007199254740993 Unknown 1 5.00" in text
    assert "bookings –" in text


def test_what_users_wrote_stays_text(warehouse: Warehouse, out: Path) -> None:
    warehouse.built(date(2024, 6, 2))
    title = """</table><script src="https://evil.example/x.js">alert('&amp;')</script>"""
    warehouse.insert(
        "presentation.top_listings_weekly",
        week_start=date(2024, 5, 27),
        revenue_rank=1,
        listing_id=1,
        title=title,
        city="São <b>Paulo</b>",
    )
    made = page(warehouse, out)

    assert title in made.text
    assert "São <b>Paulo</b>" in made.text
    assert "<script" not in made.html


def test_a_failed_run_is_told(warehouse: Warehouse, out: Path) -> None:
    warehouse.built(date(2024, 6, 2))
    warehouse.insert("ops.runs", run_id="run-2", sequence=2, status="failed")

    assert "The latest run, run-2, failed" in page(warehouse, out).text


def test_the_page_needs_nothing_else_and_every_link_leads_somewhere(warehouse: Warehouse, out: Path) -> None:
    warehouse.built(date(2024, 6, 2))
    made = page(warehouse, out)
    links = [value for name, value in made.attributes if name == "href" and value]

    assert not {"src", "srcset", "data", "action", "onload"} & {name for name, _ in made.attributes}
    assert not re.search(r"https?://|@import|url\(", made.html)
    assert links
    assert {link.removeprefix("#") for link in links} <= set(made.ids)
    assert len(made.ids) == len(set(made.ids))


def test_every_metric_has_its_published_definition(warehouse: Warehouse, out: Path) -> None:
    text = page(warehouse, out).text

    assert [name for name, model in MODELS.items() if model.definition not in text] == []


def test_metrics_that_are_not_there_are_left_out(warehouse: Warehouse, out: Path) -> None:
    warehouse.built(date(2024, 6, 2))
    kept = {"top_listings_weekly": MODELS["top_listings_weekly"]}
    write_report(warehouse.query, kept, out, {})
    text = Page(out.read_text(encoding="utf-8")).text

    assert "Top listings" in text
    assert "Occupancy" not in text


def test_a_warehouse_without_metrics(warehouse: Warehouse, out: Path) -> None:
    warehouse.connection.execute("DROP TABLE presentation.occupancy_rate_monthly")
    with pytest.raises(ConfigurationError, match=r"no metric occupancy_rate_monthly yet.*`rental run`"):
        write_report(warehouse.query, MODELS, out, {})
    warehouse.connection.execute("DROP SCHEMA presentation CASCADE")
    with pytest.raises(ConfigurationError, match=r"no metrics yet.*`rental run`"):
        write_report(warehouse.query, MODELS, out, {})


def test_a_file_that_cannot_be_written(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")

    with pytest.raises(ConfigurationError, match=r"cannot be written to .*Remedy: choose another file"):
        write_report(warehouse.query, MODELS, tmp_path / "taken" / "report.html", {})


@pytest.mark.remedy("report-path-not-a-report")
@pytest.mark.parametrize("content", ["notes", "<!DOCTYPE html>\n<title>A page of mine</title>\n", "SQLite format 3\0"])
def test_a_file_that_is_no_report_is_not_replaced(warehouse: Warehouse, out: Path, content: str) -> None:
    out.write_text(content)
    error = refused(warehouse, out, "report-path-not-a-report")
    assert error.remedy == "choose another file with --out, or remove this one first."
    assert out.read_text() == content
    write_report(warehouse.query, MODELS, out.with_name("other.html"), {})
    out.unlink()
    write_report(warehouse.query, MODELS, out, {})


def test_a_report_or_an_empty_file_is_replaced(warehouse: Warehouse, out: Path) -> None:
    out.touch()
    page(warehouse, out)
    warehouse.built(date(2024, 6, 2))
    assert "days to 2 Jun 2024" in page(warehouse, out).text


def test_a_link_is_replaced_only_where_it_leads_to_a_report(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    for name, target in {"loop": "loop", "astray": "nothing", "link": "notes"}.items():
        (tmp_path / name).symlink_to(target)
        reason = "report-path-not-a-report" if name == "link" else "report-path-not-a-file"
        refused(warehouse, tmp_path / name, reason)
        assert (tmp_path / name).is_symlink()
    write_report(warehouse.query, MODELS, tmp_path / "report.html", {})
    (tmp_path / "latest").symlink_to("report.html")
    write_report(warehouse.query, MODELS, tmp_path / "latest", {})
    assert not (tmp_path / "latest").is_symlink()
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_link_to_itself_among_the_files_that_a_run_needs(warehouse: Warehouse, out: Path) -> None:
    loop = out.with_name("loop")
    loop.symlink_to("loop")
    project_files = {loop: "the lake", loop / "below": "a file of source.url"}
    write_report(warehouse.query, MODELS, out, project_files)
    assert "which is the lake" in refused(warehouse, loop, "report-path-in-use", project_files).message


def test_a_folder_that_a_run_needs_and_that_may_not_be_looked_into(warehouse: Warehouse, out: Path) -> None:
    (out.parent / "denied").mkdir()
    with denied(out.parent / "denied"):
        write_report(warehouse.query, MODELS, out, {out.parent / "denied" / "lake": "the lake"})


def refused(
    warehouse: Warehouse, out: Path, reason: str, project_files: Mapping[Path, str] | None = None
) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        write_report(warehouse.query, MODELS, out, project_files or {})
    assert raised.value.reason == reason, str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["0", "0"], ["0.00", "0.25"]),
        (["5"], ["4", "6"]),
        (["113.20", "123.45"], ["110", "125"]),
        (["10", "100"], ["0", "100"]),
        (["0.01", "0.02"], ["0.01", "0.02"]),
        (["-5", "5"], ["−5.00", "5.00"]),
        (["1000000", "9000000"], ["0", "10,000,000"]),
    ],
)
def test_axis_of_a_line_holds_all_values(values: list[str], labels: list[str]) -> None:
    series = [Observation(date(2024, 1, 1 + place), Decimal(value)) for place, value in enumerate(values)]
    chart = line_chart("Price", series, Period.DAY, money)

    assert chart is not None
    assert [chart.y_ticks[0].label, chart.y_ticks[-1].label] == labels
    assert 2 <= len(chart.y_ticks) <= 7
    low, high = chart.y_ticks[0].place, chart.y_ticks[-1].place
    assert all(mark.y is not None and high <= mark.y <= low for mark in chart.marks)


def test_a_line_breaks_where_a_value_is_missing() -> None:
    days = [1, 2, 3, 4, 6]
    series = [Observation(date(2024, 1, day), None if day == 3 else Decimal(day)) for day in days]
    chart = line_chart("Rate", series, Period.DAY, percent)

    assert chart is not None
    assert len(chart.paths) == 3


def test_bars_stand_on_zero_and_months_follow_each_other() -> None:
    series = [Observation(date(2023, month, 1), Decimal(month)) for month in (10, 11, 12)]
    series.append(Observation(date(2024, 2, 1), Decimal(40), is_open=True))
    chart = bar_chart("Nights", series, Period.MONTH, decimal)

    assert chart is not None
    assert chart.y_ticks[0].label == "0"
    steps = [round(after.x - before.x) for before, after in zip(chart.marks, chart.marks[1:], strict=False)]
    assert steps[0] == steps[1]
    assert steps[2] == pytest.approx(2 * steps[0], abs=1)
    assert [mark.is_open for mark in chart.marks] == [False, False, False, True]


def test_a_series_without_values_has_no_chart() -> None:
    assert line_chart("Rate", [], Period.DAY, percent) is None
    assert bar_chart("Rate", [Observation(date(2024, 1, 1), None)], Period.MONTH, percent) is None

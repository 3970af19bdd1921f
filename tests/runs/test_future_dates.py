"""Dates that nobody lived yet, or nobody can have meant: they are counted and told, and move no other number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from rental_analytics.databases.sqlite.database import SqliteDatabase
from runs.harness import Pipeline, Source, failure

pytestmark = pytest.mark.slow
NOW = date(2024, 3, 20)
FAR = "2062-01-10 00:00:00.000000"


def filled(folder: Path) -> Source:
    source = Source.sqlite(folder / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2})
    source.insert("bookings", {"booking_id": 1, "updated_at": "2024-03-02 00:00:00.000000"})
    source.insert("user_viewing", {"id": 1})
    return source


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The numbers of the source as it is filled, on the day at noon."""
    folder = tmp_path_factory.mktemp("right")
    pipeline = Pipeline(folder / "run", filled(folder).url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "server_time", lambda _: datetime(2024, 3, 20, 12))  # noqa: DTZ001
        pipeline.run()
    return metrics(pipeline)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the database server's clock."""

    def stop(moment: str) -> None:
        monkeypatch.setattr(SqliteDatabase, "server_time", lambda _: datetime.fromisoformat(moment))

    return stop


def metrics(pipeline: Pipeline) -> dict[str, object]:
    tables: dict[str, object] = dict(pipeline.tables("presentation"))
    tables["as_of"] = pipeline.rows("SELECT as_of FROM ops.run_parameters")
    return tables


def warnings(pipeline: Pipeline, run_id: str) -> dict[str, int]:
    found = pipeline.rows(
        "SELECT table_name || ': ' || check_name, failed_rows FROM ops.check_results "
        f"WHERE run_id = '{run_id}' AND severity = 'warn' AND check_name LIKE '%in_future' AND failed_rows > 0"
    )
    return dict(found)  # type: ignore[arg-type]


def test_a_date_in_the_future_moves_no_other_number(
    source: Source, tmp_path: Path, at: Callable[[str], None], right: dict[str, object]
) -> None:
    at("2024-03-20 12:00:00")
    stay = {"checkin_date": "2062-02-01", "checkout_date": "2062-02-03", "booking_status": "pending"}
    source.insert("bookings", {"booking_id": 2, "booking_date": FAR, "updated_at": FAR, **stay})
    source.insert("user_viewing", {"id": 2, "viewed_at": FAR})
    source.execute(f"UPDATE apartments SET last_modified_timestamp = '{FAR}' WHERE id = 2")
    pipeline = Pipeline(tmp_path / "run", source.url)
    run = pipeline.run().run.run_id

    found = metrics(pipeline)
    assert found["as_of"] == [(date(2024, 3, 1),)]
    assert pipeline.rows("SELECT COUNT(*) FROM presentation.occupancy_rate_monthly") == [(3,)]
    assert {name for name in right if found[name] != right[name]} <= {"presentation.average_listing_price_weekly"}
    assert warnings(pipeline, run) == {
        "bookings: booked_in_future": 1,
        "viewings: viewed_in_future": 1,
        "listings: modified_in_future": 1,
    }
    # The next run warns anew of what it reads anew, and counts the rest once.
    pipeline.run()
    assert metrics(pipeline) == found


def test_a_day_counts_once_the_server_has_reached_it(source: Source, tmp_path: Path, at: Callable[[str], None]) -> None:
    source.insert("user_viewing", {"id": 2, "viewed_at": "2024-03-21 00:00:00.000000"})
    pipeline = Pipeline(tmp_path / "run", source.url)
    for moment, as_of in (
        ("2024-03-20 23:59:59.999999", date(2024, 3, 1)),
        ("2024-03-21 00:00:00", date(2024, 3, 21)),
        ("2024-03-25 00:00:00", date(2024, 3, 21)),
    ):
        at(moment)
        pipeline.run()
        assert pipeline.rows("SELECT as_of FROM ops.run_parameters") == [(as_of,)]


def test_where_all_lies_in_the_future_numbers_end_today(
    source: Source, tmp_path: Path, at: Callable[[str], None]
) -> None:
    at("2023-12-31 12:00:00")
    pipeline = Pipeline(tmp_path / "run", source.url)
    pipeline.run()
    assert pipeline.rows("SELECT as_of FROM ops.run_parameters") == [(date(2023, 12, 31),)]


def test_numbers_asked_for_end_on_a_day_that_has_begun(
    source: Source, tmp_path: Path, at: Callable[[str], None]
) -> None:
    pipeline = Pipeline(tmp_path / "run", source.url)
    # One currency, for rates of so many days.
    (pipeline.folder / "rates.csv").write_text("rate_date,currency,usd_per_unit\n2024-02-29,CHF,1.1319\n")
    for moment, refused, told, last in (
        ("2024-03-20 23:59:59.999999", "2024-03-21", "2024-03-20, the day of the run", "2024-03-20"),
        ("2150-06-01 00:00:00", "2100-01-01", "2099-12-31, the last day of the calendar", "2099-12-31"),
    ):
        at(moment)
        error = failure(pipeline.run, as_of=date.fromisoformat(refused))
        assert (error.reason, error.exit_code) == ("as-of-in-future", 2)
        assert f"as_of is after {told}" in error.message
        pipeline.run(as_of=date.fromisoformat(last))
        assert pipeline.rows("SELECT as_of FROM ops.run_parameters") == [(date.fromisoformat(last),)]


def test_dates_that_nobody_meant_leave_the_others_alone(
    source: Source, tmp_path: Path, at: Callable[[str], None], right: dict[str, object]
) -> None:
    at("2024-03-20 12:00:00")
    far = {"checkin_date": "9999-12-29", "checkout_date": "9999-12-31"}
    source.insert("bookings", {"booking_id": 2, "updated_at": "2024-03-02 00:00:00.000000", **far})
    source.insert("user_viewing", {"id": 2, "viewed_at": "1970-01-01 00:00:00.000000"})
    pipeline = Pipeline(tmp_path / "run", source.url)
    run = pipeline.run().run.run_id

    assert metrics(pipeline) == right
    rejected = pipeline.rows(f"SELECT table_name, row_key, rules FROM ops.rejected_rows WHERE run_id = '{run}'")
    assert rejected == [("bookings", "2", "value_out_of_range")]

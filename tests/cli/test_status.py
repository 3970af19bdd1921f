"""`rental status --check`: what it takes for failed or out of date, and that what it advises puts that right."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import ask_warehouse, assert_refused, change_source
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse

pytestmark = pytest.mark.slow


def checked(rental: Rental, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, reason, and the line of the error."""
    result = rental(folder, "status", "--check", "--json", *arguments)
    record = json.loads(result.out)
    assert record["check"]["ok"] is (result.code == 0)
    assert bool(result.err) is bool(result.code)
    return result.code, record["check"]["reason"] or "", result.err


@pytest.mark.remedy("no-run-yet")
def test_no_run_at_all(folder: Path, rental: Rental) -> None:
    warehouse = DuckDbWarehouse(folder / "warehouse.duckdb")
    warehouse.open()
    warehouse.publish()
    code, reason, line = checked(rental, folder)
    assert (code, reason) == (1, "no-run-yet")
    assert "start one with `rental run`" in line
    rental(folder, "run").ok()
    assert checked(rental, folder) == (0, "", "")


@pytest.mark.remedy("last-start-failed")
def test_a_start_that_failed_is_seen_before_and_after_it_is_in_ops(loaded: Path, rental: Rental) -> None:
    rental(loaded, "run", "--set", "source.url=sqlite:///nowhere.db")
    code, reason, line = checked(rental, loaded)
    assert (code, reason) == (1, "last-start-failed")
    assert "There is no SQLite file" in line
    assert "Remedy: correct source.url, or make one with" in line
    listed = json.loads(rental(loaded, "status", "--json").ok().out)["runs"]
    assert [(row["kind"], row["status"], row["sequence"], row["follows"]) for row in listed] == [
        ("not begun", "failed", None, 1),
        ("changes", "succeeded", 1, None),
    ]
    shown = rental(loaded, "status").ok().out
    assert "not begun" in shown
    assert f"{listed[0]['run_id']}: There is no SQLite file" in shown
    rental(loaded, "run", "--run-id", "second").ok()
    assert checked(rental, loaded) == (0, "", "")
    again = json.loads(rental(loaded, "status", "--json").ok().out)["runs"]
    assert [row["run_id"] for row in again] == ["second", listed[0]["run_id"], "first"]
    assert again[1] == listed[0]
    assert listed[0]["run_id"] in rental(loaded, "status", listed[0]["run_id"]).ok().out


@pytest.mark.remedy("last-run-failed")
def test_a_run_that_failed(loaded: Path, rental: Rental) -> None:
    change_source(loaded, "UPDATE bookings SET total_price = 'much', updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')")
    assert rental(loaded, "run", "--run-id", "broken").code == 1
    code, reason, line = checked(rental, loaded)
    assert (code, reason) == (1, "last-run-failed")
    assert "The last run, broken of 20" in line
    assert "Remedy: correct the value" in line
    change_source(loaded, "UPDATE bookings SET total_price = 10")
    rental(loaded, "run", "--resume", "broken").ok()
    assert checked(rental, loaded) == (0, "", "")


@pytest.mark.remedy("last-run-died")
def test_a_run_that_died(loaded: Path, rental: Rental) -> None:
    import duckdb

    with duckdb.connect(str(loaded / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE ops.runs SET status = 'running', finished_at = NULL")
    code, reason, line = checked(rental, loaded)
    assert (code, reason) == (1, "last-run-died")
    assert "rental run --resume first" in line
    rental(loaded, "run", "--resume", "first").ok()
    assert checked(rental, loaded) == (0, "", "")


@pytest.mark.remedy("data-stale")
def test_events_that_are_too_old(loaded: Path, rental: Rental) -> None:
    assert checked(rental, loaded, "--max-age", "3650 days") == (0, "", "")
    code, reason, line = checked(rental, loaded, "--max-age", "2 days")
    assert (code, reason) == (1, "data-stale")
    assert "The newest event that is loaded is of 2024-03-31 " in line
    assert "--max-age is 2 days" in line
    now = datetime.now(UTC) - timedelta(hours=1)
    change_source(
        loaded, f"UPDATE bookings SET booking_date = '{now:%Y-%m-%d %H:%M:%S}', updated_at = '{now:%Y-%m-%d %H:%M:%S}'"
    )
    rental(loaded, "run").ok()
    assert checked(rental, loaded, "--max-age", "2 days") == (0, "", "")


@pytest.mark.remedy("no-event")
def test_no_event_at_all(configured: Path, rental: Rental) -> None:
    rows = ("--listings", "5", "--bookings", "5", "--viewings", "5")
    empty = ("--listings", "0", "--bookings", "0", "--viewings", "0")
    rental(configured, "generate", "--to", "sqlite:///marketplace.db", *empty).ok()
    rental(configured, "run").ok()
    assert checked(rental, configured, "--max-age", "3650 days")[:2] == (1, "no-event")
    rental(configured, "generate", "--to", "sqlite:///marketplace.db", *rows, "--replace").ok()
    rental(configured, "run", "--full-refresh").ok()
    assert checked(rental, configured, "--max-age", "3650 days") == (0, "", "")


@pytest.mark.remedy("duration-malformed")
def test_how_an_age_is_written(loaded: Path, rental: Rental) -> None:
    for age in ("soon", "-1 day", "999999999999 days", ""):
        assert_refused(rental(loaded, "status", "--check", "--max-age", age), 2, "--max-age", "15 minutes or 1 day")
    assert checked(rental, loaded, "--max-age", "1 day")[:2] == (1, "data-stale")


def test_freshness_tells_the_newest_event_that_is_loaded(loaded: Path, rental: Rental) -> None:
    def newest() -> dict[str, str]:
        rows = json.loads(rental(loaded, "status", "--json").ok().out)["freshness"]
        return {row["table_name"]: row["newest_event"] for row in rows}

    before = newest()
    assert before["apartment_attributes"] is None
    assert before["bookings"].startswith("2024-03-31T")
    # What is in the future is no news, and what is not loaded neither.
    change_source(loaded, "UPDATE bookings SET booking_date = '2062-01-01 00:00:00' WHERE booking_id = 1")
    change_source(loaded, "UPDATE bookings SET updated_at = '2024-04-02 00:00:00' WHERE booking_id = 1")
    rental(loaded, "run").ok()
    assert newest() == before
    change_source(
        loaded, "UPDATE bookings SET booking_date = '2024-04-02 00:00:00', updated_at = '2024-04-02 01:00:00'"
    )
    rental(loaded, "run", "--step", "extract", "--step", "load-raw", "--run-id", "half").ok()
    assert newest() == before
    watermarks = ask_warehouse(loaded, "SELECT MIN(run_id) FROM ops.freshness WHERE table_name = 'bookings'")
    assert watermarks == [("half",)]
    rental(loaded, "run", "--resume", "half").ok()
    assert newest() == before | {"bookings": "2024-04-02T00:00:00"}


def test_a_lake_that_cannot_be_read_is_told(loaded: Path, rental: Rental) -> None:
    elsewhere = ("--set", "lake.url=gs://nowhere")
    result = rental(loaded, "status", *elsewhere).ok()
    assert "succeeded" in result.out
    assert "Starts that failed are missing" in result.err
    assert_refused_check = rental(loaded, "status", "--check", *elsewhere)
    assert assert_refused_check.code == 2
    assert "lake.url" in assert_refused_check.err


def test_options_that_do_not_go_together(loaded: Path, rental: Rental) -> None:
    for arguments in (("first", "--check"), ("--max-age", "1 day")):
        assert_refused(rental(loaded, "status", *arguments), 2, "--check")

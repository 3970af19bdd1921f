"""What a run and `rental status` tell beyond success: rows that vanish or are set aside, runs that are taken over."""

import json
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import ANSI, ask_warehouse, assert_refused, change_source, files, warehouse_tables
from cli.test_commands import read_terminal

NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
SPOILED = f"UPDATE bookings SET total_price = -1, updated_at = {NOW} WHERE booking_id % 2 = 0"


def change_warehouse(folder: Path, *statements: str) -> None:
    import duckdb

    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.slow
def test_vanished_and_rejected_rows_are_told_per_table(loaded: Path, rental: Rental) -> None:
    gone = "(SELECT booking_id FROM bookings ORDER BY booking_id LIMIT {})"
    change_source(
        loaded,
        f"DELETE FROM bookings WHERE booking_id IN {gone.format(12)}",
        f"UPDATE bookings SET booking_status = '?', updated_at = {NOW} WHERE booking_id IN {gone.format(1)}",
    )
    told = rental(loaded, "run", "--set", "quality.max_rejected_share=1").ok().err
    assert "bookings: 12 rows were deleted in the source and are now flagged as deleted\n" in told
    assert (
        "bookings: 1 row rejected (unknown_status 1 ('?' 1; see marketplace.statuses)); see ops.rejected_rows\n" in told
    )
    quiet = rental(loaded, "run").ok().err
    assert "deleted in the source" not in quiet
    assert "rejected" not in quiet


@pytest.mark.slow
def test_runs_taken_over_and_steps_done_before_are_told(loaded: Path, rental: Rental) -> None:
    rental(loaded, "run", "--run-id", "left", "--step", "extract").ok()
    assert "transform: includes what run left read\n" in rental(loaded, "run", "--run-id", "next").ok().err
    again = rental(loaded, "run", "--resume", "next").ok().err
    assert "load-raw: done before\n" in again
    assert "transform: done before, checked again\n" in again
    assert "skipped" not in again


@pytest.mark.slow
def test_a_range_or_a_day_where_nothing_is_are_told(loaded: Path, rental: Rental) -> None:
    for day, told in (
        ("1990-01-01", "as_of 1990-01-01 is before the first booking, 20"),
        ("2024-06-01", "as_of 2024-06-01 is after the newest day in the data, 2024-03-31"),
    ):
        assert told in rental(loaded, "run", "--as-of", day).ok().err
    assert "as_of" not in rental(loaded, "run", "--as-of", "2024-03-01").ok().err
    assert (
        "nothing in the range" not in rental(loaded, "backfill", "--from", "2024-03-01", "--to", "2024-03-31").ok().err
    )
    told = rental(loaded, "backfill", "--from", "1990-01-01", "--to", "1990-01-31").ok().err
    assert "nothing in the range 1990-01-01 to 1990-01-31" in told


@pytest.mark.slow
def test_what_stopped_a_run_is_in_ops_and_not_there_twice(loaded: Path, rental: Rental) -> None:
    change_source(loaded, SPOILED)
    before = warehouse_tables(loaded)
    counted = (
        "SELECT (SELECT COUNT(*) FROM ops.rejected_rows WHERE run_id = 'second'), "
        "(SELECT SUM(rejected) FROM ops.row_accounting WHERE run_id = 'second'), "
        "(SELECT SUM(failed_rows) FROM ops.check_results WHERE run_id = 'second' AND check_name = 'negative_price')"
    )
    for arguments in (("--run-id", "second"), ("--resume", "second")):
        line = assert_refused(rental(loaded, "run", *arguments), 3, "negative_price", "quality.min_rejected_rows")
        sample = ask_warehouse(loaded, "SELECT MIN(CAST(row_key AS BIGINT)) FROM ops.rejected_rows")[0][0]
        assert f", such as {sample}" in line
        (counts,) = ask_warehouse(loaded, counted)
        assert len(set(counts)) == 1
        assert counts[0] > 10
    assert warehouse_tables(loaded) == before
    shown = rental(loaded, "status", "second").ok().out
    assert "negative_price" in shown
    assert str(counts[0]) in shown
    rental(loaded, "run", "--resume", "second", "--set", "quality.max_rejected_share=1").ok()
    assert ask_warehouse(loaded, counted) == [counts]
    checks = "SELECT COUNT(*) FROM ops.check_results WHERE run_id = 'second'"
    complete = ask_warehouse(loaded, checks)
    assert_refused(rental(loaded, "run", "--resume", "second"), 3, "negative_price")
    assert ask_warehouse(loaded, checks) == complete


@pytest.mark.slow
def test_status_tells_the_kind_of_a_run_and_whose_error_it_shows(loaded: Path, rental: Rental) -> None:
    rental(loaded, "backfill", "--from", "2024-03-01", "--to", "2024-03-02", "--run-id", "again").ok()
    rental(loaded, "run", "--full-refresh", "--run-id", "whole").ok()
    change_source(loaded, SPOILED)
    assert rental(loaded, "run", "--run-id", "bad").code == 3
    runs = {row["run_id"]: row for row in json.loads(rental(loaded, "status", "--json").ok().out)["runs"]}
    assert {run: row["kind"] for run, row in runs.items()} == {
        "first": "changes",
        "again": "backfill 2024-03-01 to 2024-03-02",
        "whole": "full refresh",
        "bad": "changes",
    }
    assert (runs["again"]["backfill_from"], runs["again"]["backfill_to"]) == ("2024-03-01", "2024-03-02")
    assert runs["bad"]["rejected"] > runs["first"]["rejected"] == 0
    shown = rental(loaded, "status").ok().out
    assert [line for line in shown.splitlines() if line.startswith("bad: ")]
    steps = json.loads(rental(loaded, "status", "first", "--json").ok().out)["run_steps"]
    assert {type(step["seconds"]) for step in steps} <= {int, float}


@pytest.mark.slow
def test_status_fits_80_columns_and_says_when_there_are_more_runs(loaded: Path) -> None:
    change_warehouse(
        loaded,
        """INSERT INTO ops.runs (run_id, sequence, status, started_at, finished_at, backfill_from, backfill_to)
        SELECT '20240401T000000Z-' || lpad(CAST(n AS VARCHAR), 6, '0'), n + 1, 'succeeded',
        TIMESTAMP '2024-04-01 10:00:00',
        TIMESTAMP '2024-04-01 10:10:10', DATE '2024-03-01', DATE '2024-03-31'
        FROM range(1, 25) AS numbers (n)""",
    )
    code, shown = read_terminal(loaded, "status", columns=80)
    lines = [line.rstrip() for line in ANSI.sub("", shown).splitlines()]
    assert code == 0, shown
    assert sum(line.startswith("20240401T") for line in lines) == 20
    assert any(line.startswith("20240401T000000Z-000024  succeeded") for line in lines), shown
    assert any(line.startswith("The newest 20 runs;") for line in lines), shown
    assert all(len(line) <= 80 or line.startswith("The newest") for line in lines), shown


@pytest.mark.slow
def test_a_table_too_wide_for_the_terminal_is_shown_row_by_row(loaded: Path) -> None:
    code, shown = read_terminal(loaded, "query", "SELECT * FROM ops.proofs ORDER BY table_name")
    assert code == 0
    lines = [line.rstrip() for line in ANSI.sub("", shown).splitlines()]
    assert any(line.startswith("row 4 ") for line in lines)
    assert "table_name      apartment_attributes" in lines
    assert any(line.split()[:1] == ["extracted_rows"] for line in lines)


@pytest.mark.slow
def test_a_warehouse_of_before_gets_new_columns(loaded: Path, rental: Rental) -> None:
    change_warehouse(loaded, "ALTER TABLE ops.runs DROP backfill_from", "ALTER TABLE ops.runs DROP backfill_to")
    assert "changes" in rental(loaded, "status").ok().out
    rental(loaded, "backfill", "--from", "2024-03-01", "--to", "2024-03-02").ok()
    assert "backfill 2024-03-01 to 2024-03-02" in rental(loaded, "status").ok().out


@pytest.mark.slow
def test_a_run_continued_after_a_newer_one_does_not_turn_freshness_back(loaded: Path, rental: Rental) -> None:
    rental(loaded, "run", "--run-id", "older", "--step", "extract").ok()
    rental(loaded, "run", "--run-id", "newer", "--step", "extract", "--step", "load-raw").ok()
    rental(loaded, "run", "--resume", "older", "--step", "load-raw").ok()
    assert ask_warehouse(loaded, "SELECT DISTINCT run_id FROM ops.freshness") == [("newer",)]


@pytest.mark.slow
def test_a_report_before_there_are_metrics_or_to_a_folder(folder: Path, loaded: Path, rental: Rental) -> None:
    rental(folder, "run", "--step", "extract").ok()
    assert_refused(rental(folder, "report"), 2, "no metrics yet", "rental run")
    assert_refused(rental(loaded, "report", "--out", "."), 2, "is a folder", "report.html")


# Each way to name a file that a run needs, and what it is called.
TAKEN = {
    "warehouse.duckdb": "warehouse.url",
    "warehouse.duckdb.wal": "warehouse.url",
    "warehouse.duckdb.tmp/x.html": "warehouse.url",
    "warehouse.duckdb.work/origin.json": "warehouse.url",
    "marketplace.db": "source.url",
    "marketplace.db-journal": "source.url",
    "rates.csv": "reference.exchange_rates",
    "rental.toml": "the configuration file",
    "lake": "the lake",
    "lake/report.html": "the lake",
    "lake/runs/first/run.json": "the lake",
    "lake/new/report.html": "the lake",
    "lake/../warehouse.duckdb": "warehouse.url",
    "hard-link.html": "warehouse.url",
    "link.html": "warehouse.url",
    "linked/report.html": "the lake",
}


@pytest.mark.slow
def test_a_report_replaces_nothing_that_a_run_needs(loaded: Path, rental: Rental) -> None:
    (loaded / "warehouse.duckdb.tmp").mkdir()
    (loaded / "warehouse.duckdb.work").mkdir()
    (loaded / "hard-link.html").hardlink_to(loaded / "warehouse.duckdb")
    (loaded / "link.html").symlink_to("warehouse.duckdb")
    (loaded / "linked").symlink_to("lake")
    before = files(loaded)
    for place, name in TAKEN.items():
        for out in (place, str(loaded / place)):
            assert_refused(rental(loaded, "report", "--out", out), 2, f"{out}, which ", name, "choose another file")
    assert files(loaded) == before
    rental(loaded, "report").ok()
    rental(loaded, "report").ok()
    assert files(loaded).keys() - before.keys() == {"report.html"}

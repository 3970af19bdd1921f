"""What only a SQLite file does as a source: moments are texts of many shapes, and a writer locks the whole file."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import Window
from rental_analytics.databases.planning import plan_read
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import SourceError, SourceUnavailableError
from runs.harness import Pipeline, Source, failure
from support.breadth import sampled

pytestmark = pytest.mark.slow

RAW = ("extract", "load-raw")
CURATED = ("extract", "transform", "load-curated")
FIFTH, SIXTH = date(2024, 3, 5), date(2024, 3, 6)
# What DuckDB makes of a text decides on which day an event is; SQLite reads many of them otherwise, or not at all.
TEXTS = {
    "2024-03-05": FIFTH,
    "2024-03-05T23:59:59.999Z": FIFTH,
    "2024-3-5 09:00:00": FIFTH,
    "2024/03/05": FIFTH,
    " 2024-03-05 09:00:00": FIFTH,
    "2024-03-05 09:00:00+02": FIFTH,
    "2024-03-05 09:00:00+0200": FIFTH,
    "2024-03-06 01:00:00+02": FIFTH,
    "2024-03-05 23:00:00-02": SIXTH,
    "2024-03-06 01:59:59.9999999+02:00": FIFTH,
    "2024-03-05 23:59:59.9999999": FIFTH,
    "2024-03-05 24:00:00": SIXTH,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "marketplace.db"


@pytest.fixture
def source(file: Path) -> Source:
    return Source.sqlite(file)


@pytest.fixture(params=sampled(["duckdb", "spark"], ["duckdb"]))
def pipeline(request: pytest.FixtureRequest, source: Source, tmp_path: Path) -> Pipeline:
    if request.param == "spark":
        request.getfixturevalue("spark")
    return Pipeline(tmp_path / "run", source.url, f"engine.kind={request.param}")


@pytest.mark.parametrize("text", TEXTS)
def test_rows_of_a_day_are_found_however_it_is_written(source: Source, file: Path, text: str) -> None:
    source.execute("CREATE TABLE viewings (id INT, viewed_at DATETIME)")
    source.execute(f"INSERT INTO viewings VALUES (1, '{text}'), (2, NULL), (3, '2024-03-03'), (4, '2024-03-08')")
    names = {"id": "integer", "viewed_at": "timestamp"}
    contract = {
        "name": "viewings",
        "description": "Viewings",
        "event_time": "viewed_at",
        "columns": {name: {"type": kind, "description": "A cell"} for name, kind in names.items()},
    }
    database = SqliteDatabase(file)
    plan = plan_read(database, SourceTable.model_validate(contract), database.catalogue()["viewings"])
    start = datetime.combine(TEXTS[text], datetime.min.time())
    condition = database.range_filter(plan, Window(start, start + timedelta(days=1)))
    with database.read(database.select(plan, plan.columns, condition)) as reader:
        assert [value for batch in reader for value in batch.column("id").to_pylist()] == ["1"]


@pytest.mark.parametrize("pipeline", ["duckdb"], indirect=True)
def test_a_backfill_loses_no_event(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("user_viewing", *({"viewed_at": text, "user_id": user} for user, text in enumerate(TEXTS)))
    pipeline.run(steps=CURATED)
    before = pipeline.tables("curated")["curated.viewings"]
    assert len(before) == len(TEXTS)
    for day in (FIFTH, SIXTH):
        pipeline.run(backfill=(day, day), steps=CURATED)
        assert pipeline.tables("curated")["curated.viewings"] == before


def test_later_runs_double_no_event(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("user_viewing", *({"viewed_at": text, "user_id": user} for user, text in enumerate(TEXTS)))
    pipeline.run(steps=RAW)
    for day in (8, 9):
        source.insert("user_viewing", {"viewed_at": f"2024-05-0{day} 10:00:00", "user_id": 50 + day})
        pipeline.run(steps=RAW)
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(len(TEXTS) + 2,)]


@pytest.mark.remedy("value-not-of-type")
def test_zone_by_name_stops_the_run(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert(
        "user_viewing", {"viewed_at": "2024-03-05 09:00:00 Europe/Berlin"}, {"viewed_at": "2024-03-05 09:00:00"}
    )
    error = failure(pipeline.run)
    assert "user_viewing.viewed_at holds '2024-03-05 09:00:00 Europe/Berlin'" in error.message
    assert error.reason == "value-not-of-type"
    source.execute("UPDATE user_viewing SET viewed_at = '2024-03-05 08:00:00' WHERE viewed_at LIKE '%Berlin'")
    pipeline.run(steps=RAW)
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(2,)]


@pytest.mark.remedy("sqlite-locked")
def test_locked_file_may_pass(source: Source, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rental_analytics.databases.sqlite.database._PATIENCE", 0)
    source.execute("CREATE TABLE viewings (id INT)")
    database = SqliteDatabase(file)

    def read() -> None:
        with database.read("SELECT 1 AS _first, '' AS id UNION ALL SELECT 0, id FROM viewings") as reader:
            list(reader)

    # In a process of its own, since locks do not hold against the process that took them.
    lock = (
        f"import sqlite3, sys; connection = sqlite3.connect({str(file)!r}, isolation_level=None); "
        "connection.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    calls: tuple[Callable[[], object], ...] = (database.catalogue, read)
    with subprocess.Popen([sys.executable, "-c", lock], stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout
        writer.stdout.readline()
        for call in calls:
            error = failure(call)
            assert isinstance(error, SourceUnavailableError)
            assert "database is locked" in error.message
            assert error.reason in {"sqlite-locked", "source-connection-lost"}
        writer.communicate()
    read()


def test_a_change_to_an_older_moment_that_only_the_lake_can_read(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("bookings", *({"booking_id": key, "updated_at": "2024-06-01 12:00:00"} for key in (1, 2)))
    pipeline.run(steps=RAW)
    source.execute("UPDATE bookings SET total_price = 7, updated_at = '2024-3-5 09:00:00' WHERE booking_id = 1")
    source.insert("bookings", {"booking_id": 3, "updated_at": "2024/03/05"})
    pipeline.run(steps=RAW)
    assert pipeline.rows("SELECT booking_id, CAST(total_price AS INTEGER) FROM raw_data.bookings ORDER BY 1") == [
        (1, 7),
        (2, 300),
        (3, 300),
    ]
    pipeline.run(steps=RAW)
    extracted = "SELECT extracted_rows FROM ops.proofs WHERE table_name = 'bookings' ORDER BY window_upper DESC LIMIT 1"
    assert pipeline.rows(extracted) == [(0,)]


@pytest.mark.remedy("text-not-utf8")
def test_a_text_that_is_not_utf8_is_named(
    source: Source, pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 17})
    source.execute("UPDATE apartments SET title = CAST(x'4DFC6E63' AS TEXT) WHERE id = 17")
    error = failure(pipeline.run)
    assert isinstance(error, SourceError)
    assert error.reason == "text-not-utf8"
    assert error.message == "apartments.title holds a text that is not UTF-8, x'4dfc6e63', in the row with id 17."
    told = capfd.readouterr()
    assert "panicked" not in told.out + told.err
    source.execute("UPDATE apartments SET title = 'München' WHERE id = 17")
    pipeline.run(steps=RAW)
    assert pipeline.rows("SELECT title FROM raw_data.apartments WHERE id = 17") == [("München",)]

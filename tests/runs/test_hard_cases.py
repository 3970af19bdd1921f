"""Cases in which a row could be lost, doubled or taken for deleted though every single step does its work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import LakeError, ProofError, QualityError
from runs.harness import ON_MYSQL, ON_ONE_SOURCE, Kept, Pipeline, Source, failure

OLD = "2024-03-01 12:00:00.000000"
FEBRUARY = (date(2024, 2, 1), date(2024, 2, 29))
MARCH = (date(2024, 3, 1), date(2024, 3, 31))


def fill(source: Source) -> None:
    """Bookings whose newest cursor is of March, twenty events, and a listing."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1, "total_price": "100000.00", "updated_at": OLD})
    source.insert("bookings", *({"booking_id": key, "updated_at": OLD} for key in (2, 3)))
    source.insert("bookings", {"booking_id": 4, "updated_at": None})
    source.insert("bookings", {"booking_id": 5, "updated_at": "2024-01-05 12:00:00.000000"})
    source.insert("user_viewing", *({"user_id": key, "viewed_at": OLD} for key in range(20)))


Filled = tuple[Source, Pipeline]


@pytest.fixture
def filled(kept: Callable[[str], Kept], kind: str, tmp_path: Path) -> Filled:
    """The source, and the pipeline that has read it."""
    return kept(kind).again(tmp_path / "run")


def living(pipeline: Pipeline) -> list[int]:
    rows = pipeline.rows("SELECT booking_id FROM curated.bookings WHERE NOT is_deleted ORDER BY 1")
    return [key for (key,) in rows]


def viewings(pipeline: Pipeline) -> int:
    ((count,),) = pipeline.rows("SELECT COUNT(*) FROM curated.viewings")
    return int(count)


@ON_ONE_SOURCE
def test_rows_that_come_back_after_a_backfill_flagged_them(filled: Filled) -> None:
    """One with a cursor, and one without."""
    source, pipeline = filled
    source.execute("DELETE FROM bookings WHERE booking_id IN (3, 4)")
    pipeline.load(backfill=FEBRUARY)
    assert living(pipeline) == [1, 2, 5]
    source.insert("bookings", {"booking_id": 3, "updated_at": OLD}, {"booking_id": 4, "updated_at": None})
    pipeline.load()
    pipeline.load()
    assert living(pipeline) == [1, 2, 3, 4, 5]


@ON_ONE_SOURCE
def test_neither_a_row_without_a_key_nor_a_column_that_comes_doubles_anything_in_a_backfill(
    source: Source, pipeline: Pipeline
) -> None:
    source.create(optional=False, unique=False, tables=("apartments", "apartment_attributes", "user_viewing"))
    source.create(optional=True, unique=False, tables=("bookings",))
    source.insert("bookings", {"booking_id": None, "updated_at": OLD}, {"booking_id": 1, "updated_at": OLD})
    source.insert("user_viewing", *({"user_id": key, "viewed_at": OLD} for key in range(5)))
    pipeline.load()
    source.execute("ALTER TABLE user_viewing ADD COLUMN id BIGINT DEFAULT 7")
    pipeline.load(backfill=FEBRUARY)
    pipeline.load()
    pipeline.load()
    assert pipeline.rows("SELECT COUNT(*) FROM ops.rejected_rows") == [(1,)]
    assert viewings(pipeline) == 5


def test_rows_that_left_the_range_without_notice_are_found(filled: Filled) -> None:
    source, pipeline = filled
    source.execute("UPDATE bookings SET booking_date = '2024-06-02 12:00:00.000000' WHERE booking_id = 5")
    source.execute("UPDATE apartments SET last_modified_timestamp = '2024-06-01 10:00:00.000000', price = 7")
    pipeline.load(backfill=MARCH)
    assert pipeline.rows("SELECT CAST(booked_at AS DATE) FROM curated.bookings WHERE booking_id = 5") == [
        (date(2024, 6, 2),)
    ]
    pipeline.load(backfill=(date(2024, 1, 1), date(2024, 1, 31)))
    assert pipeline.rows("SELECT price FROM curated.listings") == [(7,)]


@ON_ONE_SOURCE
def test_an_emptied_table_is_noticed_when_its_mode_changes(filled: Filled) -> None:
    source, pipeline = filled
    source.execute("DELETE FROM bookings")
    low = "quality.min_deleted_rows=1"
    assert isinstance(failure(pipeline.load, low, "tables.bookings.mode=snapshot"), QualityError)
    assert living(pipeline) == [1, 2, 3, 4, 5]


@ON_MYSQL
def test_emptied_events_stop_a_run_and_a_backfill(filled: Filled) -> None:
    source, pipeline = filled
    source.execute("DELETE FROM user_viewing")
    for options in ({}, {"backfill": MARCH}, {"full_refresh": True}):
        error = failure(pipeline.load, **options)
        assert isinstance(error, QualityError)
        assert "20 of 20 rows of user_viewing" in error.message
    assert viewings(pipeline) == 20


@ON_ONE_SOURCE
def test_events_that_a_backfill_took_away_are_not_missed_again(filled: Filled) -> None:
    source, pipeline = filled
    source.execute("DELETE FROM user_viewing WHERE user_id > 4")
    pipeline.load("quality.max_deleted_share=1", backfill=MARCH)
    assert viewings(pipeline) == 5
    pipeline.load(full_refresh=True)
    assert viewings(pipeline) == 5


@ON_ONE_SOURCE
def test_a_full_refresh_mends_a_lake_that_lost_its_state(filled: Filled) -> None:
    _, pipeline = filled
    for file in (pipeline.folder / "lake" / "state").rglob("*.parquet"):
        file.unlink()
    assert isinstance(failure(pipeline.load), LakeError)
    pipeline.load(full_refresh=True)
    pipeline.load()
    assert living(pipeline) == [1, 2, 3, 4, 5]


@ON_MYSQL
def test_a_column_narrower_than_values_of_the_overlap(filled: Filled) -> None:
    source, pipeline = filled
    source.execute("DROP TABLE bookings")
    source.create(optional=True, tables=("bookings",))
    source.execute("ALTER TABLE bookings MODIFY total_price DECIMAL(6,2)")
    source.insert("bookings", {"booking_id": 9, "updated_at": OLD})
    pipeline.load()
    assert living(pipeline) == [9]


Batches = Callable[[pa.RecordBatch], pa.RecordBatch]


@contextmanager
def tampered(monkeypatch: pytest.MonkeyPatch, concerns: Callable[[str], bool], change: Batches) -> Iterator[None]:
    """Change what statements bring."""

    def wrap(kind: type[MySqlDatabase] | type[SqliteDatabase]) -> Callable[..., Any]:
        read = kind.read

        @contextmanager
        def changed(self: Any, sql: str, key: Sequence[str] = ()) -> Iterator[pa.RecordBatchReader]:
            with read(self, sql, key) as reader:
                batches = (change(batch) if concerns(sql) else batch for batch in reader)
                yield pa.RecordBatchReader.from_batches(reader.schema, batches)

        return changed

    with monkeypatch.context() as patch:
        for kind in (MySqlDatabase, SqliteDatabase):
            patch.setattr(kind, "read", wrap(kind))
        yield


def without_booking(key: int) -> Batches:
    return lambda batch: batch.filter(pc.not_equal(pc.cast(batch.column("booking_id"), pa.int64()), key))


def about_bookings(sql: str, *, whole: bool) -> bool:
    return "booking_id" in sql and ("booking_status" in sql) == whole


@ON_ONE_SOURCE
def test_a_key_lost_from_the_census_is_not_taken_for_deleted(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pipeline = filled
    seen: list[str] = []

    def first_census(sql: str) -> bool:
        if about_bookings(sql, whole=False):
            seen.append(sql)
        return about_bookings(sql, whole=False) and len(seen) == 1

    with tampered(monkeypatch, first_census, without_booking(5)):
        error = failure(pipeline.load)
    assert isinstance(error, ProofError)
    assert "booking_id 5" in error.message
    pipeline.load()
    assert living(pipeline) == [1, 2, 3, 4, 5]


def test_a_row_that_changes_all_the_time_and_never_comes(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    source, pipeline = filled
    moments = iter(f"2024-04-{1 + hour // 24:02} {hour % 24:02}:00:00.000000" for hour in range(500))
    busy = False

    def rows(sql: str) -> bool:
        nonlocal busy
        if "booking_id" in sql and not busy:
            busy = True
            source.execute(f"UPDATE bookings SET updated_at = '{next(moments)}' WHERE booking_id = 3")
            busy = False
        return about_bookings(sql, whole=True)

    with tampered(monkeypatch, rows, without_booking(3)):
        error = failure(pipeline.load)
    assert isinstance(error, ProofError)
    assert living(pipeline) == [1, 2, 3, 4, 5]


@ON_MYSQL
def test_a_row_of_a_range_that_did_not_come(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where rows have cursors, nor where they have none and the table is read whole."""
    source, pipeline = filled
    source.execute("UPDATE bookings SET updated_at = '2024-06-01 00:00:00.000000'")
    pipeline.load()
    for change in ("", "ALTER TABLE bookings DROP COLUMN updated_at"):
        if change:
            source.execute(change)
        with tampered(monkeypatch, lambda sql: about_bookings(sql, whole=True), without_booking(1)):
            error = failure(pipeline.load, backfill=MARCH)
        assert isinstance(error, ProofError)


def test_writers_do_not_disturb_the_proof_of_events(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    source, pipeline = filled
    written: list[str] = []

    def interfere(sql: str) -> bool:
        if "viewed_at" in sql and not written:
            written.append(sql)
            source.execute("DELETE FROM user_viewing WHERE user_id = 1")
            source.insert("user_viewing", {"user_id": 50, "viewed_at": OLD}, {"user_id": 51, "viewed_at": OLD})
        return False

    with tampered(monkeypatch, interfere, lambda batch: batch):
        pipeline.load(full_refresh=True)
    assert written
    pipeline.load(full_refresh=True)
    assert viewings(pipeline) == 21


@ON_MYSQL
def test_all_rows_of_events_lost(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pipeline = filled

    def rows(sql: str) -> bool:
        return "call_to_action" in sql

    with tampered(monkeypatch, rows, lambda batch: batch.slice(0, 0)):
        error = failure(pipeline.load, full_refresh=True)
    assert isinstance(error, ProofError)
    assert "20 rows did not arrive" in error.message

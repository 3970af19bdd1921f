"""Cases in which a row could be lost, doubled or taken for deleted though every single step does its work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.harness import Pipeline, Source, failure
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import LakeError, ProofError, QualityError

OLD = "2024-03-01 12:00:00.000000"
FEBRUARY = (date(2024, 2, 1), date(2024, 2, 29))
MARCH = (date(2024, 3, 1), date(2024, 3, 31))


@pytest.fixture
def filled(source: Source, pipeline: Pipeline) -> Source:
    """Bookings whose newest cursor is of March, and a listing."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", *({"booking_id": key, "updated_at": OLD} for key in (1, 2, 3)))
    source.insert("bookings", {"booking_id": 4, "updated_at": None})
    return source


def living(pipeline: Pipeline) -> list[int]:
    rows = pipeline.rows("SELECT booking_id FROM curated.bookings WHERE NOT is_deleted ORDER BY 1")
    return [key for (key,) in rows]


@pytest.mark.parametrize("key", [3, 4])
def test_a_row_that_comes_back_after_a_backfill_flagged_it(filled: Source, pipeline: Pipeline, key: int) -> None:
    pipeline.run()
    cursor = OLD if key == 3 else None
    filled.execute(f"DELETE FROM bookings WHERE booking_id = {key}")
    pipeline.run(backfill=FEBRUARY)
    assert key not in living(pipeline)
    filled.insert("bookings", {"booking_id": key, "updated_at": cursor})
    pipeline.run()
    pipeline.run()
    assert living(pipeline) == [1, 2, 3, 4]


def test_a_backfill_does_not_reject_a_row_without_a_key_twice(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True, unique=False)
    source.insert("bookings", {"booking_id": None, "updated_at": OLD}, {"booking_id": 1, "updated_at": OLD})
    pipeline.run()
    pipeline.run(backfill=FEBRUARY)
    pipeline.run()
    assert pipeline.rows("SELECT COUNT(*) FROM ops.rejected_rows") == [(1,)]


def test_a_column_that_comes_before_a_backfill_doubles_no_event(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=False)
    source.insert("user_viewing", *({"user_id": key, "viewed_at": OLD} for key in range(5)))
    pipeline.run()
    source.execute("ALTER TABLE user_viewing ADD COLUMN id BIGINT DEFAULT 7")
    pipeline.run(backfill=FEBRUARY)
    pipeline.run()
    pipeline.run()
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(5,)]


def test_rows_that_left_the_range_without_notice_are_found(filled: Source, pipeline: Pipeline) -> None:
    filled.insert("bookings", {"booking_id": 5, "booking_date": OLD, "updated_at": "2024-01-05 12:00:00.000000"})
    pipeline.run()
    filled.execute("UPDATE bookings SET booking_date = '2024-06-02 12:00:00.000000' WHERE booking_id = 5")
    filled.execute("UPDATE apartments SET last_modified_timestamp = '2024-06-01 10:00:00.000000', price = 7")
    pipeline.run(backfill=MARCH)
    assert pipeline.rows("SELECT CAST(booked_at AS DATE) FROM curated.bookings WHERE booking_id = 5") == [
        (date(2024, 6, 2),)
    ]
    pipeline.run(backfill=(date(2024, 1, 1), date(2024, 1, 31)))
    assert pipeline.rows("SELECT price FROM curated.listings") == [(7,)]


def test_the_last_day_there_is_can_be_asked_for(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run()
    pipeline.run(backfill=(date(1, 1, 1), date(9999, 12, 31)))
    assert living(pipeline) == [1, 2, 3, 4]


def test_an_emptied_table_is_noticed_when_its_mode_changes(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("bookings", *({"booking_id": key, "updated_at": OLD} for key in range(20)))
    pipeline.run()
    source.execute("DELETE FROM bookings")
    assert isinstance(failure(pipeline.run, "tables.bookings.mode=snapshot"), QualityError)
    assert len(living(pipeline)) == 20


@pytest.fixture
def events(source: Source, pipeline: Pipeline) -> Source:
    """Twenty events of March, read."""
    source.create(optional=True)
    source.insert("user_viewing", *({"user_id": key, "viewed_at": OLD} for key in range(20)))
    pipeline.run()
    return source


def test_emptied_events_stop_a_run_and_a_backfill(events: Source, pipeline: Pipeline) -> None:
    events.execute("DELETE FROM user_viewing")
    for options in ({}, {"backfill": MARCH}, {"full_refresh": True}):
        error = failure(pipeline.run, **options)
        assert isinstance(error, QualityError)
        assert "20 of 20 rows of user_viewing" in error.message
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(20,)]


def test_events_that_a_backfill_took_away_are_not_missed_again(events: Source, pipeline: Pipeline) -> None:
    events.execute("DELETE FROM user_viewing WHERE user_id > 4")
    pipeline.run("quality.max_deleted_share=1", backfill=MARCH)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(5,)]
    pipeline.run(full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(5,)]


def test_a_full_refresh_mends_a_lake_that_lost_its_state(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run()
    for file in (pipeline.folder / "lake" / "state").rglob("*.parquet"):
        file.unlink()
    assert isinstance(failure(pipeline.run), LakeError)
    pipeline.run(full_refresh=True)
    pipeline.run()
    assert living(pipeline) == [1, 2, 3, 4]


def test_a_column_narrower_than_values_of_the_overlap(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("bookings", {"booking_id": 1, "total_price": "100000.00", "updated_at": OLD})
    pipeline.run()
    source.execute("DELETE FROM bookings")
    source.execute("DROP TABLE bookings")
    source.create(optional=True, tables=("bookings",))
    if source.url.startswith("mysql"):
        source.execute("ALTER TABLE bookings MODIFY total_price DECIMAL(6,2)")
    source.insert("bookings", {"booking_id": 2, "updated_at": OLD})
    pipeline.run()
    assert living(pipeline) == [2]


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


def test_a_key_lost_from_the_census_is_not_taken_for_deleted(
    filled: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.insert("bookings", {"booking_id": 9, "updated_at": "2024-01-01 12:00:00.000000"})
    pipeline.run()
    seen: list[str] = []

    def first_census(sql: str) -> bool:
        if about_bookings(sql, whole=False):
            seen.append(sql)
        return about_bookings(sql, whole=False) and len(seen) == 1

    with tampered(monkeypatch, first_census, without_booking(9)):
        error = failure(pipeline.run)
    assert isinstance(error, ProofError)
    assert "booking_id 9" in error.message
    pipeline.run()
    assert living(pipeline) == [1, 2, 3, 4, 9]


def test_a_row_that_changes_all_the_time_and_never_comes(
    filled: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run()
    moments = iter(f"2024-04-{1 + hour // 24:02} {hour % 24:02}:00:00.000000" for hour in range(500))
    busy = False

    def rows(sql: str) -> bool:
        nonlocal busy
        if "booking_id" in sql and not busy:
            busy = True
            filled.execute(f"UPDATE bookings SET updated_at = '{next(moments)}' WHERE booking_id = 3")
            busy = False
        return about_bookings(sql, whole=True)

    with tampered(monkeypatch, rows, without_booking(3)):
        error = failure(pipeline.run)
    assert isinstance(error, ProofError)
    assert living(pipeline) == [1, 2, 3, 4]


@pytest.mark.parametrize("optional", [True, False])
def test_a_row_of_a_range_that_did_not_come(
    source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, optional: bool
) -> None:
    source.create(optional=optional)
    updated = {"updated_at": "2024-06-01 00:00:00.000000"} if optional else {}
    source.insert("bookings", *({"booking_id": key, "booking_date": OLD} | updated for key in (1, 2)))
    pipeline.run()
    with tampered(monkeypatch, lambda sql: about_bookings(sql, whole=True), without_booking(1)):
        error = failure(pipeline.run, backfill=MARCH)
    assert isinstance(error, ProofError)


def test_writers_do_not_disturb_the_proof_of_events(
    events: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def interfere(sql: str) -> bool:
        if "viewed_at" in sql and not written:
            written.append(sql)
            events.execute("DELETE FROM user_viewing WHERE user_id = 1")
            events.insert("user_viewing", {"user_id": 50, "viewed_at": OLD}, {"user_id": 51, "viewed_at": OLD})
        return False

    with tampered(monkeypatch, interfere, lambda batch: batch):
        pipeline.run(full_refresh=True)
    assert written
    pipeline.run(full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(21,)]


def test_all_rows_of_events_lost(events: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(sql: str) -> bool:
        return "call_to_action" in sql

    with tampered(monkeypatch, rows, lambda batch: batch.slice(0, 0)):
        error = failure(pipeline.run, full_refresh=True)
    assert isinstance(error, ProofError)
    assert "20 rows did not arrive" in error.message

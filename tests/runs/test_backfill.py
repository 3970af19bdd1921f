"""A backfill makes its range what a full rebuild would make of it, and leaves the watermark alone."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from rental_analytics.errors import ConfigurationError
from runs.harness import ON_ONE_SOURCE, Kept, Pipeline, Source, failure

MARCH = (date(2024, 3, 1), date(2024, 3, 31))


Filled = tuple[Source, Pipeline]


def fill(source: Source) -> None:
    """Rows in February, March and April."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "last_modified_timestamp": "2024-03-05 10:00:00.000000"})
    for number, month in enumerate(("02", "03", "04"), start=1):
        moment = f"2024-{month}-10 12:00:00.000000"
        source.insert("bookings", {"booking_id": number, "booking_date": moment, "updated_at": moment})
        source.insert("user_viewing", {"viewed_at": moment}, {"viewed_at": moment})
    gone = "2024-03-15 12:00:00.000000"
    source.insert("bookings", {"booking_id": 4, "booking_date": gone, "updated_at": gone})


@pytest.fixture
def filled(kept: Callable[[str], Kept], kind: str, tmp_path: Path) -> Filled:
    """The source, and the pipeline that has read it."""
    return kept(kind).again(tmp_path / "run")


def same_viewings(pipeline: Pipeline, source: Source) -> bool:
    """Whether each event of the source is there as often as in the source."""
    wanted = Counter(source.execute("SELECT user_id, apartment_id, CAST(viewed_at AS CHAR) FROM user_viewing"))
    text = "STRFTIME(viewed_at, '%Y-%m-%d %H:%M:%S.%f')"
    return Counter(pipeline.rows(f"SELECT user_id, listing_id, {text} FROM curated.viewings")) == wanted


def test_the_range_equals_a_full_rebuild_and_the_rest_stays(filled: Filled) -> None:
    source, pipeline = filled
    source.execute("UPDATE bookings SET total_price = 999 WHERE booking_id IN (1, 2, 3)")
    source.execute("UPDATE bookings SET booking_status = 'canceled' WHERE booking_id = 2")
    source.execute("UPDATE apartments SET title = 'Changed'")
    pipeline.load()
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings WHERE total_price = 999 AND booking_id < 3") == [(0,)]
    source.execute("DELETE FROM bookings WHERE booking_id = 4")
    source.execute("DELETE FROM user_viewing WHERE viewed_at = '2024-03-10 12:00:00.000000'")
    source.insert(
        "user_viewing",
        *({"viewed_at": f"2024-03-{day} 23:59:59.999999", "user_id": day} for day in (10, 11, 31)),
        {"viewed_at": "2024-03-01 00:00:00.000000", "user_id": 1},
    )
    source.insert("bookings", {"booking_id": 9, "booking_date": "2024-03-20 12:00:00.000000", "updated_at": None})
    pipeline.load(backfill=MARCH)

    prices = dict(pipeline.rows("SELECT booking_id, total_price FROM curated.bookings"))
    assert (prices[2], prices[1]) == (999, 300)
    titles = dict(pipeline.rows("SELECT listing_id, title FROM curated.listings"))
    assert titles == {1: "A room", 2: "Changed"}
    assert pipeline.rows("SELECT booking_id FROM curated.bookings WHERE is_deleted") == [(4,)]
    fresh = Pipeline(pipeline.folder.parent / "rebuilt", source.url)
    fresh.load()
    march = "strftime(booked_at, '%m') = '03' AND NOT is_deleted"
    hidden = "COLUMNS(c -> c NOT IN ('_run_id', '_loaded_at'))"
    bookings = f"SELECT {hidden} FROM curated.bookings WHERE {march} ORDER BY booking_id"
    assert pipeline.rows(bookings) == fresh.rows(bookings) != []
    assert pipeline.tables("curated")["curated.viewings"] == fresh.tables("curated")["curated.viewings"]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(8,)]


def test_the_watermark_stays_and_the_next_run_adds_nothing_twice(filled: Filled) -> None:
    """Not even where the range is from the first day there is to the last."""
    source, pipeline = filled
    before = pipeline.rows("SELECT table_name, watermark FROM ops.freshness ORDER BY ALL")
    moment = (datetime.fromisoformat(str(before[0][1])) - timedelta(seconds=5)).isoformat(" ", "microseconds")
    source.insert("user_viewing", {"viewed_at": moment, "user_id": 77}, {"viewed_at": moment, "user_id": 77})
    source.insert("bookings", {"booking_id": 50, "updated_at": moment})
    for _ in range(2):
        pipeline.load(backfill=(date(1, 1, 1), date(9999, 12, 31)))
        assert pipeline.rows("SELECT table_name, watermark FROM ops.freshness ORDER BY ALL") == before
    pipeline.load()
    assert pipeline.rows("SELECT table_name, watermark FROM ops.freshness ORDER BY ALL") > before
    assert same_viewings(pipeline, source)
    living = "SELECT booking_id FROM {} WHERE NOT {} ORDER BY 1"
    for table, flag in (("raw_data.bookings", "_is_deleted"), ("curated.bookings", "is_deleted")):
        assert pipeline.rows(living.format(table, flag)) == [(1,), (2,), (3,), (4,), (50,)]


@ON_ONE_SOURCE
def test_snapshot_tables_are_read_whole(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=False)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1})
    pipeline.load()
    source.execute("UPDATE bookings SET total_price = 5")
    pipeline.load(backfill=(date(2030, 1, 1), date(2030, 1, 1)))
    assert pipeline.rows("SELECT total_price FROM curated.bookings") == [(5,)]


@ON_ONE_SOURCE
@pytest.mark.remedy("nothing-to-backfill")
def test_a_backfill_needs_what_it_replaces_to_be_loaded(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    error = failure(pipeline.load, backfill=MARCH)
    assert isinstance(error, ConfigurationError)
    assert "no run has read the source yet" in error.message
    pipeline.extract(run_id="first")
    error = failure(pipeline.load, backfill=MARCH)
    assert "what run first read is not loaded yet" in error.message
    assert (error.reason, error.remedy) == ("nothing-to-backfill", "start `rental run` first.")
    pipeline.load()
    pipeline.load(backfill=MARCH)


@ON_ONE_SOURCE
def test_a_backfill_that_stopped_is_taken_over_by_the_next_run(filled: Filled) -> None:
    source, pipeline = filled
    source.insert("user_viewing", {"viewed_at": "2024-03-10 12:00:00.000000", "user_id": 5})
    pipeline.extract(backfill=MARCH)
    source.insert("user_viewing", {"viewed_at": "2024-05-10 12:00:00.000000", "user_id": 6})
    pipeline.load()
    assert same_viewings(pipeline, source)

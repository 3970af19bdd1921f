"""A backfill makes its range what a full rebuild would make of it, and leaves the watermark alone."""

from datetime import date, datetime, timedelta

import pytest

from pipeline.harness import Pipeline, Source, failure
from rental_analytics.errors import ConfigurationError

MARCH = (date(2024, 3, 1), date(2024, 3, 31))


@pytest.fixture
def loaded(source: Source, pipeline: Pipeline) -> Pipeline:
    """A marketplace with rows in February, March and April, read once."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "last_modified_timestamp": "2024-03-05 10:00:00.000000"})
    for number, month in enumerate(("02", "03", "04"), start=1):
        moment = f"2024-{month}-10 12:00:00.000000"
        source.insert("bookings", {"booking_id": number, "booking_date": moment, "updated_at": moment})
        source.insert("user_viewing", {"viewed_at": moment}, {"viewed_at": moment})
    pipeline.run()
    return pipeline


def rebuilt(pipeline: Pipeline, source: Source) -> dict[str, list[tuple[object, ...]]]:
    """What one full run in a new folder makes of the source now."""
    fresh = Pipeline(pipeline.folder.parent / "rebuilt", source.url)
    fresh.run()
    return fresh.tables("curated")


def test_unseen_changes_of_the_range_are_found_and_others_are_not(source: Source, loaded: Pipeline) -> None:
    source.execute("UPDATE bookings SET total_price = 999 WHERE booking_id IN (1, 2, 3)")
    source.execute("UPDATE apartments SET title = 'Changed'")
    loaded.run()
    assert loaded.rows("SELECT COUNT(*) FROM curated.bookings WHERE total_price = 999 AND booking_id < 3") == [(0,)]
    loaded.run(backfill=MARCH)
    prices = dict(loaded.rows("SELECT booking_id, total_price FROM curated.bookings"))
    assert (prices[2], prices[1]) == (999, 300)
    titles = dict(loaded.rows("SELECT listing_id, title FROM curated.listings"))
    assert titles == {1: "A room", 2: "Changed"}


def test_the_range_equals_a_full_rebuild(source: Source, loaded: Pipeline) -> None:
    source.execute("UPDATE bookings SET booking_status = 'canceled' WHERE booking_id = 2")
    source.execute("DELETE FROM user_viewing WHERE viewed_at = '2024-03-10 12:00:00.000000'")
    source.insert(
        "user_viewing",
        *({"viewed_at": f"2024-03-{day} 23:59:59.999999", "user_id": day} for day in (10, 11, 31)),
        {"viewed_at": "2024-03-01 00:00:00.000000", "user_id": 1},
    )
    source.insert("bookings", {"booking_id": 9, "booking_date": "2024-03-20 12:00:00.000000", "updated_at": None})
    loaded.run(backfill=MARCH)
    want = rebuilt(loaded, source)
    found = loaded.tables("curated")
    assert found["curated.viewings"] == want["curated.viewings"]
    assert found["curated.bookings"] == want["curated.bookings"]
    assert loaded.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(8,)]


def test_the_watermark_stays_and_the_next_run_adds_nothing_twice(source: Source, loaded: Pipeline) -> None:
    before = loaded.rows("SELECT table_name, watermark FROM ops.freshness ORDER BY ALL")
    today = datetime.fromisoformat(str(before[0][1])).date()
    moment = (datetime.fromisoformat(str(before[0][1])) - timedelta(seconds=5)).isoformat(sep=" ")
    source.insert("user_viewing", {"viewed_at": moment, "user_id": 77}, {"viewed_at": moment, "user_id": 77})
    source.insert("bookings", {"booking_id": 50, "updated_at": moment})
    everything = (date(2024, 1, 1), today + timedelta(days=1))
    for _ in range(2):
        loaded.run(backfill=everything)
        assert loaded.rows("SELECT table_name, watermark FROM ops.freshness ORDER BY ALL") == before
    loaded.run()
    assert loaded.rows("SELECT table_name, watermark FROM ops.freshness ORDER BY ALL") > before
    want = rebuilt(loaded, source)
    found = loaded.tables("curated")
    assert found["curated.viewings"] == want["curated.viewings"]
    assert found["curated.bookings"] == want["curated.bookings"]


def test_deleted_rows_are_flagged(source: Source, loaded: Pipeline) -> None:
    source.execute("DELETE FROM bookings WHERE booking_id = 2")
    loaded.run(backfill=MARCH)
    assert loaded.rows("SELECT booking_id FROM curated.bookings WHERE is_deleted") == [(2,)]


def test_snapshot_tables_are_read_whole(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=False)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1})
    pipeline.run()
    source.execute("UPDATE bookings SET total_price = 5")
    pipeline.run(backfill=(date(2030, 1, 1), date(2030, 1, 1)))
    assert pipeline.rows("SELECT total_price FROM curated.bookings") == [(5,)]


@pytest.mark.remedy("nothing-to-backfill")
def test_a_backfill_needs_what_it_replaces_to_be_loaded(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    error = failure(pipeline.run, backfill=MARCH)
    assert isinstance(error, ConfigurationError)
    assert "no run has read the source yet" in error.message
    pipeline.run(steps=("extract",), run_id="first")
    error = failure(pipeline.run, backfill=MARCH)
    assert "what run first read is not loaded yet" in error.message
    assert (error.reason, error.remedy) == ("nothing-to-backfill", "start `rental run` first.")
    pipeline.run()
    pipeline.run(backfill=MARCH)


def test_a_backfill_that_stopped_is_taken_over_by_the_next_run(source: Source, loaded: Pipeline) -> None:
    source.insert("user_viewing", {"viewed_at": "2024-03-10 12:00:00.000000", "user_id": 5})
    loaded.run(steps=("extract",), backfill=MARCH)
    source.insert("user_viewing", {"viewed_at": "2024-05-10 12:00:00.000000", "user_id": 6})
    loaded.run()
    found = loaded.tables("curated")
    assert found["curated.viewings"] == rebuilt(loaded, source)["curated.viewings"]

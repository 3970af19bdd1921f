"""Deletes without change data capture: what is found, what is kept, and what stops a run."""

import pytest

from rental_analytics.errors import QualityError
from runs.harness import LISTING, Pipeline, Source, failure

DATA = ("raw_data", "curated")
CURATED = ("extract", "transform", "load-curated")
ROWS = ("extract", "transform", "load-raw", "load-curated")


@pytest.fixture
def loaded(source: Source, pipeline: Pipeline) -> Pipeline:
    """A marketplace of 40 bookings, read once."""
    source.create(optional=True)
    source.insert("apartments", *({"id": number} for number in range(40)))
    source.insert(
        "bookings", *({"booking_id": number, "updated_at": LISTING["last_modified_timestamp"]} for number in range(40))
    )
    source.insert("user_viewing", *({"user_id": number} for number in range(40)))
    pipeline.run(steps=ROWS)
    return pipeline


def test_an_emptied_table_stops_every_kind_of_run_and_changes_nothing(source: Source, loaded: Pipeline) -> None:
    for table, accepted_by_refresh in (("bookings", False), ("apartments", True)):
        before = loaded.tables(*DATA)
        source.execute(f"DELETE FROM {table}")
        for refresh in (False, True):
            error = failure(loaded.run, full_refresh=refresh)
            assert isinstance(error, QualityError)
            assert (error.exit_code, error.table) == (3, table)
            assert f"40 of 40 rows of {table} were deleted" in error.message
            assert "quality.max_deleted_share" in error.remedy
            assert loaded.tables(*DATA) == before
        loaded.run("quality.max_deleted_share=1", full_refresh=accepted_by_refresh, steps=ROWS)
        assert loaded.rows(f"SELECT COUNT(*) FROM raw_data.{table} WHERE _is_deleted") == [(40,)]


def test_a_few_rows_or_a_small_share_may_go(source: Source, loaded: Pipeline) -> None:
    """They keep their last values, and a listing's active period ends. Of events only a full refresh sees that."""
    source.execute("DELETE FROM user_viewing WHERE user_id >= 10")
    source.execute("DELETE FROM bookings WHERE booking_id < 8")
    source.execute("DELETE FROM apartments WHERE id = 3")
    error = failure(loaded.run, full_refresh=True)
    assert "30 of 40 rows of user_viewing were deleted" in error.message
    loaded.run(steps=ROWS)
    assert loaded.rows("SELECT COUNT(*) FROM curated.viewings") == [(40,)]
    assert loaded.rows("SELECT COUNT(*) FROM curated.bookings WHERE is_deleted") == [(8,)]
    kept = "SELECT title, price, is_deleted FROM curated.listings WHERE listing_id = 3"
    assert loaded.rows(kept) == [("A room", 100, True)]
    assert loaded.rows("SELECT title, _is_deleted FROM raw_data.apartments WHERE id = 3") == [("A room", True)]
    versions = loaded.rows("SELECT is_active FROM curated.listing_versions WHERE listing_id = 3 ORDER BY valid_from")
    assert versions == [(True,), (False,)]
    ended = loaded.rows("SELECT MAX(valid_from) FROM curated.listing_versions WHERE listing_id = 3")
    run = loaded.rows("SELECT watermark FROM ops.freshness WHERE table_name = 'apartments'")
    assert ended == run

    source.execute("DELETE FROM bookings WHERE booking_id < 17")
    loaded.run(steps=CURATED)  # 9 rows: more than a fifth, but fewer than min_deleted_rows
    source.execute("DELETE FROM bookings WHERE booking_id < 27")
    error = failure(loaded.run)
    assert "10 of 23 rows of bookings were deleted in the source since they were read (43%, the limit is 20%)" in str(
        error
    )

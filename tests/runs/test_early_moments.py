"""Moments from the first year on: what lies before the first of them cannot be asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from rental_analytics.databases.base import earlier
from rental_analytics.sql.render import timestamp_text
from runs.harness import Pipeline, Source


@pytest.mark.fast
@pytest.mark.parametrize(
    ("moment", "by", "expected"),
    [
        ("2024-03-02", timedelta(days=1), "2024-03-01"),
        ("0001-01-02", timedelta(days=1), "0001-01-01"),
        ("0001-01-01 05:00:00", timedelta(days=1), "0001-01-01"),
        ("9999-12-31", timedelta.max, "0001-01-01"),
    ],
)
def test_there_is_nothing_before_the_first_moment(moment: str, by: timedelta, expected: str) -> None:
    assert earlier(datetime.fromisoformat(moment), by) == datetime.fromisoformat(expected)


@pytest.mark.fast
def test_years_have_four_digits() -> None:
    assert timestamp_text(datetime(1, 1, 2, 3, 4, 5, tzinfo=UTC)) == "0001-01-02 03:04:05.000000"


def test_cursors_of_the_first_year_stop_no_run(source: Source, pipeline: Pipeline) -> None:
    early = "0001-01-02 00:00:00"
    source.create(optional=True)
    source.insert("bookings", *({"booking_id": key, "updated_at": early} for key in (1, 2)))
    source.insert("user_viewing", {"viewed_at": early})
    steps = ("extract", "load-raw")
    pipeline.run(steps=steps)
    source.execute("UPDATE bookings SET total_price = 7 WHERE booking_id = 1")
    source.execute(f"UPDATE bookings SET updated_at = '{early[:-1]}9' WHERE booking_id = 1")
    source.insert("user_viewing", {"viewed_at": early})
    pipeline.run(steps=steps)
    pipeline.run(steps=steps)
    prices = pipeline.rows("SELECT booking_id, CAST(total_price AS INTEGER) FROM raw_data.bookings ORDER BY 1")
    assert prices == [(1, 7), (2, 300)]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(2,)]

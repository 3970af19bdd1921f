"""How tables are read, first and again, from SQLite and from MySQL."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.harness import Pipeline, Source

AnotherPipeline = Callable[..., Pipeline]
ROWS = ("extract", "transform", "load-raw", "load-curated")
CURATED = ("extract", "transform", "load-curated")
WITHOUT_HISTORY = (
    "booking_duration_monthly",
    "booking_lead_time_monthly",
    "bookings_per_user_weekly",
    "conversion_funnel_weekly",
    "customer_cohorts_monthly",
    "gross_booking_value_weekly",
    "repeat_customer_rate_daily",
)
"""Metrics that do not depend on what was known of a row before."""
STRICT = "quality.max_rejected_share=0"


def read_modes(pipeline: Pipeline) -> dict[str, str]:
    return dict(pipeline.rows("SELECT table_name, read_mode FROM ops.freshness"))


def extracted(pipeline: Pipeline, run_id: str) -> dict[str, int]:
    return dict(pipeline.rows(f"SELECT table_name, extracted FROM ops.row_accounting WHERE run_id = '{run_id}'"))


def test_exactly_the_required_columns_run_and_awkward_values_survive(source: Source, pipeline: Pipeline) -> None:
    title = "🏠 \"O'Brien's\" loft,\nline two\t\\n %s ; -- Zürich 北京"
    listing, booking, user = 9_007_199_254_740_993, 9_223_372_036_854_775_807, 9_007_199_254_740_995
    source.create(optional=False)
    source.insert("apartments", {"id": listing, "title": title})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE", "amenities": "Wifi, Bath"})
    source.insert("user_viewing", {"user_id": user, "apartment_id": listing})
    source.insert("bookings", {"booking_id": booking, "user_id": user, "apartment_id": listing})
    pipeline.run()
    assert read_modes(pipeline) == {
        "apartments": "incremental",
        "apartment_attributes": "snapshot",
        "bookings": "snapshot",
        "user_viewing": "append",
    }
    assert pipeline.rows("SELECT payment_status, guests, modified_at = booked_at FROM curated.bookings") == [
        (None, None, True)
    ]
    assert pipeline.rows("SELECT city, amenities, amenity_count, price_type FROM curated.listing_attributes") == [
        ("Bern", "Bath,Wifi", 2, None)
    ]
    assert pipeline.rows("SELECT id, title FROM raw_data.apartments") == [(listing, title)]
    assert pipeline.rows("SELECT listing_id, title FROM curated.listings") == [(listing, title)]
    assert pipeline.rows("SELECT booking_id, user_id, listing_id FROM curated.bookings") == [(booking, user, listing)]
    assert pipeline.rows("SELECT user_id, listing_id FROM curated.viewings") == [(user, listing)]
    assert pipeline.rows("SELECT title FROM presentation.top_listings_weekly") == [(title,)]


def test_all_columns_are_read_incrementally_and_empty_tables_fill_later(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    pipeline.run()
    assert read_modes(pipeline) == {
        "apartments": "incremental",
        "apartment_attributes": "incremental",
        "bookings": "incremental",
        "user_viewing": "append",
    }
    filled = {name: rows for name, rows in pipeline.tables("raw_data", "curated", "presentation").items() if rows}
    assert set(filled) == {"curated.exchange_rates"}
    assert pipeline.rows("SELECT as_of FROM ops.run_parameters") == [(None,)]
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 5})
    source.insert("user_viewing", {})
    pipeline.run(steps=ROWS)
    counts = "SELECT (SELECT COUNT(*) FROM curated.{}), (SELECT COUNT(*) FROM raw_data.{})"
    assert pipeline.rows(counts.format("listings", "apartments")) == [(1, 1)]
    assert pipeline.rows(counts.format("bookings", "bookings")) == [(1, 1)]
    assert pipeline.rows(counts.format("viewings", "user_viewing")) == [(1, 1)]


def test_increment_finds_changes_inserts_deletes_and_what_comes_back(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("apartments", *({"id": number} for number in (1, 2, 3)))
    rows = [{"booking_id": n, "updated_at": "2024-03-02 00:00:00.000000"} for n in range(1, 7)]
    source.insert("bookings", *rows, {"booking_id": 7, "updated_at": None})
    pipeline.run(steps=CURATED)
    source.execute(
        "UPDATE bookings SET booking_status = 'canceled', updated_at = '2024-04-01 00:00:00.000000' "
        "WHERE booking_id = 2"
    )
    source.execute("UPDATE bookings SET total_price = 5 WHERE booking_id = 7")
    source.execute("DELETE FROM bookings WHERE booking_id IN (3, 4)")
    source.execute("DELETE FROM apartments WHERE id = 2")
    source.insert("bookings", {"booking_id": 8, "updated_at": "2020-01-01 00:00:00.000000"})
    outcome = pipeline.run()
    found = pipeline.rows("SELECT booking_id, status, total_price, is_deleted FROM curated.bookings ORDER BY 1")
    assert [(key, status, int(price), gone) for key, status, price, gone in found] == [
        (1, "confirmed", 300, False),
        (2, "canceled", 300, False),
        (3, "confirmed", 300, True),
        (4, "confirmed", 300, True),
        (5, "confirmed", 300, False),
        (6, "confirmed", 300, False),
        (7, "confirmed", 5, False),
        (8, "confirmed", 300, False),
    ]
    raw_deleted = pipeline.rows("SELECT booking_id FROM raw_data.bookings WHERE _is_deleted ORDER BY 1")
    assert raw_deleted == [(3,), (4,)]
    counted = "SELECT SUM(bookings), SUM(canceled_bookings) FROM presentation.bookings_per_user_weekly"
    assert pipeline.rows(counted) == [(5, 1)]
    versions = pipeline.rows("SELECT is_active FROM curated.listing_versions WHERE listing_id = 2 ORDER BY valid_from")
    assert versions == [(True,), (False,)]
    # The changed row, the one without a cursor, and the late one: what is read again unchanged does not go on.
    assert extracted(pipeline, outcome.run.run_id)["bookings"] == 3
    source.insert("bookings", rows[2])
    again = pipeline.run(steps=CURATED)
    assert extracted(pipeline, again.run.run_id)["bookings"] == 1
    assert pipeline.rows("SELECT booking_id FROM curated.bookings WHERE is_deleted") == [(4,)]


def test_snapshots_and_events_send_on_only_what_changed(source: Source, pipeline: Pipeline) -> None:
    """Of events each is read once, those that are late within the overlap too, and with a wider one as well."""
    moment = "2024-03-01 11:0{}:00.000000"
    hours = [f"2024-03-01 {hour:02}:00:00.000000" for hour in range(11)]
    source.create(optional=False)
    source.insert("bookings", *({"booking_id": number} for number in range(1, 6)))
    source.insert("user_viewing", *({"viewed_at": moment.format(minute)} for minute in (0, 0, 5, 5)))
    source.insert("user_viewing", {"viewed_at": None}, *({"viewed_at": hour, "user_id": 8} for hour in hours))
    pipeline.run(steps=CURATED)
    counts = "SELECT viewed_at, COUNT(*) FROM curated.viewings WHERE user_id = 7 GROUP BY 1 ORDER BY 1"
    assert [count for _, count in pipeline.rows(counts)] == [2, 2]

    source.execute("UPDATE bookings SET booking_status = 'pending' WHERE booking_id = 1")
    source.execute("UPDATE bookings SET currency = NULL WHERE booking_id = 2")
    source.execute("DELETE FROM bookings WHERE booking_id = 3")
    source.insert("bookings", {"booking_id": 6})
    # Late, but within the overlap; and as many of one that is there already.
    source.insert("user_viewing", *({"viewed_at": moment.format(minute)} for minute in (1, 5, 9)))
    outcome = pipeline.run(steps=CURATED)
    changed = extracted(pipeline, outcome.run.run_id)
    assert (changed["bookings"], changed["viewings"]) == (3, 3)
    found = pipeline.rows("SELECT booking_id, status, is_deleted FROM curated.bookings ORDER BY 1")
    assert found == [
        (1, "pending", False),
        (3, "confirmed", True),
        (4, "confirmed", False),
        (5, "confirmed", False),
        (6, "confirmed", False),
    ]
    rejected = "SELECT row_key, rules FROM ops.rejected_rows WHERE table_name = '{}'"
    assert pipeline.rows(rejected.format("bookings")) == [("2", "unknown_currency")]
    assert [count for _, count in pipeline.rows(counts)] == [2, 1, 3, 1]

    quiet = pipeline.run(steps=CURATED)
    assert set(extracted(pipeline, quiet.run.run_id).values()) == {0}
    assert [count for _, count in pipeline.rows(counts)] == [2, 1, 3, 1]
    assert len(pipeline.rows(rejected.format("viewings"))) == 1

    for _ in range(2):
        pipeline.extract("source.overlap=1 day")
    source.insert("user_viewing", {"viewed_at": moment.format(9)})
    pipeline.run("source.overlap=1 day", steps=ROWS)
    assert [count for _, count in pipeline.rows(counts)] == [2, 1, 3, 2]
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings WHERE user_id = 8") == [(len(hours),)]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(9 + len(hours),)]


def test_keys_the_database_does_not_enforce_and_rejected_rows_that_stay(source: Source, pipeline: Pipeline) -> None:
    """A rejected row that stays as it is does not stop later runs, nor is it sent on again."""
    source.create(optional=True, unique=False)
    source.insert("apartments", {"id": 1}, {"id": None, "last_modified_timestamp": None})
    source.insert("user_viewing", {}, {"viewed_at": None})
    source.insert("bookings", {"booking_id": 1, "updated_at": "2024-03-01 00:00:00.000000", "num_guests": 1})
    source.insert("bookings", {"booking_id": 1, "updated_at": "2024-03-02 00:00:00.000000", "num_guests": 2})
    source.insert("bookings", {"booking_id": None}, {"booking_id": None})
    pipeline.run(steps=ROWS)
    account = "SELECT extracted, curated, superseded, rejected FROM ops.row_accounting WHERE table_name = 'bookings'"
    assert pipeline.rows(account) == [(4, 1, 1, 2)]
    guests = "SELECT booking_id, guests, is_deleted FROM curated.bookings"
    assert pipeline.rows(guests) == [(1, 2, False)]
    assert pipeline.rows("SELECT booking_id, num_guests FROM raw_data.bookings") == [(1, 2)]
    for _ in range(2):
        quiet = pipeline.run(STRICT, steps=CURATED)
        assert set(extracted(pipeline, quiet.run.run_id).values()) == {0}
    source.insert("bookings", {"booking_id": 1, "updated_at": None, "num_guests": 3})
    pipeline.run(STRICT, steps=CURATED)
    assert pipeline.rows(guests) == [(1, 2, False)]
    source.execute("DELETE FROM bookings WHERE num_guests = 2")
    pipeline.run(STRICT, steps=CURATED)
    assert pipeline.rows(guests) == [(1, 3, False)]


def test_modes_can_be_overridden_and_rejected_rows_of_snapshots_stay(
    source: Source, another_pipeline: AnotherPipeline
) -> None:
    source.create(optional=True, unique=False)
    source.insert("user_viewing", {"id": 1}, {"id": 2})
    source.insert("bookings", *({"booking_id": number} for number in range(20)), {"booking_id": None})
    source.insert("apartments", {"id": 1}, {"id": None, "last_modified_timestamp": None})
    pipeline = another_pipeline("snapshots", "tables.user_viewing.mode=snapshot", "tables.bookings.mode=snapshot")
    pipeline.run(steps=ROWS)
    assert set(read_modes(pipeline).items()) >= {("user_viewing", "snapshot"), ("bookings", "snapshot")}
    source.execute("UPDATE user_viewing SET is_wishlisted = 1 WHERE id = 1")
    source.execute("DELETE FROM user_viewing WHERE id = 2")
    changed = pipeline.run(STRICT, steps=CURATED)
    assert extracted(pipeline, changed.run.run_id)["bookings"] == 0
    assert pipeline.rows("SELECT is_wishlisted FROM curated.viewings") == [(True,)]
    quiet = pipeline.run(STRICT, steps=CURATED)
    assert set(extracted(pipeline, quiet.run.run_id).values()) == {0}
    assert pipeline.rows("SELECT is_wishlisted FROM curated.viewings") == [(True,)]


@pytest.mark.parametrize(
    ("kind", "optional"),
    [
        pytest.param("sqlite", True, marks=pytest.mark.slow),
        pytest.param("sqlite", False, marks=[pytest.mark.slow, pytest.mark.exhaustive]),
        pytest.param("mysql", False, marks=[pytest.mark.service, pytest.mark.exhaustive]),
    ],
)
def test_increments_equal_a_fresh_start(
    source: Source, pipeline: Pipeline, another_pipeline: AnotherPipeline, optional: bool
) -> None:
    from datetime import date

    from rental_marketplace import MarketplaceOptions, advance, generate

    options = MarketplaceOptions(
        listings=60, bookings=300, viewings=500, end_date=date(2026, 5, 31), dirty_rate=0.05, minimal=not optional
    )
    generate(source.url, options)
    pipeline.every_metric = True
    pipeline.run(steps=CURATED)
    for seed, steps in enumerate((CURATED, (*CURATED, "metrics"))):
        advance(source.url, 3, seed=seed, dirty_rate=0.02)
        pipeline.run(steps=steps)
    fresh = another_pipeline("fresh")
    fresh.every_metric = True
    fresh.run(steps=(*CURATED, "metrics"))
    for table in ("bookings", "listings", "listing_attributes"):
        sql = f"SELECT * EXCLUDE (_run_id, _loaded_at) FROM curated.{table} WHERE NOT is_deleted ORDER BY ALL"
        assert pipeline.rows(sql) == fresh.rows(sql), table
    events = "SELECT * EXCLUDE (_run_id, _loaded_at) FROM curated.viewings ORDER BY ALL"
    assert pipeline.rows(events) == fresh.rows(events)
    for metric in WITHOUT_HISTORY:
        sql = f"SELECT * FROM presentation.{metric} ORDER BY ALL"
        assert pipeline.rows(sql) == fresh.rows(sql), metric


@pytest.mark.slow
def test_moments_in_sqlite_are_brought_to_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=False)
    texts = ["2024-03-01T10:00:00Z", "2024-03-01T10:00:00+02:00", "2024-03-01 10:00", "2024-03-01"]
    source.insert("bookings", *({"booking_id": n, "booking_date": text} for n, text in enumerate(texts)))
    pipeline = Pipeline(tmp_path / "run", source.url)
    pipeline.run(steps=CURATED)
    monkeypatch.undo()
    time.tzset()
    moments = pipeline.rows("SELECT CAST(booked_at AS VARCHAR) FROM curated.bookings ORDER BY booking_id")
    assert [moment[11:16] for (moment,) in moments] == ["10:00", "08:00", "10:00", "00:00"]

"""Ids that are texts, from the source to the metrics: two that differ in a byte are two, wherever they are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError, ContractError, SourceError
from runs.harness import Pipeline, Source, failure
from support.breadth import sampled

pytestmark = pytest.mark.slow

TEXT = "marketplace.ids=text"
SECOND = "2024-03-02 00:00:00.000000"
LISTINGS = ("a", "A", "á", "🏠", "Zürich", "10", "9", "x' OR '1", "\\n", "a b")
"""As one that is a key may be, in no order."""
TOP = "SELECT listing_id FROM presentation.top_listings_weekly ORDER BY week_start, revenue_rank"


def fill(source: Source, ids: str = "VARCHAR(100)") -> None:
    """Listings of equal revenue, each booked once by a user of its own, and a view of each, one of them anonymous."""
    source.create(optional=True, ids=ids)
    source.insert("apartments", *({"id": key} for key in LISTINGS))
    source.insert("apartment_attributes", *({"id": key, "cityname": f"City of {key}"} for key in LISTINGS))
    source.insert(
        "bookings",
        *({"booking_id": f"b-{key}", "user_id": f"{key}@x.org", "apartment_id": key} for key in LISTINGS),
    )
    source.insert(
        "user_viewing",
        *({"id": f"v-{key}", "user_id": f"{key}@x.org", "apartment_id": key} for key in LISTINGS),
        {"id": "v", "user_id": None, "apartment_id": "a"},
    )


def sorted_by_bytes(texts: tuple[str, ...]) -> list[str]:
    return sorted(texts, key=str.encode)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source.sqlite(tmp_path / "marketplace.db")


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url, TEXT)


def test_ids_that_are_texts_stand_in_every_table(source: Source, pipeline: Pipeline) -> None:
    fill(source)
    pipeline.run()
    assert pipeline.rows(TOP) == [(key,) for key in sorted_by_bytes(LISTINGS)]
    for column in ("listing_id", "user_id", "booking_id"):
        kinds = pipeline.rows(
            f"SELECT DISTINCT data_type FROM information_schema.columns WHERE column_name = '{column}'"
        )
        assert kinds == [("VARCHAR",)], column
    assert pipeline.rows("SELECT COUNT(*), COUNT(user_id) FROM curated.viewings") == [(11, 10)]
    assert pipeline.rows("SELECT DISTINCT rejected FROM ops.row_accounting") == [(0,)]
    assert pipeline.rows("SELECT COUNT(*) FROM presentation.bookings_per_user_weekly") == [(10,)]

    source.execute("DELETE FROM bookings WHERE booking_id = 'b-A'")
    source.execute(f"UPDATE apartments SET price = 1, last_modified_timestamp = '{SECOND}' WHERE id = 'a'")
    pipeline.run()
    assert pipeline.rows("SELECT booking_id FROM curated.bookings WHERE is_deleted") == [("b-A",)]
    assert pipeline.rows("SELECT listing_id FROM curated.listings WHERE price = 1") == [("a",)]
    assert pipeline.rows(TOP) == [(key,) for key in sorted_by_bytes(LISTINGS) if key != "A"]


def test_what_can_be_no_id_is_set_aside(source: Source, pipeline: Pipeline) -> None:
    """No warehouse cuts an id, or takes it for another one; an empty one is none."""
    longest, too_long = "é" * 32, "é" * 32 + "e"
    source.create(optional=True, ids="VARCHAR(100)")
    source.insert("apartments", *({"id": key} for key in (longest, too_long, "a ", " a", "")))
    source.insert("bookings", {"booking_id": "1", "user_id": "a ", "apartment_id": "a"})
    source.insert("bookings", {"booking_id": "2", "user_id": "a", "apartment_id": too_long})
    source.insert("bookings", {"booking_id": "3", "user_id": "", "apartment_id": "a"})
    source.execute("UPDATE bookings SET user_id = 'a' || char(0) WHERE booking_id = '2'")
    source.insert("user_viewing", {"user_id": "", "apartment_id": "a"}, {"user_id": "a ", "apartment_id": "a"})
    pipeline.load()
    assert pipeline.rows("SELECT listing_id FROM curated.listings ORDER BY 1") == [(" a",), (longest,)]
    assert pipeline.rows("SELECT user_id, listing_id FROM curated.viewings") == [(None, "a")]
    found = pipeline.rows("SELECT table_name, row_key, rules FROM ops.rejected_rows ORDER BY ALL")
    assert found == [
        ("bookings", "1", "value_out_of_range"),
        ("bookings", "2", "value_out_of_range"),
        ("bookings", "3", "missing_user"),
        ("listings", "", "missing_key"),
        ("listings", "a ", "value_out_of_range"),
        ("listings", too_long, "value_out_of_range"),
        ("viewings", None, "value_out_of_range"),
    ]
    # Corrected, the row is read and loaded, and what it was before is gone.
    source.execute("UPDATE apartments SET id = 'b' WHERE id = 'a '")
    source.execute(f"UPDATE apartments SET title = 'New', last_modified_timestamp = '{SECOND}' WHERE id = ' a'")
    pipeline.load("quality.max_deleted_share=1")
    assert pipeline.rows("SELECT listing_id, title FROM curated.listings WHERE NOT is_deleted ORDER BY 1") == [
        (" a", "New"),
        ("b", "A room"),
        (longest, "A room"),
    ]


@pytest.mark.remedy("id-not-integer")
def test_ids_that_are_texts_where_numbers_are_said(source: Source, tmp_path: Path) -> None:
    fill(source)
    pipeline = Pipeline(tmp_path / "run", source.url)
    error = failure(pipeline.load)
    assert (type(error), error.reason) == (SourceError, "id-not-integer")
    assert "which is no BIGINT" in error.message
    assert 'set marketplace.ids = "text"' in error.remedy
    pipeline.load(TEXT)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.listings") == [(len(LISTINGS),)]


def test_whole_numbers_among_texts(source: Source, pipeline: Pipeline) -> None:
    """Of a marketplace whose users have UUIDs and whose bookings are counted; a REAL is a whole number too."""
    source.create(optional=True)
    for statement in (
        "ALTER TABLE bookings RENAME COLUMN user_id TO number",
        "ALTER TABLE bookings ADD COLUMN user_id CHAR(36)",
        "ALTER TABLE user_viewing RENAME COLUMN apartment_id TO number",
        "ALTER TABLE user_viewing ADD COLUMN apartment_id",
    ):
        source.execute(statement)
    source.insert("apartments", {"id": 9}, {"id": 10}, {"id": -(2**63)})
    source.insert("bookings", {"booking_id": 1, "user_id": "0b4e-1", "apartment_id": 10})
    source.insert("bookings", {"booking_id": 2, "user_id": "0B4E-1", "apartment_id": 9})
    source.insert("user_viewing", {"apartment_id": 9.0, "user_id": 1}, {"apartment_id": "10", "user_id": 1})
    pipeline.run()
    assert pipeline.rows("SELECT booking_id, user_id, listing_id FROM curated.bookings ORDER BY 1") == [
        ("1", "0b4e-1", "10"),
        ("2", "0B4E-1", "9"),
    ]
    assert pipeline.rows("SELECT DISTINCT listing_id FROM curated.viewings ORDER BY 1") == [("10",), ("9",)]
    # By bytes, not by number.
    assert pipeline.rows(TOP) == [("10",), ("9",)]
    assert pipeline.rows("SELECT listing_id FROM curated.listings ORDER BY 1")[0] == (str(-(2**63)),)


def test_a_column_that_can_be_no_id(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.execute("ALTER TABLE bookings RENAME COLUMN user_id TO number")
    source.execute("ALTER TABLE bookings ADD COLUMN user_id DOUBLE")
    error = failure(pipeline.load)
    assert (type(error), error.reason) == (ContractError, "column-type-unusable")
    assert "bookings.user_id is double, but its contract needs an id, a text or a whole number" in error.message


def numbered(source: Source) -> None:
    """Listings with a history, of which one was deleted, as was a booking."""
    source.create(optional=True)
    source.insert("apartments", *({"id": key} for key in (2, 10, 2**53 + 1)))
    source.insert("bookings", *({"booking_id": key, "apartment_id": key} for key in (2, 10, 2**53 + 1)))
    source.insert("user_viewing", {"id": 1, "apartment_id": 10}, {"id": 2, "user_id": None, "apartment_id": 10})


HISTORY = {
    "listings": "SELECT listing_id::VARCHAR, price, is_deleted FROM curated.listings ORDER BY 1",
    "versions": "SELECT listing_id::VARCHAR, reporting_price, is_active, is_assumed FROM curated.listing_versions "
    "ORDER BY listing_id::VARCHAR, valid_from",
    "bookings": "SELECT booking_id::VARCHAR, user_id::VARCHAR, is_deleted FROM curated.bookings ORDER BY 1",
    "states": "SELECT booking_id::VARCHAR, status FROM curated.booking_versions "
    "ORDER BY booking_id::VARCHAR, valid_from",
    "viewings": "SELECT user_id::VARCHAR, listing_id::VARCHAR FROM curated.viewings ORDER BY 1, 2",
    "raw": "SELECT id::VARCHAR, price, _is_deleted FROM raw_data.apartments ORDER BY 1",
}


def history(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    return {name: pipeline.rows(sql) for name, sql in HISTORY.items()}


@pytest.mark.parametrize("mode", sampled(["incremental", "snapshot"], ["incremental"]))
def test_a_full_refresh_turns_ids_into_texts_and_back(source: Source, tmp_path: Path, mode: str) -> None:
    """What the source does not bring again is converted where it is."""
    numbered(source)
    pipeline = Pipeline(tmp_path / "run", source.url, f"tables.apartments.mode={mode}", "quality.max_deleted_share=1")
    pipeline.load()
    source.execute("DELETE FROM apartments WHERE id = 2")
    source.execute("DELETE FROM bookings WHERE booking_id = 2")
    source.execute(f"UPDATE apartments SET price = 90, last_modified_timestamp = '{SECOND}' WHERE id = 10")
    pipeline.run()
    before, metrics = history(pipeline), pipeline.tables("presentation")
    assert [row[-1] for row in before["listings"]] == [False, True, False]

    error = failure(pipeline.load, TEXT)
    assert (type(error), error.reason) == (ConfigurationError, "marketplace-settings-changed")
    assert "marketplace.ids is text, and was integer" in error.message
    pipeline.run(TEXT, full_refresh=True)
    assert history(pipeline) == before
    assert pipeline.rows(TOP) == [("10",), (str(2**53 + 1),)]
    assert {
        str(row[0]) for row in pipeline.rows("SELECT DISTINCT typeof(listing_id) FROM curated.listing_versions")
    } == {"VARCHAR"}
    pipeline.load(TEXT)
    assert history(pipeline) == before

    # A text that no number is written as has no place among numbers, and what is there of it goes.
    source.execute("ALTER TABLE apartments RENAME COLUMN id TO number")
    source.execute("ALTER TABLE apartments ADD COLUMN id VARCHAR(36)")
    source.execute("UPDATE apartments SET id = number")
    source.insert("apartments", {"id": "007"})
    pipeline.load(TEXT, full_refresh=True)
    assert ("007",) in pipeline.rows("SELECT listing_id FROM curated.listing_versions")
    source.execute("DELETE FROM apartments WHERE id = '007'")
    pipeline.load(TEXT)
    pipeline.run(full_refresh=True)
    assert history(pipeline) == before
    assert pipeline.tables("presentation") == metrics


def test_a_run_with_numbers_that_was_not_loaded_gives_way(source: Source, tmp_path: Path) -> None:
    numbered(source)
    pipeline = Pipeline(tmp_path / "run", source.url)
    pipeline.load()
    source.insert("apartments", {"id": 3})
    pipeline.run(steps=("extract", "transform"))
    pipeline.run(TEXT, full_refresh=True)
    assert pipeline.rows("SELECT listing_id FROM curated.listings ORDER BY 1") == [
        ("10",),
        ("2",),
        ("3",),
        (str(2**53 + 1),),
    ]

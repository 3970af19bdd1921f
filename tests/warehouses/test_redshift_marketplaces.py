"""Random small databases, dirty rows included: the same tables in DuckDB and in the stand-in for Redshift."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rental_analytics.contracts.marketplace import IdKind
from runs.harness import Source
from runs.test_random_marketplaces import (
    ATTRIBUTES,
    BOOKINGS,
    KINDS_OF_IDS,
    LISTINGS,
    TYPES,
    VIEWINGS,
    Row,
    few_examples,
    fill,
    with_ids,
)
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from support.breadth import sampled
from warehouses.twins import Twins

pytestmark = [pytest.mark.service, pytest.mark.slow]
TABLES = ("apartments", "apartment_attributes", "bookings", "user_viewing")


@pytest.mark.parametrize("ids", sampled(KINDS_OF_IDS, ["integer"]))
@given(st.tuples(LISTINGS, ATTRIBUTES, BOOKINGS, VIEWINGS))
@few_examples
def test_random_marketplace(
    aws: None, s3: S3Server, redshift: RedshiftStandIn, ids: IdKind, tables: tuple[list[Row], ...]
) -> None:
    with TemporaryDirectory() as folder:
        source = Source.sqlite(Path(folder) / "marketplace.db")
        source.create(optional=False, ids=TYPES[ids])
        for name, rows in zip(TABLES, tables, strict=True):
            # A key that ends in a blank stops a load into Redshift.
            fill(source, name, with_ids(rows, ids, misfit=name == "user_viewing"))
        both = Twins(Path(folder), source.url, s3, redshift)
        kind = f"marketplace.ids={ids}"
        both.run(kind, run_id="first")
        assert both.differences() == {}
        for name, key in (("apartments", "id"), ("bookings", "booking_id")):
            source.execute(f"DELETE FROM {name} WHERE {key} IN (SELECT MIN({key}) FROM {name})")
        source.execute("UPDATE apartments SET price = price + 1, is_active = 1 - is_active")
        source.execute("UPDATE bookings SET total_price = total_price + 1")
        source.insert("user_viewing", {"viewed_at": "2024-03-04 10:00:00.000000"})
        both.run(kind, "quality.max_deleted_share=1", run_id="second")
        assert both.differences() == {}


IDS = "SELECT listing_id FROM curated.{} ORDER BY listing_id"


def turned_into_texts(source: Source, both: Twins, *settings: str) -> None:
    """Load numbers, of which some are gone and some have changed, and turn them into texts."""
    source.create(optional=True)
    source.insert("apartments", *({"id": key} for key in (2, 10, 2**53 + 1)))
    source.insert("bookings", *({"booking_id": key, "apartment_id": key} for key in (2, 10, 2**53 + 1)))
    source.insert("user_viewing", {"id": 1, "apartment_id": 10}, {"id": 2, "user_id": None, "apartment_id": 10})
    both.load(run_id="numbers")
    source.execute("DELETE FROM apartments WHERE id = 2")
    source.execute("DELETE FROM bookings WHERE booking_id = 2")
    source.execute("UPDATE apartments SET price = 90, last_modified_timestamp = '2024-03-02 00:00:00' WHERE id = 10")
    both.load(*settings, run_id="deleted")
    both.run("marketplace.ids=text", *settings, run_id="texts", full_refresh=True)
    assert both.differences() == {}
    assert both.redshift.seen(IDS.format("listings")) == [("10",), ("2",), (str(2**53 + 1),)]


def test_a_full_refresh_turns_ids_into_texts(source: Source, twins: Callable[[str], Twins]) -> None:
    """In both warehouses alike, where the source does not bring them again."""
    turned_into_texts(source, twins(source.url), "quality.max_deleted_share=1")


@pytest.mark.exhaustive
def test_a_full_refresh_turns_texts_into_numbers_again(source: Source, twins: Callable[[str], Twins]) -> None:
    """In both warehouses alike, where the source does not bring them again; those that are no numbers go."""
    both = twins(source.url)
    gone, texts = "quality.max_deleted_share=1", "marketplace.ids=text"
    turned_into_texts(source, both, gone)
    kept = both.redshift.seen(IDS.format("listing_versions"))
    source.execute("ALTER TABLE apartments RENAME COLUMN id TO number")
    source.execute("ALTER TABLE apartments ADD COLUMN id VARCHAR(36)")
    source.execute("UPDATE apartments SET id = number")
    source.insert("apartments", {"id": "007"})
    both.load(texts, gone, run_id="more", full_refresh=True)
    source.execute("DELETE FROM apartments WHERE id = '007'")
    both.load(texts, gone, run_id="fewer")
    assert ("007",) in both.redshift.seen(IDS.format("listing_versions"))
    both.run(gone, run_id="back", full_refresh=True)
    assert both.differences() == {}
    assert sorted(both.redshift.seen(IDS.format("listing_versions"))) == sorted((int(key),) for (key,) in kept)


TEXTS = [r"C:\new\table", "it's", "two\nlines", 'tab\tquote"', "🏠 Zürich \u00a0", "", " ", "\\", "%_", "a" * 8000]


def test_texts_arrive_as_they_are(source: Source, twins: Callable[[str], Twins]) -> None:
    source.create(optional=True)
    for number, text in enumerate(TEXTS, start=2**53 + 1):
        source.insert("apartments", {"id": number, "title": text})
        source.insert("apartment_attributes", {"id": number, "cityname": text[:400], "body": text, "amenities": text})
        source.insert("bookings", {"booking_id": number, "apartment_id": number, "payment_status": text[:200]})
        # Set aside, so that the text travels as JSON too.
        source.insert("bookings", {"booking_id": number + 100, "apartment_id": 1, "booking_status": text[:200]})
    both = twins(source.url)
    both.run(run_id="only")
    assert both.differences() == {}
    assert [title for (title,) in both.redshift.seen("SELECT title FROM curated.listings ORDER BY listing_id")] == TEXTS
    assert len(both.redshift.seen("SELECT 1 FROM ops.rejected_rows")) == len(TEXTS)

"""Random small databases, dirty rows included: the same tables in DuckDB and in the stand-in for Redshift."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.harness import Source
from runs.test_random_marketplaces import ATTRIBUTES, BOOKINGS, LISTINGS, VIEWINGS, Row, few_examples, fill
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import Twins

pytestmark = [pytest.mark.service, pytest.mark.slow]
TABLES = ("apartments", "apartment_attributes", "bookings", "user_viewing")


@given(st.tuples(LISTINGS, ATTRIBUTES, BOOKINGS, VIEWINGS))
@few_examples
def test_random_marketplace(aws: None, s3: S3Server, redshift: RedshiftStandIn, tables: tuple[list[Row], ...]) -> None:
    with TemporaryDirectory() as folder:
        source = Source.sqlite(Path(folder) / "marketplace.db")
        source.create(optional=False)
        for name, rows in zip(TABLES, tables, strict=True):
            fill(source, name, rows)
        both = Twins(Path(folder), source.url, s3, redshift)
        both.run(run_id="first")
        assert both.differences() == {}
        for name, key in (("apartments", "id"), ("bookings", "booking_id")):
            source.execute(f"DELETE FROM {name} WHERE {key} IN (SELECT MIN({key}) FROM {name})")
        source.execute("UPDATE apartments SET price = price + 1, is_active = 1 - is_active")
        source.execute("UPDATE bookings SET total_price = total_price + 1")
        source.insert("user_viewing", {"viewed_at": "2024-03-04 10:00:00.000000"})
        both.run("quality.max_deleted_share=1", run_id="second")
        assert both.differences() == {}


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

"""Numbers that no column of the warehouse holds: the row is set aside, the run goes on, and a correction cures."""

from __future__ import annotations

import pytest

from rental_analytics.errors import WarehouseError
from runs.harness import REQUIRED, Pipeline, Source, failure

CURATED = ("extract", "transform", "load-curated")
TOO_MUCH = "99999999999999999.99"
REJECTED = "SELECT table_name, row_key, rules FROM ops.rejected_rows WHERE run_id = '{}' ORDER BY ALL"
WIDE = {
    "total_price": "DECIMAL(20,2)",
    "price": "DECIMAL(20,2)",
    "user_id": "BIGINT UNSIGNED",
    "square_feet": "BIGINT UNSIGNED",
}
"""Types as wide as some databases have them."""


@pytest.fixture
def filled(source: Source) -> Source:
    for table, columns in REQUIRED.items():
        kinds = {"num_guests": "BIGINT UNSIGNED"} if table == "bookings" else {}
        listed = [f"{name} {WIDE.get(name, kind)}" for name, kind in (columns | kinds).items()]
        source.execute(f"CREATE TABLE {table} ({', '.join(listed)})")
    source.insert("apartments", {"id": 1}, {"id": 2})
    source.insert("apartment_attributes", {"id": 1, "square_feet": 900})
    source.insert("bookings", *({"booking_id": number} for number in range(1, 11)))
    source.insert("user_viewing", *({"user_id": number} for number in range(1, 6)))
    return source


def test_rows_that_do_not_fit_are_set_aside_and_come_back(filled: Source, pipeline: Pipeline) -> None:
    filled.execute(f"UPDATE bookings SET total_price = {TOO_MUCH} WHERE booking_id = 1")
    filled.execute("UPDATE bookings SET total_price = 9999999999999999, currency = 'EUR' WHERE booking_id = 4")
    filled.execute(f"UPDATE apartments SET price = {TOO_MUCH} WHERE id = 2")
    # SQLite has no integers beyond 64 bits.
    has_unsigned = filled.url.startswith("mysql")
    if has_unsigned:
        filled.execute("UPDATE apartment_attributes SET square_feet = 9223372036854775808")
        filled.execute("UPDATE user_viewing SET user_id = 9223372036854775808 WHERE user_id = 1")
        filled.execute("UPDATE bookings SET user_id = 18446744073709551615 WHERE booking_id = 2")
        filled.execute("UPDATE bookings SET num_guests = 18446744073709551615 WHERE booking_id = 3")

    first = pipeline.run(steps=CURATED).run.run_id

    unsigned = [("bookings", "2"), ("bookings", "3"), ("listing_attributes", "1"), ("viewings", None)]
    expected = {("bookings", "1"), ("bookings", "4"), ("listings", "2"), *(unsigned if has_unsigned else ())}
    found = pipeline.rows(REJECTED.format(first))
    assert {row[:2] for row in found} == expected and len(found) == len(expected)
    assert {row[2] for row in found} == {"value_out_of_range"}
    counts = "SELECT (SELECT COUNT(*) FROM curated.bookings), (SELECT COUNT(*) FROM curated.viewings)"
    kept = (6, 4) if has_unsigned else (8, 5)
    assert pipeline.rows(counts) == [kept]
    pipeline.run(steps=CURATED)
    assert pipeline.rows(counts) == [kept]

    filled.execute("UPDATE bookings SET total_price = 100, currency = 'USD', num_guests = 2, user_id = 7")
    filled.execute("UPDATE apartment_attributes SET square_feet = 900")
    filled.execute("DELETE FROM apartments WHERE id = 2")
    second = pipeline.run(steps=CURATED).run.run_id
    assert pipeline.rows(REJECTED.format(second)) == []
    assert pipeline.rows("SELECT COUNT(*), SUM(reporting_total_price) FROM curated.bookings") == [(10, 1000)]


def test_a_first_run_of_which_too_much_does_not_fit_is_corrected(filled: Source, pipeline: Pipeline) -> None:
    filled.execute(f"UPDATE bookings SET total_price = {TOO_MUCH}")
    error = failure(pipeline.run, "quality.max_rejected_share=0.2")
    assert error.exit_code == 3 and "value_out_of_range 10, such as 1" in error.message
    filled.execute("UPDATE bookings SET total_price = 100 WHERE booking_id > 1")
    filled.execute("DELETE FROM bookings WHERE booking_id = 1")
    pipeline.run("quality.max_rejected_share=0.2", steps=CURATED)
    assert pipeline.rows("SELECT COUNT(*), SUM(reporting_total_price) FROM curated.bookings") == [(9, 900)]


@pytest.mark.remedy("metric-out-of-range")
def test_a_sum_that_its_column_cannot_hold_is_told_with_its_metric(filled: Source, pipeline: Pipeline) -> None:
    filled.execute("UPDATE bookings SET total_price = 9999999999999999 WHERE booking_id <= 2")
    error = failure(pipeline.run)
    assert isinstance(error, WarehouseError) and error.reason == "metric-out-of-range"
    assert "A number of presentation.top_listings_weekly does not fit its column" in error.message
    asked = error.remedy.split('query "')[1].split('"')[0]
    assert {str(row[2]) for row in pipeline.rows(asked)[:2]} == {"9999999999999999.00"}

    filled.execute("UPDATE bookings SET total_price = 100 WHERE booking_id <= 2")
    pipeline.run()
    assert pipeline.rows("SELECT SUM(confirmed_revenue) FROM presentation.top_listings_weekly") == [(2600,)]


@pytest.mark.remedy("metric-check-broken")
def test_an_average_that_is_not_exact_any_more_stops_the_run(filled: Source, pipeline: Pipeline) -> None:
    filled.execute("UPDATE apartments SET price = 9999999999999999")
    error = failure(pipeline.run)
    assert error.reason == "metric-check-broken"
    assert "average_price_exact of presentation.average_listing_price_weekly" in error.message
    filled.execute("UPDATE apartments SET price = 100")
    pipeline.run()
    assert pipeline.rows("SELECT DISTINCT average_price FROM presentation.average_listing_price_weekly") == [(100,)]


def test_fractions_are_no_ids_and_take_no_other_rows_place(source: Source, pipeline: Pipeline) -> None:
    for table, columns in REQUIRED.items():
        wide = dict.fromkeys(("booking_id", "user_id", "apartment_id", "num_guests"), "NUMERIC(10,2)")
        kinds = columns | ({"num_guests": "INT"} if table == "bookings" else {})
        source.execute(
            f"CREATE TABLE {table} ({', '.join(f'{name} {wide.get(name, kind)}' for name, kind in kinds.items())})"
        )
    source.insert("apartments", {"id": 1})
    source.insert(
        "bookings", {"booking_id": 5}, {"booking_id": 5.4}, {"booking_id": 6, "user_id": 7.4}, {"booking_id": 7}
    )
    source.execute("UPDATE bookings SET num_guests = 2.5 WHERE booking_id = 7")

    first = pipeline.run(steps=CURATED).run.run_id
    expected = [("bookings", key, "value_out_of_range") for key in ("5.40", "6", "7")]
    assert pipeline.rows(REJECTED.format(first)) == expected
    assert pipeline.rows("SELECT booking_id FROM curated.bookings") == [(5,)]
    assert pipeline.rows("SELECT superseded, rejected FROM ops.row_accounting WHERE table_name = 'bookings'") == [
        (0, 3)
    ]

    source.execute("DELETE FROM bookings WHERE booking_id = 5.4")
    source.execute("UPDATE bookings SET user_id = 7, num_guests = 3")
    pipeline.run(steps=CURATED)
    kept = "SELECT booking_id, user_id, guests FROM curated.bookings WHERE NOT is_deleted ORDER BY 1"
    assert pipeline.rows(kept) == [(number, 7, 3) for number in (5, 6, 7)]

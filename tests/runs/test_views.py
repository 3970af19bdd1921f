"""Views as a source: columns that are NULL in every row, literals, and views that are broken."""

import pytest

from rental_analytics.errors import ContractError
from runs.harness import Pipeline, Source, failure

CURATED = ("extract", "transform", "load-curated")


def instead(source: Source, table: str, columns: str) -> None:
    """A view in the place of a table."""
    source.execute(f"ALTER TABLE {table} RENAME TO kept_{table}")
    source.execute(f"CREATE VIEW {table} AS SELECT {columns} FROM kept_{table}")


@pytest.fixture
def filled(source: Source) -> Source:
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern"})
    source.insert("user_viewing", {})
    source.insert("bookings", {"booking_id": 1})
    return source


def test_a_column_that_is_null_in_every_row(filled: Source, pipeline: Pipeline) -> None:
    """Whatever its contract wants: a number, a text, a flag, a moment."""
    instead(
        filled,
        "apartment_attributes",
        "id, NULL AS category, NULL AS body, NULL AS amenities, NULL AS bathrooms, NULL AS bedrooms, NULL AS fee, "
        "NULL AS has_photo, NULL AS pets_allowed, NULL AS square_feet, NULL AS address, cityname, NULL AS state, "
        "NULL AS latitude, NULL AS longitude, NULL AS last_modified_timestamp",
    )
    instead(filled, "user_viewing", "user_id, apartment_id, viewed_at, NULL AS is_wishlisted, call_to_action")
    pipeline.run(steps=CURATED)
    pipeline.load()
    (row,) = pipeline.rows("SELECT bathrooms, bedrooms, latitude, category, city FROM curated.listing_attributes")
    assert row == (None, None, None, None, "Bern")
    assert pipeline.rows("SELECT user_id, is_wishlisted FROM curated.viewings") == [(7, None)]


def test_literals_in_a_view(filled: Source, pipeline: Pipeline) -> None:
    instead(
        filled,
        "bookings",
        "booking_id, user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, 'USD' AS currency, "
        "'confirmed' AS booking_status, '' AS payment_status, 2 AS num_guests, NULL AS updated_at",
    )
    instead(
        filled,
        "apartments",
        "id, title, 'web' AS source, 99.5 AS price, 'USD' AS currency, listing_created_on, "
        "1 AS is_active, last_modified_timestamp",
    )
    pipeline.run(steps=CURATED)
    assert pipeline.rows("SELECT currency, status, guests FROM curated.bookings") == [("USD", "confirmed", 2)]
    ((price, active),) = pipeline.rows("SELECT CAST(price AS VARCHAR), is_active FROM curated.listings")
    assert (price, active) == ("99.50", True)


@pytest.mark.remedy("key-always-null")
def test_a_key_that_is_null_in_every_row_stops(
    filled: Source, pipeline: Pipeline, request: pytest.FixtureRequest
) -> None:
    if "sqlite" in filled.url:
        pytest.skip("SQLite does not say of what type the column of a view is")
    instead(
        filled,
        "bookings",
        "NULL AS booking_id, user_id, apartment_id, booking_date, checkin_date, checkout_date, "
        "total_price, currency, booking_status",
    )
    error = failure(pipeline.run)
    assert isinstance(error, ContractError)
    assert (error.reason, error.table) == ("key-always-null", "bookings")
    assert error.remedy == "let the view give the rows' own key under that name."
    filled.execute("DROP VIEW bookings")
    filled.execute("CREATE VIEW bookings AS SELECT * FROM kept_bookings")
    pipeline.run(steps=CURATED)
    assert pipeline.rows("SELECT booking_id FROM curated.bookings") == [(1,)]


@pytest.mark.remedy("view-broken")
def test_a_view_whose_table_was_renamed(filled: Source, pipeline: Pipeline) -> None:
    columns = "booking_id, user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, currency, "
    instead(filled, "bookings", columns + "booking_status")
    pipeline.extract()
    if "sqlite" in filled.url:
        filled.execute("PRAGMA legacy_alter_table = ON")
        filled.execute("DROP TABLE kept_bookings")
        filled.execute("CREATE TABLE moved AS SELECT 1 AS booking_id")
    else:
        filled.execute("ALTER TABLE kept_bookings RENAME TO moved")
    error = failure(pipeline.extract)
    assert isinstance(error, ContractError)
    assert (error.reason, error.table, error.exit_code) == ("view-broken", "bookings", 2)
    assert "create the view bookings again" in error.remedy
    if "sqlite" in filled.url:
        return
    filled.execute("DROP VIEW bookings")
    filled.execute(f"CREATE VIEW bookings AS SELECT {columns} booking_status FROM moved")
    pipeline.extract()


def test_a_broken_view_that_nobody_reads_disturbs_nobody(filled: Source, pipeline: Pipeline) -> None:
    filled.execute("CREATE TABLE short_lived (id INT)")
    filled.execute("CREATE VIEW left_over AS SELECT id FROM short_lived")
    filled.execute("DROP TABLE short_lived")
    pipeline.extract()

"""What makes the marketplace believable, asked in SQL."""

from typing import TYPE_CHECKING, Any

import pytest

from marketplace.conftest import CLEAN

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.fast

KEPT = "lower(trim(booking_status)) NOT IN ('canceled', 'cancelled')"
LEAD = "checkin_date - CAST(booking_date AS DATE)"


def value(connection: "duckdb.DuckDBPyConnection", sql: str) -> Any:
    return connection.sql(sql).fetchall()[0][0]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("apartments", CLEAN.listings),
        ("apartment_attributes", CLEAN.listings),
        ("bookings", CLEAN.bookings),
        ("user_viewing", CLEAN.viewings),
    ],
)
def test_volumes(clean: "duckdb.DuckDBPyConnection", table: str, rows: int) -> None:
    assert value(clean, f"SELECT count(*) FROM {table}") == rows


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("apartments", "id"),
        ("apartment_attributes", "id"),
        ("bookings", "booking_id"),
        ("user_viewing", "id"),
    ],
)
def test_keys_are_unique_and_need_64_bits(clean: "duckdb.DuckDBPyConnection", table: str, key: str) -> None:
    assert value(clean, f"SELECT count(*) - count(DISTINCT {key}) FROM {table}") == 0
    assert value(clean, f"SELECT min({key}) > 2::BIGINT ** 53 FROM {table}")


@pytest.mark.parametrize(
    "forbidden",
    [
        "SELECT count(*) FROM bookings JOIN apartments ON id = apartment_id WHERE booking_date <= listing_created_on",
        "SELECT count(*) FROM user_viewing JOIN apartments ON apartments.id = apartment_id "
        "WHERE viewed_at < listing_created_on",
        "SELECT count(*) FROM bookings WHERE updated_at < booking_date",
        "SELECT count(*) FROM bookings WHERE greatest(booking_date, updated_at) >= '2026-11-01'",
        "SELECT count(*) FROM user_viewing WHERE viewed_at >= '2026-11-01'",
        "SELECT count(*) FROM apartments WHERE last_modified_timestamp >= '2026-11-01'",
        "SELECT count(*) FROM apartments ANTI JOIN apartment_attributes USING (id)",
        f"SELECT count(*) FROM bookings WHERE {LEAD} NOT BETWEEN 0 AND 180",
        "SELECT count(*) FROM bookings WHERE currency ILIKE '%JPY%' AND total_price % 1 <> 0",
    ],
)
def test_what_cannot_be(clean: "duckdb.DuckDBPyConnection", forbidden: str) -> None:
    assert value(clean, forbidden) == 0


def test_the_marketplace_grows(clean: "duckdb.DuckDBPyConnection") -> None:
    counts = clean.sql(
        "SELECT count(*) FROM bookings "
        "GROUP BY date_diff('day', booking_date, TIMESTAMP '2026-11-01') // 366 "
        "ORDER BY min(booking_date)"
    ).fetchall()
    first, second, third = (count for (count,) in counts)
    assert first < second < third


def test_weekly_rhythm(clean: "duckdb.DuckDBPyConnection") -> None:
    by_day = dict(clean.sql("SELECT dayofweek(checkin_date), count(*) FROM bookings GROUP BY 1").fetchall())
    assert by_day[5] == max(by_day.values()) > 1.5 * by_day[2]
    booked = dict(clean.sql("SELECT dayofweek(booking_date), count(*) FROM bookings GROUP BY 1").fetchall())
    assert booked[6] < booked[1]


def test_yearly_rhythm(clean: "duckdb.DuckDBPyConnection") -> None:
    months = dict(
        clean.sql(
            "SELECT month(checkin_date), count(*) FROM bookings "
            "WHERE checkin_date BETWEEN '2025-11-01' AND '2026-10-31' GROUP BY 1"
        ).fetchall()
    )
    assert months[7] > 1.4 * months[2]
    assert months[8] > months[10]


def test_stays_are_mostly_short_with_a_tail(clean: "duckdb.DuckDBPyConnection") -> None:
    nights = dict(clean.sql("SELECT checkout_date - checkin_date, count(*) FROM bookings GROUP BY 1").fetchall())
    assert sorted(nights, key=lambda count: -nights[count])[:2] == [2, 3]
    assert max(nights) >= 28


def test_early_bookings_are_canceled_more_often(clean: "duckdb.DuckDBPyConnection") -> None:
    shares = dict(clean.sql(f"SELECT {LEAD} > 45, avg(CAST(NOT {KEPT} AS INT)) FROM bookings GROUP BY 1").fetchall())
    assert shares[True] > 1.5 * shares[False] > 0.05


def test_last_bookings_are_pending_more_often(clean: "duckdb.DuckDBPyConnection") -> None:
    shares = dict(
        clean.sql(
            "SELECT booking_date >= '2026-10-29', avg(CAST(lower(trim(booking_status)) = 'pending' AS INT)) "
            "FROM bookings GROUP BY 1"
        ).fetchall()
    )
    assert shares[True] > 3 * shares[False] > 0


def test_totals_follow_nightly_prices(clean: "duckdb.DuckDBPyConnection") -> None:
    ratio = "total_price / (price * (checkout_date - checkin_date))"
    assert value(clean, f"SELECT median({ratio}) FROM bookings JOIN apartments ON id = apartment_id") == pytest.approx(
        1, abs=0.1
    )


def test_few_guests_and_listings_make_most_bookings(clean: "duckdb.DuckDBPyConnection") -> None:
    for column in ("user_id", "apartment_id"):
        share = value(
            clean,
            f"WITH counts AS (SELECT count(*) AS n FROM bookings GROUP BY {column}), "
            "ranked AS (SELECT n, row_number() OVER (ORDER BY n DESC) AS place, "
            "count(*) OVER () AS everybody "
            "FROM counts) SELECT sum(n) FILTER (place <= everybody * 0.2) / sum(n) FROM ranked",
        )
        assert 0.4 < share < 0.9


def test_repeat_guests_within_a_month(clean: "duckdb.DuckDBPyConnection") -> None:
    share = value(
        clean,
        "SELECT avg(CAST(n > 1 AS INT)) FROM (SELECT count(*) AS n FROM bookings "
        "WHERE booking_date BETWEEN '2026-09-01' AND '2026-09-30 23:59:59' GROUP BY user_id)",
    )
    assert 0.03 < share < 0.3


def test_views_lead_to_bookings(clean: "duckdb.DuckDBPyConnection") -> None:
    assert (
        value(
            clean,
            "SELECT avg(CAST(EXISTS (FROM user_viewing WHERE user_viewing.user_id = bookings.user_id AND "
            "user_viewing.apartment_id = bookings.apartment_id AND viewed_at < booking_date) AS INT)) "
            "FROM bookings",
        )
        > 0.75
    )
    assert value(clean, "SELECT count(DISTINCT call_to_action) FROM user_viewing") >= 5
    assert 0.05 < value(clean, "SELECT avg(is_wishlisted) FROM user_viewing") < 0.4


def test_text_holds_what_breaks_careless_readers(clean: "duckdb.DuckDBPyConnection") -> None:
    for pattern in ["🏡", '"', "''", ",", "\\"]:
        assert value(clean, f"SELECT count(*) FROM apartments WHERE contains(title, '{pattern}')") > 0
    assert value(clean, "SELECT count(*) FROM apartment_attributes WHERE contains(body, chr(10))") > 0


def test_places_and_currencies(clean: "duckdb.DuckDBPyConnection") -> None:
    codes = value(clean, "SELECT list_sort(list(DISTINCT upper(trim(currency)))) FROM apartments")
    assert codes == ["CAD", "CHF", "EUR", "GBP", "JPY", "USD"]
    assert value(clean, "SELECT mode(cityname) FROM apartment_attributes") == "New York City"
    assert value(clean, "SELECT avg(CAST(longitude BETWEEN -160 AND -65 AS INT)) FROM apartment_attributes") > 0.6


def test_some_listings_are_deactivated(clean: "duckdb.DuckDBPyConnection") -> None:
    assert 0.03 < 1 - value(clean, "SELECT avg(is_active) FROM apartments") < 0.2

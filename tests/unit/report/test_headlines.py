"""The numbers a run ends with: of the last whole period, in the words of each metric's model.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from rental_analytics.report.statements import headlines_query
from report.test_report import MODELS, Warehouse

pytestmark = pytest.mark.fast
WEEK, MONTH, DAY = date(2024, 5, 27), date(2024, 5, 1), date(2024, 6, 5)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    import duckdb

    with duckdb.connect() as connection:
        made = Warehouse(connection)
        made.built(DAY)
        yield made


def headlines(warehouse: Warehouse) -> dict[str, tuple[str, str | None]]:
    sql = headlines_query(MODELS.values())
    assert sql is not None
    return {row["metric"]: (row["period"], row["value"]) for row in warehouse.query(sql).to_pylist()}


def test_a_warehouse_without_numbers_has_no_headlines(warehouse: Warehouse) -> None:
    assert headlines(warehouse) == {}


def test_models_without_headlines_ask_nothing() -> None:
    assert headlines_query([model.model_copy(update={"headline": None}) for model in MODELS.values()]) is None


def test_headlines_are_of_the_last_whole_period_in_their_order(warehouse: Warehouse) -> None:
    for start, price in [(WEEK, "110.5"), (date(2024, 6, 3), "999")]:
        warehouse.insert(
            "presentation.average_listing_price_weekly", week_start=start, average_price=Decimal(price), currency="JPY"
        )
    for start, rate in [(MONTH, "0.4375"), (date(2024, 6, 1), "0.9")]:
        warehouse.insert("presentation.occupancy_rate_monthly", month_start=start, occupancy_rate=Decimal(rate))
    for rank, city in [(2, "Boston"), (1, "Austin")]:
        warehouse.insert(
            "presentation.popular_locations_weekly", week_start=WEEK, city=city, bookings=9 - rank, location_rank=rank
        )
    for user, bookings in [(1, 2), (2, 3), (3, 0)]:
        warehouse.insert("presentation.bookings_per_user_weekly", week_start=WEEK, user_id=user, bookings=bookings)
    warehouse.insert("presentation.booking_duration_monthly", month_start=MONTH, average_stay_nights=Decimal("3.1"))
    warehouse.insert("presentation.repeat_customer_rate_daily", calendar_date=DAY, repeat_customer_rate=Decimal("0.05"))

    assert list(headlines(warehouse).items()) == [
        ("Average price of an active listing, per night", ("week of 2024-05-27", "110.50 JPY")),
        ("Occupancy, share of available nights that were booked", ("month of 2024-05-01", "43.8 %")),
        ("Most booked city", ("week of 2024-05-27", "Austin, 8 bookings")),
        ("Bookings, and users who made them", ("week of 2024-05-27", "5 by 2 users")),
        ("Average stay, nights", ("check-ins in month of 2024-05-01", "3.10")),
        ("Customers of the last 30 days who booked twice or more", ("to 2024-06-05", "5.0 %")),
    ]


@pytest.mark.parametrize(("title", "shown"), [("Loft's \\ {x}", "Loft's \\ {x}"), (None, "listing 9007199254740993")])
def test_what_is_not_known_has_another_text(warehouse: Warehouse, title: str | None, shown: str) -> None:
    warehouse.insert(
        "presentation.top_listings_weekly",
        week_start=WEEK,
        revenue_rank=1,
        listing_id=2**53 + 1,
        title=title,
        confirmed_revenue=Decimal(5),
        currency="EUR",
    )
    warehouse.insert("presentation.occupancy_rate_monthly", month_start=MONTH)

    assert headlines(warehouse) == {
        "Top listing by confirmed revenue": ("week of 2024-05-27", f"{shown}, 5.00 EUR"),
        "Occupancy, share of available nights that were booked": ("month of 2024-05-01", None),
    }

"""What holds between the numbers of several metrics, or of several periods, whatever the marketplace."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from metrics.marketplace import CALENDAR_START, DAY, Marketplace

Row = Mapping[str, Any]
Tables = Mapping[str, list[Row]]
"""The rows of each intermediate and presentation table, by name."""
WEEK = timedelta(days=7)
LEAD_RANGES = ("0_to_1", "2_to_7", "8_to_14", "15_to_30", "31_to_60", "61_to_90", "91_and_more")


def assert_identities(tables: Tables, marketplace: Marketplace) -> None:
    assert_revpar_is_adr_by_occupancy(tables)
    assert_supply_changes_add_up(tables["listing_supply_weekly"])
    assert_cities_and_listings_add_up(tables)
    assert_bookings_of_a_week_agree(tables)
    assert_lead_times_are_in_one_range(tables)
    assert_pickup_has_no_gaps(tables["booking_pickup_daily"])
    assert_nights_bring_the_price_of_the_stay(tables["stay_months"], marketplace)
    assert_seasons_average_one(tables["seasonality_monthly"])
    assert_cohorts_begin_whole(tables["customer_cohorts_monthly"])


def assert_revpar_is_adr_by_occupancy(tables: Tables) -> None:
    """Each of the three is rounded by itself: half a cent, and half a millionth of the daily rate."""
    for row in (*tables["stay_revenue_monthly"], *tables["stay_revenue_city_monthly"]):
        if row["adr"] is None or row["revpar"] is None:
            assert row["booked_nights"] == 0 or row["available_nights"] == 0
            continue
        off = abs(row["revpar"] - row["adr"] * row["occupancy_rate"])
        assert off <= Decimal("0.01") + row["adr"] * Decimal("0.000001"), row


def assert_supply_changes_add_up(rows: Iterable[Row]) -> None:
    by_week = sorted(rows, key=lambda row: row["week_start"])
    before = 0
    for row in by_week:
        change = row["new_listings"] + row["reactivated_listings"] - row["deactivated_listings"]
        assert row["active_listings"] == before + change, row
        before = row["active_listings"]
    assert all(later["week_start"] - earlier["week_start"] == WEEK for earlier, later in pairwise(by_week))


def assert_cities_and_listings_add_up(tables: Tables) -> None:
    whole = tables["stay_revenue_monthly"]
    for name in ("booked_nights", "available_nights", "revenue"):
        assert total(tables["stay_revenue_city_monthly"], "month_start", name) == total(whole, "month_start", name)
    by_listing = tables["revenue_per_listing_monthly"]
    assert total(by_listing, "month_start", "nights") == total(whole, "month_start", "booked_nights")
    assert total(by_listing, "month_start", "revenue") == total(whole, "month_start", "revenue")
    for name in ("booked_nights", "available_nights", "occupancy_rate"):
        occupancy = {row["month_start"]: row[name] for row in tables["occupancy_rate_monthly"]}
        assert occupancy == {row["month_start"]: row[name] for row in whole}
    prices = "average_listing_price_weekly", "average_listing_price_city_weekly"
    everywhere, in_cities = (total(tables[name], "week_start", "active_listings") for name in prices)
    assert everywhere == in_cities
    supply = total(tables["listing_supply_weekly"], "week_start", "active_listings")
    priced_by_all = {row["week_start"]: row["active_listings"] for row in tables["average_listing_price_weekly"]}
    assert all(count <= supply[week] for week, count in priced_by_all.items())


def assert_bookings_of_a_week_agree(tables: Tables) -> None:
    gross = {row["week_start"]: row for row in tables["gross_booking_value_weekly"]}
    for row in gross.values():
        assert row["net_booking_value"] == row["gross_booking_value"] - row["canceled_value"]
    # Which of them are canceled is told by their versions there, and those of a random marketplace go their own way.
    rates = {row["week_start"]: row["bookings"] for row in tables["cancellation_rate_weekly"]}
    assert {week: row["bookings"] for week, row in gross.items()} == rates
    kept = Counter({week: row["bookings"] - row["canceled_bookings"] for week, row in gross.items()})
    assert +kept == total(tables["popular_locations_weekly"], "week_start", "bookings")
    by_user = tables["bookings_per_user_weekly"]
    assert +kept == total(by_user, "week_start", "bookings")
    canceled = Counter({week: row["canceled_bookings"] for week, row in gross.items()})
    assert +canceled == total(by_user, "week_start", "canceled_bookings")


def assert_lead_times_are_in_one_range(tables: Tables) -> None:
    for row in tables["booking_lead_time_monthly"]:
        assert row["bookings"] == sum(row[f"days_{name}"] for name in LEAD_RANGES), row


def assert_pickup_has_no_gaps(rows: Iterable[Row]) -> None:
    """So that the differences between days add up to what is on the books."""
    days_of = defaultdict(list)
    for row in rows:
        days_of[row["stay_month"]].append(row["calendar_date"])
    for days in days_of.values():
        assert all(later - earlier == DAY for earlier, later in pairwise(sorted(days)))


def assert_nights_bring_the_price_of_the_stay(rows: Iterable[Row], marketplace: Marketplace) -> None:
    revenue: dict[Any, Decimal] = defaultdict(Decimal)
    nights: Counter[Any] = Counter()
    for row in rows:
        if row["kind"] == "now":
            revenue[row["booking_id"]] += row["revenue"]
            nights[row["booking_id"]] += row["nights"]
    for booking in marketplace.all_bookings:
        is_over = booking.checkout_date <= marketplace.as_of + DAY
        if booking.is_confirmed and is_over and booking.checkin_date >= CALENDAR_START:
            assert revenue[booking.booking_id] == booking.reporting_total_price
            assert nights[booking.booking_id] == booking.stay_nights


def assert_seasons_average_one(rows: list[Row]) -> None:
    indices = [Fraction(row["booked_nights_index"]) for row in rows if row["booked_nights_index"] is not None]
    if indices:
        assert len(rows) == len(indices) == 12
        assert abs(sum(indices) - 12) <= Fraction(12, 2_000_000)


def assert_cohorts_begin_whole(rows: Iterable[Row]) -> None:
    for row in rows:
        assert row["months_since"] > 0 or row["active_users"] == row["cohort_users"], row


def total(rows: Iterable[Row], period: str, name: str) -> dict[Any, Any]:
    """The sum of a column by period; periods whose sum is zero are left out."""
    sums: dict[Any, Any] = defaultdict(int)
    for row in rows:
        sums[row[period]] += row[name]
    return {key: value for key, value in sums.items() if value}

"""The lineage of the project's own columns: all of them have one, and hard ones that which reading the models gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from rental_analytics.catalogue.lineage import (
    ENGINE_RELATIONS,
    MADE_BY_PIPELINE,
    RUN_PARAMETERS,
    ColumnName,
    Inputs,
    column_lineage,
    origins,
    row_lineage,
)
from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.marketplace import MarketplaceFacts
from rental_analytics.contracts.model import Model
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.errors import ContractError
from rental_analytics.reference.data import load_reference_data
from rental_analytics.sql.lineage import ROWS

pytestmark = pytest.mark.fast

CONTRACTS = load_contracts()
MODELS: list[Model] = [*CONTRACTS.transform_order, *CONTRACTS.rebuild_order]


@pytest.fixture(scope="module")
def lineage() -> Inputs:
    return column_lineage(CONTRACTS)


def column(text: str) -> ColumnName:
    relation, _, name = text.rpartition(".")
    if relation.startswith("configuration"):
        return ColumnName("configuration", text.partition(".")[2])
    return ColumnName(relation, name)


def told(columns: frozenset[ColumnName]) -> list[str]:
    return sorted(f"{found.relation}.{found.column}" for found in columns)


def test_every_column_has_a_lineage_that_ends_in_an_origin(lineage: Inputs) -> None:
    of_sources = {
        ColumnName(f"raw_data.{name}", part) for name, table in CONTRACTS.sources.items() for part in table.columns
    }
    of_models = {ColumnName(model.relation, part) for model in MODELS for part in (*model.columns, ROWS)}
    of_run = {ColumnName(RUN_PARAMETERS, part) for part in ops_tables()["run_parameters"].columns}
    assert lineage.keys() >= of_sources | of_models | of_run

    for name in lineage:
        ends = origins(lineage, name)
        assert ends, name
        assert all(end.is_origin for end in ends), name


def test_origins_are_columns_that_there_are(lineage: Inputs) -> None:
    ends = {end for name in lineage for end in origins(lineage, name)}
    settings = {f"marketplace.{name}" for name in MarketplaceFacts.model_fields}
    kinds = {end.relation.partition(".")[0] for end in ends}

    assert kinds == {"source", "reference", "configuration", "pipeline"}
    assert {end.column for end in ends if end.relation == "pipeline"} == {*MADE_BY_PIPELINE}
    assert {end.column for end in ends if end.relation == "configuration"} <= settings
    for end in ends:
        if end.relation.startswith("source."):
            assert end.column in {*CONTRACTS.sources[end.relation.removeprefix("source.")].columns, ROWS}


def test_what_engines_find_beside_the_source_is_known() -> None:
    relations = load_reference_data(date(2026, 1, 1)).relations

    assert {name: [*columns] for name, columns in ENGINE_RELATIONS.items()} == {
        name: table.column_names for name, table in relations.items()
    }


HARD_COLUMNS = {
    # A join looks the status up by its spelling.
    "curated.bookings.status": "raw_data.bookings.booking_status configuration.marketplace.statuses",
    # Added by `conversion`: at the rate of the booking's currency and day, or none for the reporting currency.
    "curated.bookings.reporting_total_price": (
        "raw_data.bookings.total_price raw_data.bookings.currency raw_data.bookings.booking_date"
        " curated.exchange_rates.rate curated.exchange_rates.rate_date"
        " configuration.marketplace.reporting_currency configuration.marketplace.default_currency"
    ),
    # Through lambdas over a list.
    "curated.listing_attributes.amenity_count": "raw_data.apartment_attributes.amenities",
    # Dated back when it is loaded, by a helper column.
    "curated.listing_versions.valid_from": (
        "curated.listings.modified_at curated.listings.created_at curated.listings.is_deleted"
        " raw_data.apartments._extracted_at pipeline.upper_bound"
    ),
    # A window's next row, of a GREATEST with a CTE of one row.
    "intermediate.active_listing_weeks.end_week": "curated.listing_versions.valid_from curated.calendar.week_start",
    # A union of two tables, cents carried through four CTEs.
    "intermediate.stay_prices.cents_over": (
        "curated.bookings.reporting_total_price curated.bookings.checkin_date curated.bookings.checkout_date"
        " intermediate.confirmed_versions.reporting_total_price intermediate.confirmed_versions.checkin_date"
        " intermediate.confirmed_versions.checkout_date"
    ),
    # Constants of a union, summed up: rows are counted.
    "intermediate.price_changes.listing_change": "intermediate.active_listing_weeks.*",
    # An aggregate of aggregates over a window, days of a month counted.
    "intermediate.city_nights_monthly.booked_nights": (
        "intermediate.night_changes.booked intermediate.night_changes.change_date curated.calendar.calendar_date"
        " curated.calendar.month_start curated.calendar.*"
    ),
    # Added by `ratio`, of a column that the table does not have.
    "presentation.booking_lead_time_monthly.median_lead_days": "curated.bookings.lead_days curated.bookings.*",
    "presentation.average_listing_price_weekly.average_price": (
        "intermediate.price_changes.price_change intermediate.price_changes.listing_change curated.calendar.week_start"
    ),
    # Counted where a LEFT JOIN finds a pair, that a join with bookings made.
    "presentation.conversion_funnel_weekly.bookers": (
        "curated.viewings.* curated.bookings.*"
    ),
    # Numbered by a count, and by names.
    "presentation.popular_locations_weekly.location_rank": (
        "curated.bookings.* intermediate.listing_cities.city intermediate.listing_cities.state"
    ),
    # Two sums over windows, of constants behind a LEFT JOIN.
    "presentation.repeat_customer_rate_daily.repeat_customers": "curated.bookings.* curated.calendar.calendar_date",
    "presentation.stay_revenue_monthly.currency": "ops.run_parameters.reporting_currency",
}


@pytest.mark.parametrize("name", HARD_COLUMNS)
def test_hard_columns(name: str, lineage: Inputs) -> None:
    assert told(lineage[column(name)]) == sorted(HARD_COLUMNS[name].split())


def test_revenue_per_available_night_down_to_the_source(lineage: Inputs) -> None:
    ends = told(origins(lineage, column("presentation.stay_revenue_monthly.revpar")))

    assert [end for end in ends if end.startswith("source.")] == [
        "source.apartments.last_modified_timestamp",
        "source.apartments.listing_created_on",
        "source.bookings.booking_date",
        "source.bookings.checkin_date",
        "source.bookings.checkout_date",
        "source.bookings.currency",
        "source.bookings.total_price",
    ]
    assert "reference.exchange_rates.rate" in ends


def test_a_company_sees_its_own_names() -> None:
    settings = TableSettings(name="reservations", columns={"booking_id": "id"}, constants={"currency": "EUR"})

    lineage = column_lineage(CONTRACTS, {"bookings": settings})

    assert told(lineage[column("raw_data.bookings.booking_id")]) == ["source.reservations.id"]
    assert told(lineage[column("raw_data.bookings.total_price")]) == ["source.reservations.total_price"]
    assert told(lineage[column("raw_data.bookings.*")]) == ["source.reservations.*"]
    assert told(lineage[column("raw_data.bookings.currency")]) == ["configuration.tables.bookings.constants.currency"]
    assert told(lineage[column("raw_data.apartments.id")]) == ["source.apartments.id"]


def test_what_decides_the_rows() -> None:
    rows = row_lineage(CONTRACTS)

    assert rows.keys() == {model.relation for model in MODELS}
    assert told(rows["presentation.booking_duration_monthly"]) == [
        "curated.bookings.*",
        "curated.bookings.checkin_date",
        "curated.bookings.is_deleted",
        "curated.bookings.status",
    ]
    # A rule rejects rows without a price; the newest row of a key is the one with the latest change.
    assert {"raw_data.bookings.total_price", "raw_data.bookings.updated_at"} <= {*told(rows["curated.bookings"])}
    assert "raw_data.bookings.payment_status" not in told(rows["curated.bookings"])


def test_a_conversion_needs_nothing_of_the_query() -> None:
    listings = CONTRACTS.curated["listings"]
    plain = "SELECT *, id AS listing_id, listing_created_on AS created_at, last_modified_timestamp AS modified_at,"
    plain += " last_modified_timestamp AS _priced_at FROM raw_data.apartments"
    changed = listings.model_copy(update={"query": plain})

    lineage = column_lineage(replace(CONTRACTS, curated={**CONTRACTS.curated, "listings": changed}))

    assert {"raw_data.apartments.price", "configuration.marketplace.reporting_currency"} <= {
        *told(lineage[column("curated.listings.reporting_price")])
    }


@pytest.mark.remedy("query-lacks-column")
def test_a_column_that_the_query_does_not_return() -> None:
    months = CONTRACTS.intermediate["months"]
    wrong = months.model_copy(update={"query": months.query.replace("AS month_number", "AS number")})

    with pytest.raises(ContractError, match=r"models/intermediate/months/query\.sql: .* month_number") as raised:
        column_lineage(replace(CONTRACTS, intermediate={**CONTRACTS.intermediate, "months": wrong}))
    assert (raised.value.reason, raised.value.exit_code) == ("query-lacks-column", 2)
    assert raised.value.remedy == "let the query return it, or remove it from model.yaml."

    assert column("intermediate.months.month_number") in column_lineage(CONTRACTS)


def test_text_ids_have_the_same_lineage(lineage: Inputs) -> None:
    assert column_lineage(CONTRACTS.with_ids("text")) == lineage

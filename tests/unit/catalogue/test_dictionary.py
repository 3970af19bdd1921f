"""The dictionary has every table and column, as the configuration calls them."""

from __future__ import annotations

import pytest

from catalogue.contents import packaged
from rental_analytics.catalogue.content import Lineage, spoken
from rental_analytics.catalogue.dictionary import Column, Place, data_dictionary
from rental_analytics.catalogue.lineage import ColumnName
from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.contracts.raw_files import RAW_COLUMNS

pytestmark = pytest.mark.fast
CONTRACTS = load_contracts()


def test_every_table_of_every_place_is_there_once() -> None:
    relations = [table.relation for table in packaged().tables]

    assert len(relations) == len(set(relations))
    assert set(relations) == {
        *(f"source.{name}" for name in CONTRACTS.sources),
        *(f"raw_data.{name}" for name in CONTRACTS.sources),
        *(model.relation for model in CONTRACTS.curated.values()),
        *(model.relation for model in CONTRACTS.rebuild_order),
        *(f"ops.{name}" for name in ops_tables()),
    }


def test_every_column_has_a_type_and_a_description() -> None:
    columns = [(table.relation, column) for table in packaged().tables for column in table.columns]

    assert len(columns) > 400
    assert [(relation, column.name) for relation, column in columns if not (column.type and column.description)] == []


def column(relation: str, name: str, configured: dict[str, TableSettings] | None = None) -> Column:
    tables = {table.relation: table for table in data_dictionary(CONTRACTS, configured or {})}
    return {column.name: column for column in tables[relation].columns}[name]


def test_keys_and_nulls_are_those_of_the_contracts() -> None:
    assert column("curated.bookings", "booking_id").is_key
    assert not column("curated.bookings", "booking_id").may_lack
    assert column("curated.bookings", "guests").may_lack
    assert column("source.bookings", "num_guests").may_lack
    assert not column("raw_data.bookings", "booking_id").may_lack
    assert column("raw_data.bookings", "total_price").may_lack


def test_columns_that_the_pipeline_adds_are_there() -> None:
    raw = [column.name for column in packaged().relations["raw_data.bookings"].columns]
    versions = {column.name for column in packaged().relations["curated.listing_versions"].columns}

    assert raw[-5:] == [*(name for name, _ in RAW_COLUMNS), "_loaded_at"]
    assert {"_run_id", "_loaded_at", "_version_at", "_first_valid_from"} <= versions
    assert "is_deleted" in {column.name for column in packaged().relations["curated.bookings"].columns}
    assert "is_deleted" not in {column.name for column in packaged().relations["curated.viewings"].columns}


def test_the_source_is_told_by_its_own_names() -> None:
    configured = {
        "bookings": TableSettings(
            name="reservations",
            columns={"booking_id": "id", "updated_at": "changed"},
            constants={"currency": "EUR"},
            optional=True,
        ),
        "apartments": TableSettings(name="flats"),
    }
    tables = {table.relation: table for table in data_dictionary(CONTRACTS, configured)}
    reservations = tables["source.reservations"]

    assert "source.bookings" not in tables
    assert "raw_data.bookings" in tables
    assert reservations.key == ("id",)
    assert reservations.notes == (
        "Read as bookings.",
        "The pipeline runs without it.",
        "A change of a row moves changed.",
        "The moment a row records is booking_date.",
        "apartment_id points to flats.",
        "currency is not read: it is always 'EUR'.",
    )
    assert column("source.reservations", "id", configured).origin == "read as booking_id"
    assert "currency" not in {column.name for column in reservations.columns}
    assert column("source.bookings", "currency").origin == "may be missing where marketplace.default_currency is set"
    assert column("source.bookings", "user_id").origin == ""


def test_rules_and_relationships_are_checks() -> None:
    checks = {check.name: check for check in packaged().relations["curated.bookings"].checks}

    assert checks["negative_price"].severity == "reject"
    assert checks["value_out_of_range"].meaning.startswith("a value")
    assert checks["unknown_listing"].meaning == "listing_id is not in curated.listings"


def test_places_are_told_in_their_order() -> None:
    assert list(dict.fromkeys(table.place for table in packaged().tables)) == list(Place)


def test_lineage_is_read_in_both_directions() -> None:
    first, second, third = ColumnName("source.a", "x"), ColumnName("raw_data.a", "x"), ColumnName("raw_data.a", "y")
    made, rows = ColumnName("pipeline", "constant"), ColumnName("raw_data.b", "*")
    lineage = Lineage(
        {second: frozenset({first}), third: frozenset({first, second, made})}, {"raw_data.a": frozenset({rows})}
    )

    assert lineage.inputs(third) == [made, second, first]
    assert lineage.outputs(first) == [second, third]
    assert (lineage.inputs(first), lineage.outputs(third)) == ([], [])
    assert lineage.rows_of("raw_data.a") == [rows]
    assert lineage.table_inputs("raw_data.a") == ["raw_data.b", "source.a"]
    assert lineage.table_outputs("source.a") == ["raw_data.a"]
    assert lineage.table_outputs("raw_data.a") == []
    assert lineage.columns == (made, second, third, first)
    assert lineage.edges == ((first, second), (made, third), (second, third), (first, third))


def test_lineage_ends_in_what_is_explained() -> None:
    ends = {origin.name.relation: origin.description for origin in packaged().origins}
    places = {name.relation.partition(".")[0] for name in packaged().lineage.columns}

    assert {"pipeline", "configuration", "reference.exchange_rates"} <= ends.keys()
    assert all(ends.values())
    assert places == {"configuration", "reference", "pipeline", *(str(place) for place in Place)}


def test_every_table_that_lineage_names_is_in_the_dictionary() -> None:
    lineage = packaged().lineage
    ends = {origin.name.relation for origin in packaged().origins}
    columns = {(table.relation, column.name) for table in packaged().tables for column in table.columns}
    named = {(name.relation, name.column) for name in lineage.columns if name.relation not in ends}

    assert {relation for relation, _ in named} <= packaged().relations.keys()
    assert {name for name in named if name[1] != "*"} <= columns


def test_rows_are_spoken_of_as_rows() -> None:
    assert spoken(ColumnName("curated.bookings", "*")) == "rows of curated.bookings"
    assert spoken(ColumnName("configuration", "marketplace.statuses")) == "configuration.marketplace.statuses"

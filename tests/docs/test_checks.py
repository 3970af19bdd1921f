"""Every kind of check has an example in docs/reference/checks.md, which says what rows break it."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest
import yaml

from docs.pages import blocks, pages
from rental_analytics.contracts.checks import ColumnCheck, TableCheck
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.quality.asked import found
from rental_analytics.quality.rebuilt import Comparisons, asked_of

pytestmark = pytest.mark.fast

PAGE = "docs/reference/checks.md"
MOMENT = datetime(2024, 3, 10, 12)  # noqa: DTZ001 moments are UTC
Rows = list[tuple[Any, ...]]
EXAMPLES: dict[str, tuple[Rows, set[str]]] = {
    "not_null": ([(None, None), (1, "Bern")], {"city_not_null"}),
    "unique": ([(1, 7, "a"), (2, 7, "a"), (3, None, "b")], {"invoice_number_unique", "invoice_number_city_unique"}),
    "accepted_values": (
        [(1, "confirmed ", 1), (2, "pending", 4), (3, None, None)],
        {"status_accepted_values", "bedrooms_accepted_values"},
    ),
    "range": ([(1, "0.00", "2020-01-01"), (2, "99.50", "2019-12-31")], {"fee_range", "checkin_date_range"}),
    "relationships": ([(1, 1), (2, 99), (3, None)], {"listing_id_relationships"}),
    "adds_up_to": ([(1, "2024-01-01", 3, "0.02"), (2, "2024-01-01", 1, "0.01")], {"nights_revenue_adds_up_to"}),
    "freshness": ([(1, "2024-03-07")], {"calendar_date_freshness"}),
    "row_count_near_usual": ([(1,)], {"row_count_near_usual"}),
    "when": ([(1, 2, 3), (2, 3, 2)], {"canceled_within_bookings"}),
}
"""Rows, with a key ahead of the columns of the example, and the checks that they break."""
UNBROKEN: dict[str, Rows] = {
    "not_null": [(1, "Bern")],
    "unique": [(1, 7, "a"), (2, 8, "a"), (3, None, "b"), (4, None, "b")],
    "accepted_values": [(1, "confirmed", 1), (2, None, None)],
    "range": [(1, "0.01", "2020-01-01"), (2, "99.50", None)],
    "relationships": [(1, 1), (2, None)],
    "adds_up_to": [(1, "2024-01-01", 3, "0.02"), (2, "2024-01-01", 1, None), (3, None, 0, "0.00")],
    "freshness": [(1, "2024-03-08"), (2, None)],
    "row_count_near_usual": [(1,), (2,)],
    "when": [(1, 2, 2), (2, None, 2)],
}


def sections() -> dict[str, str]:
    parts = re.split(r"^### (\w+)$", pages()[PAGE].partition("\n## Keys of a check")[0], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def model_of(example: str) -> DerivedModel:
    """A metric with the example in its model.yaml."""
    declared = yaml.safe_load(example)
    return DerivedModel.model_validate(
        {
            "name": "rooms",
            "layer": "presentation",
            "description": "Rooms",
            "definition": "All rooms",
            "grain": "one row per room",
            "key": ["room"],
            "columns": {"room": {"type": "BIGINT", "description": "The room"}, **declared.get("columns", {})},
            "checks": declared.get("checks", []),
            "query": "SELECT 1",
        }
    )


def broken(model: DerivedModel, rows: Rows) -> set[str]:
    import duckdb

    with closing(duckdb.connect()) as database:
        database.execute("CREATE SCHEMA curated; CREATE TABLE curated.listings AS SELECT 1 AS listing_id")
        database.execute(
            "CREATE SCHEMA presentation; CREATE TABLE presentation.totals AS "
            "SELECT DATE '2024-01-01' AS month_start, 4 AS booked_nights, 0.02 AS revenue"
        )
        columns = ", ".join(f"{name} {column.type}" for name, column in model.columns.items())
        database.execute(f"CREATE TABLE rooms ({columns})")
        database.executemany(f"INSERT INTO rooms VALUES ({', '.join('?' for _ in model.columns)})", rows)

        def row_of(sql: str) -> dict[str, Any]:
            (values,) = database.execute(sql).fetchall()
            return dict(zip((column[0] for column in database.description), values, strict=True))

        asked = asked_of(model, "rooms", Comparisons(MOMENT, {"rooms": (3, 4, 4)}))
        results = found([asked], lambda queries: [row_of(sql) for sql in queries]).results
    return {result.check_name for result in results if result.failed_rows}


def test_every_kind_has_an_example() -> None:
    kinds = {*ColumnCheck.model_fields, *TableCheck.model_fields} - {"name", "severity", "description"}
    assert sections().keys() == EXAMPLES.keys() == UNBROKEN.keys() == kinds


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_is_broken_as_it_says(kind: str) -> None:
    (example,) = blocks(sections()[kind], "yaml")
    model = model_of(example)
    rows, names = EXAMPLES[kind]
    assert broken(model, rows) == names
    assert broken(model, UNBROKEN[kind]) == set()


def test_the_example_at_the_top_is_one() -> None:
    example = blocks(pages()[PAGE].partition("## Kinds")[0], "yaml")
    declared = {check.name for check in model_of(example[0]).declared_checks}
    assert declared == {
        "status_not_null",
        "status_accepted_values",
        "total_price_range",
        "booking_id_status_unique",
        "row_count_near_usual",
    }

"""Contracts with more checks than they come with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rental_analytics.contracts.checks import ColumnCheck, TableCheck
from rental_analytics.contracts.loader import Contracts

GROUPS = {"source": "sources"}
"""What the attributes of contracts are called that do not have the name of the schema."""


def with_checks(
    contracts: Contracts,
    relation: str,
    columns: Mapping[str, Sequence[Any]] | None = None,
    table: Sequence[Any] = (),
) -> Contracts:
    """The same, where a table declares further checks.

    Args:
        relation: such as `curated.bookings`, or `source.bookings` for a table of the source.
        columns: items of `checks`, by column.
        table: items of `checks` of the table itself.
    """
    schema, _, name = relation.partition(".")
    group = GROUPS.get(schema, schema)
    tables = getattr(contracts, group)
    found = tables[name]
    added = {column: tuple(map(ColumnCheck.model_validate, items)) for column, items in (columns or {}).items()}
    update = {
        "columns": {
            column: spec.model_copy(update={"checks": (*spec.checks, *added.pop(column, ()))})
            for column, spec in found.columns.items()
        },
        "checks": (*found.checks, *map(TableCheck.model_validate, table)),
    }
    assert not added, f"{relation} has no columns {sorted(added)}"
    return replace(contracts, **{group: {**tables, name: found.model_copy(update=update)}})


def with_every_kind(contracts: Contracts) -> Contracts:
    """The same with checks of every kind in tables of every step, which rows may break and which only warn."""
    unknown = {"relationships": {"to": "curated.listings", "column": "listing_id"}}
    rows: dict[str, list[Any]] = {
        "total_price": [{"range": {"min": 100, "below": 2000}}],
        "payment_status": ["not_null", "unique", {"accepted_values": ["paid", "refunded"]}],
    }
    table = [
        {"unique": "user_id"},
        {"unique": ["user_id", "total_price"]},
        {"name": "cheap", "when": "total_price < 100"},
        {"row_count_near_usual": {"within": 0.1}},
    ]
    added: list[tuple[str, dict[str, list[Any]], list[Any]]] = [
        ("source.bookings", rows, [*table, {"freshness": {"column": "updated_at", "within": "1 day"}}]),
        ("curated.bookings", rows, [*table, {"freshness": {"column": "booked_at", "within": "1 day"}}]),
        ("curated.viewings", {"listing_id": [unknown]}, []),
        (
            "presentation.top_listings_weekly",
            {
                "listing_id": [unknown, "unique"],
                "city": ["not_null", {"accepted_values": ["Bern"]}],
                "confirmed_revenue": [{"range": {"max": 1000}}],
            },
            [
                {"unique": ["week_start", "city"]},
                {"name": "known", "when": "title IS NOT NULL"},
                {"freshness": {"column": "week_start", "within": "1 day"}},
                {"row_count_near_usual": {"within": 0.1}},
            ],
        ),
    ]
    for relation, columns, checks in added:
        warning = {name: [_warning(item) for item in items] for name, items in columns.items()}
        contracts = with_checks(contracts, relation, warning, [_warning(item) for item in checks])
    return contracts


def _warning(item: Any) -> Any:
    return {**({item: True} if isinstance(item, str) else item), "severity": "warn"}

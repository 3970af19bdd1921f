"""Which columns each column is made of."""

from __future__ import annotations

from dataclasses import dataclass

from rental_analytics.contracts.loader import Contracts


@dataclass(frozen=True, order=True)
class ColumnName:
    """A column by its table with the place, such as `curated.bookings`."""

    relation: str
    column: str


def column_lineage(contracts: Contracts) -> dict[ColumnName, frozenset[ColumnName]]:
    """The direct inputs of each column."""
    found: dict[ColumnName, frozenset[ColumnName]] = {}
    for name, source in contracts.sources.items():
        for column in source.columns:
            found[ColumnName(f"raw_data.{name}", column)] = frozenset({ColumnName(f"source.{name}", column)})
    for model in (*contracts.curated.values(), *contracts.intermediate.values(), *contracts.presentation.values()):
        known = {relation: _columns(contracts, relation) for relation in sorted(model.reads)}
        for column in model.columns:
            same = [ColumnName(relation, column) for relation, columns in known.items() if column in columns]
            found[ColumnName(model.relation, column)] = frozenset(same)
    return found


def _columns(contracts: Contracts, relation: str) -> frozenset[str]:
    place, _, name = relation.partition(".")
    tables = {
        "raw_data": contracts.sources,
        "curated": contracts.curated,
        "intermediate": contracts.intermediate,
    }.get(place, {})
    return frozenset(tables[name].columns) if name in tables else frozenset()

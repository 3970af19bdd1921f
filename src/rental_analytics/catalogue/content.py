"""All that the pages show: tables, metrics, and which column is made of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rental_analytics.catalogue.dictionary import Place, Table, data_dictionary
from rental_analytics.catalogue.lineage import ColumnName, column_lineage
from rental_analytics.catalogue.metrics import Metric, metric_catalogue
from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.loader import Contracts, load_cases


@dataclass(frozen=True)
class Lineage:
    """Column-level lineage, read in both directions; `direct` has the inputs of each column."""

    direct: Mapping[ColumnName, frozenset[ColumnName]]

    @cached_property
    def _outputs(self) -> Mapping[ColumnName, list[ColumnName]]:
        found: dict[ColumnName, list[ColumnName]] = {}
        for output, inputs in sorted(self.direct.items()):
            for name in inputs:
                found.setdefault(name, []).append(output)
        return found

    def inputs(self, column: ColumnName) -> list[ColumnName]:
        """The columns that a column is made of."""
        return sorted(self.direct.get(column, ()))

    def outputs(self, column: ColumnName) -> list[ColumnName]:
        """The columns that are made of a column."""
        return self._outputs.get(column, [])

    def table_inputs(self, relation: str) -> list[str]:
        """The tables that a table's columns are made of."""
        found = {
            name.relation for column, inputs in self.direct.items() if column.relation == relation for name in inputs
        }
        return sorted(found - {relation})

    def table_outputs(self, relation: str) -> list[str]:
        """The tables with columns that are made of a table's."""
        found = {
            column.relation
            for column, inputs in self.direct.items()
            if any(name.relation == relation for name in inputs)
        }
        return sorted(found - {relation})

    @cached_property
    def columns(self) -> tuple[ColumnName, ...]:
        """Every column that is made of another one, or that another one is made of."""
        return tuple(sorted({*self.direct, *self._outputs}))

    @cached_property
    def edges(self) -> tuple[tuple[ColumnName, ColumnName], ...]:
        """Pairs of a column and one that is made of it."""
        return tuple((name, output) for output, inputs in sorted(self.direct.items()) for name in sorted(inputs))


@dataclass(frozen=True)
class Content:
    """What is documented; `is_configured` tells whether a configuration was followed."""

    tables: tuple[Table, ...]
    metrics: tuple[Metric, ...]
    lineage: Lineage
    is_configured: bool = False

    @cached_property
    def relations(self) -> Mapping[str, Table]:
        """The tables by their names with the place."""
        return {table.relation: table for table in self.tables}

    def of(self, place: Place) -> list[Table]:
        """The tables of a place."""
        return [table for table in self.tables if table.place is place]


def read_content(contracts: Contracts, configured: Mapping[str, TableSettings] | None = None) -> Content:
    """All that the pages show of contracts that come with the package.

    Args:
        configured: what a configuration says of source tables, by our names; None where there is none.
    """
    cases = {name: load_cases(model) for name, model in contracts.presentation.items()}
    return Content(
        tables=data_dictionary(contracts, configured or {}),
        metrics=metric_catalogue(contracts, cases),
        lineage=Lineage(column_lineage(contracts)),
        is_configured=configured is not None,
    )

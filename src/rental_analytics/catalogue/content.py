"""All that the pages show: tables, metrics, and which column is made of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rental_analytics.catalogue.dictionary import Place, Table, data_dictionary
from rental_analytics.catalogue.lineage import (
    CONFIGURATION,
    MADE_BY_PIPELINE,
    PIPELINE,
    SOURCE,
    ColumnName,
    column_lineage,
    row_lineage,
)
from rental_analytics.catalogue.metrics import Metric, metric_catalogue
from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.loader import Contracts, load_cases
from rental_analytics.sql.lineage import ROWS


@dataclass(frozen=True)
class Lineage:
    """Column-level lineage, read in both directions.

    Args:
        direct: the inputs of each column.
        rows: what decides which rows a table has, by its name with the place.
    """

    direct: Mapping[ColumnName, frozenset[ColumnName]]
    rows: Mapping[str, frozenset[ColumnName]]

    @cached_property
    def _outputs(self) -> Mapping[ColumnName, list[ColumnName]]:
        found: dict[ColumnName, list[ColumnName]] = {}
        for output, inputs in sorted(self.direct.items()):
            for name in inputs:
                found.setdefault(name, []).append(output)
        return found

    def inputs(self, column: ColumnName) -> list[ColumnName]:
        """The columns that a column comes from."""
        return sorted(self.direct.get(column, ()))

    def outputs(self, column: ColumnName) -> list[ColumnName]:
        """The columns that a column goes to."""
        return self._outputs.get(column, [])

    def rows_of(self, relation: str) -> list[ColumnName]:
        """The columns, and the rows of tables, that decide which rows a table has."""
        return sorted(self.rows.get(relation, ()))

    @cached_property
    def table_edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a table and one whose values or rows come from it."""
        of_columns = ((name.relation, column.relation) for column, inputs in self.direct.items() for name in inputs)
        of_rows = ((name.relation, relation) for relation, inputs in self.rows.items() for name in inputs)
        found = {(start, end) for start, end in (*of_columns, *of_rows) if start != end}
        return tuple(sorted((start, end) for start, end in found if start not in {CONFIGURATION, PIPELINE}))

    def table_inputs(self, relation: str) -> list[str]:
        """The tables that a table comes from."""
        return [start for start, end in self.table_edges if end == relation]

    def table_outputs(self, relation: str) -> list[str]:
        """The tables that a table goes to."""
        return [end for start, end in self.table_edges if start == relation]

    @cached_property
    def columns(self) -> tuple[ColumnName, ...]:
        """Every column that comes from another one, or that another one comes from."""
        return tuple(sorted({*self.direct, *self._outputs}))

    @cached_property
    def edges(self) -> tuple[tuple[ColumnName, ColumnName], ...]:
        """Pairs of a column and one that comes from it."""
        return tuple((name, output) for output, inputs in sorted(self.direct.items()) for name in sorted(inputs))


@dataclass(frozen=True)
class Origin:
    """Where lineage ends besides columns of the source, and what that is."""

    name: ColumnName
    description: str


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

    @cached_property
    def origins(self) -> tuple[Origin, ...]:
        """Where lineage ends besides columns of the source."""
        ends = [name for name in self.lineage.columns if name.is_origin and not name.relation.startswith(f"{SOURCE}.")]
        return tuple(Origin(name, _origin(name)) for name in ends)


def _origin(name: ColumnName) -> str:
    if name.relation == PIPELINE:
        return MADE_BY_PIPELINE[name.column]
    return "A key of the configuration" if name.relation == CONFIGURATION else "Data that comes with the package"


def spoken(column: ColumnName) -> str:
    """A column as readers are told it, such as `curated.bookings.status` or `rows of curated.bookings`."""
    return f"rows of {column.relation}" if column.column == ROWS else f"{column.relation}.{column.column}"


def read_content(contracts: Contracts, configured: Mapping[str, TableSettings] | None = None) -> Content:
    """All that the pages show of contracts that come with the package.

    Args:
        configured: what a configuration says of source tables, by our names; None where there is none.
    """
    cases = {name: load_cases(model) for name, model in contracts.presentation.items()}
    return Content(
        tables=data_dictionary(contracts, configured or {}),
        metrics=metric_catalogue(contracts, cases),
        lineage=Lineage(column_lineage(contracts, configured), row_lineage(contracts)),
        is_configured=configured is not None,
    )

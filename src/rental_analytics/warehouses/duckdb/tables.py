"""How tables of a DuckDB warehouse are made, and grow with the files that are loaded into them."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import FileColumn
from rental_analytics.errors import ContractError
from rental_analytics.sql.render import identifier, render
from rental_analytics.warehouses.base import TableLoad
from rental_analytics.warehouses.changes import added_columns, flag_column
from rental_analytics.warehouses.converted_ids import converted_id, id_kinds_differ
from rental_analytics.warehouses.duckdb.connection import Connection


def create_table(
    relation: str, columns: Sequence[FileColumn], *, replace: bool = False, temporary: bool = False
) -> str:
    """The statement that makes a table, in place of one that is there or only where there is none."""
    return render(
        "warehouses/duckdb/create_table", relation=relation, columns=columns, replace=replace, temporary=temporary
    )


def add_column(relation: str, column: FileColumn) -> str:
    """The statement that adds a column to a table."""
    return render("warehouses/duckdb/add_column", relation=relation, column=column)


def column_types(connection: Connection, relation: str) -> dict[str, str]:
    """The columns of a table or view in order, typed as DuckDB spells types."""
    return {row[0]: row[1] for row in connection.run(f"DESCRIBE {identifier(relation)}")}


def fit_table(connection: Connection, table: TableLoad, arriving: str | None) -> None:
    """Make the table of a load, or let it grow with the columns of the files.

    Args:
        arriving: the relation that has the rows of the files; None where there are no files.

    Raises:
        ContractError: a column cannot take what the files bring.
    """
    wanted = (*table.columns, *added_columns(table))
    connection.run(create_table(table.relation, wanted))
    existing = column_types(connection, table.relation)
    for column in wanted:
        held = existing.get(column.name)
        if held is None:
            connection.run(add_column(table.relation, column))
            if column.name == flag_column(table):
                # Rows that are there were never found missing.
                connection.run(f"UPDATE {identifier(table.relation)} SET {identifier(column.name)} = FALSE")
            continue
        if column.name in table.ids and id_kinds_differ(held, column.type):
            _convert_ids(connection, table, column)
            continue
        fitting = _fitting_type(connection, table, column, held, arriving)
        if fitting != held:
            emptied = "" if common_type(held, column.type) else f"CAST(NULL AS {fitting})"
            place = {"relation": table.relation, "column": column.name}
            connection.run(render("warehouses/duckdb/change_type", **place, type=fitting, value=emptied))


def _convert_ids(connection: Connection, table: TableLoad, column: FileColumn) -> None:
    """Rows go whose id is none of the other kind, where there has to be one."""
    place = {"relation": table.relation, "column": column.name}
    converted = converted_id(identifier(column.name), column.type)
    connection.run(render("warehouses/duckdb/change_type", **place, type=column.type, value=converted))
    if column.name in {*table.key, *table.details.required}:
        connection.run(render("warehouses/duckdb/delete_without", **place))


def _fitting_type(connection: Connection, table: TableLoad, column: FileColumn, held: str, arriving: str | None) -> str:
    """Type that takes what the table holds and what the files bring; a column without a value fits any."""
    fitting = common_type(held, column.type)
    if fitting:
        return fitting
    if not _has_values(connection, table.relation, column.name):
        return column.type
    if arriving is None or not _has_values(connection, arriving, column.name):
        return held
    raise ContractError(
        f"Column {table.relation}.{column.name} is {held} in the warehouse and {column.type} in the files.",
        remedy=f"drop or convert {table.relation} in the warehouse, then `rental run --full-refresh`.",
        reason="column-type-changed",
        table=table.relation,
    )


def _has_values(connection: Connection, relation: str, column: str) -> bool:
    return bool(connection.run(f"SELECT 1 FROM {identifier(relation)} WHERE {identifier(column)} IS NOT NULL LIMIT 1"))

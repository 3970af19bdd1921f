"""What tables of a DuckDB warehouse say of themselves and of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rental_analytics.contracts.ops import OpsTable
from rental_analytics.sql.render import identifier, literal, render
from rental_analytics.warehouses.base import TableDetails
from rental_analytics.warehouses.duckdb.connection import Connection


class HeldTables:
    """The columns and comments that the tables of the schemas which loads fill have, asked for in one statement.

    `columns` are the types of columns by table and name; of a view too.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._comments: dict[str, str] = {}
        self.columns: dict[str, dict[str, str]] = {}
        for relation, name, kind, comment in connection.run(render("warehouses/duckdb/held_tables")):
            if name is not None:
                self.columns.setdefault(relation, {})[name] = kind
            self._comments[relation if name is None else f"{relation}.{name}"] = comment

    def comment(self, relation: str, columns: Iterable[str], details: TableDetails) -> None:
        """Bring the comments of a table, and of these columns of it, up to date."""
        comment(self._connection, relation, columns, details, self._comments)


def comment(
    connection: Connection, relation: str, columns: Iterable[str], details: TableDetails, known: Mapping[str, str]
) -> None:
    """Say of a table and of its columns what is not said yet."""
    for place, text in details.comments(relation, columns).items():
        if known.get(place) != text:
            kind = "TABLE" if place == relation else "COLUMN"
            connection.run(f"COMMENT ON {kind} {identifier(place)} IS {literal(text)}")


def ops_details(table: OpsTable) -> TableDetails:
    """What is said of a table of schema `ops`."""
    return TableDetails(table.description, {name: text for name, (_, text) in table.columns.items()})

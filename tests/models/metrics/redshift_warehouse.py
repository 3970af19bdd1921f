"""Curated tables in the stand-in for Redshift, into which a test puts its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from metrics.warehouse import Row, contracts, curated_columns
from rental_analytics.contracts.manifest import FileColumn
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.sql.ratios import whole_query
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, identifiers, literal, render
from rental_analytics.warehouses.base import QueryParameters
from rental_analytics.warehouses.redshift.data_api import DataApi, Target
from rental_analytics.warehouses.redshift.rebuild import Rebuild
from rental_analytics.warehouses.redshift.tables import CATALOGUE, Column, create_table, read_catalogue, sql_type
from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from servers.redshift_api import WORKGROUP

if TYPE_CHECKING:
    from psycopg import Connection

FILL_CALENDAR = """
INSERT INTO curated.calendar (calendar_date, week_start, month_start)
SELECT day, DATE_TRUNC('week', day), DATE_TRUNC('month', day)
FROM generate_series(TIMESTAMP '1970-01-01', TIMESTAMP '2099-12-31', INTERVAL '1 day') AS days (day)
"""
TYPES = {
    "timestamp[us]": "TIMESTAMP",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "date32[day]": "DATE",
    "string": "VARCHAR",
    "bool": "BOOLEAN",
}


class RedshiftMetrics:
    """Rebuilds metrics over rows that are gone afterwards."""

    def __init__(self, database: str, connection: Connection[Any], ids: IdKind = "integer") -> None:
        self.ids = ids
        target = Target(WORKGROUP, database)
        self._api = DataApi(target)
        self._connection = connection
        self._parameters = QueryParameters("test", None, "USD", date(1970, 1, 1))
        warehouse = RedshiftWarehouse(target)
        warehouse.open()
        self._api.run([_table(name, ids) for name in contracts().curated])
        self._run(FILL_CALENDAR)
        warehouse.rebuild(contracts(ids).rebuild_order, self._parameters, Comparisons(datetime(1970, 1, 1)))  # noqa: DTZ001
        self._held = read_catalogue(*self._api.queries([render(template) for template in CATALOGUE]))

    @contextmanager
    def holding(
        self, as_of: date, rows: Mapping[str, Iterable[Row]], currency: str = "USD", known_from: date | None = None
    ) -> Iterator[None]:
        """As of `MetricWarehouse`."""
        self._parameters = QueryParameters("test", as_of, currency, known_from or as_of)
        try:
            for relation, given in rows.items():
                self._insert(relation, list(given))
            yield
        finally:
            for relation in rows:
                self._run(f"DELETE FROM {relation}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the statements of a rebuild put into the table of the model with this query."""
        model = next(model for model in contracts(self.ids).rebuild_order if whole_query(model) == query)
        rebuild = Rebuild([*contracts(self.ids).read_by(model), model], self._parameters, "test", self._held)
        self._api.run([*rebuild.build(), *rebuild.swap(), *rebuild.removals()])
        found = self._api.query(f"SELECT {identifiers(model.columns)} FROM {identifier(model.relation)}")
        return [tuple(row.values()) for row in found.to_pylist()]

    def columns(self, query: str) -> dict[str, str]:
        """The result's columns and their types, in order."""
        kinds = {field.name: str(field.type) for field in self._api.query(redshift(query, "query")).schema}
        return {
            name: TYPES.get(kind, kind.replace("decimal128", "DECIMAL").replace(" ", ""))
            for name, kind in kinds.items()
        }

    def _insert(self, relation: str, rows: list[Row]) -> None:
        if not rows:
            return
        columns = curated_columns(relation, self.ids)
        unknown = {name for row in rows for name in row} - columns.keys()
        assert not unknown, f"{relation} has no columns {sorted(unknown)}"
        given = [{"is_deleted": False, **row} for row in rows]
        values = ", ".join(f"({', '.join(_text(row.get(name)) for name in columns)})" for row in given)
        self._run(f"INSERT INTO {relation} ({identifiers(columns)}) VALUES {values}")

    def _run(self, sql: str) -> None:
        """Past the Data API, which takes its time."""
        self._connection.execute(sql.encode())


def _table(name: str, ids: IdKind) -> str:
    relation = f"curated.{name}"
    columns = [FileColumn(name=column, type=kind) for column, kind in curated_columns(relation, ids).items()]
    return create_table(relation, [Column(column.name, sql_type(column)) for column in columns])


def _text(value: object) -> str:
    return "NULL" if value is None else literal(value)

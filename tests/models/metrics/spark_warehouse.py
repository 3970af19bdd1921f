"""Curated tables as views of a Spark session, into which a test puts its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from metrics.warehouse import FILL_CALENDAR, Row, contracts, curated_columns, intermediate_models
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.engines.base import empty_relation
from rental_analytics.engines.spark.session import SparkStepSession
from rental_analytics.sql.ratios import whole_query
from rental_analytics.sql.render import literal
from rental_analytics.sql.spark import view_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SPARK_TYPES = {
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "int": "INTEGER",
    "string": "VARCHAR",
    "timestamp_ntz": "TIMESTAMP",
}


class SparkMetrics:
    """Runs metrics, in Spark's SQL, over rows that are gone afterwards."""

    def __init__(self, session: SparkStepSession, ids: IdKind = "integer") -> None:
        import duckdb

        self.ids = ids
        self._session = session
        with duckdb.connect() as connection:
            calendar = connection.execute(FILL_CALENDAR.split("\n", 2)[2]).to_arrow_table()
        session.load("curated.calendar", calendar)
        self._without_rows: dict[str, DataFrame] = {}
        for name in contracts().curated:
            if name != "calendar":
                relation = f"curated.{name}"
                self._keep_as_empty(relation, empty_relation(list(curated_columns(relation, ids).items())))
        self._keep_as_empty("ops.run_parameters", _parameters(date.min))
        for model in intermediate_models():
            self._keep_as_empty(model.relation, whole_query(model))

    def _keep_as_empty(self, relation: str, query: str) -> None:
        """What stands under a name while no test has rows; Spark need not make it of the query again."""
        frame = self._session.frame(query)
        frame.createOrReplaceTempView(view_name(relation))
        self._without_rows[relation] = frame

    @contextmanager
    def holding(
        self, as_of: date, rows: Mapping[str, Iterable[Row]], currency: str = "USD", known_from: date | None = None
    ) -> Iterator[None]:
        """As of `MetricWarehouse`."""
        self._session.view("ops.run_parameters", _parameters(as_of, currency, known_from))
        for relation, given in rows.items():
            self._insert(relation, list(given))
        for model in intermediate_models():
            self._session.view(model.relation, whole_query(model))
        try:
            yield
        finally:
            for relation, frame in self._without_rows.items():
                frame.createOrReplaceTempView(view_name(relation))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._session.run(query)

    def columns(self, query: str) -> dict[str, str]:
        """The result's columns and their types, in order."""
        kinds = {field.name: field.dataType.simpleString() for field in self._session.frame(query).schema}
        return {name: SPARK_TYPES.get(kind, kind.upper()) for name, kind in kinds.items()}

    def _insert(self, relation: str, rows: list[Row]) -> None:
        if not rows:
            return
        columns = curated_columns(relation, self.ids)
        unknown = {name for row in rows for name in row} - columns.keys()
        assert not unknown, f"{relation} has no columns {sorted(unknown)}"
        given = [{"is_deleted": False, **row} for row in rows]
        values = ", ".join(f"({', '.join(_text(row.get(name)) for name in columns)})" for row in given)
        casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in columns.items())
        self._session.view(relation, f"SELECT {casts} FROM (VALUES {values}) AS given ({', '.join(columns)})")


def _parameters(as_of: date, currency: str = "USD", known_from: date | None = None) -> str:
    told = f"{literal(currency)} AS reporting_currency, DATE {literal(known_from or as_of)} AS known_from"
    return f"SELECT 'test' AS run_id, DATE {literal(as_of)} AS as_of, {told}"


def _text(value: object) -> str:
    return "NULL" if value is None else literal(value)

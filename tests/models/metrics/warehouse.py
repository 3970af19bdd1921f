"""A DuckDB warehouse with empty curated tables and the full calendar, into which a test puts its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.contracts.model import DerivedModel, Layer
from rental_analytics.sql.ratios import whole_query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = Mapping[str, Any]
FILL_CALENDAR = """
INSERT INTO curated.calendar BY NAME
SELECT
    CAST(day AS DATE) AS calendar_date,
    CAST(DATE_TRUNC('week', day) AS DATE) AS week_start,
    CAST(DATE_TRUNC('month', day) AS DATE) AS month_start
FROM range(TIMESTAMP '1970-01-01', TIMESTAMP '2100-01-01', INTERVAL 1 DAY) AS days (day)
"""


@cache
def contracts(ids: IdKind = "integer") -> Contracts:
    return load_contracts().with_ids(ids)


def intermediate_models() -> list[DerivedModel]:
    """In the order they are rebuilt."""
    return [model for model in contracts().rebuild_order if model.layer is Layer.INTERMEDIATE]


@cache
def curated_columns(relation: str, ids: IdKind) -> dict[str, str]:
    """The columns of a curated table and their types."""
    model = contracts(ids).curated[relation.removeprefix("curated.")]
    columns = {name: str(column.type) for name, column in model.columns.items()}
    return columns | ({"is_deleted": "BOOLEAN"} if model.soft_delete else {})


class MetricWarehouse:
    """Runs metrics over rows that are gone afterwards."""

    def __init__(self, ids: IdKind = "integer") -> None:
        import duckdb

        self.ids = ids

        self.connection: DuckDBPyConnection = duckdb.connect(config={"threads": 1})
        self.connection.execute("CREATE SCHEMA curated; CREATE SCHEMA intermediate; CREATE SCHEMA ops")
        self.connection.execute(
            "CREATE TABLE ops.run_parameters (run_id VARCHAR, as_of DATE, reporting_currency VARCHAR, known_from DATE)"
        )
        for name in contracts().curated:
            columns = [f"{column} {kind}" for column, kind in curated_columns(name, ids).items()]
            self.connection.execute(f"CREATE TABLE curated.{name} ({', '.join(columns)})")
        self.connection.execute(FILL_CALENDAR)
        for model in intermediate_models():
            self.connection.execute(f"CREATE VIEW {model.relation} AS {whole_query(model)}")

    @contextmanager
    def holding(
        self,
        as_of: date,
        rows: Mapping[str, Iterable[Row]],
        currency: str = "USD",
        known_from: date | None = None,
        *,
        built: bool = False,
    ) -> Iterator[None]:
        """Within the block each relation holds its `rows`; omitted is_deleted is false, all else NULL.

        Args:
            built: make the intermediate tables once, which pays for whoever reads many metrics.
        """
        self.connection.begin()
        try:
            parameters = [as_of, currency, known_from or as_of]
            self.connection.execute("INSERT INTO ops.run_parameters VALUES ('test', ?, ?, ?)", parameters)
            for relation, given in rows.items():
                self._insert(relation, list(given))
            for model in intermediate_models() if built else ():
                query = whole_query(model)
                self.connection.execute(f"DROP VIEW {model.relation}; CREATE TABLE {model.relation} AS {query}")
            yield
        finally:
            self.connection.rollback()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def columns(self, query: str) -> dict[str, str]:
        """The result's columns and their types, in order."""
        return {name: kind for name, kind, *_ in self.rows(f"DESCRIBE {query}")}

    def breaks(self, query: str, predicate: str) -> bool:
        """Whether a row of the result breaks the check `predicate`."""
        return bool(self.broken(query, {"check": predicate}))

    def broken(self, query: str, checks: Mapping[str, str]) -> set[str]:
        """The checks, predicates by name, that a row of the result breaks."""
        if not checks:
            return set()
        counts = ", ".join(f"COUNT(*) FILTER (WHERE {predicate})" for predicate in checks.values())
        ((*failed,),) = self.rows(f"SELECT {counts} FROM ({query}) AS metric")
        return {name for name, rows in zip(checks, failed, strict=True) if rows}

    def _insert(self, relation: str, rows: list[Row]) -> None:
        if not rows:
            return
        columns = curated_columns(relation, self.ids)
        unknown = {name for row in rows for name in row} - columns.keys()
        assert not unknown, f"{relation} has no columns {sorted(unknown)}"
        given = [{"is_deleted": False, **row} for row in rows]
        texts = pa.table(
            {
                name: pa.array([None if row.get(name) is None else str(row[name]) for row in given], pa.string())
                for name in columns
            }
        )
        casts = ", ".join(f"CAST({name} AS {kind})" for name, kind in columns.items())
        self.connection.register("given_texts", texts)
        self.connection.execute(f"INSERT INTO {relation} SELECT {casts} FROM given_texts")
        self.connection.unregister("given_texts")

"""One dialect in, another out: SQL is written once, in DuckDB's dialect."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from rental_analytics.errors import ContractError


def parse(sql: str, label: str) -> exp.Expr:
    """Parse one DuckDB statement.

    Raises:
        ContractError: it does not parse; names `label` and the place.
    """
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except ParseError as error:
        first = error.errors[0]
        raise ContractError(
            f"{label}:{first['line']}: the query does not parse: {first['description']}.",
            remedy="correct the SQL; it is DuckDB's dialect.",
        ) from error


def to_dialect(sql: str, dialect: str, label: str) -> str:
    """The statement in another engine's SQL, such as `spark` or `redshift`."""
    return parse(sql, label).sql(dialect=dialect)


def relations(sql: str, label: str) -> set[str]:
    """Qualified names of the relations a query reads, such as `curated.bookings`."""
    tables = parse(sql, label).find_all(exp.Table)
    return {f"{table.db}.{table.name}" for table in tables if table.db}

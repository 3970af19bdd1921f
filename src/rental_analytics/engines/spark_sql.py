"""DuckDB's SQL as Spark understands it."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp

_FUNCTIONS = {"ERROR": "RAISE_ERROR"}


def spark_sql(sql: str) -> str:
    """One statement in Spark's SQL; a relation such as `curated.listings` becomes the view of that name."""
    statement = sqlglot.parse_one(sql, read="duckdb").transform(_adapted)
    return str(statement.sql(dialect="spark", comments=False))


def spark_expression(sql: str) -> str:
    """One expression of a select list in Spark's SQL."""
    return spark_sql(f"SELECT {sql}").removeprefix("SELECT ")


def view_name(name: str) -> str:
    """Temporary views have no schema, so its name becomes part of theirs."""
    return name.replace(".", "__")


def _adapted(node: Any) -> Any:
    if isinstance(node, exp.Table) and node.db:
        return exp.to_table(f"`{view_name(f'{node.db}.{node.name}')}`", dialect="spark", alias=node.alias or node.name)
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
        if name == "EPOCH_US":
            # Spark counts from the epoch only what is in a zone; the session's is UTC.
            moment = exp.cast(node.expressions[0], exp.DataType.build("TIMESTAMP_LTZ", dialect="spark"))
            return exp.func("UNIX_MICROS", moment)
        if name == "TO_JSON":
            keep_nulls = exp.Anonymous(
                this="MAP", expressions=[exp.Literal.string("ignoreNullFields"), exp.Literal.string("false")]
            )
            return exp.Anonymous(this=name, expressions=[*node.expressions, keep_nulls])
        if name in _FUNCTIONS:
            return exp.func(_FUNCTIONS[name], *node.expressions)
    return node

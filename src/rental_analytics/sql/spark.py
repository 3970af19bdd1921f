"""DuckDB's SQL as Spark understands it."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp

_FUNCTIONS = {"ERROR": "RAISE_ERROR"}


def spark_sql(sql: str) -> str:
    """One statement in Spark's SQL; a relation such as `curated.listings` becomes the view of that name."""
    return _written(sqlglot.parse_one(sql, read="duckdb"))


def spark_expression(sql: str) -> str:
    """One expression of a select list in Spark's SQL."""
    return _written(sqlglot.select(sql, dialect="duckdb")).removeprefix("SELECT ")


def _written(parsed: Any) -> str:
    statement = parsed.transform(_adapted)
    # Innermost first, so that each is found where it stands. Spark gives a DATE or a moment in a zone.
    for cut in reversed(list(statement.find_all(exp.TimestampTrunc, exp.DateTrunc))):
        cut.replace(exp.cast(cut.copy(), exp.DataType.build("TIMESTAMP_NTZ", dialect="spark")))
    return str(statement.sql(dialect="spark", comments=False))


def double_text(value: str) -> str:
    """An expression, in DuckDB's SQL, for a DOUBLE as DuckDB writes it: the fewest digits that tell it from all others.

    Java 17 writes more digits than it needs; the class is of Jackson, which Spark brings along. Below 1e-322, where
    Java writes two digits and one is enough, the texts differ.
    """
    text = f"REFLECT('com.fasterxml.jackson.core.io.schubfach.DoubleToDecimal', 'toString', COALESCE({value}, 0e0))"
    digits, exponent = f"SPLIT_PART({text}, 'E', 1)", f"SPLIT_PART({text}, 'E', 2)"
    short = f"CASE WHEN {digits} LIKE '%.0' THEN SPLIT_PART({digits}, '.', 1) ELSE {digits} END"
    sign = f"CASE WHEN {exponent} LIKE '-%' THEN '-' ELSE '+' END"
    places = f"REPLACE({exponent}, '-', '')"
    # 16 digits before the point, and 17 after the zeros behind it.
    plain = f"RTRIM(CAST(CAST({text} AS DECIMAL(38,21)) AS VARCHAR), '0')"
    return (
        f"CASE WHEN {value} IS NULL THEN NULL "
        f"WHEN {text} = 'NaN' THEN 'nan' WHEN {text} = 'Infinity' THEN 'inf' WHEN {text} = '-Infinity' THEN '-inf' "
        f"WHEN {text} NOT LIKE '%E%' THEN {text} "
        f"WHEN ABS({value}) >= 1e16 OR ABS({value}) < 1e-4 "
        f"THEN {short} || 'e' || {sign} || LPAD({places}, GREATEST(2, LENGTH({places})), '0') "
        f"WHEN {plain} LIKE '%.' THEN {plain} || '0' ELSE {plain} END"
    )


def view_name(name: str) -> str:
    """Temporary views have no schema, so its name becomes part of theirs."""
    return name.replace(".", "__")


def _adapted(node: Any) -> Any:
    """One node as Spark needs it; changed in place, for what a new one holds would not be visited."""
    if isinstance(node, exp.Table) and node.db:
        return exp.to_table(f"`{view_name(f'{node.db}.{node.name}')}`", dialect="spark", alias=node.alias or node.name)
    if isinstance(node, exp.Like) and not isinstance(node.parent, exp.Escape):
        # A backslash means itself in DuckDB.
        node.set("expression", _backslashes_doubled(node.expression))
    elif isinstance(node, exp.Mod | exp.IntDiv) and not isinstance(node.expression, exp.Nullif):
        # Division by zero: NULL in DuckDB, an error in Spark.
        node.set("expression", exp.func("NULLIF", exp.paren(node.expression), exp.Literal.number(0)))
    elif isinstance(node, exp.DateDiff) and str(node.args.get("unit") or "DAY").upper() == "DAY":
        # Midnights between two moments, not spans of 24 hours.
        node.set("this", exp.cast(node.this, "DATE"))
        node.set("expression", exp.cast(node.expression, "DATE"))
    elif isinstance(node, exp.Anonymous):
        _adapt_function(node)
    return node


def _adapt_function(node: exp.Anonymous) -> None:
    name = node.name.upper()
    if name == "EPOCH_US":
        # Spark counts from the epoch only what is in a zone; the session's is UTC.
        moment = exp.cast(node.expressions[0], exp.DataType.build("TIMESTAMP_LTZ", dialect="spark"))
        node.set("this", "UNIX_MICROS")
        node.set("expressions", [moment])
    elif name == "TO_JSON":
        keep_nulls = [exp.Literal.string("ignoreNullFields"), exp.Literal.string("false")]
        node.append("expressions", exp.Anonymous(this="MAP", expressions=keep_nulls))
    elif name in _FUNCTIONS:
        node.set("this", _FUNCTIONS[name])


def _backslashes_doubled(pattern: Any) -> Any:
    if isinstance(pattern, exp.Literal):
        return exp.Literal.string(pattern.name.replace("\\", "\\\\"))
    return exp.func("REPLACE", pattern, exp.Literal.string("\\"), exp.Literal.string("\\\\"))

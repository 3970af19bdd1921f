"""Amazon Redshift's SQL: made from the SQL that is written once, and held against what Redshift refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from rental_analytics.errors import ContractError
from rental_analytics.sql.portability import transpiled

STATEMENT_BYTES = 100_000
"""Longest statement that the Data API takes, in bytes of UTF-8."""

_SORTING = (exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.GroupConcat)
_LACKING = {"GENERATE_SERIES", "STRING_AGG", "ARRAY_AGG", "UNNEST", "BOOL_EVERY", "EVERY"}
_TYPES = {"SERIAL", "BIGSERIAL", "SMALLSERIAL", "UUID", "JSON", "JSONB", "BYTEA"}

_REFUSED: Mapping[type[exp.Expression], str] = {
    exp.Filter: "FILTER (WHERE ...): use CASE inside the aggregate",
    exp.Lateral: "LATERAL: join a subquery that does not look outside",
    exp.GenerateSeries: "GENERATE_SERIES runs on the leader node alone: use curated.calendar",
    exp.ExplodingGenerateSeries: "GENERATE_SERIES runs on the leader node alone: use curated.calendar",
    exp.ArrayAgg: "ARRAY_AGG: there are no arrays of this kind",
    exp.Array: "ARRAY[]: there are no arrays of this kind",
    exp.Lambda: "lambda expressions",
    exp.OnConflict: "ON CONFLICT: use MERGE",
    exp.Returning: "RETURNING",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM: compare, and ask both sides for NULL",
    exp.NullSafeNEQ: "IS DISTINCT FROM: compare, and ask both sides for NULL",
    exp.CheckColumnConstraint: "CHECK: check before loading",
    exp.TryCast: "TRY_CAST: it takes texts alone",
}


def redshift(sql: str, label: str) -> str:
    """One statement in DuckDB's dialect as Redshift takes it.

    Raises:
        ContractError: it does not parse, or holds what Redshift refuses; names `label` and the construct.
    """
    text = transpiled(sql, "redshift", label)
    if found := refused_by_redshift(text):
        raise ContractError(
            f"{label}: Redshift refuses {'; '.join(found)}.",
            remedy="write it in the portable subset; docs/reference/redshift.md lists what Redshift refuses.",
        )
    return text


def refused_by_redshift(sql: str) -> list[str]:
    """Constructs in a statement of Redshift's dialect that sqlglot passes and Redshift does not, each with a remedy."""
    statement: Any = sqlglot.parse_one(sql, read="redshift")
    found = [reason for node in statement.walk() for reason in _reasons(node)]
    if len(sql.encode()) > STATEMENT_BYTES:
        found.append(f"statements of more than {STATEMENT_BYTES:,} bytes")
    return list(dict.fromkeys(found))


def _reasons(node: Any) -> Iterator[str]:
    if reason := _REFUSED.get(type(node)):
        yield reason
    for rule in _RULES:
        yield from rule(node)


def _function_reasons(node: Any) -> Iterator[str]:
    if isinstance(node, exp.Anonymous) and node.name.upper() in _LACKING:
        yield f"{node.name.upper()}: there is no such function"
    elif isinstance(node, exp.DataType) and node.this.name in _TYPES:
        yield f"the type {node.this.name}"


def _clause_reasons(node: Any) -> Iterator[str]:
    if isinstance(node, exp.Distinct) and node.args.get("on"):
        yield "DISTINCT ON: number the rows and keep the first"
    elif isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
        yield "VALUES as a table: select the rows one by one, with UNION ALL"
    elif isinstance(node, exp.Group) and node.args.get("all"):
        yield "GROUP BY ALL: name the columns"
    elif isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        yield "UNION BY NAME: list the columns"
    elif isinstance(node, exp.Create) and str(node.args.get("kind")).upper() == "INDEX":
        yield "CREATE INDEX: there are sort keys instead"


def _select_reasons(node: Any) -> Iterator[str]:
    if not isinstance(node, exp.Select):
        return
    if node.args.get("windows"):
        yield "the WINDOW clause: write each window where it is used"
    tables = [source for source in (node.args.get("from_") or node.args.get("from"),) if source]
    if node.args.get("qualify") and not all(source.this.alias for source in tables):
        yield "QUALIFY after a FROM without an alias: give the table one"
    orders = {
        aggregate.sql("redshift")
        for found in (_orders(aggregate) for aggregate in node.find_all(*_SORTING))
        for aggregate in found
    }
    if len(orders) > 1:
        yield "two aggregates that sort differently in one SELECT: part them"


def _orders(aggregate: Any) -> list[Any]:
    """What an aggregate sorts by: the clause behind WITHIN GROUP, or what a MEDIAN takes."""
    parent = aggregate.parent
    if isinstance(parent, exp.WithinGroup):
        return [parent.expression]
    return list(aggregate.find_all(exp.Order)) or [aggregate.this]


def _correlation_reasons(node: Any) -> Iterator[str]:
    if isinstance(node, exp.Exists):
        above = node.parent
        while above is not None and not isinstance(above, exp.Where | exp.Join | exp.Select):
            if isinstance(above, exp.Or):
                yield "EXISTS below OR: join, and ask for NULL"
                return
            above = above.parent


_RULES: tuple[Callable[[Any], Iterator[str]], ...] = (
    _function_reasons,
    _clause_reasons,
    _select_reasons,
    _correlation_reasons,
)

"""Amazon Redshift's SQL: made from the SQL that is written once, and held against what Redshift refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from rental_analytics.errors import ContractError
from rental_analytics.sql.portability import COMPARED, transpiled

STATEMENT_BYTES = 100_000
"""Longest statement that the Data API takes, in bytes of UTF-8."""

_SORTING = (exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.GroupConcat)
_LACKING = """
ArrayContains ArrayFilter ArraySize ArraySort ArrayToString BitLength Chr ConcatWs Contains EndsWith Split StartsWith
Transform TryCast
"""
_MORE = """
Ceil CurrentDate Exp Floor GroupConcat Ln Median PercentileCont PercentileDisc Pow Sign Sqrt Stddev StddevPop Trunc
TsOrDsAdd TsOrDsDiff Variance VariancePop
"""
_FUNCTIONS = (COMPARED - frozenset(_LACKING.split())) | frozenset(_MORE.split())
"""Functions that Redshift has, by the names sqlglot gives their classes."""
_CATALOGUE = {"PG_GET_CONSTRAINTDEF"}
_FRAMED = (exp.AggFunc, exp.FirstValue, exp.LastValue)
_UNFRAMED = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead)
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


@lru_cache(maxsize=256)
def redshift(sql: str, label: str) -> str:
    """One statement in DuckDB's dialect as Redshift takes it.

    Raises:
        ContractError: it does not parse, or holds what Redshift refuses; names `label` and the construct.
    """
    text = transpiled(sql, "redshift", label, _adapted)
    if found := refused_by_redshift(text):
        raise ContractError(
            f"{label}: Redshift refuses {'; '.join(found)}.",
            remedy="write it in the portable subset; docs/reference/redshift.md lists what Redshift refuses.",
            reason="query-not-portable",
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
    if isinstance(node, exp.Anonymous):
        if node.name.upper() not in _CATALOGUE:
            yield f"{node.name.upper()}: it is not known to have such a function"
    elif isinstance(node, exp.Func) and not (type(node).__name__ in _FUNCTIONS or isinstance(node, tuple(_REFUSED))):
        yield f"{node.sql_name()}: it is not known to have such a function"
    elif isinstance(node, exp.DataType) and node.this.name in _TYPES:
        yield f"the type {node.this.name}"


def _window_reasons(node: Any) -> Iterator[str]:
    if not isinstance(node, exp.Window):
        return
    frame = node.args.get("spec")
    if frame is not None and frame.args.get("kind") != "ROWS":
        yield "a frame other than ROWS: count rows"
    function = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
    is_framed = isinstance(function, _FRAMED) and not isinstance(function, _UNFRAMED)
    if is_framed and node.args.get("order") and frame is None:
        yield "an aggregate over an ordered window without a frame: write one, with ROWS"


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
    _window_reasons,
    _select_reasons,
    _correlation_reasons,
)


def _adapted(node: Any) -> Any:
    """One node as Redshift needs it; changed in place, for what a new one holds would not be visited."""
    if isinstance(node, exp.Cast) and node.to.this.name == "DECIMAL":
        _round_before(node)
    elif isinstance(node, exp.ConcatWs):
        # It would become || too, which knows no separator to leave out.
        return exp.Anonymous(this="CONCAT_WS", expressions=node.expressions)
    elif isinstance(node, exp.Concat):
        # NULL is passed over by DuckDB, and makes NULL of all with Redshift's ||.
        node.set("expressions", [_never_null(part) for part in node.expressions])
    elif isinstance(node, exp.Like) and not isinstance(node.parent, exp.Escape):
        node.set("expression", _backslashes_doubled(node.expression))
    elif isinstance(node, exp.Mod) and not isinstance(node.expression, exp.Nullif):
        # Division by zero: NULL in DuckDB, an error in Redshift.
        node.set("expression", exp.func("NULLIF", exp.paren(node.expression), exp.Literal.number(0)))
    elif isinstance(node, exp.StartsWith):
        return exp.paren(exp.EQ(this=_place(node), expression=exp.Literal.number(1)))
    elif isinstance(node, exp.Contains):
        return exp.paren(exp.GT(this=_place(node), expression=exp.Literal.number(0)))
    return node


def _round_before(cast: exp.Cast) -> None:
    """Redshift cuts the digits that a DECIMAL has no place for, and DuckDB rounds them."""
    _, *scale = [size.name for size in cast.to.expressions] or [""]
    digits = exp.Literal.number(*scale or "0")
    is_round = isinstance(cast.this, exp.Round) and cast.this.args.get("decimals") == digits
    is_text = isinstance(cast.this, exp.Literal) and cast.this.is_string
    if not is_round and not is_text and not isinstance(cast.this, exp.Null | exp.Count):
        cast.set("this", exp.Round(this=cast.this.copy(), decimals=digits))


def _never_null(part: Any) -> Any:
    if isinstance(part, exp.Literal):
        return part
    return exp.Coalesce(this=exp.cast(part, "TEXT"), expressions=[exp.Literal.string("")])


def _place(node: Any) -> exp.StrPosition:
    return exp.StrPosition(this=node.this.copy(), substr=node.expression.copy())


def _backslashes_doubled(pattern: Any) -> Any:
    """A backslash means itself in DuckDB, and begins an escape in Redshift."""
    if isinstance(pattern, exp.Literal):
        return exp.Literal.string(pattern.name.replace("\\", "\\\\"))
    return exp.func("REPLACE", pattern, exp.Literal.string("\\"), exp.Literal.string("\\\\"))

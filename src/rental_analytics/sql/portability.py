"""The portable subset: SQL is written once, in DuckDB's dialect, and has to run on Spark and Redshift too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from rental_analytics.errors import ContractError

# What sqlglot passes on, and one of the engines refuses, lacks, or takes to mean something else.
_REFUSED = (
    r"DISTINCT ON",
    r"RECURSIVE",
    r"FILTER \(WHERE",
    r"LATERAL",
    r"GENERATE_SERIES",
    r"STRING_AGG|LISTAGG|ARRAY_AGG|COLLECT_LIST",
    r"ARRAY",
    r"VALUES",
    r"IS (NOT )?DISTINCT FROM",
    r"QUALIFY",
    r"GROUP BY ALL",
    r"TRY_CAST",
    r"SPLIT|STRING_SPLIT",
    r"MEDIAN|PERCENTILE_CONT|PERCENTILE_APPROX|QUANTILE_CONT",
    r"BOOL_AND|BOOL_OR|EVERY",
    r"DIV|FLOAT",
    r"SELECT \*",
)

Schema = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Types of columns by schema and table; `UNKNOWN` for one that may have any."""

_NAMES = """
Abs And ArrayContains ArrayFilter ArraySize ArraySort ArrayToString BitLength Case Cast Chr Coalesce Concat ConcatWs
Contains Count CumeDist DateDiff Day DenseRank EndsWith Exists Extract FirstValue Greatest If Lag LastDay LastValue Lead
Least Left Length MD5 Max Min Month Ntile Nullif Or Pad PercentRank Rank Repeat Replace Right Round RowNumber Split
SplitPart StartsWith StrPosition Substring Sum TimestampTrunc Transform Translate Trim TryCast Year
"""
COMPARED = frozenset(_NAMES.split())
"""Functions that tests/parity compares, by the names sqlglot gives their classes."""

_FOLDS = "engines fold letters beyond A to Z differently; name the letters: TRANSLATE(text, 'ABC...', 'abc...')"
_EXPRESSIONS = "each engine has regular expressions of its own"
_DIFFERENT: Mapping[type[exp.Expression], str] = {
    exp.Upper: _FOLDS,
    exp.Lower: _FOLDS,
    exp.ILike: _FOLDS,
    exp.Collate: _FOLDS,
    exp.RegexpLike: _EXPRESSIONS,
    exp.RegexpFullMatch: _EXPRESSIONS,
    exp.RegexpReplace: _EXPRESSIONS,
    exp.RegexpExtract: _EXPRESSIONS,
    exp.SimilarTo: _EXPRESSIONS,
    exp.Avg: "the average of decimals is a DOUBLE on DuckDB and a cut DECIMAL on Spark; divide a sum of whole numbers",
    exp.IntDiv: "Redshift has none; take the remainder off, divide and round",
}
_PARTS = {"YEAR", "MONTH", "DAY", "QUARTER", "HOUR", "MINUTE", "WEEK", "DOY", "DAYOFYEAR"}
_ASCII = 128
_CUTS = "DuckDB rounds where Spark cuts; round first"
_INTEGERS = {"TINYINT", "SMALLINT", "INT", "BIGINT"}


def transpiled(sql: str, dialect: str, label: str, adapted: Callable[[Any], Any] | None = None) -> str:
    """One statement in another engine's SQL, such as `spark` or `redshift`.

    Args:
        adapted: what each node of the tree becomes on the way.

    Raises:
        ContractError: it does not parse; names `label` and the line.
    """
    statement = parsed(sql, label)
    return str((statement.transform(adapted) if adapted else statement).sql(dialect=dialect))


def parsed(sql: str, label: str) -> Any:
    """One statement in DuckDB's dialect as a tree.

    Raises:
        ContractError: it does not parse; names `label` and the line.
    """
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except ParseError as error:
        first = error.errors[0]
        raise ContractError(
            f"{label}:{first['line']}: the query does not parse: {first['description']}.",
            remedy="correct the SQL; it is DuckDB's dialect.",
            reason="query-does-not-parse",
        ) from error


def refused_constructs(sql: str) -> list[str]:
    """Constructs in a statement that keep it from running everywhere."""
    found = (re.search(rf"(?<![\w.])({pattern})(?!\w)", sql) for pattern in _REFUSED)
    return [match[0] for match in found if match]


def unportable(sql: str, schema: Schema) -> list[str]:
    """Constructs of a query in DuckDB's dialect that mean something else on another engine, each with the reason."""
    statement: Any = sqlglot.parse_one(sql, read="duckdb")
    tables: Any = {name: {table: dict(columns) for table, columns in held.items()} for name, held in schema.items()}
    statement = qualify(
        statement, schema=tables, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False
    )
    statement = annotate_types(statement, schema=tables, dialect="duckdb")
    found = (f"{node.sql(dialect='duckdb')}: {reason}" for node in statement.walk() for reason in _reasons(node))
    return list(dict.fromkeys(found))


def _reasons(node: Any) -> Iterator[str]:
    if reason := _DIFFERENT.get(type(node)):
        yield reason
    elif isinstance(node, exp.Func) and (isinstance(node, exp.Anonymous) or type(node).__name__ not in COMPARED):
        yield "no case in tests/parity compares this function between engines"
    elif isinstance(node, exp.Cast | exp.TryCast):
        yield from _cast_reasons(_kind(node.this), node.to.this.name, is_literal=isinstance(node.this, exp.Literal))
    if isinstance(node, exp.Chr) and not _is_ascii(node.expressions[0]):
        yield "Spark knows 256 characters by number; write the character itself"
    yield from _number_reasons(node)
    yield from _day_reasons(node)
    yield from _text_reasons(node)


def _is_ascii(number: Any) -> bool:
    return isinstance(number, exp.Literal) and number.is_int and int(number.name) < _ASCII


def _number_reasons(node: Any) -> Iterator[str]:
    if isinstance(node, exp.Div) and "DECIMAL" in {_kind(node.left), _kind(node.right)}:
        yield "the quotient of decimals is a DOUBLE on DuckDB and a cut DECIMAL on Spark; divide whole numbers"
    elif isinstance(node, exp.Round) and _kind(node.this) == "DOUBLE" and not _is_to_whole(node):
        yield "DuckDB rounds the bits of a DOUBLE and Spark its digits; let the source's contract want a decimal"


def _day_reasons(node: Any) -> Iterator[str]:
    if isinstance(node, exp.DateDiff) and str(node.args.get("unit") or "DAY").upper() != "DAY":
        yield "DuckDB counts boundaries and Spark whole spans; count days"
    elif isinstance(node, exp.Extract) and node.name.upper() not in _PARTS:
        yield "engines number or cut this part differently"
    elif (
        isinstance(node, exp.Add | exp.Sub)
        and isinstance(node.expression, exp.Interval)
        and _kind(node.left) == "DATE"
        and not isinstance(node.parent, exp.Cast)
    ):
        yield "a date and an interval make a TIMESTAMP on DuckDB and a DATE on Spark; cast what they make"


def _text_reasons(node: Any) -> Iterator[str]:
    if isinstance(node, exp.Trim) and node.expression is None:
        yield "engines differ on what is blank; name the characters"
    elif isinstance(node, exp.Like) and (
        not _is_text(node.expression) or max(node.expression.name, default="") > "\uffff"
    ):
        yield "Spark matches no pattern with characters beyond the first plane; let it be a literal without them"
    elif isinstance(node, exp.Substring) and not _is_from_one_on(node.args.get("start")):
        yield "engines differ on what stands before the first character"
    elif isinstance(node, exp.Left | exp.Right) and isinstance(node.expression, exp.Neg):
        yield "only DuckDB counts from the other end"


def _cast_reasons(kind: str, to: str, *, is_literal: bool) -> Iterator[str]:
    if to in _INTEGERS and kind in {"DECIMAL", "DOUBLE"}:
        yield _CUTS
    elif to in _INTEGERS and kind in {"TEXT", "VARCHAR"}:
        yield "DuckDB takes texts such as 1.5, 1e3 and 0x1F for whole numbers, Spark does not"
    elif to == "DECIMAL" and kind == "DOUBLE":
        yield "DuckDB takes the bits of a DOUBLE and Spark its digits"
    elif to in {"TEXT", "VARCHAR"} and kind == "DOUBLE":
        yield "DuckDB writes 1e+16 where Spark writes 1.0E16"
    elif to.startswith(("DATE", "TIMESTAMP")) and kind in {"TEXT", "VARCHAR"} and not is_literal:
        yield "engines take different texts for a date"


def _kind(node: Any) -> str:
    """The type of an expression; sqlglot's are wrong for what is rounded, for quotients and for 0.01."""
    if isinstance(node, exp.Div):
        return "DOUBLE"
    if isinstance(node, exp.Literal) and not node.is_string and "." in node.name and "e" not in node.name.lower():
        return "DECIMAL"
    if isinstance(node, exp.Mul | exp.Add | exp.Sub):
        kinds = {_kind(node.left), _kind(node.right)}
        return next((kind for kind in ("UNKNOWN", "DOUBLE", "DECIMAL") if kind in kinds), "BIGINT")
    if isinstance(node, exp.Round):
        kind = _kind(node.this)
        return "WHOLE" if _is_to_whole(node) and kind in {"DECIMAL", "DOUBLE"} else kind
    if isinstance(node, exp.Paren):
        return _kind(node.this)
    return str(node.type.this.name) if node.type is not None else "UNKNOWN"


def _is_to_whole(node: exp.Round) -> bool:
    return str(node.args.get("decimals") or "0") == "0"


def _is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _is_from_one_on(start: Any) -> bool:
    return not isinstance(start, exp.Literal | exp.Neg) or (isinstance(start, exp.Literal) and int(start.name) >= 1)

"""The portable subset: SQL is written once, in DuckDB's dialect, and has to run on Spark and Redshift too."""

from __future__ import annotations

import re

import sqlglot
from sqlglot.errors import ParseError

from rental_analytics.errors import ContractError

# What sqlglot passes on, and one of the engines refuses, lacks, or takes to mean something else.
_REFUSED = (
    r"DISTINCT ON",
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


def transpiled(sql: str, dialect: str, label: str) -> str:
    """One statement in another engine's SQL, such as `spark` or `redshift`.

    Raises:
        ContractError: it does not parse; names `label` and the line.
    """
    try:
        (statement,) = sqlglot.transpile(sql, read="duckdb", write=dialect)
    except ParseError as error:
        first = error.errors[0]
        raise ContractError(
            f"{label}:{first['line']}: the query does not parse: {first['description']}.",
            remedy="correct the SQL; it is DuckDB's dialect.",
        ) from error
    return statement


def refused_constructs(sql: str) -> list[str]:
    """Constructs in a statement that keep it from running everywhere."""
    found = (re.search(rf"(?<![\w.])({pattern})(?!\w)", sql) for pattern in _REFUSED)
    return [match[0] for match in found if match]

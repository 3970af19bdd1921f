"""What SQL means, expression by expression: DuckDB and Spark give the same values of the same types."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

from parity.cells import TEXTS, tables
from parity.engines import open_engine, open_session
from rental_analytics.engines.base import Session
from rental_analytics.sql.portability import COMPARED
from rental_analytics.sql.render import literal
from rental_analytics.steps.extract.hashes import key_hash, row_hash
from runs.harness import failure

pytestmark = pytest.mark.slow

Sessions = tuple[Session, Session]
EXPRESSIONS = yaml.safe_load(Path(__file__).with_name("expressions.yaml").read_text("utf-8"))
OVER_ROWS = [(table, listed) for table, lists in EXPRESSIONS["over_rows"].items() for listed in lists]
GAPS = [
    pytest.param(gap["sql"], marks=pytest.mark.xfail(reason=gap["reason"], strict=True)) for gap in EXPRESSIONS["gaps"]
]
_SINCE = {
    "days": ", GREATEST(day, DATE '0004-02-29') AS since",
    "moments": ", GREATEST(moment, TIMESTAMP '0004-02-29 00:00:00') AS since",
}


@pytest.fixture(scope="module")
def sessions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    """The same cells on both engines."""
    folders = [tmp_path_factory.mktemp(name) for name in ("duckdb", "spark")]
    with (
        open_engine("duckdb", request) as one,
        open_engine("spark", request) as other,
        open_session(one, folders[0]) as duckdb,
        open_session(other, folders[1]) as spark,
    ):
        for session in (duckdb, spark):
            for name, table in tables().items():
                session.load(name, table)
        yield duckdb, spark


def same(sessions: Sessions, sql: str) -> None:
    """Values and their types are equal; NaN is NaN, and -0.0 is not 0.0."""
    duckdb, spark = (session.run(sql) for session in sessions)
    assert len(duckdb) == len(spark)
    assert [_shown(pair) for pair in zip(duckdb, spark, strict=True) if _shown(pair)] == []


def _shown(pair: tuple[tuple[Any, ...], tuple[Any, ...]]) -> str:
    """How rows differ. Spark gives Python some decimals with zeros behind those of their type."""
    one, other = (
        tuple(f"{value.normalize():f}" if isinstance(value, Decimal) else repr(value) for value in row) for row in pair
    )
    return "" if one == other else f"{one} in DuckDB, {other} in Spark"


@pytest.mark.parametrize(("table", "expressions"), OVER_ROWS)
def test_expressions(sessions: Sessions, table: str, expressions: str) -> None:
    cells = f"SELECT *{_SINCE.get(table, '')} FROM {table}"
    same(sessions, f"SELECT n, {expressions} FROM ({cells}) AS cells ORDER BY n")


@pytest.mark.parametrize("query", EXPRESSIONS["queries"])
def test_queries(sessions: Sessions, query: str) -> None:
    same(sessions, query)


@pytest.mark.parametrize("expression", EXPRESSIONS["errors"])
def test_errors(sessions: Sessions, expression: str) -> None:
    for session in sessions:
        failure(session.run, f"SELECT {expression}")


@pytest.mark.parametrize("expression", GAPS)
def test_known_gaps(sessions: Sessions, expression: str) -> None:
    same(sessions, f"SELECT {expression}")


def test_literals_pass_through_transpilation(sessions: Sessions) -> None:
    listed = ", ".join(literal(text) for text in TEXTS if text is not None and "\0" not in text)
    same(sessions, f"SELECT {listed}")


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("texts", "word", "VARCHAR"),
        ("wholes", "whole", "BIGINT"),
        ("exacts", "exact", "DECIMAL(18,2)"),
        ("exacts", "rate", "DECIMAL(18,8)"),
        ("exacts", "fraction", "DECIMAL(2,2)"),
        ("reals", "real", "DOUBLE"),
        ("days", "day", "DATE"),
        ("moments", "moment", "TIMESTAMP"),
    ],
)
def test_texts_and_hashes(sessions: Sessions, table: str, column: str, kind: str) -> None:
    found = []
    for session in sessions:
        text, hashed = session.text(column, kind), row_hash(session, [(column, kind)])
        key = key_hash(session, ["n"], "CAST(NULL AS TIMESTAMP)")
        if kind in {"VARCHAR", "BIGINT", "DATE", "TIMESTAMP"}:
            key = key_hash(session, ["n", column], "CAST('2024-03-10 02:30:00.000001' AS TIMESTAMP)")
        found.append(session.run(f"SELECT n, {text}, {hashed}, {key} FROM {table} ORDER BY n"))
    assert found[0] == found[1]


def test_every_function_that_models_may_use_is_compared() -> None:
    compared = [f"SELECT {listed} FROM {table}" for table, listed in OVER_ROWS]
    used = {
        type(node).__name__
        for sql in (*compared, *EXPRESSIONS["queries"])
        for node in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Func)
    }
    assert COMPARED - used == set()

"""`:name` stands for a value wherever a value may stand, and for nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from rental_analytics.errors import ConfigurationError
from rental_analytics.sql.parameters import bound

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (7, "(7)"),
        (-7, "(-7)"),
        (2**63, "(9223372036854775808)"),
        (Decimal("1E+2"), "(100)"),
        (Decimal("-0.10"), "(-0.10)"),
        (0.1, "CAST('0.1' AS DOUBLE PRECISION)"),
        (float("inf"), "CAST('inf' AS DOUBLE PRECISION)"),
        (float("nan"), "NULL"),
        ("O'Hara", "'O''Hara'"),
        (UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
        (date(2026, 1, 2), "CAST('2026-01-02' AS DATE)"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "CAST('2026-01-02 03:04:05.000000' AS TIMESTAMP)"),
        (
            datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
            "CAST('2026-01-02 01:00:00.000000' AS TIMESTAMP)",
        ),
        ([1, "a"], "((1), 'a')"),
        ((), "(NULL)"),
    ],
)
def test_values(value: Any, literal: str) -> None:
    assert bound("SELECT :x", {"x": value}, "duckdb") == f"SELECT {literal}"


def test_values_of_numpy() -> None:
    import numpy as np

    assert bound("SELECT :x", {"x": np.int64(7)}, "duckdb") == "SELECT (7)"
    assert bound("SELECT :x", {"x": np.array([1, 2])}, "duckdb") == "SELECT ((1), (2))"


def test_a_backslash_means_itself_in_each_dialect() -> None:
    assert bound("SELECT :x", {"x": "a\\b"}, "duckdb") == "SELECT 'a\\b'"
    assert bound("SELECT :x", {"x": "a\\b"}, "redshift") == "SELECT 'a\\\\b'"


@pytest.mark.parametrize("dialect", ["duckdb", "redshift"])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ':x' AS a",
        "SELECT a -- :x\nFROM b",
        "SELECT /* :x */ a",
        'SELECT ":x" FROM b',
        "SELECT a::x FROM b",
        "SELECT a[1:x] FROM b",
        "SELECT {'a':x} FROM b",
    ],
)
def test_a_colon_elsewhere_means_itself(sql: str, dialect: str) -> None:
    assert bound(sql, {}, dialect) == sql


def test_each_place_gets_its_value() -> None:
    sql = "SELECT 'é' AS a WHERE b = :since AND c IN :names AND d < :since + 1"
    parameters = {"since": 3, "names": [":since", "x"]}
    assert bound(sql, parameters, "duckdb") == "SELECT 'é' AS a WHERE b = (3) AND c IN (':since', 'x') AND d < (3) + 1"


def test_what_cannot_be_read_is_left_to_the_warehouse() -> None:
    assert bound("SELECT ':x", {}, "duckdb") == "SELECT ':x"


@pytest.mark.remedy("parameter-missing")
def test_a_value_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="asks for :until, and there is no value") as caught:
        bound("SELECT :since, :until", {"since": 1}, "duckdb")
    assert caught.value.reason == "parameter-missing"
    assert bound("SELECT :since, :until", {"since": 1, "until": 2}, "duckdb") == "SELECT (1), (2)"


@pytest.mark.remedy("parameter-not-used")
def test_a_value_that_nothing_asks_for() -> None:
    with pytest.raises(ConfigurationError, match="does not ask for it") as caught:
        bound("SELECT ':since'", {"since": 1}, "duckdb")
    assert caught.value.reason == "parameter-not-used"
    assert bound("SELECT :since", {"since": 1}, "duckdb") == "SELECT (1)"
    assert bound("SELECT ':since'", {}, "duckdb") == "SELECT ':since'"


@pytest.mark.remedy("parameter-type-unknown")
@pytest.mark.parametrize("value", [object(), {"a": 1}, Decimal("Infinity"), [timedelta(1)]])
def test_a_value_that_sql_does_not_have(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="SQL has no literal") as caught:
        bound("SELECT :x", {"x": value}, "duckdb")
    assert caught.value.reason == "parameter-type-unknown"
    assert bound("SELECT :x", {"x": str(value)}, "duckdb").startswith("SELECT '")

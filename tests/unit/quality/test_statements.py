"""What rules and checks count: the statements on rows, and the results made of the counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.manifest import CheckResult
from rental_analytics.contracts.model import CuratedModel, DerivedModel
from rental_analytics.errors import QualityError
from rental_analytics.quality.asked import Found, found
from rental_analytics.quality.rebuilt import Comparisons, asked_of, stop_if_broken
from rental_analytics.quality.results import (
    blamed_values,
    blaming,
    broken_checks,
    model_counts,
    model_results,
    told_values,
)
from rental_analytics.quality.rules import all_rules, narrowed, reject_rules

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.fast

COLUMNS = {
    "seat": {"type": "BIGINT", "description": "The key", "nullable": False},
    "price": {"type": "DECIMAL(4,2)", "description": "What it costs"},
    "sold_on": {"type": "DATE", "description": "When it was sold"},
    "moved_at": {"type": "TIMESTAMP", "description": "When it changed"},
    "told": {"type": "VARCHAR", "description": "What was said of it"},
}
SHARED = {"name": "seats", "description": "Seats", "grain": "one row per seat", "key": ["seat"], "columns": COLUMNS}
CHECKS = [{"name": "silent", "severity": "warn", "when": "told IS NULL", "description": "Nothing was said"}]
RULES = [
    {"name": "dear", "severity": "reject", "when": "price > 5", "description": "It costs too much"},
    {"name": "odd", "severity": "warn", "when": "seat % 2 = 1", "description": "Its number is odd"},
]
MODEL = CuratedModel.model_validate(
    SHARED | {"layer": "curated", "query": "SELECT 1", "source": "seats", "rules": RULES, "checks": CHECKS}
)
METRIC = DerivedModel.model_validate(
    SHARED
    | {"layer": "presentation", "definition": "Seats", "query": "SELECT 1", "checks": CHECKS, "key": ["seat", "price"]}
)


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with closing(duckdb.connect()) as connection:
        yield connection


def row_of(database: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    found = database.execute(sql)
    names = [column[0] for column in found.description]
    (values,) = found.fetchall()
    return dict(zip(names, values, strict=True))


def test_the_commonest_values_that_are_to_blame(database: duckdb.DuckDBPyConnection) -> None:
    rule = {"name": "rude", "severity": "reject", "when": "told <> 'please' OR told IS NULL"}
    blaming_rule = rule | {"value": "told", "setting": "manners.words", "setting_for_null": "manners.silence"}
    model = MODEL.model_validate(MODEL.model_dump(exclude_none=True) | {"rules": [blaming_rule, *RULES]})
    database.execute(
        """
        CREATE TABLE current_rows AS
        SELECT told, number = 9 AS _is_deleted
        FROM RANGE(20) AS numbers (number), (
            VALUES ('please', 20), ('b', 10), ('a', 2), ('c', 2), (NULL, 2), ('', 1), ('z', 1)
        ) AS words (told, how_often)
        WHERE number < how_often
        """
    )
    queries = blamed_values(model, {"rude": 17, "dear": 3, "odd": 0})
    found = {name: database.execute(sql).fetchall() for name, sql in queries.items()}
    assert found == {"rude": [("b", 9), ("a", 2), ("c", 2), (None, 2), ("", 1)]}
    told = blaming(model, model_results(model, {"rude": 17, "dear": 3}), found)
    assert {result.check_name: (told_values(result), result.settings) for result in told if result.failed_rows} == {
        "rude": (
            "'b' 9, 'a' 2, 'c' 2, NULL 2, '' 1; see manners.silence and manners.words",
            ("manners.silence", "manners.words"),
        ),
        "dear": ("", ()),
    }
    assert blamed_values(model, {"rude": 0}) == {}


def test_rules_are_counted_over_all_rows_and_checks_over_those_that_are_kept(
    database: duckdb.DuckDBPyConnection,
) -> None:
    database.execute(
        """
        CREATE TABLE current_rows AS SELECT *, DATE '2024-01-01' AS sold_on, TIMESTAMP '2024-01-01' AS moved_at FROM (
            VALUES (3, 1, NULL, '', FALSE), (1, 9, NULL, 'dear', FALSE), (5, 7, 'x', 'dear', FALSE),
                (2, 1, NULL, '', FALSE), (4, 1, 'x', '', FALSE), (NULL, 1, 'x', '', FALSE),
                (7, 9, NULL, 'dear', TRUE), (9, 1, NULL, '', TRUE)
        ) AS seats (seat, price, told, _broken_rules, _is_deleted)
        """
    )
    counts = row_of(database, model_counts(MODEL))
    assert counts.pop("rejected") == 2
    results = {result.check_name: (result.failed_rows, result.sample) for result in model_results(MODEL, counts)}
    assert results == {
        "dear": (2, "1"),
        "odd": (3, "1"),
        "value_out_of_range": (0, None),
        "silent": (2, "2"),
        "seat_not_null": (1, None),
    }
    assert [(result.table_name, result.failed_rows) for result in model_results(MODEL, {})] == [("seats", 0)] * 5
    database.execute("DELETE FROM current_rows")
    assert {result.failed_rows for result in model_results(MODEL, row_of(database, model_counts(MODEL)))} == {0}


def test_rules_and_their_severities() -> None:
    assert [rule.name for rule in reject_rules(MODEL)] == ["dear", "value_out_of_range"]
    made_here = MODEL.model_copy(update={"source": None, "reference": "rates"})
    assert [rule.name for rule in all_rules(made_here)] == ["dear", "odd"]
    texts = MODEL.model_copy(update={"columns": {"told": MODEL.columns["told"]}})
    assert [rule.name for rule in all_rules(texts)] == ["dear", "odd"]
    severities = {result.check_name: result.severity for result in model_results(MODEL, {})}
    assert (severities["seat_not_null"], severities["silent"]) == (Severity.FAIL, Severity.WARN)


@pytest.mark.parametrize(
    ("column", "value", "fits"),
    [
        ("seat", "9223372036854775807", True),
        ("seat", "9223372036854775808", False),
        ("seat", "1.0", True),
        ("seat", "1.5", False),
        ("price", "99.99", True),
        ("price", "99.994", True),
        ("price", "100", False),
        ("sold_on", "DATE '1678-01-01'", True),
        ("sold_on", "DATE '1677-12-31'", False),
        ("sold_on", "DATE '2261-12-31'", True),
        ("sold_on", "DATE '2262-01-01'", False),
        ("moved_at", "TIMESTAMP '1678-01-01 00:00:00'", True),
        ("moved_at", "TIMESTAMP '1677-12-31 23:59:59.999999'", False),
        ("moved_at", "TIMESTAMP '2261-12-31 23:59:59.999999'", True),
        ("moved_at", "TIMESTAMP '2262-01-01 00:00:00'", False),
        ("seat", "NULL", True),
        ("price", "NULL", True),
    ],
)
def test_values_that_do_not_fit_their_column(
    database: duckdb.DuckDBPyConnection, column: str, value: str, fits: bool
) -> None:
    rule = next(rule for rule in all_rules(MODEL) if rule.name == "value_out_of_range")
    values = dict.fromkeys(COLUMNS, "NULL") | {column: value}
    given = ", ".join(f"{text} AS {name}" for name, text in values.items())
    (found,) = database.execute(f"SELECT COALESCE({rule.when}, FALSE) FROM (SELECT {given})").fetchall()
    assert found == (not fits,)
    if column in ("seat", "price"):
        (held,) = database.execute(
            f"SELECT {narrowed(column, MODEL.columns[column])} IS NULL FROM (SELECT {given})"
        ).fetchall()
        assert held == (not fits or value == "NULL",)


def test_checks_of_a_rebuilt_table(database: duckdb.DuckDBPyConnection) -> None:
    database.execute(
        """
        CREATE SCHEMA presentation;
        CREATE TABLE presentation.seats AS SELECT * FROM (
            VALUES (1, 1, 'x'), (1, 2, NULL), (2, 1, NULL), (2, 1, NULL), (3, 1, 'x'), (3, 1, 'x'), (3, 1, 'x'),
                (NULL, 1, 'x')
        ) AS seats (seat, price, told)
        """
    )
    asked = asked_of(METRIC, METRIC.relation, Comparisons(datetime(2024, 1, 1)))  # noqa: DTZ001 UTC

    def made() -> Found:
        return found([asked], lambda queries: [row_of(database, query) for query in queries])

    results = made().results
    assert made().rows == {"seats": 8}
    assert [(result.check_name, result.severity, result.failed_rows, result.sample) for result in results] == [
        ("unique_key", Severity.FAIL, 2, "2,1"),
        ("seat_not_null", Severity.FAIL, 1, "NULL,1"),
        ("silent", Severity.WARN, 3, "1,2"),
    ]
    other = METRIC.model_copy(update={"name": "halls"})
    with pytest.raises(
        QualityError, match=r"unique_key of presentation\.seats is broken by 2 rows, such as 2,1;"
    ) as caught:
        stop_if_broken([other, METRIC], results)
    assert (caught.value.reason, caught.value.table) == ("metric-check-broken", "seats")
    stop_if_broken([METRIC], results[2:])
    database.execute("DELETE FROM presentation.seats")
    assert {result.failed_rows for result in made().results} == {0}
    stop_if_broken([METRIC], made().results)


def test_the_check_that_most_rows_break_comes_first() -> None:
    checks = tuple(
        CheckResult(table_name="seats", check_name=name, severity=severity, failed_rows=rows)
        for name, severity, rows in (
            ("few", Severity.REJECT, 1),
            ("none", Severity.REJECT, 0),
            ("many", Severity.REJECT, 5),
            ("other", Severity.WARN, 9),
        )
    )
    assert [check.check_name for check in broken_checks(checks, Severity.REJECT)] == ["many", "few"]

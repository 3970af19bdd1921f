"""Every statement that Redshift can get: parsed, and free of what Redshift refuses.

`make check` compares them with those in the folder `snapshots`; `make generate` writes these anew.
"""

import logging
from functools import cache
from typing import Any

import pytest

from generators.redshift_statements import all_statements
from rental_analytics.errors import ContractError
from rental_analytics.sql.redshift import redshift, refused_by_redshift

# Documented by AWS, and unknown to sqlfluff's dialect.
SQLFLUFF_FALSE_ALARMS = ("GRANT ANALYZE TO ROLE ", "ALTER DEFAULT PRIVILEGES FOR USER ")
# What sqlglot takes for commands it does not look into: nothing in them could be refused.
NOT_LOOKED_INTO = (
    "LOCK ",
    "CREATE ROLE ",
    "GRANT ",
    "REVOKE ",
    "ALTER DEFAULT PRIVILEGES ",
    # The statements of procedures are there for themselves, too.
    "CREATE PROCEDURE ",
    "CALL ",
    "DROP PROCEDURE ",
)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_sqlfluff_parses_every_statement() -> None:
    from sqlfluff.core import FluffConfig, Linter

    linter = Linter(config=FluffConfig(overrides={"dialect": "redshift"}))
    for statement in unique():
        parsed: Any = linter.parse_string(statement)
        is_alarmed = bool(parsed.violations) or bool(list(parsed.tree.recursive_crawl("unparsable")))
        assert is_alarmed == statement.startswith(SQLFLUFF_FALSE_ALARMS), statement


@pytest.mark.slow
def test_no_statement_holds_what_redshift_refuses(caplog: pytest.LogCaptureFixture) -> None:
    for statement in unique():
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="sqlglot"):
            assert refused_by_redshift(statement) == [], statement
        if any("unsupported syntax" in record.message for record in caplog.records):
            assert statement.startswith(NOT_LOOKED_INTO), statement


@pytest.mark.fast
@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT SUM(a) FILTER (WHERE b) FROM curated.x", "FILTER"),
        ("SELECT a FROM curated.x, LATERAL (SELECT x.a + 1 AS b) AS y", "LATERAL"),
        ("SELECT * FROM generate_series(1, 3)", "GENERATE_SERIES"),
        ("SELECT array_agg(a) FROM curated.x", "ARRAY_AGG"),
        ("SELECT ARRAY[1, 2] AS a", "ARRAY"),
        ("INSERT INTO curated.x (a) VALUES (1) ON CONFLICT DO NOTHING", "ON CONFLICT"),
        ("DELETE FROM curated.x RETURNING a", "RETURNING"),
        ("SELECT a IS DISTINCT FROM b AS c FROM curated.x", "IS DISTINCT FROM"),
        ("SELECT a IS NOT DISTINCT FROM b AS c FROM curated.x", "IS NOT DISTINCT FROM"),
        ("CREATE INDEX i ON curated.x (a)", "CREATE INDEX"),
        ("CREATE TABLE curated.x (a INTEGER CHECK (a > 0))", "CHECK"),
        ("CREATE TABLE curated.x (a UUID)", "UUID"),
        ("SELECT a FROM curated.x QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1", "QUALIFY"),
        ("SELECT a FROM curated.x GROUP BY ALL", "GROUP BY ALL"),
        ("SELECT a FROM curated.x UNION ALL BY NAME SELECT a FROM curated.y", "BY NAME"),
        ("SELECT TRY_CAST(a AS INTEGER) FROM curated.x", "TRY_CAST"),
        ("SELECT MEDIAN(a), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY b) FROM curated.x", "sort differently"),
        ("SELECT a FROM curated.x AS x WHERE a > 1 OR EXISTS (SELECT 1 FROM curated.y AS y WHERE y.a = x.a)", "OR"),
        ("SELECT ENDS_WITH(a, 'x') AS b FROM curated.x", "ENDS_WITH"),
        ("SELECT CONCAT_WS(',', a, b) AS c FROM curated.x", "CONCAT_WS"),
        ("SELECT STRING_SPLIT(a, ',') AS b FROM curated.x", "SPLIT"),
        ("SELECT no_such_function(a) AS b FROM curated.x", "NO_SUCH_FUNCTION"),
        ("SELECT SUM(a) OVER (ORDER BY b) AS c FROM curated.x", "without a frame"),
        ("SELECT FIRST_VALUE(a) OVER (PARTITION BY c ORDER BY b) AS c FROM curated.x", "without a frame"),
        (
            "SELECT SUM(a) OVER (ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS c FROM curated.x",
            "ROWS",
        ),
        ("SELECT '" + "x" * 100_000 + "' AS a", "100,000 bytes"),
    ],
)
def test_what_redshift_refuses_is_refused_before(sql: str, told: str) -> None:
    with pytest.raises(ContractError, match="Redshift refuses") as caught:
        redshift(sql, "query.sql")
    assert told in str(caught.value)
    assert "query.sql" in str(caught.value)


@pytest.mark.fast
@pytest.mark.remedy("query-not-portable")
def test_a_refused_query_written_in_the_portable_subset() -> None:
    with pytest.raises(ContractError) as caught:
        redshift("SELECT TRY_CAST(a AS INTEGER) AS b FROM curated.x", "query.sql")
    assert (caught.value.reason, caught.value.exit_code) == ("query-not-portable", 2)
    assert caught.value.remedy.startswith("write it in the portable subset")
    assert redshift("SELECT CAST(a AS INTEGER) AS b FROM curated.x", "query.sql").startswith("SELECT CAST(a AS ")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT DISTINCT ON (a) a, b FROM curated.x", "DISTINCT ON"),
        ("SELECT a FROM (VALUES (1), (2)) AS x", "VALUES"),
        ("SELECT SUM(a) OVER w FROM curated.x WINDOW w AS (ORDER BY a ROWS UNBOUNDED PRECEDING)", "WINDOW"),
    ],
)
def test_what_sqlglot_rewrites_is_written_another_way(sql: str, told: str) -> None:
    assert told in refused_by_redshift(sql)[0]
    assert redshift(sql, "query.sql") != sql


@pytest.mark.fast
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM curated.x AS x QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "SELECT a FROM curated.x AS x WHERE EXISTS (SELECT 1 FROM curated.y AS y WHERE y.a = x.a) AND a > 1",
        "SELECT MEDIAN(a) AS b FROM curated.x",
        "INSERT INTO curated.x (a) VALUES (1)",
        "SELECT SUM(a) OVER (PARTITION BY b) AS c, LAG(a) OVER (ORDER BY b) AS d FROM curated.x",
        "SELECT RANK() OVER (ORDER BY b) AS c FROM curated.x",
        "SELECT SUM(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS c FROM curated.x",
    ],
)
def test_what_redshift_takes_is_let_through(sql: str) -> None:
    assert redshift(sql, "query.sql")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("duckdb", "written"),
    [
        ("CAST(exact AS DECIMAL(18,2))", "CAST(ROUND(exact, 2) AS DECIMAL(18, 2))"),
        ("CAST(ROUND(exact, 2) AS DECIMAL(18,2))", "CAST(ROUND(exact, 2) AS DECIMAL(18, 2))"),
        ("CAST(ROUND(exact, 4) AS DECIMAL(18,2))", "CAST(ROUND(ROUND(exact, 4), 2) AS DECIMAL(18, 2))"),
        ("CAST(1.005 AS DECIMAL(18,2))", "CAST(ROUND(1.005, 2) AS DECIMAL(18, 2))"),
        ("CAST(exact AS DECIMAL(18))", "CAST(ROUND(exact, 0) AS DECIMAL(18))"),
        ("CAST(COUNT(*) AS DECIMAL(38,0))", "CAST(COUNT(*) AS DECIMAL(38, 0))"),
        ("CAST(NULL AS DECIMAL(18,2))", "CAST(NULL AS DECIMAL(18, 2))"),
        (
            "CONCAT(words, '-', day)",
            "COALESCE(CAST(words AS VARCHAR(MAX)), '') || '-' || COALESCE(CAST(day AS VARCHAR(MAX)), '')",
        ),
        ("STARTS_WITH(words, 'a_')", "(POSITION('a_' IN words) = 1)"),
        ("CONTAINS(words, '%')", "(POSITION('%' IN words) > 0)"),
        ("whole % 7", "whole % NULLIF((7), 0)"),
        ("words LIKE 'C:\\new'", "words LIKE 'C:\\\\\\\\new'"),
        ("words LIKE 'a!_' ESCAPE '!'", "words LIKE 'a!_' ESCAPE '!'"),
    ],
)
def test_what_redshift_takes_to_mean_something_else(duckdb: str, written: str) -> None:
    assert redshift(f"SELECT {duckdb} AS found FROM curated.x AS x", "query.sql") == (
        f"SELECT {written} AS found FROM curated.x AS x"
    )


@cache
def unique() -> list[str]:
    return list(dict.fromkeys(statement for statements in all_statements().values() for statement in statements))

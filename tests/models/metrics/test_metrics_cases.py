"""Every model makes of the rows its cases give those they expect, in SQL that all engines take."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from metrics.redshift_warehouse import RedshiftMetrics
from metrics.spark_warehouse import SparkMetrics
from metrics.warehouse import MetricWarehouse, contracts
from parity.engines import ENGINES
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.loader import load_cases
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.errors import ContractError
from rental_analytics.sql.portability import refused_constructs, transpiled
from rental_analytics.sql.ratios import whole_query
from support.text_ids import in_order

Metrics = MetricWarehouse | SparkMetrics | RedshiftMetrics
MODELS = [pytest.param(model, id=model.name) for model in contracts().rebuild_order]
CASES = [
    pytest.param(model, case, id=f"{model.name}: {case.name}")
    for model in contracts().rebuild_order
    for case in load_cases(model)
]
# Of each model the case with the most rows is tried on Spark by each run of the suite.
LARGEST = {
    model.name: max(load_cases(model), key=lambda case: sum(map(len, case.given.values()))).name
    for model in contracts().rebuild_order
}
CASES_ON_SPARK = [
    pytest.param(
        model,
        case,
        id=f"{model.name}: {case.name}",
        marks=() if case.name == LARGEST[model.name] else pytest.mark.exhaustive,
    )
    for model in contracts().rebuild_order
    for case in load_cases(model)
]
FIXTURES = {"duckdb": "metric_warehouse", "spark": "spark_metrics", "redshift": "redshift_metrics"}
WAREHOUSES = [*ENGINES, pytest.param("redshift", marks=pytest.mark.service)]
OF_METRICS = [warehouse for warehouse in WAREHOUSES if warehouse.values != ("spark",)]
"""The warehouses that metrics are made in; Spark shows that their SQL means the same in a third dialect."""
IDS = {
    name
    for model in (*contracts().curated.values(), *contracts().rebuild_order)
    for name, column in model.columns.items()
    if column.is_id
}
DIALECTS = ("redshift", "spark")
PYTHON_TYPES = {
    "BIGINT": int,
    "INTEGER": int,
    "DATE": date,
    "TIMESTAMP": datetime,
    "VARCHAR": str,
    "BOOLEAN": bool,
}


def _in_full(warehouse: Any) -> Any:
    return pytest.param(*warehouse.values, marks=[*warehouse.marks, pytest.mark.exhaustive])


def expected_row(model: DerivedModel, row: dict[str, Any]) -> tuple[Any, ...]:
    assert list(row) == list(model.columns), "a case writes every column, in the model's order"
    values = []
    for name, column in model.columns.items():
        is_decimal = column.type.startswith("DECIMAL")
        value = Decimal(row[name]) if is_decimal and row[name] is not None else row[name]
        assert value is None or type(value) is (Decimal if is_decimal else PYTHON_TYPES[column.type])
        values.append(value)
    return tuple(values)


@pytest.fixture(scope="module", params=WAREHOUSES)
def warehouse(request: pytest.FixtureRequest) -> Metrics:
    """Curated tables without rows on each engine."""
    found: Metrics = request.getfixturevalue(FIXTURES[request.param])
    return found


@pytest.fixture(scope="module", params=[WAREHOUSES[0], *(_in_full(other) for other in WAREHOUSES[1:])])
def warehouse_of_texts(request: pytest.FixtureRequest) -> Metrics:
    """The same, where ids are texts."""
    found: Metrics = request.getfixturevalue(f"{FIXTURES[request.param]}_of_texts")
    return found


@pytest.mark.parametrize("warehouse", OF_METRICS, indirect=True)
@pytest.mark.parametrize(("model", "case"), CASES)
def test_case(warehouse: Metrics, model: DerivedModel, case: Case) -> None:
    assert_as_expected(warehouse, model, case)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "case"), CASES_ON_SPARK)
def test_case_on_spark(spark_metrics: SparkMetrics, model: DerivedModel, case: Case) -> None:
    assert_as_expected(spark_metrics, model, case)


def assert_as_expected(warehouse: Metrics, model: DerivedModel, case: Case) -> None:
    assert case.as_of is not None
    with warehouse.holding(case.as_of, case.given, known_from=case.known_from):
        rows = warehouse.rows(whole_query(model))

    assert Counter(rows) == Counter(expected_row(model, row) for row in case.expect)


@pytest.mark.parametrize(("model", "case"), CASES)
def test_case_with_texts_as_ids(warehouse_of_texts: Metrics, model: DerivedModel, case: Case) -> None:
    assert case.as_of is not None
    given = {relation: in_order(rows, IDS) for relation, rows in case.given.items()}
    with warehouse_of_texts.holding(case.as_of, given, known_from=case.known_from):
        rows = warehouse_of_texts.rows(whole_query(model))

    model_of_texts = next(other for other in contracts("text").rebuild_order if other.name == model.name)
    assert Counter(rows) == Counter(expected_row(model_of_texts, row) for row in in_order(case.expect, IDS))


@pytest.mark.parametrize("model", MODELS)
def test_columns_are_those_of_the_model(warehouse: Metrics, model: DerivedModel) -> None:
    columns = warehouse.columns(whole_query(model))

    assert list(columns.items()) == [(name, column.type) for name, column in model.columns.items()]


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_query_returns_what_the_model_says_and_no_more(model: DerivedModel) -> None:
    """Besides the columns of the table, which the pipeline adds ratios to, only what a ratio needs."""
    returned = sqlglot.parse_one(model.query, read="duckdb").named_selects
    needed = {name for ratio in model.ratios.values() for name in (ratio.of, ratio.to)}

    assert [name for name in returned if name in model.columns] == [
        name for name in model.columns if name not in model.ratios
    ]
    assert set(returned) - model.columns.keys() == {name for name in needed if name.startswith("_")}


@pytest.mark.fast
@pytest.mark.parametrize("engine", DIALECTS)
@pytest.mark.parametrize("model", MODELS)
def test_query_has_nothing_that_an_engine_refuses(model: DerivedModel, engine: str) -> None:
    assert refused_constructs(transpiled(whole_query(model), engine, model.name)) == []


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_tables_read_are_found(model: DerivedModel) -> None:
    tree = sqlglot.parse_one(whole_query(model), read="duckdb")

    assert model.reads == {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.db}


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_running_aggregates_name_their_frame(model: DerivedModel) -> None:
    """Redshift demands it, and the default frame would take in all rows that tie."""
    windows = sqlglot.parse_one(whole_query(model), read="duckdb").find_all(exp.Window)
    aggregates = [
        window
        for window in windows
        if window.args.get("order") and isinstance(window.this, exp.Sum | exp.Max | exp.Min | exp.Count)
    ]

    assert [window.sql() for window in aggregates if window.args.get("spec") is None] == []


@pytest.mark.fast
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DISTINCT ON (a) a FROM t",
        "SELECT SUM(a) FILTER (WHERE b) FROM t",
        "SELECT a FROM t, LATERAL (SELECT t.a)",
        "SELECT * FROM GENERATE_SERIES(1, 2)",
        "SELECT STRING_AGG(a) FROM t",
        "SELECT ARRAY[1]",
        "SELECT a FROM (VALUES (1)) AS t (a)",
        "SELECT a IS DISTINCT FROM b FROM t",
        "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "SELECT a, SUM(b) FROM t GROUP BY ALL",
        "SELECT TRY_CAST(a AS DATE) FROM t",
        "SELECT STRING_SPLIT(a, ',') FROM t",
        "SELECT MEDIAN(a) FROM t",
        "SELECT BOOL_OR(a) FROM t",
        "SELECT a DIV b FROM t",
        "SELECT * FROM t",
        "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a FROM t) SELECT a FROM t",
    ],
)
def test_a_refused_construct_is_seen(sql: str) -> None:
    assert refused_constructs(sql)


@pytest.mark.fast
@pytest.mark.remedy("query-does-not-parse")
def test_query_that_does_not_parse_is_named() -> None:
    with pytest.raises(ContractError, match=r"query\.sql:2: the query does not parse") as raised:
        transpiled("SELECT a\nFROM t WHERE (", "spark", "query.sql")
    assert (raised.value.reason, raised.value.exit_code) == ("query-does-not-parse", 2)
    assert raised.value.remedy == "correct the SQL; it is DuckDB's dialect."
    assert transpiled("SELECT a\nFROM t WHERE (a > 1)", "spark", "query.sql") == "SELECT a FROM t WHERE (a > 1)"

"""The curated models do what their cases expect, through the engines that run in production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from curated.curated_cases import (
    actual_outcome,
    contracts,
    expected_outcome,
    rejected_rows,
    row_key,
    rules,
    transform,
)
from curated.merged_cases import merged_cases
from parity.engines import open_engine
from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.loader import load_cases
from rental_analytics.contracts.manifest import TransformedTable
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.engines.base import Engine
from rental_analytics.quality.rules import all_rules
from rental_analytics.storage.local import LocalLake

MODELS = [pytest.param(model, id=name) for name, model in contracts().curated.items()]
CASES = [
    pytest.param("duckdb", model, case, id=f"{name}: {case.name}", marks=pytest.mark.fast)
    for name, model in contracts().curated.items()
    for case in load_cases(model)
]
# Spark takes seconds for a build, however few its rows are.
CASES += [
    pytest.param("spark", model, case, id=f"Spark, {name}: {case.name[:60]}", marks=pytest.mark.slow)
    for name, model in contracts().curated.items()
    for case in merged_cases(model, load_cases(model))
]
PARQUET_TYPES = {
    "BIGINT": "int64",
    "BOOLEAN": "bool",
    "DATE": "date32[day]",
    "DOUBLE": "double",
    "INTEGER": "int32",
    "TIMESTAMP": "timestamp[us]",
    "VARCHAR": "string",
}


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param, request) as engine:
        yield engine


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake")


@pytest.mark.parametrize(("engine", "model", "case"), CASES, indirect=["engine"])
def test_case(engine: Engine, lake: LocalLake, model: CuratedModel, case: Case) -> None:
    made = transform(engine, lake, model, case)

    assert actual_outcome(model, made, lake) == expected_outcome(model, case)
    set_aside = [(row["row_key"], row["row_json"]) for row in rejected_rows(made, lake)]
    whole_rows = [(row_key(model, row), row["row_json"]) for row in case.rejected if "row_json" in row]
    assert [row for row in whole_rows if set_aside.count(row) < whole_rows.count(row)] == []
    assert_types_of_the_contract(made, lake)


def assert_types_of_the_contract(made: TransformedTable, lake: LocalLake) -> None:
    """The files have the columns of the manifest in their order, each of the type that Parquet has for it."""
    expected = {
        column.name: PARQUET_TYPES.get(column.type, f"decimal128{column.type[7:].replace(',', ', ')}")
        for column in made.columns
    }
    for path in lake.local_copies(file.path for file in made.files):
        assert {field.name: str(field.type) for field in pq.read_schema(path)} == expected


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_cases_break_every_rule_alone(model: CuratedModel) -> None:
    cases = load_cases(model)
    rejected = {row["rules"] for case in cases for row in case.rejected}
    warned = {rule for case in cases for rule in case.warned}

    assert rules(model, Severity.REJECT) - rejected == set()
    assert rules(model, Severity.WARN) - warned == set()


@pytest.mark.fast
def test_tables_have_the_rules_they_are_meant_to_have() -> None:
    found = {
        name: {str(severity): _named(model, severity) for severity in (Severity.REJECT, Severity.WARN)}
        for name, model in contracts().curated.items()
        if model.source
    }
    everywhere = "value_out_of_range"
    assert found == {
        "bookings": {
            "reject": "missing_key missing_user missing_listing missing_booked_at missing_stay_dates "
            "checkout_not_after_checkin stay_longer_than_year negative_price missing_price unknown_currency "
            f"unknown_status {everywhere}",
            "warn": "booked_after_checkin booked_in_future unknown_listing",
        },
        "listing_attributes": {
            "reject": f"missing_key {everywhere}",
            "warn": "coordinates_out_of_range missing_city",
        },
        "listings": {
            "reject": f"missing_key price_not_positive unknown_currency missing_created_at {everywhere}",
            "warn": "modified_before_created modified_in_future",
        },
        "viewings": {"reject": f"missing_listing missing_viewed_at {everywhere}", "warn": "viewed_in_future"},
    }


def _named(model: CuratedModel, severity: Severity) -> str:
    return " ".join(rule.name for rule in (*all_rules(model), *model.references) if rule.severity is severity)


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_queries_leave_numbers_as_wide_as_they_came(model: CuratedModel) -> None:
    """A cast that does not fit stops the run; one that the pipeline makes sets the row aside."""
    casts = sqlglot.parse_one(model.query, read="duckdb").find_all(exp.Cast)
    numbers = {"TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL"}
    narrowing = [
        cast.sql("duckdb")
        for cast in casts
        if type(cast) is exp.Cast
        and cast.to.this.name in numbers
        and not isinstance(cast.this, exp.Literal)
        and not cast.to.sql("duckdb").startswith("DECIMAL(38")
    ]
    assert narrowing == []


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_cases_write_files(model: CuratedModel) -> None:
    """On each engine; the types of their columns could not be wrong if there were none."""
    cases = load_cases(model)
    assert any(case.expect for case in cases)
    assert any(case.expect for case in merged_cases(model, cases))

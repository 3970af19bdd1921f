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
    with_text_ids,
)
from curated.merged_cases import USUAL, batches, is_usual, merged_cases, short_id
from curated.raw_rows import reference_data
from parity.engines import open_engine
from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.loader import load_cases
from rental_analytics.contracts.manifest import TransformedTable
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.engines.base import Engine
from rental_analytics.quality.loaded import load_checks
from rental_analytics.quality.rules import all_rules, kept_checks
from rental_analytics.storage.local import LocalLake
from support.breadth import sampled

MODELS = [pytest.param(model, id=name) for name, model in contracts().curated.items()]
CASES = [
    pytest.param(model, case, id=f"{name}: {case.name}")
    for name, model in contracts().curated.items()
    for case in load_cases(model)
]
# Spark takes seconds for a build, however few its rows are: what is always built there comes first, so it is together.
MERGED = sorted(
    [(model, case) for model in contracts().curated.values() for case in merged_cases(model, load_cases(model))],
    key=lambda merged: not is_usual(*merged),
)
MERGED_OF_TEXTS = [
    (contracts("text").curated[model.name], same)
    for model, case in MERGED
    if not model.reference and (same := with_text_ids(model, case))
]
MERGED_CASES_OF_TEXTS = [pytest.param(*merged, id=short_id(*merged)) for merged in MERGED_OF_TEXTS]
MERGED_CASES = [
    pytest.param(*merged, id=short_id(*merged), marks=() if is_usual(*merged) else pytest.mark.exhaustive)
    for merged in MERGED
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


class Builds:
    """What an engine makes of the merged cases: those that one transformation can build it builds at once."""

    def __init__(self, engine: Engine, folder: Path, ids: IdKind = "integer") -> None:
        self._engine = engine
        self._folder = folder
        self._ids = ids
        self._batches = batches(MERGED if ids == "integer" else MERGED_OF_TEXTS)
        self._built: dict[int, dict[str, TransformedTable]] = {}

    def of(self, model: CuratedModel, case: Case) -> tuple[TransformedTable, LocalLake]:
        """The table of a case, and the lake that it is in."""
        number = next(at for at, cases in enumerate(self._batches) if cases.get(model.name) is case)
        lake = LocalLake(self._folder / str(number))
        if number not in self._built:
            self._built[number] = transform(self._engine, lake, self._batches[number], self._ids)
        return self._built[number][model.name], lake


@pytest.fixture(scope="module")
def duckdb(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine("duckdb", request) as engine:
        yield engine


@pytest.fixture(scope="module", params=sampled(["duckdb", "spark"], ["duckdb"]))
def of_texts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """Cases where ids are texts."""
    with open_engine(request.param, request) as engine:
        yield Builds(engine, tmp_path_factory.mktemp("cases"), "text")


@pytest.fixture(scope="module")
def on_spark(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    with open_engine("spark", request) as engine:
        yield Builds(engine, tmp_path_factory.mktemp("cases"))


@pytest.mark.fast
@pytest.mark.parametrize(("model", "case"), CASES)
def test_case(duckdb: Engine, tmp_path: Path, model: CuratedModel, case: Case) -> None:
    lake = LocalLake(tmp_path / "lake")
    assert_as_expected(model, case, transform(duckdb, lake, {model.name: case})[model.name], lake)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "case"), MERGED_CASES_OF_TEXTS)
def test_case_with_texts_as_ids(of_texts: Builds, model: CuratedModel, case: Case) -> None:
    assert_as_expected(model, case, *of_texts.of(model, case))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "case"), MERGED_CASES)
def test_case_on_spark(on_spark: Builds, model: CuratedModel, case: Case) -> None:
    assert_as_expected(model, case, *on_spark.of(model, case))


@pytest.mark.fast
def test_cases_of_each_model_are_usual() -> None:
    """Spark builds them in each run of the suite."""
    usual = [(model, case) for model, case in MERGED if is_usual(model, case)]
    assert {model.name for model, _ in usual} == contracts().curated.keys()
    assert {case.name for _, case in usual} > USUAL


@pytest.mark.fast
def test_each_merged_case_is_in_a_batch() -> None:
    """Once, and with its own rows."""
    built = [case for cases in batches(MERGED) for case in cases.values()]
    assert sorted(map(id, built)) == sorted(id(case) for _, case in MERGED)
    for cases in batches(MERGED):
        relations = [name for case in cases.values() for name in case.given if name not in reference_data({}).relations]
        assert sorted(relations) == sorted(set(relations))


def assert_as_expected(model: CuratedModel, case: Case, made: TransformedTable, lake: LocalLake) -> None:
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
            "warn": "missing_city coordinates_out_of_range",
        },
        "listings": {
            "reject": f"missing_key price_not_positive unknown_currency missing_created_at {everywhere}",
            "warn": "modified_before_created modified_in_future",
        },
        "viewings": {"reject": f"missing_listing missing_viewed_at {everywhere}", "warn": "viewed_in_future"},
    }


def _named(model: CuratedModel, severity: Severity) -> str:
    found = (*all_rules(model), *kept_checks(model), *load_checks(model))
    return " ".join(rule.name for rule in found if rule.severity is severity)


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

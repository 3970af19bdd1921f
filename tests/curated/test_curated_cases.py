"""The curated models do what their cases expect, through the engines that run in production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curated.curated_cases import (
    actual_outcome,
    contracts,
    expected_outcome,
    rejected_rows,
    row_key,
    rules,
    transform,
)
from parity.engines import ENGINES, open_engine
from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.loader import load_cases
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.engines.base import Engine
from rental_analytics.storage.local import LocalLake

MODELS = [pytest.param(model, id=name) for name, model in contracts().curated.items()]
CASES = [
    pytest.param(model, case, id=f"{name}: {case.name}")
    for name, model in contracts().curated.items()
    for case in load_cases(model)
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


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param, request) as engine:
        yield engine


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake")


@pytest.mark.parametrize(("model", "case"), CASES)
def test_case(engine: Engine, lake: LocalLake, model: CuratedModel, case: Case) -> None:
    made = transform(engine, lake, model, case)

    assert actual_outcome(model, made, lake) == expected_outcome(model, case)
    set_aside = {row["row_key"]: row["row_json"] for row in rejected_rows(made, lake)}
    whole_rows = {row_key(model, row): row["row_json"] for row in case.rejected if "row_json" in row}
    assert whole_rows == {key: row for key, row in set_aside.items() if key in whole_rows}


@pytest.mark.fast
@pytest.mark.parametrize("model", MODELS)
def test_cases_break_every_rule_alone(model: CuratedModel) -> None:
    cases = load_cases(model)
    rejected = {row["rules"] for case in cases for row in case.rejected}
    warned = {rule for case in cases for rule in case.warned}

    assert rules(model, Severity.REJECT) - rejected == set()
    assert rules(model, Severity.WARN) - warned == set()


@pytest.mark.parametrize("model", MODELS)
def test_files_have_the_types_of_the_contract(engine: Engine, lake: LocalLake, model: CuratedModel) -> None:
    case = max(load_cases(model), key=lambda case: len(case.expect))
    made = transform(engine, lake, model, case)
    expected = {
        column.name: PARQUET_TYPES.get(column.type, f"decimal128{column.type[7:].replace(',', ', ')}")
        for column in made.columns
    }
    paths = lake.local_copies(file.path for file in made.files)

    assert paths
    assert all({field.name: str(field.type) for field in pq.read_schema(path)} == expected for path in paths)

"""A cast in a model's query that a value does not fit: told with the model, and cured by its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from curated.curated_cases import contracts
from curated.raw_rows import reference_data, write_extracts
from parity.engines import ENGINES, open_engine
from rental_analytics.contracts.manifest import RunParameters, TransformedTable
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.engines.base import Engine
from rental_analytics.errors import RentalError
from rental_analytics.steps.transform.request import TransformRequest
from rental_analytics.steps.transform.transformation import Transformation
from rental_analytics.storage.local import LocalLake

RUN = RunParameters.model_validate(
    {"run_id": "run", "sequence": 9, "started_at": "2024-06-01T00:00:00Z", "upper_bound": "2024-06-01T00:00:00"}
)
ROWS = [{"user_id": 1, "apartment_id": 2**40, "viewed_at": RUN.upper_bound}]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param, request) as engine:
        yield engine


def transform(engine: Engine, folder: Path, model: CuratedModel) -> TransformedTable:
    lake, source = LocalLake(folder), contracts().sources["user_viewing"]
    request = TransformRequest(
        run=RUN,
        models=(model,),
        sources={source.name: source},
        extracts={source.name: write_extracts(lake, source, ROWS)},
        reference=reference_data({}),
        emit_reference=False,
    )
    with engine.session(lake) as session:
        return Transformation(session, request, lake, lambda rows: None).run()[model.name]


@pytest.mark.remedy("value-does-not-fit-cast")
def test_a_cast_that_fails_is_told_with_its_model(engine: Engine, tmp_path: Path) -> None:
    viewings = contracts().curated["viewings"]
    narrow = viewings.query.replace("apartment_id AS listing_id", "CAST(apartment_id AS INTEGER) AS listing_id")
    assert narrow != viewings.query
    with pytest.raises(RentalError) as raised:
        transform(engine, tmp_path / "failed", viewings.model_copy(update={"query": narrow}))
    assert raised.value.reason == "value-does-not-fit-cast"
    assert "A value does not fit a cast in models/curated/viewings/query.sql: " in raised.value.message
    assert str(2**40) in raised.value.message
    assert "memory" not in str(raised.value)

    kind = viewings.columns["listing_id"].model_copy(update={"type": "INTEGER"})
    wide = viewings.model_copy(update={"columns": viewings.columns | {"listing_id": kind}})
    made = transform(engine, tmp_path / "wide", wide)
    assert (made.curated, made.rejected) == (0, 1)
    assert transform(engine, tmp_path / "as-it-is", viewings).curated == 1

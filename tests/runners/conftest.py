from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.harness import Pipeline, Source
from runners.jobs import Jobs


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A marketplace of a few rows in SQLite."""
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00"})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "apartment_id": 99, "updated_at": "2024-03-02"})
    source.insert("user_viewing", {}, {"user_id": 8})
    return source


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url)


@pytest.fixture
def another_pipeline(source: Source, tmp_path: Path) -> Callable[..., Pipeline]:
    """Pipelines on the same source with lakes and warehouses of their own."""

    def make(name: str, *settings: str) -> Pipeline:
        return Pipeline(tmp_path / name, source.url, *settings)

    return make


@pytest.fixture
def jobs(pipeline: Pipeline) -> Jobs:
    return Jobs(pipeline)

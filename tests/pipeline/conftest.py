from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.harness import Pipeline, Source
from servers.mysql import MySqlServer


@pytest.fixture(
    params=[pytest.param("sqlite", marks=pytest.mark.slow), pytest.param("mysql", marks=pytest.mark.service)]
)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return Source.sqlite(tmp_path / "marketplace.db")
    server: MySqlServer = request.getfixturevalue("mysql")
    return Source.mysql(server)


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url)


@pytest.fixture
def another_pipeline(source: Source, tmp_path: Path) -> Callable[..., Pipeline]:
    """Pipelines on the same source with lakes and warehouses of their own."""

    def make(name: str, *settings: str) -> Pipeline:
        return Pipeline(tmp_path / name, source.url, *settings)

    return make

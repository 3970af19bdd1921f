from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from runs.harness import Kept, Pipeline, Source
from servers.mysql import MySqlServer

ON_EACH = [
    pytest.param("sqlite", marks=[pytest.mark.slow, pytest.mark.exhaustive]),
    pytest.param("mysql", marks=pytest.mark.service),
]


@pytest.fixture(params=ON_EACH)
def kind(request: pytest.FixtureRequest) -> str:
    """Of a database. What runs do is tried on MySQL by each run of the suite, and on SQLite by `make matrix`."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def source(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Source:
    """An empty database of each kind."""
    return empty(request, kind, tmp_path)


def empty(request: pytest.FixtureRequest, kind: str, folder: Path) -> Source:
    if kind == "sqlite":
        return Source.sqlite(folder / "marketplace.db")
    server: MySqlServer = request.getfixturevalue("mysql")
    return Source.mysql(server)


@pytest.fixture(scope="module")
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Kept]:
    """By kind of database, what the module's function `fill` filled, read once."""

    @cache
    def make(kind: str) -> Kept:
        folder = tmp_path_factory.mktemp(kind)
        return Kept(folder / "first", empty(request, kind, folder), request.module.fill)

    return make


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url)


@pytest.fixture
def another_pipeline(source: Source, tmp_path: Path) -> Callable[..., Pipeline]:
    """Pipelines on the same source with lakes and warehouses of their own."""

    def make(name: str, *settings: str) -> Pipeline:
        return Pipeline(tmp_path / name, source.url, *settings)

    return make

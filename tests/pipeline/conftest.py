from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.harness import Pipeline, Source
from servers.mariadb import MariaDB


@pytest.fixture(
    params=[pytest.param("sqlite", marks=pytest.mark.slow), pytest.param("mariadb", marks=pytest.mark.service)]
)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return Source.sqlite(tmp_path / "marketplace.db")
    server: MariaDB = request.getfixturevalue("mariadb")
    database = server.create_database()

    def execute(sql: str) -> list[tuple[Any, ...]]:
        with closing(server.connect(database)) as connection, connection.cursor() as cursor:
            # Backslashes mean themselves in the literals of the tests, as they do in SQLite.
            cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
            cursor.execute(sql)
            return list(cursor.fetchall())

    return Source(server.url(database), execute)


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url)


@pytest.fixture
def another_pipeline(source: Source, tmp_path: Path) -> Callable[..., Pipeline]:
    """Pipelines on the same source with lakes and warehouses of their own."""

    def make(name: str, *settings: str) -> Pipeline:
        return Pipeline(tmp_path / name, source.url, *settings)

    return make

"""Both engines, and sessions of both, for tests that want the same of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from rental_analytics.engines.base import Engine, Session
from rental_analytics.engines.duckdb.engine import DuckDbEngine
from rental_analytics.engines.duckdb.session import DuckDbSession
from rental_analytics.engines.spark.engine import SparkEngine
from rental_analytics.storage.local import LocalLake

ENGINES = [pytest.param("duckdb", marks=pytest.mark.fast), pytest.param("spark", marks=pytest.mark.slow)]


@contextmanager
def open_engine(kind: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine; Spark is the one of the test session."""
    engine: Engine
    if kind == "spark":
        request.getfixturevalue("spark")
        engine = SparkEngine("local[2]")
    else:
        engine = DuckDbEngine(threads=2)
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def open_session(engine: Engine, folder: Path) -> Iterator[Session]:
    """A session as steps have it."""
    with ExitStack() as held:
        if isinstance(engine, SparkEngine):
            yield held.enter_context(engine.session(LocalLake(folder)))
        else:
            assert isinstance(engine, DuckDbEngine)
            session = DuckDbSession(engine._connection.cursor(), folder)
            held.callback(session.close)
            yield session

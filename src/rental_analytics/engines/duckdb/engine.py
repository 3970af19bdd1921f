"""The embedded engine: ConnectorX reads, DuckDB computes, in one process with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rental_analytics.engines.base import Engine
from rental_analytics.engines.duckdb.session import DuckDbSession
from rental_analytics.storage.base import Lake
from rental_analytics.storage.scratch import ScratchFolder

if TYPE_CHECKING:
    import duckdb


class DuckDbEngine(Engine):
    """Args:
    memory: what DuckDB may use before it spills to disk, such as `1GB`.
    threads: how many threads it may use; None for one per core.
    """

    name = "duckdb"

    def __init__(self, memory: str = "1GB", threads: int | None = None) -> None:
        import duckdb

        self.version = duckdb.__version__
        self._scratch = ScratchFolder("rental-engine")
        self._folder = self._scratch.path
        config: dict[str, Any] = {
            "memory_limit": memory,
            "temp_directory": str(self._folder / "spill"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if threads:
            config["threads"] = threads
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(config=config)
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")

    @contextmanager
    def session(self, lake: Lake) -> Iterator[DuckDbSession]:  # noqa: ARG002 it writes to folders of this machine
        session = DuckDbSession(self._connection.cursor(), self._folder)
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        self._connection.close()
        self._scratch.close()

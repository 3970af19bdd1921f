"""Processes forked from one that has imported what `rental` needs: starting Python takes longer than a small run."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_IMPORTED = (
    "pipeline.prepared",
    "rental_analytics.cli",
    "rental_analytics.cli.run",
    "rental_analytics.wiring",
    "rental_analytics.runners.glue",
    "rental_analytics.runners.local",
    "rental_analytics.warehouses.duckdb.warehouse",
    "rental_analytics.engines.duckdb.engine",
    "rental_analytics.databases.mysql.database",
    "rental_analytics.databases.sqlite.database",
    "rental_analytics.storage.s3",
    "rental_analytics.monitoring.console",
    "boto3",
    "duckdb",
    "numpy",
    "pyarrow.parquet",
    "pymysql",
    "sqlglot",
)
_context = get_context("forkserver")
_context.set_forkserver_preload(list(_IMPORTED))


@dataclass(frozen=True)
class Ended:
    """How a process ended; the code is negative for a signal."""

    code: int
    output: str


@dataclass(frozen=True)
class Forked:
    """A process under way."""

    _process: ForkServerProcess
    _output: Path

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has said so far, on both streams."""
        return self._output.read_text()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def ended(self, timeout: float = 120) -> Ended:
        """Wait for its end.

        Raises:
            TimeoutError: it did not end in that many seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"it still ran after {timeout:g} s:\n{self.output}")
        return Ended(self._process.exitcode, self.output)


@contextmanager
def forked(act: Callable[..., Any], *arguments: Any, folder: Path, env: Mapping[str, str]) -> Iterator[Forked]:
    """Call a function in a process of its own, in a folder and with variables of the environment beside ours.

    The process does not outlive the block.
    """
    with TemporaryDirectory() as place:
        output = Path(place) / "output"
        # A child may die before it opens it.
        output.touch()
        process = _context.Process(target=_act, args=(act, arguments, folder, {**os.environ, **env}, output))
        process.start()
        try:
            yield Forked(process, output)
        finally:
            process.kill()
            process.join()


def run_forked(act: Callable[..., Any], *arguments: Any, folder: Path, env: Mapping[str, str]) -> Ended:
    """As `forked`, to the process's end."""
    with forked(act, *arguments, folder=folder, env=env) as process:
        return process.ended()


def _act(
    act: Callable[..., Any], arguments: tuple[Any, ...], folder: Path, env: Mapping[str, str], output: Path
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    try:
        act(*arguments)
    finally:
        # Processes of multiprocessing end without.
        atexit._run_exitfuncs()

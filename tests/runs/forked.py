"""Processes forked from one that has imported what `rental` needs: starting Python takes longer than a small run."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_IMPORTED = (
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
    "rental_analytics.report",
    "rental_analytics.storage.local",
    "boto3",
    "connectorx",
    "duckdb",
    "numpy.ma",
    # DuckDB looks whether what it is given is one of its.
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pymysql",
    "sqlglot",
    "runs.crash_driver",
    "runs.forked_reader",
    # Last, for it has what all the others imported kept out of the collector's way.
    "runs.prepared",
)
_context = get_context("forkserver")
_context.set_forkserver_preload(list(_IMPORTED))


def processes() -> ForkServerContext:
    """What makes processes that have imported already what `rental` needs."""
    return _context


@dataclass(frozen=True)
class Ended:
    """How a process ended; the code is negative for a signal."""

    code: int
    output: str
    errors: str = ""
    """What it said on standard error, where that was kept apart."""


@dataclass(frozen=True)
class Forked:
    """A process under way."""

    _process: ForkServerProcess
    _output: Path
    _errors: Path

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has said so far, on both streams."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """What it has said so far on standard error, if that is kept apart."""
        return self._errors.read_text() if self._errors != self._output else ""

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
        return Ended(self._process.exitcode, self.output, self.errors)


@contextmanager
def forked(
    act: Callable[..., Any], *arguments: Any, folder: Path, env: Mapping[str, str], apart: bool = False
) -> Iterator[Forked]:
    """Call a function in a process of its own, in a folder and with variables of the environment beside ours.

    The process does not outlive the block.

    Args:
        apart: what it says on standard error is kept apart from what it says on standard output.
    """
    with TemporaryDirectory() as place:
        output = Path(place) / "output"
        errors = Path(place) / "errors" if apart else output
        # A child may die before it opens them.
        output.touch()
        errors.touch()
        process = _context.Process(target=_act, args=(act, arguments, folder, {**os.environ, **env}, output, errors))
        process.start()
        try:
            yield Forked(process, output, errors)
        finally:
            process.kill()
            process.join()


def run_forked(
    act: Callable[..., Any], *arguments: Any, folder: Path, env: Mapping[str, str], apart: bool = False
) -> Ended:
    """As `forked`, to the process's end."""
    with forked(act, *arguments, folder=folder, env=env, apart=apart) as process:
        return process.ended()


def _act(
    act: Callable[..., Any],
    arguments: tuple[Any, ...],
    folder: Path,
    env: Mapping[str, str],
    output: Path,
    errors: Path,
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    with output.open("ab") as out, errors.open("ab") as err, Path(os.devnull).open("rb") as nothing:
        for number, file in enumerate((nothing, out, err)):
            os.dup2(file.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    # Not imported by those that only start processes.
    from runs.forked_reader import have_one_ready

    have_one_ready()
    try:
        act(*arguments)
    finally:
        # Processes of multiprocessing end without.
        atexit._run_exitfuncs()

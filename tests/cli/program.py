"""Running `rental`, and looking at what it left behind."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runs.crash_driver import run
from runs.forked import run_forked

PROGRAM = Path(sys.executable).with_name("rental")
SCHEMAS = ("raw_data", "curated", "presentation")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", re.MULTILINE)
# Neither a terminal's or a build service's wish for colours nor unbuffered streams, which hide faults, reach the tests.
_LEFT_OUT = (
    "PYTHONUNBUFFERED",
    "FORCE_COLOR",
    "NO_COLOR",
    "GITHUB_ACTIONS",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
    "COLUMNS",
    "LINES",
)


@dataclass(frozen=True)
class Result:
    """What a call of `rental` gave back."""

    code: int
    out: str
    err: str
    raw_err: str = ""
    """`err` with the times that lines of a run begin with."""

    @classmethod
    def of(cls, code: int, out: str, err: str) -> "Result":
        """Of what a call printed."""
        return cls(code, out, untimed(err), err)

    def ok(self) -> "Result":
        """Itself, if it ended well."""
        assert self.code == 0, self.err
        return self


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without what would change the results."""
    kept = {
        name: value for name, value in os.environ.items() if name not in _LEFT_OUT and not name.startswith("RENTAL_")
    }
    return kept | dict(extra or {})


def rental_process(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Run `rental` in a process of its own, in this folder; it is forked, for Python is slow to start."""
    return result_of(run, *arguments, folder=folder, env=env)


def result_of(act: Callable[..., None], *arguments: Any, folder: Path, env: Mapping[str, str] | None = None) -> Result:
    """What a function gives back that does what `rental` does, in a process of its own."""
    ended = run_forked(as_started, environment(env), act, *arguments, folder=folder, env={}, apart=True)
    return Result.of(ended.code, ended.output, ended.errors)


def as_started(variables: Mapping[str, str], act: Callable[..., None], *arguments: Any) -> None:
    """With these variables alone, and with an ear for Ctrl-C."""
    os.environ.clear()
    os.environ.update(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    act(*arguments)


def rental_program(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Start the program `rental` in this folder, as a shell does."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    return Result.of(done.returncode, done.stdout, done.stderr)


def untimed(text: str) -> str:
    """Lines without their times."""
    return TIME.sub("", text)


def assert_refused(result: Result, code: int, *parts: str) -> str:
    """One line tells the error: it has all these parts and a remedy, and nothing else comes; gives the line."""
    lines = [line for line in result.err.splitlines() if line.startswith("Error")]
    assert len(lines) == 1, result.err
    assert result.err.endswith(lines[0] + "\n")
    assert "Traceback" not in result.err
    for part in (*parts, " Remedy: "):
        assert part in lines[0]
    assert not lines[0].rstrip(".").endswith("Remedy:")
    assert "None" not in lines[0]
    assert result.code == code, result.err
    assert result.out == ""
    return lines[0]


def assert_secret(result: Result, password: str) -> None:
    for shown in (result.out, result.err):
        assert password not in shown
        assert quote(password, safe="") not in shown


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def committed(folder: Path) -> dict[str, set[str]]:
    """Steps with a manifest in the lake, by run; a run that only began has none."""
    folders = [path for path in (folder / "lake" / "runs").glob("*") if not path.name.startswith("after-")]
    runs = {path.name: {file.stem for file in path.glob("*.json")} for path in folders}
    return {run: steps - {"run"} for run, steps in runs.items()}


def warehouse_tables(folder: Path, *, bookkeeping: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tables for readers, sorted, `ops` left out; perhaps without columns such as `_run_id`."""
    import duckdb

    path = folder / "warehouse.duckdb"
    if not path.exists():
        return {}
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ?",
            [list(SCHEMAS)],
        ).fetchall()
        columns = "*" if bookkeeping else "COLUMNS(name -> NOT starts_with(name, '_'))"
        return {name: connection.execute(f"SELECT {columns} FROM {name} ORDER BY ALL").fetchall() for (name,) in found}


def ask_warehouse(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def change_source(folder: Path, *statements: str) -> None:
    """Change the folder's SQLite marketplace."""
    with closing(sqlite3.connect(folder / "marketplace.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()

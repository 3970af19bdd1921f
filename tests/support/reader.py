"""A notebook: another process that has a DuckDB file open for reading, for as long as the test wants."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType

_READ = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
for sql in sys.stdin:
    print(json.dumps(connection.execute(sql).fetchall(), default=str), flush=True)
"""


class Reader:
    """Opens the file, and asks it what it is asked; an error ends it, and the test."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-c", _READ, str(file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._answer() == "open\n"

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Rows; what JSON does not know comes as text."""
        assert self._process.stdin
        self._process.stdin.write(f"{' '.join(sql.split())}\n")
        self._process.stdin.flush()
        return [tuple(row) for row in json.loads(self._answer())]

    def close(self) -> None:
        """Close the file."""
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

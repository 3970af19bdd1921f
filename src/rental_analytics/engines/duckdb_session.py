"""A DuckDB cursor with what both steps do with it: run SQL, write Parquet, turn errors into ours."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.errors import RentalError, SourceError
from rental_analytics.sql.conversion import STOP_MARK
from rental_analytics.sql.render import identifier, literal

if TYPE_CHECKING:
    import duckdb

FILE_BYTES = "128MB"
_COPY = (
    "COPY ({query}) TO {folder} (FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES {size}, FILENAME_PATTERN {name}, "
    "OVERWRITE_OR_IGNORE, RETURN_STATS)"
)


class Session:
    """Statements of one step; `folder` is for temporary files."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.cursor = cursor
        self.folder = folder

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Execute a statement and fetch its rows.

        Raises:
            SourceError: a value did not fit its type; names table, column and key.
            RentalError: DuckDB failed in another way.
        """
        import duckdb

        try:
            return self.cursor.execute(sql).fetchall()
        except duckdb.Error as error:
            raise _translated(error) from error

    def row(self, sql: str) -> dict[str, Any]:
        """The single row of a statement, by column name."""
        (values,) = self.run(sql)
        names = [column[0] for column in self.cursor.description or []]
        return dict(zip(names, values, strict=True))

    def number(self, sql: str) -> int:
        """The single number of a statement."""
        return int(self.run(sql)[0][0])

    def view(self, name: str, sql: str) -> None:
        """Let a name stand for a query."""
        self.run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {sql}")

    def table(self, name: str, sql: str) -> None:
        """Keep a query's rows under a name."""
        self.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS {sql}")

    def write(self, query: str, folder: Path, name: str = "part") -> list[LakeFile]:
        """Write a query's rows to zstd Parquet files of about 128 MB in a folder; none for no rows.

        The paths given back are the bare file names.
        """
        folder.mkdir(parents=True, exist_ok=True)
        statement = _COPY.format(
            query=query, folder=literal(folder), size=literal(FILE_BYTES), name=literal(f"{name}-{{i}}")
        )
        rows = self.run(statement)
        written = []
        for path, count, size, *_ in rows:
            if count:
                written.append(LakeFile(path=Path(path).name, bytes=size, rows=count))
            else:
                Path(path).unlink()
        return sorted(written, key=lambda file: file.path)

    def temporary_folder(self) -> Path:
        """A new folder that goes with the engine."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        return folder

    def close(self) -> None:
        """End the session; temporary tables go."""
        self.cursor.close()


def parquet(files: Sequence[Path]) -> str:
    """The rows of Parquet files as a relation."""
    listed = ", ".join(literal(file) for file in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def empty_relation(columns: Sequence[tuple[str, str]]) -> str:
    """A query without rows that has these columns."""
    listed = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in columns)
    return f"SELECT {listed} WHERE FALSE"


def _translated(error: Exception) -> RentalError:
    text = str(error)
    if STOP_MARK in text:
        told = text.split(STOP_MARK, 1)[1].strip().splitlines()[0]
        return SourceError(f"{told}.", remedy="correct the value in the source, or the column's type in its contract.")
    first = re.sub(r"^(\w+ )*Error: ", "", text.splitlines()[0])
    return RentalError(
        f"The engine stopped: {first}.",
        remedy="run again with --debug for the whole error; memory can be raised with engine.memory.",
    )

"""What reading and transforming ask of an engine: run SQL, keep rows, write them, take in what a database sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.databases.base import Database, RawColumn
from rental_analytics.engines.base import Progress
from rental_analytics.sql.render import identifier


@dataclass
class Arrival:
    """Rows on their way from a database: a relation that can be read once.

    Args:
        relation: its name; it has `_row_id` behind the columns when the rows were to be numbered.
        rows: how many have arrived by now.
        zero_dates: how many values that stand for MySQL's zero date have arrived, by column.
        expected: how many rows the statement counted, where it was asked to.
    """

    relation: str
    rows: int = 0
    zero_dates: dict[str, int] = field(default_factory=dict)
    expected: int = 0


class Session(ABC):
    """Statements of one step, in DuckDB's dialect."""

    @abstractmethod
    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Execute a statement and fetch its rows.

        Raises:
            SourceError: a value did not fit its type; names table, column and key.
            RentalError: the engine failed in another way.
        """

    def number(self, sql: str) -> int:
        """The single number of a statement."""
        return int(self.run(sql)[0][0])

    @abstractmethod
    def table(self, name: str, sql: str) -> None:
        """Keep a query's rows under a name."""

    @abstractmethod
    def view(self, name: str, sql: str) -> None:
        """Let a name stand for a query."""

    @abstractmethod
    def write(self, query: str, folder: Path, name: str = "part") -> list[LakeFile]:
        """Write a query's rows to zstd Parquet files of about 128 MB in a folder; none for no rows.

        The paths given back are the bare file names.
        """

    @abstractmethod
    def parquet(self, files: Sequence[Path]) -> str:
        """The rows of Parquet files as a relation."""

    @abstractmethod
    def arriving(
        self,
        database: Database,
        sql: str,
        columns: Sequence[RawColumn],
        *,
        first_row: int | None = None,
        progress: Progress | None = None,
    ) -> AbstractContextManager[Arrival]:
        """A statement's rows as they come from the database, numbered from `first_row` on where that is given."""

    @abstractmethod
    def row_hash(self, columns: Sequence[str]) -> str:
        """An expression for a hash of a row's values; the same for equal rows under one `row_hash_method`."""

    @property
    @abstractmethod
    def row_hash_method(self) -> str:
        """Names how `row_hash` computes; hashes of different methods cannot be compared."""

    @abstractmethod
    def key_hash(self, key: Sequence[str], moment: str) -> str:
        """An expression for a number below 2^32 from a key and a timestamp: the same on every engine."""

    @abstractmethod
    def temporary_folder(self) -> Path:
        """A new folder that goes with the engine."""


def empty_relation(columns: Sequence[tuple[str, str]]) -> str:
    """A query without rows that has these columns."""
    listed = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in columns)
    return f"SELECT {listed} WHERE FALSE"

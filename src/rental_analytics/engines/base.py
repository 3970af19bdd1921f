"""What steps ask of an engine: run SQL, keep rows, write them, take in what a database sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.databases.base import Database, RawColumn, ReadPlan
from rental_analytics.errors import RentalError
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake
from rental_analytics.storage.verification import sealed, verified_copies

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[int], None]
"""Told how many more rows have passed."""

CAST_FAILED = "value-does-not-fit-cast"
"""Reason of the error for a value that does not fit the type a statement casts it to."""

Folder = str
"""Where an engine writes files: a local path, or a URL that its machines reach."""


@dataclass(frozen=True)
class Selection:
    """What is asked of a database: columns of a plan's table, of the rows that meet a condition in its own SQL.

    `counted` lets each statement count its rows: both parts of it see the same rows, whoever writes meanwhile.
    """

    plan: ReadPlan
    columns: tuple[RawColumn, ...]
    condition: str | None = None
    counted: bool = False


@dataclass
class Arrival:
    """Rows on their way from a database, converted to the types of the lake: a relation that can be read once.

    Args:
        relation: its name; it has `_row_id` behind the columns when the rows were to be numbered.
        rows: how many have arrived by now.
        next_row: a number above those given to the rows.
        zero_dates: how many values that stand for MySQL's zero date have arrived, by column.
        expected: how many rows the statements counted, where they were asked to.
        silent: conditions of statements that brought no row, and so no count.
    """

    relation: str
    rows: int = 0
    next_row: int = 0
    zero_dates: dict[str, int] = field(default_factory=dict)
    expected: int = 0
    silent: tuple[str | None, ...] = ()


class Session(ABC):
    """Statements of one step, in DuckDB's dialect; a name such as `curated.listings` may stand for a relation."""

    @abstractmethod
    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Execute a query and fetch its rows.

        Raises:
            SourceError: a value did not fit its type; names table, column and key.
            RentalError: the engine failed in another way.
        """

    @abstractmethod
    def row(self, sql: str) -> dict[str, Any]:
        """The single row of a query, by column name."""

    def begin(self, task: str) -> None:  # noqa: B027
        """What the statements that follow are for, such as `extract bookings`; an engine may show it."""

    def number(self, sql: str) -> int:
        """The single number of a query."""
        return int(self.run(sql)[0][0])

    @abstractmethod
    def table(self, name: str, sql: str) -> None:
        """Keep a query's rows under a name: they are computed once, now."""

    def rows_of(self, table: str) -> int:
        """How many rows are kept under a name."""
        return self.number(f"SELECT COUNT(*) FROM {identifier(table)}")

    @abstractmethod
    def view(self, name: str, sql: str) -> None:
        """Let a name stand for a query over what its names stand for now."""

    @abstractmethod
    def load(self, name: str, rows: pa.Table) -> None:
        """Keep rows at hand under a name."""

    @abstractmethod
    def write(self, query: str, folder: Folder, name: str = "part") -> list[LakeFile]:
        """Write a query's rows to zstd Parquet files of about 128 MB in a folder; none for no rows.

        The paths given back are relative to the folder and begin with the name.
        """

    @abstractmethod
    def parquet(self, files: Sequence[str]) -> str:
        """The rows of Parquet files of one schema as a relation."""

    @abstractmethod
    def file_rows(self, files: Sequence[str]) -> list[int]:
        """How many rows each Parquet file holds, as it lies there."""

    @abstractmethod
    def arriving(
        self,
        database: Database,
        selection: Selection,
        *,
        first_row: int | None = None,
        progress: Progress | None = None,
    ) -> AbstractContextManager[Arrival]:
        """What a database sends for a selection, numbered from `first_row` on where that is given."""

    @abstractmethod
    def numbered(self, query: str, first_row: int) -> str:
        """A query for the rows of another with `_row_id` behind the columns: different numbers from `first_row` on."""

    @abstractmethod
    def bits(self, number: str) -> str:
        """An expression for the 64 bits of a DOUBLE, as a BIGINT."""

    @abstractmethod
    def text(self, value: str, kind: str) -> str:
        """An expression for a value of a type as a text that does not depend on the engine."""

    @abstractmethod
    def md5_number(self, text: str, digits: int) -> str:
        """An expression for the first hexadecimal digits, at most 15, of a text's MD5, as a BIGINT."""

    @abstractmethod
    def temporary_folder(self) -> Folder:
        """A new folder that goes with the session."""

    @abstractmethod
    def remove(self, folder: Folder) -> None:
        """Remove a temporary folder before the session ends."""

    @contextmanager
    def output(self, lake: Lake, prefix: str) -> Iterator[Folder]:
        """A folder for files that stand below a prefix of the lake once the block ends well."""
        with lake.writing(prefix) as folder:
            yield str(folder)

    def published(self, lake: Lake, prefix: str, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
        """Files that were written to the `output` of a prefix, as a manifest names them: with their checksums.

        Raises:
            LakeError: one is missing.
        """
        return sealed(lake, below(prefix, files))

    def input(self, lake: Lake, files: Sequence[LakeFile]) -> list[str]:
        """Files of the lake, where this engine reads them.

        Raises:
            LakeError: one is missing, or is not the file that its manifest names.
        """
        return [str(path) for path in verified_copies(lake, files)]


class Engine(ABC):
    """Where steps that compute do so; its sessions are ended before it is closed."""

    name: str
    version: str

    @abstractmethod
    def session(self, lake: Lake) -> AbstractContextManager[Session]:
        """What one table or one step is computed in."""

    @abstractmethod
    def close(self) -> None:
        """Release memory, connections and temporary files."""


Stage = Callable[[Database, Selection, Path, int | None, Progress | None], tuple[Arrival, list[str]]]
"""Writes what a database in one file sends to Parquet files in a folder: the arrival, and the files.

Beside the folder it takes the first row's number and who is told of the rows.
"""


def cast_failed(told: str, model: str | None = None) -> RentalError:
    """The error for a value that does not fit what a statement casts it to."""
    place = f"models/curated/{model}/query.sql" if model else "a statement"
    return RentalError(
        f"A value does not fit a cast in {place}: {told}.",
        remedy="let the query return the value as wide as it was read, so that a row that does not fit its column is "
        "rejected, and use TRY_CAST where it computes; or correct the value in the source, then `rental run`.",
        reason=CAST_FAILED,
        table=model,
    )


def empty_relation(columns: Sequence[tuple[str, str]]) -> str:
    """A query without rows that has these columns."""
    return render("sql/no_rows", columns=[{"name": name, "type": kind} for name, kind in columns])


def inside(folder: Folder, files: Sequence[LakeFile]) -> list[str]:
    """Where files of a folder are."""
    return [f"{folder.rstrip('/')}/{file.path}" for file in files]


def below(prefix: str, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    """Files of a folder that stands at a prefix of the lake, as the lake names them."""
    return tuple(file.model_copy(update={"path": prefix + file.path}) for file in files)

"""Reads of one table of a SQLite file, one after the other, as step `extract` does them, and a source that may change
or lose rows between two statements of a read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.manifest import ExtractedTable, LakeFile, RunParameters
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.databases.base import ReadPlan
from rental_analytics.databases.planning import plan_read
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.engines.duckdb.engine import DuckDbEngine
from rental_analytics.steps.base import StepContext
from rental_analytics.steps.extract.reading import read_table
from rental_analytics.steps.extract.step import _request
from rental_analytics.storage.local import LocalLake

if TYPE_CHECKING:
    import pyarrow as pa

CONTRACT = SourceTable.model_validate(
    {
        "name": "seats",
        "description": "Seats of halls",
        "key": ["hall", "seat"],
        "change_cursor": "moved_at",
        "event_time": "sold_at",
        "columns": {
            "hall": {"type": "integer", "description": "A half of the key"},
            "seat": {"type": "integer", "description": "The other half"},
            "price": {"type": "integer", "description": "What it costs"},
            "sold_at": {"type": "timestamp", "description": "When it was sold"},
            "moved_at": {"type": "timestamp", "description": "When the row changed last"},
            "row_name": {"type": "text", "description": "Where it stands", "required": False},
        },
    }
)
EVENTS = CONTRACT.model_copy(update={"key": (), "change_cursor": None})
WHOLE = EVENTS.model_copy(update={"event_time": None})

CENSUS, ROWS, FETCH = 1, 2, 3
"""Statements of a read of a table with a key, in their order; without one the first reads the rows."""

Row = tuple[Any, ...]


def day(number: float) -> datetime:
    """A day of January 2024, or a part of one behind its midnight."""
    return datetime.fromisoformat("2024-01-01") + timedelta(days=number - 1)


class Source(SqliteDatabase):
    """A table of seats; before a statement it can change, and of what a statement reads seats can be lost."""

    def __init__(self, folder: Path, *, unique: bool = True) -> None:
        self._file = folder / "source.db"
        super().__init__(self._file)
        key = ", PRIMARY KEY (hall, seat)" if unique else ""
        self.execute(f"CREATE TABLE seats (hall INT, seat INT, price INT, sold_at DATETIME, moved_at DATETIME{key})")
        self.calm()

    def calm(self) -> None:
        """Forget what is to happen, and what was asked."""
        self.asked: list[str] = []
        self.changes: dict[int, Callable[[], object]] = {}
        self.lost: dict[int, Collection[int]] = {}

    def execute(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self._file)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(sql, values)

    def put(self, seat: int, price: int = 1, *, hall: int = 1, moved: float | None = 1, sold: float | None = 1) -> None:
        """Add a seat; the moments are days."""
        moments = [number if number is None else str(day(number)) for number in (sold, moved)]
        self.execute("INSERT INTO seats VALUES (?, ?, ?, ?, ?)", hall, seat, price, *moments)

    def change(self, seat: int, price: int, *, moved: float | None = None, hall: int = 1) -> None:
        """Give a seat another price; the cursor stays unless told."""
        self.execute("UPDATE seats SET price = ? WHERE hall = ? AND seat = ?", price, hall, seat)
        if moved is not None:
            self.execute("UPDATE seats SET moved_at = ? WHERE hall = ? AND seat = ?", str(day(moved)), hall, seat)

    def drop(self, seat: int, *, hall: int = 1) -> None:
        self.execute("DELETE FROM seats WHERE hall = ? AND seat = ?", hall, seat)

    @contextmanager
    def read(self, sql: str, plan: ReadPlan | None = None) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa

        self.asked.append(sql)
        number = len(self.asked)
        self.changes.pop(number, lambda: None)()
        lost = {str(seat) for seat in self.lost.get(number, ())}
        with super().read(sql, plan) as reader:
            batches = (
                batch.filter(pa.array([str(seat) not in lost for seat in batch.column("seat").to_pylist()], pa.bool_()))
                for batch in reader
            )
            yield pa.RecordBatchReader.from_batches(reader.schema, batches)


class Reads:
    """Reads of the table into a lake, each beginning where the last ended."""

    def __init__(self, folder: Path, engine: DuckDbEngine, source: Source, contract: SourceTable = CONTRACT) -> None:
        self.source = source
        self.contract = contract
        self.lake = LocalLake(folder / "lake")
        self.last: ExtractedTable | None = None
        self.asked: list[str] = []
        self._engine = engine
        self._number = 0

    def read(
        self,
        until: float,
        mode: ReadMode | None = None,
        *,
        complete: bool = False,
        backfill: tuple[int, int] | None = None,
        overlap: float = 1,
    ) -> ExtractedTable:
        """Read up to a day; a backfill has its first and last day."""
        self._number += 1
        first, last = [day(number).date() for number in backfill] if backfill else (None, None)
        run = RunParameters(
            run_id=f"20240101T000000Z-{self._number:08x}",
            sequence=self._number,
            started_at=day(until).astimezone(),
            upper_bound=day(until),
            backfill_from=first,
            backfill_to=last,
        )
        found = self.source.catalogue()[self.contract.name]
        plan = plan_read(self.source, self.contract, found, TableSettings(mode=mode))
        settings = SimpleNamespace(source=SimpleNamespace(overlap=timedelta(days=overlap)))
        context = cast("StepContext", SimpleNamespace(run=run, settings=settings))
        request = _request(context, plan, self.last, complete=complete)
        try:
            with self._engine.session(self.lake) as session:
                self.last = read_table(session, request, self.source, self.lake, lambda _: None)
        finally:
            self.asked = self.source.asked
            self.source.calm()
        return self.last

    def seats(self, files: Sequence[LakeFile] | None = None) -> list[Row]:
        """Hall, seat and price of the rows of files, by default those of the last read."""
        chosen = self._last.files if files is None else files
        return self.ask("SELECT hall, seat, price FROM {} ORDER BY ALL", chosen)

    def gone(self) -> list[Row]:
        """Hall and seat of the rows that the last read says were deleted."""
        return self.ask("SELECT hall, seat FROM {} WHERE _is_deleted ORDER BY ALL", self._last.deletes)

    def state(self, kind: str, columns: str = "*") -> list[Row]:
        """What the last read left in the files of a kind."""
        files = [file for file in self._last.state if file.path.split("/")[-1].startswith(f"{kind}-")]
        return self.ask(f"SELECT {columns} FROM {{}} ORDER BY ALL", files)

    def ask(self, sql: str, files: Sequence[LakeFile]) -> list[Row]:
        """The rows of a query over files of the lake."""
        if not files:
            return []
        with self._engine.session(self.lake) as session:
            return session.run(sql.format(session.parquet(session.input(self.lake, files))))

    @property
    def _last(self) -> ExtractedTable:
        assert self.last is not None
        return self.last

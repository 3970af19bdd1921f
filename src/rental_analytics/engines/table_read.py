"""What every read of a table into the lake shares: windows, rows, state, the check of what was written."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rental_analytics.contracts.manifest import ExtractedTable, FileColumn, LakeFile, Proof
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import Database, RawColumn, Window
from rental_analytics.engines.base import RAW_COLUMNS, ROW_ID_BITS, ExtractRequest, Progress
from rental_analytics.engines.session import Arrival, Session, empty_relation
from rental_analytics.errors import LakeError, LakeUnavailableError, ProofError
from rental_analytics.sql.conversion import with_key
from rental_analytics.sql.render import identifier, identifiers, literal, render
from rental_analytics.storage.base import Lake

Read = tuple[list[LakeFile], list[LakeFile], list[LakeFile]]
"""Files with rows, with keys that vanished, and with state."""


class TableRead(ABC):
    """One read of one table; `run` may be called once."""

    state_method: str | None = None

    def __init__(
        self, session: Session, request: ExtractRequest, database: Database, lake: Lake, progress: Progress
    ) -> None:
        self.session = session
        self.request = request
        self.plan = request.plan
        self.database = database
        self.lake = lake
        self.progress = progress
        self.complete = request.complete
        self.next_row = request.run.sequence << ROW_ID_BITS
        self.zero_dates: dict[str, int] = {}
        self.data = [(column.name, column.type) for column in self.plan.columns]
        self.newest = request.previous.newest_cursor if request.previous else None
        self.held = 0
        self.replaced_rows = 0
        self.folders: list[Path] = []

    def run(self) -> ExtractedTable:
        """Read the table into the lake."""
        name, run_id = self.plan.table.name, self.request.run.run_id
        raw_prefix, state_prefix = f"raw/{name}/run_id={run_id}/", f"state/{name}/run_id={run_id}/"
        self.take_census()
        try:
            with self.lake.writing(raw_prefix) as raw, self.lake.writing(state_prefix) as state:
                files, deletes, kept = self.read(raw, state)
                proof = self.proven()
        finally:
            for folder in self.folders:
                shutil.rmtree(folder, ignore_errors=True)
        written, removed = _below(raw_prefix, files), _below(raw_prefix, deletes)
        self.check_written((*written, *removed))
        request, window, previous = self.request, self.request.window, self.request.previous
        replaced = self.range if self.plan.mode is ReadMode.APPEND else None
        return ExtractedTable(
            mode=self.plan.mode,
            complete=self.complete,
            key=self.plan.key,
            columns=tuple(FileColumn(name=name, type=kind) for name, kind in (*self.data, *RAW_COLUMNS)),
            files=written,
            deletes=removed,
            state=_below(state_prefix, kept),
            state_method=self.state_method,
            window_lower=None if self.complete else window.lower,
            # A backfill leaves the watermark where it was.
            window_upper=previous.window_upper if request.backfill and previous else window.upper,
            replaced_from=replaced.lower if replaced else None,
            replaced_to=replaced.upper if replaced else None,
            replaced_rows=self.replaced_rows,
            catalogue=self.plan.catalogue,
            present=self.present(),
            proof=proof,
            held=self.held,
            newest_cursor=self.newest,
            overlap_start=self.overlap_start(),
            notes=self.notes(),
        )

    @property
    def range(self) -> Window | None:
        """The range that a backfill reads anew, unless it reads the table whole."""
        return None if self.complete else self.request.backfill

    def present(self) -> tuple[str, ...]:
        """Columns the source had; a backfill keeps rows of the last run's state, which lack those that came since."""
        names = tuple(column.name for column in self.plan.columns if column.select)
        previous = self.request.previous if self.range else None
        return tuple(name for name in names if not previous or name in previous.present)

    def aside(self) -> Path:
        """A folder for files that do not go to the lake."""
        self.folders.append(self.session.temporary_folder())
        return self.folders[-1]

    def window(self) -> Window:
        """The range of cursors that is read whole."""
        if self.complete:
            return Window(None, self.request.window.upper)
        return self.range or self.request.window

    @abstractmethod
    def take_census(self) -> None:
        """Note what the source holds, before any row is read."""

    @abstractmethod
    def read(self, raw: Path, state: Path) -> Read:
        """Read rows into `raw`, and into `state` what the next run compares with."""

    @abstractmethod
    def proven(self) -> Proof:
        """Compare what was read with the census.

        Raises:
            ProofError: rows did not arrive.
        """

    def read_window(self, raw: Path) -> tuple[list[LakeFile], str]:
        """Read the window; of its rows only those go on that the last run did not see in its overlap.

        Gives the files for `raw/`, and all rows of the window as a relation.
        """
        folder = raw if self.complete else self.aside()
        read = self.write_rows(folder, "part", self.window_filter(), counted=not self.plan.key)
        source = self.relation(folder, read)
        self.see_cursor(source)
        if self.complete:
            return read, source
        if self.range:
            # What the source takes to lie in a range, and what arrives, may differ where moments are text.
            within = " OR ".join(f"({within_window(self.as_moment(name), self.range)})" for name in self.plan.moments)
            files = self.session.write(f"SELECT * FROM {source} AS read_rows WHERE {within}", raw)
            return files, self.relation(raw, files)
        source = self.inside(source)
        return (self.session.write(self.unseen(source), raw) if read else []), source

    def inside(self, source: str) -> str:
        """The rows of a relation that are in the window or have no cursor.

        A source whose moments are text may send others, which neither the state of the last run nor a census expects.
        """
        lower, moment = self.request.window.lower, self.as_moment(self.plan.cursor)
        if lower is None:
            return source
        return f"(SELECT * FROM {source} AS read_rows WHERE {moment} IS NULL OR {moment} >= TIMESTAMP {literal(lower)})"

    def window_filter(self) -> str | None:
        """Condition for the rows to read, in the source's SQL."""
        if self.range:
            return self.database.range_filter(self.plan, self.range)
        if self.complete:
            return None
        return self.database.cursor_filter(self.plan, self.request.window) or None

    def unseen(self, source: str) -> str:
        """The window's rows less those of the last run's overlap, each as often as it is new."""
        previous = self.request.previous
        # A column that was not there when the last run read tells nothing about what that run saw.
        had = set(previous.present) if previous else set()
        fresh = render(
            "unseen",
            source=source,
            known=f"({self.recent_rows()})",
            columns=[name for name, _ in self.data],
            compared=[column.name for column in self.plan.columns if column.select and column.name in had],
        )
        base = self.request.run.sequence << ROW_ID_BITS
        return f"SELECT *, {base} + ROW_NUMBER() OVER () - 1 AS _row_id, {self.constants()} FROM ({fresh})"

    def write_recent(self, source: str, state: Path, carried: str) -> list[LakeFile]:
        """Keep the rows that the next run may read again: those of its overlap, and those without a cursor.

        A backfill reads another range: `carried` is a query for the rows of the last run's state that stay.
        """
        cursor, since = identifier(self.plan.cursor or ""), self.overlap_start()
        recent = f"{cursor} IS NULL OR {cursor} >= TIMESTAMP {literal(since)}" if since else "TRUE"
        names = identifiers(name for name, _ in self.data)
        query = f"SELECT {names} FROM {source} WHERE {recent}"
        if self.range:
            query += f" UNION ALL {carried}"
        return self.session.write(query, state, "recent")

    def recent_rows(self) -> str:
        """The rows of the last run's overlap, in this run's column types."""
        previous, files = self.request.previous, self.state_files("recent")
        if previous is None or not files:
            return empty_relation(self.data)
        had = {column.name for column in previous.columns}
        listed = ", ".join(
            f"TRY_CAST({identifier(name) if name in had else 'NULL'} AS {kind}) AS {identifier(name)}"
            for name, kind in self.data
        )
        return f"SELECT {listed} FROM {self.session.parquet(files)}"

    def state_files(self, kind: str) -> list[Path]:
        """Local copies of the last run's state of one kind."""
        previous = self.request.previous
        paths = [file.path for file in previous.state] if previous else []
        try:
            return self.lake.local_copies(path for path in paths if path.rsplit("/", 1)[1].startswith(f"{kind}-"))
        except LakeUnavailableError:
            raise
        except LakeError:
            # A full refresh mends a lake that lost its state.
            if self.request.run.full_refresh:
                return []
            raise

    def write_rows(self, folder: Path, name: str, condition: str | None, *, counted: bool = False) -> list[LakeFile]:
        """Read whole rows of the table into Parquet files of a folder.

        `counted` lets the statement count them too: both parts of it see the same rows, whoever writes meanwhile.
        """
        for again in (True, False):
            files, arrival = self.write_once(folder, name, condition, counted=counted)
            if not counted or arrival.rows:
                break
            # Where no row came no count came either.
            missing = self.database.count(self.plan, condition)
            if missing and not again:
                raise self.shortfall(f"{missing:,} rows did not arrive")
            if not missing:
                break
        written = sum(file.rows for file in files)
        expected = arrival.expected if counted and arrival.rows else arrival.rows
        if written != expected:
            raise self.shortfall(f"{expected - written:,} rows did not arrive")
        self.next_row += arrival.rows
        if name == "part":
            self.zero_dates |= arrival.zero_dates
        return files

    def write_once(
        self, folder: Path, name: str, condition: str | None, *, counted: bool
    ) -> tuple[list[LakeFile], Arrival]:
        """Send one statement and write what it brings."""
        columns = self.plan.columns
        sql = self.database.select(self.plan, columns, condition, counted=counted)
        with self.session.arriving(
            self.database, sql, columns, first_row=self.next_row, progress=self.progress
        ) as arrival:
            query = f"SELECT {self.converted(columns)}, _row_id, {self.constants()} FROM {arrival.relation}"
            files = self.session.write(query, folder, name)
        return files, arrival

    def converted(self, columns: Sequence[RawColumn]) -> str:
        """A select list that brings columns from the types that travel to those of the lake."""
        converts = with_key((column.convert for column in columns), self.plan.key)
        return ", ".join(
            f"{convert} AS {identifier(column.name)}" for convert, column in zip(converts, columns, strict=True)
        )

    def relation(self, folder: Path, files: Sequence[LakeFile]) -> str:
        """Raw rows that were written to a folder."""
        if files:
            return self.session.parquet([folder / file.path for file in files])
        return f"({empty_relation([*self.data, *RAW_COLUMNS])})"

    def constants(self, *, deleted: bool = False) -> str:
        """The technical columns of raw rows, `_row_id` left out, as a select list."""
        run = self.request.run
        return (
            f"{literal(run.run_id)} AS _run_id, TIMESTAMP {literal(run.upper_bound)} AS _extracted_at, "
            f"{'TRUE' if deleted else 'FALSE'} AS _is_deleted"
        )

    def see_cursor(self, source: str) -> None:
        """Note the newest cursor value among rows that were read, those in the future left out."""
        if self.plan.cursor and not self.range:
            cursor, upper = identifier(self.plan.cursor), literal(self.request.window.upper)
            newest = self.session.run(
                f"SELECT CAST(MAX({cursor}) AS TIMESTAMP) FROM {source} WHERE {cursor} < TIMESTAMP {upper}"
            )
            seen = [moment for moment in (newest[0][0], self.newest) if moment is not None]
            self.newest = max(seen, default=None)

    def overlap_start(self) -> datetime | None:
        """From when on the state holds the rows that were read: never from before this run's window."""
        if self.range and self.request.previous:
            return self.request.previous.overlap_start
        if self.newest is None:
            return None
        start = min(self.newest, self.request.window.upper) - self.request.overlap
        lower = None if self.complete else self.request.window.lower
        return start if lower is None else max(start, lower)

    def check_written(self, files: Sequence[LakeFile]) -> None:
        """The files in the lake hold as many rows as were written to them."""
        for file in files:
            try:
                copies = self.lake.local_copies([file.path])
            except LakeUnavailableError:
                raise
            except LakeError as error:
                raise self.shortfall(f"{file.path} with {file.rows:,} rows is gone") from error
            rows = self.session.number(f"SELECT COUNT(*) FROM {self.session.parquet(copies)}")
            if rows != file.rows:
                raise self.shortfall(f"{file.path} holds {rows:,} of {file.rows:,} rows")

    def shortfall(self, told: str) -> ProofError:
        """The error for rows that did not arrive."""
        name, window = self.plan.table.name, self.window()
        since = f"from {window.lower} " if window.lower else ""
        return ProofError(
            f"Table {name} was not read completely in the window {since}up to {window.upper} UTC: {told}.",
            remedy="run again; nothing of this run counts. If it comes again, the connection, the disk or a view in "
            "the source loses rows.",
            table=name,
        )

    def notes(self) -> tuple[str, ...]:
        """What the reader should know of this read."""
        zeros = (f"{name}: {count:,} zero dates read as NULL" for name, count in self.zero_dates.items())
        return (*self.plan.notes, *zeros)

    def as_moment(self, name: str | None) -> str:
        """A column as a timestamp, or NULL."""
        return f"CAST({identifier(name) if name else 'NULL'} AS TIMESTAMP)"

    def hashed(self, relation: str, key: Sequence[str], condition: str = "TRUE") -> tuple[int, int, str]:
        """Rows of a census, those of them that meet a condition, and the hash of its keys and cursors."""
        one = self.session.key_hash(key, "_newest")
        rows, chosen, total = self.session.run(
            f"SELECT COALESCE(SUM(_rows), 0), COALESCE(SUM(CASE WHEN {condition} THEN _rows END), 0), "
            f"COALESCE(SUM({one} * _rows), 0) FROM {relation}"
        )[0]
        return int(rows), int(chosen), f"{int(total) % 2**64:016x}"


def comparable(read: TableRead) -> bool:
    """Whether the last run's hashes were made as this run's will be."""
    previous = read.request.previous
    columns = tuple(FileColumn(name=name, type=kind) for name, kind in (*read.data, *RAW_COLUMNS))
    return bool(previous and previous.state_method == read.state_method and previous.columns == columns)


def row_hashes(read: TableRead, source: str, state: Path) -> tuple[list[LakeFile], str]:
    """Write the hashes of a table's rows to the state; give the files and a relation."""
    row_hash = read.session.row_hash([name for name, _ in read.data])
    files = read.session.write(
        render("row_hashes", key=read.plan.key, row_hash=row_hash, source=source), state, "hashes"
    )
    if files:
        return files, read.session.parquet([state / file.path for file in files])
    return files, no_hashes(read)


def no_hashes(read: TableRead) -> str:
    key = [(column.name, column.type) for column in read.plan.key_columns]
    return f"({empty_relation([*key, ('_rows', 'BIGINT'), ('_hash', 'VARCHAR')])})"


def within_window(moment: str, window: Window, *, upper: bool = True) -> str:
    """Condition that a timestamp lies in a window."""
    parts = [f"{moment} >= TIMESTAMP {literal(window.lower)}"] if window.lower else []
    parts += [f"{moment} < TIMESTAMP {literal(window.upper)}"] if upper else []
    return " AND ".join(parts) or "TRUE"


def _below(prefix: str, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    return tuple(file.model_copy(update={"path": prefix + file.path}) for file in files)

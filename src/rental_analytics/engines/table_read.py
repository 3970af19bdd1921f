"""What every read of a table into the lake shares: windows, rows, state, the check of what was written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from rental_analytics.contracts.manifest import ExtractedTable, LakeFile, Proof
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import Database, Window
from rental_analytics.engines.base import (
    FETCHED_OFFSET,
    RAW_COLUMNS,
    ROW_ID_BITS,
    ExtractRequest,
    Progress,
    raw_columns,
)
from rental_analytics.engines.hashes import key_hash
from rental_analytics.engines.read_state import ReadState
from rental_analytics.engines.session import Arrival, Folder, Selection, Session, below, empty_relation, inside
from rental_analytics.errors import LakeError, LakeUnavailableError, ProofError, RentalError
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
        self.first_row = self.next_row = request.run.sequence << ROW_ID_BITS
        self.rows_end = self.first_row + FETCHED_OFFSET
        self.zero_dates: dict[str, int] = {}
        self.data = [(column.name, column.type) for column in self.plan.columns]
        self.newest = request.previous.newest_cursor if request.previous else None
        self.held = 0
        self.replaced_rows = 0
        self.folders: list[Folder] = []
        self.state = ReadState(session, request, lake)

    def run(self) -> ExtractedTable:
        """Read the table into the lake."""
        name, run_id = self.plan.table.name, self.request.run.run_id
        raw_prefix, state_prefix = f"raw/{name}/run_id={run_id}/", f"state/{name}/run_id={run_id}/"
        self.session.begin(f"extract {name}")
        self.take_census()
        try:
            output = self.session.output
            with output(self.lake, raw_prefix) as raw, output(self.lake, state_prefix) as state:
                files, deletes, kept = self.read(raw, state)
                proof = self.proven()
        finally:
            for folder in self.folders:
                self.session.remove(folder)
        written, removed = below(raw_prefix, files), below(raw_prefix, deletes)
        self.check_written((*written, *removed))
        request, window, previous = self.request, self.request.window, self.request.previous
        replaced = self.range if self.plan.mode is ReadMode.APPEND else None
        return ExtractedTable(
            mode=self.plan.mode,
            complete=self.complete,
            key=self.plan.key,
            columns=raw_columns(self.plan),
            files=written,
            deletes=removed,
            state=below(state_prefix, kept),
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

    def aside(self) -> Folder:
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
    def read(self, raw: Folder, state: Folder) -> Read:
        """Read rows into `raw`, and into `state` what the next run compares with."""

    @abstractmethod
    def proven(self) -> Proof:
        """Compare what was read with the census.

        Raises:
            ProofError: rows did not arrive.
        """

    def read_window(self, raw: Folder) -> tuple[list[LakeFile], str]:
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
            known=f"({self.state.recent_rows(self.data)})",
            columns=[name for name, _ in self.data],
            compared=[column.name for column in self.plan.columns if column.select and column.name in had],
        )
        numbered = self.session.numbered(fresh, self.first_row)
        return f"SELECT *, {self.constants()} FROM ({numbered}) AS unseen_rows"

    def write_recent(self, source: str, state: Folder, carried: str) -> list[LakeFile]:
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

    def write_rows(self, folder: Folder, name: str, condition: str | None, *, counted: bool = False) -> list[LakeFile]:
        """Read whole rows of the table into Parquet files of a folder; `counted` lets the statements count them too."""
        files, arrival = self.write_once(folder, name, Selection(self.plan, self.plan.columns, condition, counted))
        for place, silent in enumerate(arrival.silent):
            files += self.write_silent(folder, f"{name}-{place}", silent)
        return files

    def write_silent(self, folder: Folder, name: str, condition: str | None) -> list[LakeFile]:
        """Where no row came no count came either: if there are rows, they are read once more."""
        if not self.database.count(self.plan, condition):
            return []
        files, arrival = self.write_once(folder, name, Selection(self.plan, self.plan.columns, condition, True))
        missing = sum(self.database.count(self.plan, silent) for silent in arrival.silent)
        if missing:
            raise self.shortfall(f"{missing:,} rows did not arrive")
        return files

    def write_once(self, folder: Folder, name: str, selection: Selection) -> tuple[list[LakeFile], Arrival]:
        """Ask once and write what comes."""
        with self.session.arriving(
            self.database, selection, first_row=self.next_row, progress=self.progress
        ) as arrival:
            query = f"SELECT *, {self.constants()} FROM {arrival.relation} AS arrived"
            files = self.session.write(query, folder, name)
        written = sum(file.rows for file in files)
        expected = arrival.expected if selection.counted else arrival.rows
        if written != expected:
            raise self.shortfall(f"{expected - written:,} rows did not arrive")
        self.next_row = arrival.next_row
        if self.next_row > self.rows_end:
            raise RentalError(
                f"Table {self.plan.table.name} has more rows than one read can number.",
                remedy="read it in several backfills.",
                table=self.plan.table.name,
            )
        if name.startswith("part"):
            for column, count in arrival.zero_dates.items():
                self.zero_dates[column] = self.zero_dates.get(column, 0) + count
        return files, arrival

    def relation(self, folder: Folder, files: Sequence[LakeFile]) -> str:
        """Raw rows that were written to a folder."""
        if files:
            return self.session.parquet(inside(folder, files))
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
        try:
            held = self.session.file_rows(self.session.input(self.lake, [file.path for file in files]))
        except LakeUnavailableError:
            raise
        except LakeError as error:
            raise self.shortfall(f"a file with rows is gone: {error.message}") from error
        for file, rows in zip(files, held, strict=True):
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
        one = key_hash(self.session, key, "_newest")
        rows, chosen, total = self.session.run(
            f"SELECT COALESCE(SUM(_rows), 0), COALESCE(SUM(CASE WHEN {condition} THEN _rows END), 0), "
            f"COALESCE(SUM(CAST({one} * _rows AS DECIMAL(20, 0))), 0) FROM {relation} AS counted_keys"
        )[0]
        return int(rows), int(chosen), f"{int(total) % 2**64:016x}"


def within_window(moment: str, window: Window, *, upper: bool = True) -> str:
    """Condition that a timestamp lies in a window."""
    parts = [f"{moment} >= TIMESTAMP {literal(window.lower)}"] if window.lower else []
    parts += [f"{moment} < TIMESTAMP {literal(window.upper)}"] if upper else []
    return " AND ".join(parts) or "TRUE"

"""What every read of a table into the lake shares: windows, rows, state, the check of what was written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from rental_analytics.contracts.manifest import RUN_ID_BYTES, ExtractedTable, FileColumn, LakeFile, Proof
from rental_analytics.contracts.raw_files import RAW_COLUMNS
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import Database, ReadPlan, earlier
from rental_analytics.engines.base import Folder, Progress, Session
from rental_analytics.errors import LakeError, LakeUnavailableError
from rental_analytics.sql.render import folded, literal, render
from rental_analytics.steps.extract.moments import as_moment, within_window
from rental_analytics.steps.extract.proof import shortfall
from rental_analytics.steps.extract.read_state import ReadState
from rental_analytics.steps.extract.request import ExtractRequest
from rental_analytics.steps.extract.scope import ReadScope
from rental_analytics.steps.extract.source_rows import SourceRows
from rental_analytics.storage.base import Lake

Read = tuple[list[LakeFile], list[LakeFile], list[LakeFile]]
"""Files with rows, with keys that vanished, and with state."""


def raw_columns(plan: ReadPlan) -> tuple[FileColumn, ...]:
    """Columns of a source table's raw files, in file order."""
    bounds = {"_run_id": RUN_ID_BYTES}
    return (
        *(FileColumn(name=column.name, type=column.type, max_bytes=column.max_bytes) for column in plan.columns),
        *(FileColumn(name=name, type=kind, max_bytes=bounds.get(name)) for name, kind in RAW_COLUMNS),
    )


class TableRead(ABC):
    """One read of one table; `run` may be called once.

    A kind of read says how it takes a census, reads the rows and proves that they arrived. It notes in `held` how many
    rows the lake holds once the run has committed, and in `replaced_rows` how many held ones a backfill replaces.
    """

    state_method: str | None = None
    """How what is left in `state/` was made: the state of another method is not compared with."""

    def __init__(
        self, session: Session, request: ExtractRequest, database: Database, lake: Lake, progress: Progress
    ) -> None:
        self.session = session
        self.request = request
        self.plan = request.plan
        self.database = database
        self.state = ReadState(session, request, lake)
        self.scope = ReadScope(session, request, database, self.reads_whole())
        self.rows = SourceRows(self.scope, progress)
        self.held = 0
        self.replaced_rows = 0
        self._lake = lake
        self._newest = request.previous.newest_cursor if request.previous else None

    def run(self) -> ExtractedTable:
        """Read the table into the lake."""
        name, run_id = self.plan.table.name, self.request.run.run_id
        raw_prefix, state_prefix = f"raw/{name}/run_id={run_id}/", f"state/{name}/run_id={run_id}/"
        self.session.begin(f"extract {name}")
        self.take_census()
        try:
            output = self.session.output
            with output(self._lake, raw_prefix) as raw, output(self._lake, state_prefix) as state:
                files, deletes, kept = self.read(raw, state)
                proof = self.proven()
        finally:
            self.rows.remove_asides()
        written, removed = self._published(raw_prefix, files), self._published(raw_prefix, deletes)
        stated = self._published(state_prefix, kept)
        self._check_written((*written, *removed))
        request, window, previous, complete = self.request, self.request.window, self.request.previous, self.complete
        replaced = self.scope.range if self.plan.mode is ReadMode.APPEND else None
        return ExtractedTable(
            mode=self.plan.mode,
            complete=complete,
            key=self.plan.key,
            columns=raw_columns(self.plan),
            files=written,
            deletes=removed,
            state=stated,
            state_method=self.state_method,
            window_lower=None if complete else window.lower,
            # A backfill leaves the watermark where it was.
            window_upper=previous.window_upper if request.backfill and previous else window.upper,
            replaced_from=replaced.lower if replaced else None,
            replaced_to=replaced.upper if replaced else None,
            replaced_rows=self.replaced_rows,
            catalogue=self.plan.catalogue,
            relation=self.plan.relation,
            sources={name: theirs for name, theirs in self.plan.sources.items() if folded(theirs) != name},
            constants=self.plan.constants,
            present=self._present(),
            proof=proof,
            held=self.held,
            newest_cursor=self._newest,
            overlap_start=self._overlap_start(),
            notes=self._notes(),
        )

    def reads_whole(self) -> bool:
        """Whether the whole table is read, however much of it the last run left."""
        return self.request.complete

    @property
    def complete(self) -> bool:
        """Whether the files of this read have all rows of the table."""
        return self.scope.complete

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
        folder = raw if self.complete else self.rows.aside()
        read = self.rows.write(folder, "part", self._window_filter(), counted=not self.plan.key)
        source = self.rows.relation(folder, read)
        self._see_cursor(source)
        if self.complete:
            return read, source
        if backfilled := self.scope.range:
            # What the source takes to lie in a range, and what arrives, may differ where moments are text.
            within = " OR ".join(f"({within_window(as_moment(name), backfilled)})" for name in self.plan.moments)
            files = self.session.write(render("steps/extract/selected_rows", source=source, condition=within), raw)
            return files, self.rows.relation(raw, files)
        source = self._inside(source)
        return (self.session.write(self._unseen(source), raw) if read else []), source

    def write_recent(self, source: str, state: Folder, carried: str) -> list[LakeFile]:
        """Keep the rows that the next run may read again: those of its overlap, and those without a cursor.

        A backfill reads another range: `carried` is a query for the rows of the last run's state that stay.
        """
        query = render(
            "steps/extract/recent_rows",
            columns=self.rows.names,
            source=source,
            cursor=self.plan.cursor,
            since=self._overlap_start(),
            carried=carried if self.scope.range else None,
        )
        return self.session.write(query, state, "recent")

    def _present(self) -> tuple[str, ...]:
        """Columns the source had; a backfill keeps rows of the last run's state, which lack those that came since."""
        names, previous = self.plan.present, self.request.previous if self.scope.range else None
        return tuple(name for name in names if not previous or name in previous.present)

    def _inside(self, source: str) -> str:
        """The rows of a relation that are in the window or have no cursor.

        A source whose moments are text may send others, which neither the state of the last run nor a census expects.
        """
        lower, moment = self.request.window.lower, as_moment(self.plan.cursor)
        if lower is None:
            return source
        condition = f"{moment} IS NULL OR {moment} >= TIMESTAMP {literal(lower)}"
        return f"({render('steps/extract/selected_rows', source=source, condition=condition)})"

    def _window_filter(self) -> str | None:
        """Condition for the rows to read, in the source's SQL."""
        if self.scope.range:
            return self.database.range_filter(self.plan, self.scope.range)
        if self.complete:
            return None
        return self.database.cursor_filter(self.plan, self.request.window) or None

    def _unseen(self, source: str) -> str:
        """The window's rows less those of the last run's overlap, each as often as it is new."""
        previous = self.request.previous
        # A column that was not there when the last run read tells nothing about what that run saw.
        had = set(previous.present) if previous else set()
        fresh = render(
            "steps/extract/unseen",
            source=source,
            known=f"({self.state.recent_rows(self.rows.columns)})",
            columns=self.rows.names,
            compared=[column.name for column in self.plan.columns if column.select and column.name in had],
        )
        return self.rows.as_raw(f"({self.session.numbered(fresh, self.rows.first_row)})")

    def _see_cursor(self, source: str) -> None:
        """Note the newest cursor value among rows that were read, those in the future left out."""
        if self.plan.cursor and not self.scope.range:
            upper = self.request.window.upper
            query = render("steps/extract/newest_cursor", source=source, cursor=self.plan.cursor, upper=upper)
            newest = self.session.run(query)[0][0]
            self._newest = max((moment for moment in (newest, self._newest) if moment is not None), default=None)

    def _overlap_start(self) -> datetime | None:
        """From when on the state holds the rows that were read: never from before this run's window."""
        if self.scope.range and self.request.previous:
            return self.request.previous.overlap_start
        if self._newest is None:
            return None
        start = earlier(min(self._newest, self.request.window.upper), self.request.overlap)
        lower = None if self.complete else self.request.window.lower
        return start if lower is None else max(start, lower)

    def _published(self, prefix: str, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
        """Files as the manifest names them, once they stand in the lake."""
        try:
            return self.session.published(self._lake, prefix, files)
        except LakeUnavailableError:
            raise
        except LakeError as error:
            raise shortfall(self.scope, f"a file with rows is gone: {error.message}") from error

    def _check_written(self, files: Sequence[LakeFile]) -> None:
        """The files in the lake hold as many rows as were written to them."""
        try:
            held = self.session.file_rows(self.session.input(self._lake, files))
        except LakeUnavailableError:
            raise
        except LakeError as error:
            raise shortfall(self.scope, f"a file with rows is gone: {error.message}") from error
        for file, rows in zip(files, held, strict=True):
            if rows != file.rows:
                raise shortfall(self.scope, f"{file.path} holds {rows:,} of {file.rows:,} rows")

    def _notes(self) -> tuple[str, ...]:
        """What the reader should know of this read."""
        own = f"{self.plan.table.name}."
        zeros = (
            f"{self.plan.place_of(name).removeprefix(own)}: {count:,} zero dates read as NULL"
            for name, count in self.rows.zero_dates.items()
        )
        return (*self.plan.notes, *zeros)

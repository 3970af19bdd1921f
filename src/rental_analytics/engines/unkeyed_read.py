"""Reads of tables whose rows have no key: events that are appended, and snapshots."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from rental_analytics.contracts.manifest import Proof
from rental_analytics.databases.base import Window
from rental_analytics.engines.table_read import Read, TableRead, comparable, known_hashes, row_hashes, within_window
from rental_analytics.sql.render import render

_FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001


class Unkeyed(TableRead):
    """A table whose rows have no key: the census counts them, and counts again where fewer were read."""

    counted = 0

    def check_count(self, read: int, within: Window | None, told: str) -> None:
        """Rows may be deleted while a table is read, but not come back."""
        if read < self.counted:
            after = self.database.count(self.plan, within)
            if read < min(self.counted, after):
                missing = min(self.counted, after) - read
                raise self.shortfall(f"{missing:,} rows {told}did not arrive")


class AppendRead(Unkeyed):
    """Events that never change, by their time. The newest part of the window is compared time by time.

    Before that part no row is expected to come any more: there the number of rows has to agree.
    """

    def take_census(self) -> None:
        older, recent = self.parts()
        self.counted = self.database.count(self.plan, older) if older else 0
        self.count_events("census", recent)

    def parts(self) -> tuple[Window | None, Window]:
        """The older part of what is read, where there is one, and the newer one; events may lie in the future."""
        lower = self.window().lower
        upper = self.range.upper if self.range else _FOREVER
        settled = self.request.window.upper - max(self.request.overlap, timedelta(minutes=1))
        if not self.database.counts_exactly or (lower and lower >= settled):
            return None, Window(lower, upper)
        return Window(lower, min(settled, upper)), Window(min(settled, upper), upper)

    def count_events(self, name: str, part: Window) -> None:
        """How many rows of a part of the window the source holds now, by event time."""
        column = next(column for column in self.plan.columns if column.name == self.plan.cursor)
        condition = self.database.range_filter(self.plan, part) if part.lower else None
        sql = self.database.select(self.plan, [column], condition)
        with self.session.arriving(self.database, sql, [column]) as arrival:
            source = f"(SELECT {self.converted([column])} FROM {arrival.relation})"
            self.session.table(name, self.counts(source, part))

    def counts(self, source: str, part: Window) -> str:
        """Rows of a part of the window by event time."""
        moment = self.moment()
        return render("source_counts", moment=moment, source=source, within=within_window(moment, part))

    def read(self, raw: Path, state: Path) -> Read:
        files, self.source = self.read_window(raw)
        range_, moment = self.range, self.moment()
        carried = f"NOT ({within_window(moment, range_)}) OR {moment} IS NULL" if range_ else "FALSE"
        previous, rows = self.request.previous, sum(file.rows for file in files)
        self.held = rows if self.complete or not previous else previous.held + (0 if range_ else rows)
        # The proof reads the rows again, which are still in the folder: it comes before the files are published.
        self.proof = self.compared()
        return files, [], self.write_recent(self.source, state, carried)

    def compared(self) -> Proof:
        """Compare the rows read with the census."""
        older, recent = self.parts()
        self.session.table("read_events", self.counts(self.source, recent))
        if older:
            within = within_window(self.moment(), older)
            read = self.session.number(f"SELECT COUNT(*) FROM {self.source} WHERE {within}")
            self.check_count(read, older, f"from before {older.upper} ")
        short = render("missing_events", after="census")
        if self.session.run(short):
            self.count_events("later_census", recent)
            missing = self.session.run(render("missing_events", after="later_census"))
            if missing:
                rows = sum(row[1] for row in missing)
                raise self.shortfall(f"{rows:,} rows did not arrive, such as the one of {missing[0][0]}")
        window, rows = self.window(), self.counted
        recent_rows, window_rows, key_hash = self.hashed("census", (), within_window("_newest", window))
        return Proof(
            window_lower=window.lower,
            window_upper=window.upper,
            rows=rows + recent_rows,
            window_rows=rows + window_rows,
            key_hash=key_hash,
        )

    def proven(self) -> Proof:
        return self.proof


class Snapshot(Unkeyed):
    """A table without key and cursor: replaced whole when it differs at all."""

    def take_census(self) -> None:
        self.counted = self.database.count(self.plan, None)

    def read(self, raw: Path, state: Path) -> Read:
        self.state_method = self.session.row_hash_method
        whole = self.complete or not comparable(self)
        folder = raw if whole else self.session.temporary_folder()
        files = self.write_rows(folder, "part", None)
        self.held = sum(file.rows for file in files)
        self.check_count(self.held, None, "")
        source = self.relation(folder, files)
        kept, now = row_hashes(self, source, state)
        self.key_hash = str(self.session.run(f"SELECT _hash FROM {now}")[0][0] or 0)
        self.complete = True
        if not whole:
            if self.session.run(f"FROM {now} INTERSECT FROM {known_hashes(self)}"):
                self.complete = False
                return [], [], kept
            files = self.session.write(f"FROM {source}", raw)
        return files, [], kept

    def proven(self) -> Proof:
        return Proof(
            window_lower=None,
            window_upper=self.request.window.upper,
            rows=self.counted,
            window_rows=self.counted,
            key_hash=f"{int(self.key_hash) % 2**64:016x}",
        )

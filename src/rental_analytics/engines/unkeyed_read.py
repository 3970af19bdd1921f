"""Reads of tables whose rows have no key: events that are appended, and snapshots.

There is nothing to tell one row from another, so the statement that reads the rows counts them as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import LakeFile, Proof
from rental_analytics.databases.base import Window
from rental_analytics.engines.hashes import ROW_HASHES
from rental_analytics.engines.session import Folder
from rental_analytics.engines.table_read import Read, TableRead, within_window
from rental_analytics.sql.render import identifiers, render


class AppendRead(TableRead):
    """Events that never change, by their time."""

    def take_census(self) -> None:
        """The statement that reads the rows counts them."""

    def read(self, raw: Folder, state: Folder) -> Read:
        files, self.source = self.read_window(raw)
        days = self.count_days(raw, files, state)
        moment, names = self.as_moment(self.plan.cursor), identifiers(name for name, _ in self.data)
        outside = _outside(moment, self.range) if self.range else "FALSE"
        carried = f"SELECT {names} FROM ({self.state.recent_rows(self.data)}) AS recent_rows WHERE {outside}"
        return files, [], days + self.write_recent(self.source, state, carried)

    def count_days(self, raw: Folder, files: Sequence[LakeFile], state: Folder) -> list[LakeFile]:
        """Keep how many events of each day the lake holds, so that those that vanish are noticed."""
        known = self.state.files("days")
        before = self.session.parquet(known) if known else ""
        query = render(
            "held_days",
            moment=self.as_moment(self.plan.cursor),
            files=self.relation(raw, files),
            known="" if self.complete else before,
            outside=_outside("CAST(day AS TIMESTAMP)", self.range) if self.range else "",
        )
        self.session.table("held_days", query)
        self.held = self.session.number("SELECT COALESCE(SUM(_rows), 0) FROM held_days")
        if self.range and before:
            inside = within_window("CAST(day AS TIMESTAMP)", self.range)
            self.replaced_rows = self.session.number(f"SELECT COALESCE(SUM(_rows), 0) FROM {before} WHERE {inside}")
        elif not self.complete and self.emptied():
            self.held = 0
        return self.session.write("SELECT * FROM held_days", state, "days")

    def emptied(self) -> bool:
        """Whether rows of the last run's overlap are gone, and all others with them."""
        recent = self.session.number(f"SELECT COUNT(*) FROM ({self.state.recent_rows(self.data)}) AS recent_rows")
        read = self.session.number(f"SELECT COUNT(*) FROM {self.source}")
        return bool(recent) and not read and not self.database.count(self.plan, None)

    def proven(self) -> Proof:
        window, moment = self.window(), self.as_moment(self.plan.cursor)
        days = (
            f"(SELECT CAST(CAST({moment} AS DATE) AS TIMESTAMP) AS _newest, COUNT(*) AS _rows FROM {self.source} "
            f"WHERE {within_window(moment, window)} GROUP BY 1)"
        )
        _, window_rows, key_hash = self.hashed(days, ("_rows",))
        rows = self.session.number(f"SELECT COUNT(*) FROM {self.source}")
        return Proof(
            window_lower=window.lower, window_upper=window.upper, rows=rows, window_rows=window_rows, key_hash=key_hash
        )


def _outside(moment: str, window: Window) -> str:
    return f"NOT ({within_window(moment, window)}) OR {moment} IS NULL"


class Snapshot(TableRead):
    """A table without key and cursor: replaced whole when it differs at all."""

    def take_census(self) -> None:
        """The statement that reads the rows counts them."""

    def read(self, raw: Folder, state: Folder) -> Read:
        self.state_method = ROW_HASHES
        whole = self.complete or not self.state.comparable
        folder = raw if whole else self.aside()
        files = self.write_rows(folder, "part", None, counted=True)
        self.held = sum(file.rows for file in files)
        source = self.relation(folder, files)
        kept, now = self.state.write_hashes(source, state)
        self.hash_sum = int(self.session.run(f"SELECT _hash FROM {now} AS now")[0][0] or 0)
        self.complete = True
        if not whole:
            known = self.state.files("hashes")
            before = self.session.parquet(known) if known else self.state.no_hashes()
            if self.session.run(f"SELECT * FROM {now} AS now INTERSECT SELECT * FROM {before} AS before"):
                self.complete = False
                return [], [], kept
            files = self.session.write(f"SELECT * FROM {source} AS read_rows", raw)
        return files, [], kept

    def proven(self) -> Proof:
        return Proof(
            window_lower=None,
            window_upper=self.request.window.upper,
            rows=self.held,
            window_rows=self.held,
            key_hash=f"{self.hash_sum % 2**64:016x}",
        )

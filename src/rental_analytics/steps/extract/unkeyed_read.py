"""Reads of tables whose rows have no key: events that are appended, and snapshots.

There is nothing to tell one row from another, so the statement that reads the rows counts them as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rental_analytics.contracts.manifest import LakeFile, Proof
from rental_analytics.databases.base import Window
from rental_analytics.engines.base import Folder
from rental_analytics.sql.render import identifier, render
from rental_analytics.steps.extract.hashes import ROW_HASHES
from rental_analytics.steps.extract.moments import as_moment, within_window
from rental_analytics.steps.extract.proof import count_and_hash
from rental_analytics.steps.extract.table_read import Read, TableRead

_HELD_DAYS = "held_days"


class AppendRead(TableRead):
    """Events that never change, by their time."""

    def take_census(self) -> None:
        """The statement that reads the rows counts them."""

    def read(self, raw: Folder, state: Folder) -> Read:
        files, self._source = self.read_window(raw)
        days = self._write_days(raw, files, state)
        return files, [], days + self.write_recent(self._source, state, self._carried())

    def proven(self) -> Proof:
        window, moment = self.scope.window, as_moment(self.plan.cursor)
        within = within_window(moment, window)
        days = render("steps/extract/window_days", source=self._source, moment=moment, condition=within)
        _, window_rows, key_hash = count_and_hash(self.scope, f"({days})", ("_rows",))
        return Proof(
            window_lower=window.lower,
            window_upper=window.upper,
            rows=self._count(self._source),
            window_rows=window_rows,
            key_hash=key_hash,
        )

    def _carried(self) -> str:
        """A query for the rows of the last run's overlap that a backfill leaves as they are."""
        moment, backfilled = as_moment(self.plan.cursor), self.scope.range
        return render(
            "steps/extract/selected_rows",
            columns=self.rows.names,
            source=self._recent(),
            condition=_outside(moment, backfilled) if backfilled else "FALSE",
        )

    def _recent(self) -> str:
        return f"({self.state.recent_rows(self.rows.columns)})"

    def _write_days(self, raw: Folder, files: Sequence[LakeFile], state: Folder) -> list[LakeFile]:
        """Keep how many events of each day the lake holds, so that those that vanish are noticed."""
        known, backfilled, day = self.state.files("days"), self.scope.range, "CAST(day AS TIMESTAMP)"
        before = self.session.parquet(known) if known else ""
        query = render(
            "steps/extract/held_days",
            moment=as_moment(self.plan.cursor),
            files=self.rows.relation(raw, files),
            known="" if self.complete else before,
            outside=_outside(day, backfilled) if backfilled else "",
        )
        self.session.table(_HELD_DAYS, query)
        self.held = self.session.number(render("steps/extract/event_total", days=identifier(_HELD_DAYS)))
        if backfilled and before:
            inside = within_window(day, backfilled)
            self.replaced_rows = self.session.number(render("steps/extract/event_total", days=before, condition=inside))
        elif not self.complete and self._emptied():
            self.held = 0
        return self.session.write(f"SELECT * FROM {identifier(_HELD_DAYS)}", state, "days")

    def _emptied(self) -> bool:
        """Whether rows of the last run's overlap are gone, and all others with them."""
        recent, read = self._count(self._recent()), self._count(self._source)
        return bool(recent) and not read and not self.database.count(self.plan, None)

    def _count(self, relation: str) -> int:
        return self.session.number(render("steps/extract/row_count", source=relation))


def _outside(moment: str, window: Window) -> str:
    return f"NOT ({within_window(moment, window)}) OR {moment} IS NULL"


class Snapshot(TableRead):
    """A table without key and cursor: replaced whole when it differs at all."""

    state_method = ROW_HASHES

    def take_census(self) -> None:
        """The statement that reads the rows counts them."""

    def read(self, raw: Folder, state: Folder) -> Read:
        whole = self.complete or not self.state.comparable
        folder = raw if whole else self.rows.aside()
        files = self.rows.write(folder, "part", None, counted=True)
        self.held = sum(file.rows for file in files)
        source = self.rows.relation(folder, files)
        kept, now = self.state.write_hashes(source, state)
        hash_sum = self.session.run(render("steps/extract/selected_rows", columns=["_hash"], source=now))[0][0]
        self._hash_sum = int(hash_sum or 0)
        if not whole and self._unchanged(now):
            self.scope = replace(self.scope, complete=False)
            return [], [], kept
        self.scope = replace(self.scope, complete=True)
        if not whole:
            files = self.session.write(render("steps/extract/selected_rows", source=source), raw)
        return files, [], kept

    def _unchanged(self, now: str) -> bool:
        known = self.state.files("hashes")
        before = self.session.parquet(known) if known else f"({self.state.no_hashes()})"
        return bool(self.session.run(render("steps/extract/unchanged_hash", now=now, before=before)))

    def proven(self) -> Proof:
        return Proof(
            window_lower=None,
            window_upper=self.request.window.upper,
            rows=self.held,
            window_rows=self.held,
            key_hash=f"{self._hash_sum % 2**64:016x}",
        )

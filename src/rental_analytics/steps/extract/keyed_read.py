"""Reads of tables whose rows have a key: incremental and snapshot."""

from __future__ import annotations

from rental_analytics.contracts.manifest import Proof
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Folder, Progress, Session
from rental_analytics.sql.render import render
from rental_analytics.steps.extract.census import Census
from rental_analytics.steps.extract.deletes import Deletes
from rental_analytics.steps.extract.hashes import ROW_HASHES
from rental_analytics.steps.extract.held_keys import HeldHashes, HeldKeys
from rental_analytics.steps.extract.missed_rows import MissedRows
from rental_analytics.steps.extract.request import ExtractRequest
from rental_analytics.steps.extract.table_read import Read, TableRead
from rental_analytics.storage.base import Lake

KEYS_METHOD = "keys-and-cursors"


class KeyedRead(TableRead):
    """A table whose rows have a key: what the read lacks of the census is asked for by key."""

    def __init__(
        self, session: Session, request: ExtractRequest, database: Database, lake: Lake, progress: Progress
    ) -> None:
        super().__init__(session, request, database, lake, progress)
        self.census = Census(self.scope)
        self.missed = MissedRows(self.scope, self.rows, self.census)
        self.deletes = Deletes(self.scope, self.rows, self.census)

    def take_census(self) -> None:
        self.census.take()

    def proven(self) -> Proof:
        return self.census.proof()


class IncrementalRead(KeyedRead):
    """Rows of the window, and those of keys whose cursor is not the one the lake knows."""

    state_method = KEYS_METHOD

    def reads_whole(self) -> bool:
        previous = self.request.previous
        return self.request.complete or previous is None or previous.state_method != self.state_method

    def read(self, raw: Folder, state: Folder) -> Read:
        keys = HeldKeys(self.scope, self.state)
        files, source = self.read_window(raw)
        keys.recall()
        if self.complete:
            self.missed.find(source)
        else:
            self.missed.find_in_window(source, keys.known, raw, files)
        files += self.missed.fetch(raw)
        self.missed.check()
        keys.update(self.census, self.missed)
        self.deletes.find(keys.known, keys.held)
        deletes = self.deletes.write(raw)
        kept = keys.write(state, self.deletes.returned)
        self.held = sum(file.rows for file in kept)
        return files, deletes, kept + self.write_recent(source, state, self._carried(keys))

    def _carried(self, keys: HeldKeys) -> str:
        """A query for the rows of the last run's overlap that a backfill leaves as they are."""
        return render(
            "steps/extract/carried_rows",
            columns=self.rows.names,
            recent=f"({self.state.recent_rows(self.rows.columns)})",
            read=self.missed.read,
            held=keys.held,
            key=self.plan.key,
        )


class KeyedSnapshot(KeyedRead):
    """The whole table; rows of keys whose rows are as they were do not go on."""

    state_method = ROW_HASHES

    def reads_whole(self) -> bool:
        return self.request.complete or not self.state.comparable

    def read(self, raw: Folder, state: Folder) -> Read:
        hashes = HeldHashes(self.scope, self.state)
        folder = raw if self.complete else self.rows.aside()
        files = self.rows.write(folder, "part", None)
        source = self.rows.relation(folder, files)
        self.missed.find(source)
        self.missed.fetch(self.rows.aside())
        self.missed.check()
        kept = hashes.update(source, state)
        self.held = sum(file.rows for file in kept)
        if not self.complete:
            files = self.session.write(hashes.changed_rows(source), raw)
        self.deletes.find(hashes.known, hashes.held)
        return files, self.deletes.write(raw), kept

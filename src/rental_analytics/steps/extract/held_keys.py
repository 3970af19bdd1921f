"""The keys that the lake holds of a table with a key, before and after a read."""

from __future__ import annotations

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.engines.base import Folder
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.steps.extract.census import Census, no_keys
from rental_analytics.steps.extract.missed_rows import MissedRows
from rental_analytics.steps.extract.read_state import ReadState
from rental_analytics.steps.extract.scope import ReadScope


class HeldKeys:
    """The counted keys that the lake holds of an incremental table, each as it was read last."""

    known = "known_keys"
    """View of the keys as the last run left them."""

    held = "held_keys"
    """Table of the keys as they are once this run has committed."""

    def __init__(self, scope: ReadScope, state: ReadState) -> None:
        self._scope = scope
        self._state = state

    def recall(self) -> None:
        """Make `known` from the state of the last run."""
        files = self._state.files("keys")
        known = self._state.known(files, "_newest", "_event") if files else no_keys(self._scope.plan)
        self._scope.session.view(self.known, known)

    def update(self, census: Census, missed: MissedRows) -> None:
        """Make `held` from what was known, read and fetched."""
        query = render(
            "steps/extract/held_keys",
            key=self._scope.plan.key,
            census=census.keys,
            known=self.known,
            read=missed.read,
            fetched=missed.fetched,
            missed=missed.missed,
        )
        self._scope.session.table(self.held, query)

    def write(self, state: Folder, returned: str) -> list[LakeFile]:
        """Keep the keys for the next run; `returned` is a table of keys that came back after the census."""
        # Such a key is as it was for the lake: the next run sees that it changed.
        key, known = identifiers(self._scope.plan.key), identifier(self.known)
        query = (
            f"SELECT * FROM {identifier(self.held)} "
            f"UNION ALL SELECT * FROM {known} SEMI JOIN {identifier(returned)} USING ({key})"
        )
        return self._scope.session.write(query, state, "keys")


class HeldHashes:
    """The keys that the lake holds of a snapshot, each with its number of rows and a hash of them."""

    known = "known_keys"
    """View of the keys as the last run left them."""

    held = "held_keys"
    """View of the keys as they are once this run has committed."""

    _hashes = "known_hashes"

    def __init__(self, scope: ReadScope, state: ReadState) -> None:
        self._scope = scope
        self._state = state

    def update(self, source: str, state: Folder) -> list[LakeFile]:
        """Hash the rows of the table, a relation, and keep the hashes for the next run."""
        session = self._scope.session
        files, now = self._state.write_hashes(source, state)
        before = self._state.files("hashes")
        session.view(self._hashes, self._state.known(before, "_hash") if before else self._state.no_hashes())
        session.view(self.known, f"SELECT *, CAST(NULL AS TIMESTAMP) AS _newest FROM {identifier(self._hashes)}")
        session.view(self.held, render("steps/extract/selected_rows", source=now))
        return files

    def changed_rows(self, source: str) -> str:
        """A query for the rows of the table whose keys' rows are not as the last run left them."""
        return render(
            "steps/extract/changed_rows", source=source, now=self.held, known=self._hashes, key=self._scope.plan.key
        )

"""Keys that the lake knows and the source no longer has."""

from __future__ import annotations

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.contracts.raw_files import DELETES_OFFSET
from rental_analytics.engines.base import Folder
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.steps.extract.census import Census, no_keys
from rental_analytics.steps.extract.missed_rows import KEYS_PER_STATEMENT
from rental_analytics.steps.extract.proof import check_none_lost
from rental_analytics.steps.extract.scope import ReadScope
from rental_analytics.steps.extract.source_rows import SourceRows


class Deletes:
    """Keys that the lake knows and the source no longer has: each is asked for before it counts as deleted.

    `find` compares what the lake knew with what it will hold, `write` writes the deleted keys as rows of the raw table.
    """

    returned = "living_keys"
    """Table of the keys that seemed to be gone, and that the source has after all."""

    _gone = "gone_keys"

    def __init__(self, scope: ReadScope, rows: SourceRows, census: Census) -> None:
        self._scope = scope
        self._rows = rows
        self._census = census
        self._count = 0

    def find(self, known: str, held: str) -> None:
        """Find the keys of one table that another lacks: those the lake knew, and those it will hold.

        Raises:
            ProofError: a key is there as it was known: the census has lost it.
        """
        plan, session, database = self._scope.plan, self._scope.session, self._scope.database
        session.table(self._gone, render("steps/extract/gone_keys", key=plan.key, known=known, held=held))
        self._count = session.rows_of(self._gone)
        if not self._count:
            session.view(self.returned, no_keys(plan))
            return
        key = identifiers(plan.key)
        if self._count <= KEYS_PER_STATEMENT and database.can_filter(plan):
            gone = session.run(f"SELECT {key} FROM {identifier(self._gone)}")
            self._census.take_again(database.key_filter(plan, gone))
        else:
            self._census.take_again()
        living = render("steps/extract/living_keys", key=plan.key, gone=self._gone, later=self._census.later)
        session.table(self.returned, living)
        check_none_lost(self._scope, f"SELECT {key} FROM {identifier(self.returned)} WHERE _unchanged")

    def write(self, raw: Folder) -> list[LakeFile]:
        """Write the keys that are gone as rows of the raw table."""
        if not self._count:
            return []
        session, plan = self._scope.session, self._scope.plan
        rows = render(
            "steps/extract/deleted_rows",
            columns=self._rows.columns,
            key=plan.key,
            gone=self._gone,
            returned=self.returned,
        )
        numbered = session.numbered(rows, self._rows.first_row + DELETES_OFFSET)
        return session.write(self._rows.as_raw(f"({numbered})", deleted=True), raw, "deletes")

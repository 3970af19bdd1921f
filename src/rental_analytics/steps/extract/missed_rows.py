"""Rows that the census has and the read lacks."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.contracts.raw_files import FETCHED_OFFSET
from rental_analytics.engines.base import Folder
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.steps.extract.census import Census, counted_keys, no_keys
from rental_analytics.steps.extract.moments import within_window
from rental_analytics.steps.extract.proof import check_none_lost
from rental_analytics.steps.extract.scope import ReadScope
from rental_analytics.steps.extract.source_rows import SourceRows

KEYS_PER_STATEMENT = 5_000
"""How many keys a statement asks the source for at most."""

_MOST_KEYS = 100_000


class MissedRows:
    """Rows that the census has and the read lacks: they are asked for by key, and none may have been lost.

    `find` or `find_in_window` compares the read with the census, `fetch` asks for what is missing, `check` finds out
    about what did not come then either.
    """

    read = "read_keys"
    """Table of the counted keys of the rows that were read."""

    missed = "missed_keys"
    """Table of the keys of missed rows, as the census counted them; `_expected` where the read had to show them."""

    fetched = "fetched_keys"
    """Table of the counted keys of the rows that came when they were asked for by key."""

    _changed = "changed_keys"

    def __init__(self, scope: ReadScope, rows: SourceRows, census: Census) -> None:
        self._scope = scope
        self._rows = rows
        self._census = census
        self._whole = False
        self._count = 0

    def find(self, source: str) -> None:
        """Compare a read of the whole table, a relation, with the census: every row of it was expected."""
        plan, session = self._scope.plan, self._scope.session
        self._whole = True
        session.table(self.read, counted_keys(plan, source))
        missed = render("steps/extract/missed_in_whole", key=plan.key, census=self._census.keys, read=self.read)
        self._keep(missed)

    def find_in_window(self, source: str, known: str, folder: Folder, added: Sequence[LakeFile]) -> None:
        """Compare a read of the window, a relation, with the census and with the table of keys the lake knows.

        `added` are files of a folder with those rows of the window that the lake does not have yet.
        """
        plan, session = self._scope.plan, self._scope.session
        session.table(self.read, counted_keys(plan, source))
        unique = plan.unique_key
        session.table(
            self._changed, no_keys(plan) if unique else counted_keys(plan, self._rows.relation(folder, added))
        )
        missed = render(
            "steps/extract/missed_in_window",
            key=plan.key,
            census=self._census.keys,
            read=self.read,
            known=known,
            changed=self._changed,
            expected=self._expected("census"),
            was_expected=self._expected("known_keys"),
            range_only=self._scope.range is not None,
        )
        self._keep(missed)

    def fetch(self, folder: Folder) -> list[LakeFile]:
        """Ask for the missed rows, and write those that come to a folder."""
        plan, session = self._scope.plan, self._scope.session
        files: list[LakeFile] = []
        self._rows.number_from(FETCHED_OFFSET)
        if self._count and self._count <= _MOST_KEYS and self._scope.database.can_filter(plan):
            files = self._fetch_by_key(folder)
        elif self._count:
            files = self._fetch_from_all(folder)
        if files:
            session.table(self.fetched, counted_keys(plan, self._rows.relation(folder, files), unique=False))
        else:
            session.view(self.fetched, no_keys(plan))
        return files

    def check(self) -> None:
        """Find out about the rows that did not come.

        Raises:
            ProofError: the source has them, so they were lost on the way.
        """
        if not self._count:
            return
        tables = {"key": self._scope.plan.key, "missed": self.missed, "fetched": self.fetched}
        check_none_lost(self._scope, render("steps/extract/lost_rows", **tables, whole=self._whole))
        if self._scope.session.run(render("steps/extract/fetched_too_few", **tables)):
            # A row that does not come by its key either was deleted meanwhile, or gets lost each time: its key tells.
            self._census.take_again()
            undelivered = render("steps/extract/undelivered", **tables, read=self.read, later=self._census.later)
            check_none_lost(self._scope, undelivered)

    def _keep(self, missed: str) -> None:
        self._scope.session.table(self.missed, missed)
        self._count = self._scope.session.rows_of(self.missed)

    def _expected(self, relation: str) -> str:
        """Condition for keys whose rows the window has to show."""
        moment, event = f"{relation}._newest", f"{relation}._event"
        if window := self._scope.range:
            return f"({within_window(moment, window)}) OR ({within_window(event, window)})"
        return f"{moment} IS NULL OR {within_window(moment, self._scope.window, upper=False)}"

    def _fetch_by_key(self, folder: Folder) -> list[LakeFile]:
        """Ask for the missed rows alone."""
        plan = self._scope.plan
        missed = self._scope.session.run(f"SELECT {identifiers(plan.key)} FROM {identifier(self.missed)}")
        files = []
        for start in range(0, len(missed), KEYS_PER_STATEMENT):
            chosen = self._scope.database.key_filter(plan, missed[start : start + KEYS_PER_STATEMENT])
            files += self._rows.write(folder, f"missed-{start}", chosen)
        return files

    def _fetch_from_all(self, folder: Folder) -> list[LakeFile]:
        """Many keys, or keys that change on their way, are picked out of the whole table."""
        aside = self._rows.aside()
        read = self._rows.write(aside, "all", None)
        if not read:
            return []
        chosen = render(
            "steps/extract/rows_of_keys",
            source=self._rows.relation(aside, read),
            chosen=self.missed,
            key=self._scope.plan.key,
        )
        return self._scope.session.write(chosen, folder, "missed")

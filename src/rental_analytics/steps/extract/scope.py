"""What one read of a table is about, as all its parts share it."""

from __future__ import annotations

from dataclasses import dataclass

from rental_analytics.databases.base import Database, ReadPlan, Window
from rental_analytics.engines.base import Session
from rental_analytics.steps.extract.request import ExtractRequest


@dataclass(frozen=True)
class ReadScope:
    """One read of one table; `complete` says whether the table is read whole."""

    session: Session
    request: ExtractRequest
    database: Database
    complete: bool

    @property
    def plan(self) -> ReadPlan:
        """How the table is read."""
        return self.request.plan

    @property
    def range(self) -> Window | None:
        """The range that a backfill reads again, unless it reads the table whole."""
        return None if self.complete else self.request.backfill

    @property
    def window(self) -> Window:
        """The range of cursors that is read whole."""
        if self.complete:
            return Window(None, self.request.window.upper)
        return self.range or self.request.window

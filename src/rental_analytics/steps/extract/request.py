"""What is asked of a read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rental_analytics.contracts.manifest import ExtractedTable, RunParameters
from rental_analytics.databases.base import ReadPlan, Window


@dataclass(frozen=True)
class ExtractRequest:
    """One table to read.

    `previous` is what the last run left; `complete` asks for the whole table; `overlap` is how far the next run will
    read back over this one; `backfill` is a range of cursors or event times to read anew, in place of the window.
    """

    run: RunParameters
    plan: ReadPlan
    window: Window
    complete: bool
    previous: ExtractedTable | None
    overlap: timedelta
    backfill: Window | None = None

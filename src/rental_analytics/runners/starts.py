"""Starts that fail before a run begins, such as one with a wrong password: noted in the lake for `rental status`."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version

from rental_analytics.contracts.ledger import StartRecord
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.ledger import note_failed_start
from rental_analytics.storage.base import Lake
from rental_analytics.storage.manifests import newest_sequence


def new_run_id() -> str:
    """A name made of the time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class Start:
    """What was to begin.

    Args:
        began: when the process set about it.
        asked: the run that was to begin or to be continued, where it was named.
    """

    began: datetime
    asked: str | None = None
    full_refresh: bool = False
    backfill: tuple[date, date] | None = None


def record_failed_start(lake: Lake, start: Start, error: BaseException) -> None:
    """Note why no run began, in a lake in which one has begun before; others are left as they are.

    Whatever goes wrong here does not hide the error itself.
    """
    with suppress(Exception):
        follows = newest_sequence(lake)
        if not follows:
            return
        first, last = start.backfill or (None, None)
        record = StartRecord(
            start_id=new_run_id(),
            follows=follows,
            started_at=start.began,
            finished_at=datetime.now(UTC),
            asked=start.asked,
            full_refresh=start.full_refresh,
            backfill_from=first,
            backfill_to=last,
            versions=json.dumps({"rental-analytics": version("rental-analytics")}),
            error=str(error) if isinstance(error, RentalError) else f"{type(error).__name__} before a run began",
            reason=(error.reason or None) if isinstance(error, RentalError) else None,
            exit_code=error.exit_code if isinstance(error, RentalError) else 1,
        )
        note_failed_start(lake, record)

"""The record of a run as JSON, also of one that failed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rental_analytics.cli.output import messages, print_json
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.streams import OutputError, ReaderLeftError

if TYPE_CHECKING:
    from rental_analytics.runners.local import RunProgress


class _CurrentRun:
    """The run of this call of the program, of which there is one at most."""

    def __init__(self) -> None:
        self._progress: RunProgress | None = None

    def reset(self) -> None:
        """Forget the run of a call before."""
        self._progress = None

    @property
    def progress(self) -> RunProgress:
        """How far it has come."""
        from rental_analytics.runners.local import RunProgress

        self._progress = self._progress or RunProgress()
        return self._progress


current_run = _CurrentRun()


def print_record(code: int, error: BaseException | None, line: str) -> None:
    """Print the record of the run as JSON.

    Args:
        error: why it failed.
        line: what says so.
    """
    progress = current_run.progress
    print_json(
        {
            "run_id": progress.run.run_id if progress.run else None,
            "status": "failed" if code else "succeeded",
            "seconds": round(progress.seconds, 3),
            "error": line.removeprefix("Error: ") or None if code else None,
            "reason": (error.reason or None) if isinstance(error, RentalError) else None,
            "exit_code": code,
            "steps": [_step_record(step) for step in progress.steps],
        }
    )


def _step_record(step: Any) -> dict[str, Any]:
    return {
        "step": step.step,
        "status": step.status,
        "seconds": round(step.seconds, 3),
        "rows_in": step.result.rows_in,
        "rows_out": step.result.rows_out,
        "bytes": step.result.bytes,
    }


def shown_or_noted(show: Callable[[], None]) -> None:
    """Print what comes after a run; whether it can be printed changes nothing about how the run ended."""
    try:
        show()
        sys.stdout.flush()
    except OutputError as error:
        messages.show(f"The run succeeded. {error.message}")
    except ReaderLeftError:
        return

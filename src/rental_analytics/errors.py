"""Every error a user can meet: what happened, where, and the remedy.

An error is terminal (repeating the call cannot help) or transient (it may); only the runner retries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar


class RentalError(Exception):
    """Base of the project's errors; `str()` of one is a single readable line.

    Args:
        message: what happened, naming table, column or key.
        remedy: what the reader can do about it.
        reason: name of the cause, such as `login-refused`; the same words in docs/reference/errors.md.
        table: source or warehouse table the error is about.
        step: step of the pipeline that was running; the runner fills it in.
        run_id: run that failed; the runner fills it in.
    """

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        reason: str = "",
        table: str | None = None,
        step: str | None = None,
        run_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.reason = reason
        self.table = table
        self.step = step
        self.run_id = run_id

    def __str__(self) -> str:
        return re.sub(r"\s*[\r\n]\s*", " ", f"{self.message} Remedy: {self.remedy}")

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows: the line alone, for what lies behind it helps nobody who can act on it."""
        return [f"{type(self).__name__}: {self}"]


class ConfigurationError(RentalError):
    """The configuration, or what it points to, is not usable as it is."""

    exit_code = 2


class ContractError(ConfigurationError):
    """A contract file is wrong, or the source does not fulfil its contract."""


class SourceError(RentalError):
    """The source database answered something the pipeline cannot take."""


class SourceUnavailableError(SourceError):
    """The source database cannot be reached, or the connection was lost."""

    transient = True


class ProofError(RentalError):
    """Rows that the source held did not arrive in the lake; nothing of the run counts."""


class LakeError(RentalError):
    """The lake holds something other than its manifests say."""


class LakeUnavailableError(LakeError):
    """The lake did not answer, or asked to slow down."""

    transient = True


class WarehouseError(RentalError):
    """The warehouse refused a statement."""


class WarehouseUnavailableError(WarehouseError):
    """The warehouse did not answer, asked to slow down, or ended a statement for reasons of its own."""

    transient = True


class QualityError(RentalError):
    """A data-quality bound was broken; what readers see is as the last run left it.

    Args:
        results: the results of all checks, for `ops.check_results`.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        reason: str = "",
        table: str | None = None,
        results: Sequence[object] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, reason=reason, table=table)
        self.results = tuple(results)


class LockHeldError(RentalError):
    """Another run or process holds what this run needs alone."""

    exit_code = 4


class RunInterruptedError(Exception):
    """Ctrl-C or SIGTERM ended a run; `str()` is the line for the reader.

    Args:
        run_id: run to continue, or None where none had begun.
        exit_code: 128 and the number of the signal.
    """

    def __init__(self, run_id: str | None, exit_code: int) -> None:
        continued = f"; continue with `rental run --resume {run_id}`." if run_id else " before a run began."
        super().__init__(f"Interrupted{continued}")
        self.run_id = run_id
        self.exit_code = exit_code


def number_of(number: int, noun: str) -> str:
    """A number with its noun, such as `1 row` or `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

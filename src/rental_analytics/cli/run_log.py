"""The log of a run in JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rental_analytics.cli.errors import ReportedError, exit_code, understood
from rental_analytics.cli.output import interruption
from rental_analytics.errors import RunInterruptedError

if TYPE_CHECKING:
    from rental_analytics.monitoring.json_log import JsonLog


@contextmanager
def logging(wanted: bool) -> Iterator[JsonLog | None]:
    """The log of a run whose user asked for one; it tells an error in place of the line a person would read."""
    if not wanted:
        yield None
        return
    from rental_analytics.contracts.events import Failure
    from rental_analytics.monitoring.json_log import JsonListener, JsonLog

    log = JsonLog(sys.stderr)
    try:
        yield log
    except (Exception, KeyboardInterrupt) as raised:
        error = understood(raised)
        code = exit_code(error)
        interrupted = interruption.signal is not None and not isinstance(error, RunInterruptedError)
        reported = RunInterruptedError(None, code) if interrupted else error
        JsonListener(log).hear(Failure(reported, code, traced="--debug" in sys.argv))
        raise ReportedError(code, reported) from raised

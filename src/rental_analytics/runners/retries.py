"""Tries again what fails with an error that may pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from rental_analytics.contracts.configuration import RetriesSettings
from rental_analytics.contracts.events import Retry
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.interruption import Interruption

START = "start"
"""What comes before the first step."""
LEDGER = "ledger"
"""What is noted of runs and steps."""
Result = TypeVar("Result")


class Retries:
    """Calls what may fail, as often as the settings say.

    Args:
        interruption: tells whether a signal asked the process to end; then nothing is tried again.
    """

    def __init__(self, settings: RetriesSettings, events: EventStream, interruption: Interruption) -> None:
        self._settings = settings
        self._events = events
        self._interruption = interruption

    def of(self, what: str, call: Callable[[], Result]) -> Result:
        """Call until it succeeds, fails for good, or has been tried often enough.

        Args:
            what: a step, `START` or `LEDGER`.
        """
        settings = self._settings
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(settings.attempts),
            wait=wait_random_exponential(settings.first_wait.total_seconds(), settings.longest_wait.total_seconds()),
            before_sleep=lambda state: self._tell(what, state),
            reraise=True,
        )
        return retrying(call)

    def _may_pass(self, error: BaseException) -> bool:
        return isinstance(error, RentalError) and error.transient and not self._interruption.is_behind(error)

    def _tell(self, what: str, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, RentalError)
        self._events.emit(
            Retry(
                what,
                error.message,
                error.reason,
                state.upcoming_sleep,
                state.attempt_number + 1,
                self._settings.attempts,
            )
        )

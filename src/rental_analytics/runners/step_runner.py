"""Does single steps of runs, with retries."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from rental_analytics.contracts.events import Event, StepEnded, WorkBegun
from rental_analytics.contracts.ledger import StepRecord
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.steps import Part, StepName
from rental_analytics.errors import QualityError, RentalError
from rental_analytics.failpoints import reach
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.pipeline import Step
from rental_analytics.runners.retries import LEDGER, Retries
from rental_analytics.steps.base import Parts, StepContext, StepResult


@dataclass(frozen=True)
class StepOutcome:
    """One step that ended."""

    step: StepName
    status: str
    seconds: float
    result: StepResult


class StepRunner:
    """Does single steps of runs; whoever uses it holds the lake's lock.

    Args:
        parts: what the steps use; a step may lack those it does not name.
        interruption: tells whether a signal asked the process to end.
    """

    def __init__(self, parts: Parts, events: EventStream, retries: Retries, interruption: Interruption) -> None:
        self._parts = parts
        self._events = events
        self._retries = retries
        self._interruption = interruption

    def do(self, step: Step, run: RunParameters) -> StepOutcome:
        """Do a step, unless it is committed, and check it either way; each attempt is told.

        Raises:
            RentalError: it failed for good; the error names step and run.
            KeyboardInterrupt: a signal came before it began.
        """
        attempt = self._retries.of(step.name, lambda: self._attempt(step, run))
        record = attempt.record()
        rechecked = record.status == "skipped" and step.work().check is not None
        self._events.emit(StepEnded(record, rechecked))
        reach("step-recorded")
        if remark := step.work().remark if record.status != "skipped" else None:
            context = self._context(run)
            self._retries.of(step.name, lambda: remark(context))
        return StepOutcome(step.name, attempt.status, attempt.seconds, attempt.result)

    def told(self, error: BaseException, run_id: str) -> str:
        """An error as records of a run have it."""
        if self._interruption.is_behind(error):
            return "interrupted"
        return str(error) if isinstance(error, RentalError) else f"{type(error).__name__} in run {run_id}"

    def _context(self, run: RunParameters) -> StepContext:
        return StepContext(run=run, events=self._events, **vars(self._parts))

    def _attempt(self, step: Step, run: RunParameters) -> _Attempt:
        attempt = _Attempt(step, run)
        try:
            with self._events.heard_by(_Watch(self._interruption)):
                self._do(attempt)
        except RentalError as error:
            error.step, error.run_id = step.name, run.run_id
            attempt.status = "failed"
            self._tell_failed(attempt, error)
            raise
        return attempt

    def _do(self, attempt: _Attempt) -> None:
        context, work = self._context(attempt.run), attempt.step.work()
        self._interruption.check()
        self._parts.lock.check()
        if not context.manifests.committed(attempt.run.run_id, attempt.step.name):
            attempt.result, attempt.status = work.run(context), "succeeded"
        if work.check:
            work.check(context)

    def _tell_failed(self, attempt: _Attempt, error: RentalError) -> None:
        run = attempt.run
        account = attempt.step.work().account if isinstance(error, QualityError) else None
        record = attempt.record(self.told(error, run.run_id), stopped=account is not None)
        if account and Part.WAREHOUSE in self._parts.present:
            self._noted(lambda: account(self._parts, run))
        self._events.emit(StepEnded(record))

    def _noted(self, note: Callable[[], None]) -> None:
        """A warehouse that is gone is told, and does not hide why the step failed."""
        try:
            self._retries.of(LEDGER, note)
        except RentalError as problem:
            self._events.note(str(problem), topic=LEDGER)


class _Watch:
    """Raises a signal again, before each piece of work, that libraries swallowed: a step may take hours."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption

    def hear(self, event: Event) -> None:
        if isinstance(event, WorkBegun):
            self._interruption.check()


@dataclass
class _Attempt:
    """An attempt at a step, as far as it has come."""

    step: Step
    run: RunParameters
    status: Literal["succeeded", "skipped", "failed"] = "skipped"
    result: StepResult = field(default_factory=StepResult)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def record(self, error: str | None = None, *, stopped: bool = False) -> StepRecord:
        return StepRecord(
            run_id=self.run.run_id,
            step=self.step.name,
            status=self.status,
            started_at=self.started_at,
            seconds=round(self.seconds, 3),
            **vars(self.result),
            error=error,
            stopped=stopped,
        )

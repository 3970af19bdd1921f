"""Does steps, with retries and a ledger, for whichever runner asks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Literal, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from rental_analytics.contracts.ledger import RunRecord, StepRecord
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.engines.base import Progress
from rental_analytics.errors import QualityError, RentalError
from rental_analytics.failpoints import reach
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.monitoring.ledger import Ledger
from rental_analytics.pipeline import Step
from rental_analytics.steps.base import Part, Parts, Reporter, StepContext, StepResult

START = "start"
LEDGER = "ledger"
RunStatus = Literal["running", "succeeded", "failed"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class StepOutcome:
    """One step that ended well."""

    step: str
    status: str
    seconds: float
    result: StepResult


class StepRunner:
    """Does single steps of runs; whoever uses it holds the lake's lock.

    Args:
        parts: what the steps use; a step may lack those it does not name.
        ledger: where runs and attempts are noted.
        interruption: tells whether a signal asked the process to end.
    """

    def __init__(self, parts: Parts, reporter: Reporter, ledger: Ledger, interruption: Interruption) -> None:
        self._parts = parts
        self._reporter = reporter
        self._ledger = ledger
        self._interruption = interruption

    def retried(self, what: str, call: Callable[[], Result]) -> Result:
        """Call again what fails with an error that may pass, as often as the settings say."""
        settings = self._parts.retries
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(settings.attempts),
            wait=wait_random_exponential(settings.first_wait.total_seconds(), settings.longest_wait.total_seconds()),
            before_sleep=lambda state: self._note_retry(what, state),
            reraise=True,
        )
        return retrying(call)

    def do(self, step: Step, run: RunParameters) -> StepOutcome:
        """Do a step, unless it is committed, and check it either way; each attempt is noted.

        Raises:
            RentalError: it failed for good; the error names step and run.
            KeyboardInterrupt: a signal came before it began.
        """
        attempt = self.retried(step.name, lambda: self._attempt(step, run))
        record = attempt.record()
        self.retried(LEDGER, lambda: self._ledger.note_step(record))
        reach("step-recorded")
        outcome = self._ended(attempt)
        if step.name == "metrics" and outcome.status != "skipped":
            self.retried(step.name, lambda: self._note_as_of(run))
        return outcome

    def note_run(self, run: RunParameters, status: RunStatus, error: BaseException | None = None) -> None:
        """Take note of what became of a run."""
        record = self.retried(LEDGER, lambda: self._run_record(run, status, error))
        self.retried(LEDGER, lambda: self._ledger.note_run(record))

    def _run_record(self, run: RunParameters, status: RunStatus, error: BaseException | None) -> RunRecord:
        metrics, now = self._parts.manifests.metrics(run.run_id), datetime.now(UTC)
        engine = self._engine(run)
        return RunRecord(
            at=now,
            run_id=run.run_id,
            sequence=run.sequence,
            status=status,
            started_at=run.started_at,
            finished_at=None if status == "running" else now,
            as_of=metrics.as_of if metrics else run.as_of,
            engine=engine[0] if engine else None,
            versions=json.dumps({"rental-analytics": version("rental-analytics")} | dict([engine] if engine else [])),
            full_refresh=run.full_refresh,
            backfill_from=run.backfill_from,
            backfill_to=run.backfill_to,
            error=self._told(error, run.run_id) if error else None,
        )

    def is_interrupted(self, error: BaseException) -> bool:
        """Whether a signal is behind an error: DuckDB and others turn an interruption into errors of their own."""
        return isinstance(error, KeyboardInterrupt) or self._interruption.signal is not None

    def _engine(self, run: RunParameters) -> tuple[str, str] | None:
        """Name and version of the engine; a process that has none finds them with what the run extracted."""
        if Part.ENGINE in self._parts.present:
            return self._parts.engine.name, self._parts.engine.version
        manifest = self._parts.manifests.extract(run.run_id)
        name, _, its_version = (manifest.engine if manifest else "").partition(" ")
        return (name, its_version) if name else None

    def _may_pass(self, error: BaseException) -> bool:
        return isinstance(error, RentalError) and error.transient and not self.is_interrupted(error)

    def _note_retry(self, what: str, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, RentalError)
        self._reporter.note(
            f"{what}: {error.message.removesuffix('.')}; again in {state.upcoming_sleep:.1f} s "
            f"(attempt {state.attempt_number + 1} of {self._parts.retries.attempts})"
        )

    def _attempt(self, step: Step, run: RunParameters) -> _Attempt:
        reporter = _WatchfulReporter(self._reporter, self._interruption)
        context = StepContext(run=run, reporter=reporter, **vars(self._parts))
        attempt = _Attempt(step, run)
        try:
            self._interruption.check()
            self._parts.lock.check()
            if not context.manifests.committed(run.run_id, step.name):
                attempt.result, attempt.status = step.run(context), "succeeded"
            if step.check:
                step.check(context)
        except RentalError as error:
            error.step, error.run_id = step.name, run.run_id
            attempt.status = "failed"
            self._note_failed(attempt, error)
            raise
        return attempt

    def _note_failed(self, attempt: _Attempt, error: RentalError) -> None:
        step, run = attempt.step, attempt.run
        account = step.account if isinstance(error, QualityError) else None
        record = attempt.record(self._told(error, run.run_id), stopped=account is not None)
        if account and Part.WAREHOUSE in self._parts.present:
            self._noted(lambda: account(self._parts, run))
        self._noted(lambda: self._ledger.note_step(record))

    def _noted(self, note: Callable[[], None]) -> None:
        """A warehouse or a lake that is gone is told, and does not hide why the step failed."""
        try:
            self.retried(LEDGER, note)
        except RentalError as problem:
            self._reporter.note(f"{LEDGER}: {problem}")

    def _ended(self, attempt: _Attempt) -> StepOutcome:
        step, status, result, seconds = attempt.step, attempt.status, attempt.result, attempt.seconds
        if status == "skipped":
            self._reporter.note(f"{step.name}: done before" + (", checked again" if step.check else ""))
        else:
            self._reporter.note(f"{step.name}: {status}, {result.rows_out:,} rows, {seconds:.1f} s")
        return StepOutcome(step.name, status, seconds, result)

    def _note_as_of(self, run: RunParameters) -> None:
        """Numbers to a day that the data do not reach, or that lies before them, are right but rarely meant."""
        if run.as_of is None:
            return
        sql = (files("rental_analytics.monitoring") / "queries" / "first_booking.sql").read_text(encoding="utf-8")
        first = self._parts.warehouse.ask(sql).column("first_day")[0].as_py()
        newest = self._parts.warehouse.newest_day()
        if first and run.as_of < first:
            self._reporter.note(f"metrics: as_of {run.as_of} is before the first booking, {first}")
        elif newest and run.as_of > newest:
            self._reporter.note(f"metrics: as_of {run.as_of} is after the newest day in the data, {newest}")

    def _told(self, error: BaseException, run_id: str) -> str:
        if self.is_interrupted(error):
            return "interrupted"
        return str(error) if isinstance(error, RentalError) else f"{type(error).__name__} in run {run_id}"


class _WatchfulReporter:
    """Raises a signal again, before each piece of work, that libraries swallowed: a step may take hours."""

    def __init__(self, reporter: Reporter, interruption: Interruption) -> None:
        self._reporter = reporter
        self._interruption = interruption
        self.note = reporter.note

    def task(self, label: str) -> AbstractContextManager[Progress]:
        self._interruption.check()
        return self._reporter.task(label)


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

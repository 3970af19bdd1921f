"""Runs the pipeline's steps in this process, one after the other, and keeps the ledger."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.errors import ConfigurationError, RentalError, RunInterruptedError
from rental_analytics.failpoints import reach
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.steps.base import Parts, Reporter, StepContext, StepResult
from rental_analytics.steps.load import CURATED
from rental_analytics.steps.preparation import prepare, source_identity
from rental_analytics.storage.sweep import sweep

Result = TypeVar("Result")

_START = "start"
_DIED = "The process ended without a word. Remedy: continue the run with --resume, or start a new one."


@dataclass(frozen=True)
class RunOptions:
    """What the caller asks of a run.

    Args:
        steps: names of the steps to do; empty for all.
        full_refresh: read every table whole.
        resume: run to continue.
        as_of: last day the metrics include; None for the newest day seen.
        run_id: name of the new run; None for one made of the time.
        backfill: first and last day to read anew; None to read what changed.
    """

    steps: tuple[str, ...] = ()
    full_refresh: bool = False
    resume: str | None = None
    as_of: date | None = None
    run_id: str | None = None
    backfill: tuple[date, date] | None = None


@dataclass(frozen=True)
class StepOutcome:
    """One step of a finished run."""

    step: str
    status: str
    seconds: float
    result: StepResult


@dataclass(frozen=True)
class RunOutcome:
    """A finished run."""

    run: RunParameters
    seconds: float
    steps: tuple[StepOutcome, ...]


class LocalRunner:
    """Does runs with the parts it is given; they stay the caller's to close.

    Args:
        interruption: tells whether a signal asked the process to end.
    """

    def __init__(self, parts: Parts, reporter: Reporter, interruption: Interruption | None = None) -> None:
        self._parts = parts
        self._reporter = reporter
        self._interruption = interruption or Interruption()

    def run(self, options: RunOptions) -> RunOutcome:
        """Begin or continue a run and do its steps, while no other run of the lake is at work.

        What fails with an error that may pass is tried again, as often as the settings say.

        Raises:
            LockHeldError: another run is at work.
            RentalError: a step failed; the error names step and run, and what was committed stays for `--resume`.
            RunInterruptedError: a signal ended the run; what was committed stays.
        """
        run_id = options.resume or options.run_id or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        try:
            return self._run_locked(options, run_id)
        except BaseException as error:
            if not self._is_interrupted(error):
                raise
            begun = run_id if self._has_begun(run_id) else None
            raise RunInterruptedError(begun, self._interruption.exit_code) from error

    def _is_interrupted(self, error: BaseException) -> bool:
        """DuckDB and others turn an interruption into errors of their own."""
        return isinstance(error, KeyboardInterrupt) or self._interruption.signal is not None

    def _has_begun(self, run_id: str) -> bool:
        try:
            self._parts.manifests.find_run(run_id)
        except RentalError:
            return False
        return True

    def _run_locked(self, options: RunOptions, run_id: str) -> RunOutcome:
        if not options.resume:
            # A source that does not answer leaves no empty lake and warehouse behind.
            self._retried(_START, self._parts.database.server_time)
        self._retried(_START, self._parts.lake.check_writable)
        try:
            self._retried(_START, lambda: self._parts.lock.acquire(run_id))
            reach("lock-taken")
            outcome = self._run_alone(options, run_id)
        finally:
            self._parts.lock.release()
        reach("lock-released")
        return outcome

    def _run_alone(self, options: RunOptions, run_id: str) -> RunOutcome:
        started = time.monotonic()
        self._retried(_START, self._parts.warehouse.open)
        run = self._prepared(options, run_id)
        try:
            # Who holds the lock runs alone: another run cannot be running any more.
            self._parts.warehouse.fail_running(_naive(datetime.now(UTC)), _DIED)
            self._record_run(run, "running")
            reach("run-recorded")
            outcomes = [self._do(step, run) for step in _chosen(options.steps)]
            self._note_as_of(run, outcomes)
            self._record_run(run, "succeeded")
        except BaseException as error:
            self._record_run(run, "failed", error=self._told(error, run.run_id))
            raise
        reach("run-succeeded")
        return RunOutcome(run, time.monotonic() - started, tuple(outcomes))

    def _note_as_of(self, run: RunParameters, outcomes: Sequence[StepOutcome]) -> None:
        """Numbers to a day that the data do not reach, or that lies before them, are right but rarely meant."""
        built = next((outcome for outcome in outcomes if outcome.step == "metrics"), None)
        if run.as_of is None or built is None or built.status == "skipped":
            return
        sql = (files("rental_analytics.monitoring") / "queries" / "first_booking.sql").read_text(encoding="utf-8")
        first = self._parts.warehouse.query(sql).column("first_day")[0].as_py()
        newest = self._parts.warehouse.newest_day()
        if first and run.as_of < first:
            self._reporter.note(f"metrics: as_of {run.as_of} is before the first booking, {first}")
        elif newest and run.as_of > newest:
            self._reporter.note(f"metrics: as_of {run.as_of} is after the newest day in the data, {newest}")

    def _prepared(self, options: RunOptions, run_id: str) -> RunParameters:
        now = datetime.now(UTC)
        # Taken once no other run can read any more: upper bounds follow the history.
        upper_bound = None if options.resume else self._retried(_START, self._parts.database.server_time)

        def begin() -> RunParameters:
            if swept := str(sweep(self._parts.lake, self._parts.manifests, options.resume)):
                self._reporter.note(swept)
            return self._begun(options, run_id, now, upper_bound) if upper_bound else self._resumed(run_id)

        return self._retried(
            _START,
            lambda: prepare(self._parts, begin, full_refresh=options.full_refresh, resume=options.resume),
        )

    def _resumed(self, run_id: str) -> RunParameters:
        manifests = self._parts.manifests
        run = manifests.find_run(run_id)
        extracted = manifests.extract(run_id) is not None
        for later in manifests.history():
            if later.sequence <= run.sequence:
                break
            if manifests.committed(later.run_id, CURATED) or (not extracted and manifests.extract(later.run_id)):
                raise ConfigurationError(
                    f"Run {run.run_id} cannot be continued: run {later.run_id} took over its rows.",
                    remedy="start a new run with `rental run`.",
                )
        return run

    def _begun(self, options: RunOptions, run_id: str, now: datetime, upper_bound: datetime) -> RunParameters:
        return self._parts.manifests.begin_run(
            run_id,
            now,
            upper_bound,
            as_of=options.as_of,
            full_refresh=options.full_refresh,
            backfill_from=options.backfill[0] if options.backfill else None,
            backfill_to=options.backfill[1] if options.backfill else None,
            source=source_identity(self._parts.database),
        )

    def _retried(self, what: str, call: Callable[[], Result]) -> Result:
        settings = self._parts.retries
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(settings.attempts),
            wait=wait_random_exponential(settings.first_wait.total_seconds(), settings.longest_wait.total_seconds()),
            before_sleep=lambda state: self._note_retry(what, state),
            reraise=True,
        )
        return retrying(call)

    def _may_pass(self, error: BaseException) -> bool:
        return isinstance(error, RentalError) and error.transient and not self._is_interrupted(error)

    def _note_retry(self, what: str, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, RentalError)
        self._reporter.note(
            f"{what}: {error.message.removesuffix('.')}; again in {state.upcoming_sleep:.1f} s "
            f"(attempt {state.attempt_number + 1} of {self._parts.retries.attempts})"
        )

    def _do(self, step: Step, run: RunParameters) -> StepOutcome:
        return self._retried(step.name, lambda: self._attempt(step, run))

    def _attempt(self, step: Step, run: RunParameters) -> StepOutcome:
        context = StepContext(run=run, reporter=self._reporter, **vars(self._parts))
        began, started_at = time.monotonic(), datetime.now(UTC)
        result, status = StepResult(), "skipped"
        try:
            self._interruption.check()
            self._parts.lock.check()
            if not context.manifests.committed(run.run_id, step.name):
                result, status = step.run(context), "succeeded"
            if step.check:
                step.check(context)
        except RentalError as error:
            error.step, error.run_id = step.name, run.run_id
            self._record_step(run, step, "failed", started_at, began, result, error=self._told(error, run.run_id))
            raise
        self._record_step(run, step, status, started_at, began, result)
        reach("step-recorded")
        outcome = StepOutcome(step.name, status, time.monotonic() - began, result)
        if status == "skipped":
            self._reporter.note(f"{step.name}: done before" + (", checked again" if step.check else ""))
        else:
            self._reporter.note(f"{step.name}: {status}, {result.rows_out:,} rows, {outcome.seconds:.1f} s")
        return outcome

    def _told(self, error: BaseException, run_id: str) -> str:
        if self._is_interrupted(error):
            return "interrupted"
        return str(error) if isinstance(error, RentalError) else f"{type(error).__name__} in run {run_id}"

    def _record_step(
        self,
        run: RunParameters,
        step: Step,
        status: str,
        started_at: datetime,
        began: float,
        result: StepResult,
        error: str | None = None,
    ) -> None:
        row = {
            "run_id": run.run_id,
            "step": step.name,
            "status": status,
            "attempt": self._parts.warehouse.attempts(run.run_id, step.name) + 1,
            "started_at": _naive(started_at),
            "seconds": round(time.monotonic() - began, 3),
            "rows_in": result.rows_in,
            "rows_out": result.rows_out,
            "bytes": result.bytes,
            "error": error,
        }
        self._parts.warehouse.record({"steps": [row]})

    def _record_run(self, run: RunParameters, status: str, error: str | None = None) -> None:
        manifest = self._parts.manifests.metrics(run.run_id)
        row: Mapping[str, Any] = {
            "run_id": run.run_id,
            "sequence": run.sequence,
            "status": status,
            "started_at": _naive(run.started_at),
            "finished_at": None if status == "running" else _naive(datetime.now(UTC)),
            "as_of": manifest.as_of if manifest else run.as_of,
            "engine": self._parts.engine.name,
            "versions": json.dumps(
                {
                    "rental-analytics": version("rental-analytics"),
                    self._parts.engine.name: self._parts.engine.version,
                }
            ),
            "full_refresh": run.full_refresh,
            "backfill_from": run.backfill_from,
            "backfill_to": run.backfill_to,
            "error": error,
        }
        self._parts.warehouse.record({"runs": [row]}, replacing=["run_id"])


def _chosen(names: Sequence[str]) -> list[Step]:
    return [step for step in STEPS if not names or step.name in names]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)

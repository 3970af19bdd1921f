"""Runs the pipeline's steps in this process, one after the other, and keeps the ledger."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.errors import RentalError, RunInterruptedError
from rental_analytics.failpoints import reach
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.monitoring.json_log import JsonLog, LoggedLedger
from rental_analytics.monitoring.ledger import LakeLedger, Ledger, WarehouseLedger
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.runners.step_runner import START, StepOutcome, StepRunner
from rental_analytics.runners.takeover import take_over
from rental_analytics.steps.base import Parts, Reporter
from rental_analytics.steps.preparation import find_continued, prepare, source_identity
from rental_analytics.storage.sweep import sweep


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
class RunOutcome:
    """A finished run."""

    run: RunParameters
    seconds: float
    steps: tuple[StepOutcome, ...]


class LocalRunner:
    """Does runs with the parts it is given; they stay the caller's to close.

    Args:
        interruption: tells whether a signal asked the process to end.
        log: told of runs and steps too.
    """

    def __init__(
        self, parts: Parts, reporter: Reporter, interruption: Interruption | None = None, log: JsonLog | None = None
    ) -> None:
        self._parts = parts
        self._reporter = reporter
        self._interruption = interruption or Interruption()
        self._log = log
        self._runner = self._noting_in(WarehouseLedger(parts.warehouse))

    def _noting_in(self, ledger: Ledger) -> StepRunner:
        noting = LoggedLedger(ledger, self._log) if self._log else ledger
        return StepRunner(self._parts, self._reporter, noting, self._interruption)

    def run(self, options: RunOptions) -> RunOutcome:
        """Begin or continue a run and do its steps, while no other run of the lake is at work.

        What fails with an error that may pass is tried again, as often as the settings say.

        Raises:
            LockHeldError: another run is at work.
            RentalError: a step failed; the error names step and run, and what was committed stays for `--resume`.
            RunInterruptedError: a signal ended the run; what was committed stays.
        """
        run_id = options.resume or options.run_id or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._tell_place(run_id)
        try:
            return self._run_locked(options, run_id)
        except BaseException as error:
            if not self._runner.is_interrupted(error):
                raise
            begun = run_id if self._has_begun(run_id) else None
            raise RunInterruptedError(begun, self._interruption.exit_code) from error

    def _has_begun(self, run_id: str) -> bool:
        try:
            self._parts.manifests.find_run(run_id)
        except RentalError:
            return False
        return True

    def _run_locked(self, options: RunOptions, run_id: str) -> RunOutcome:
        if not options.resume:
            # A source that does not answer leaves no empty lake and warehouse behind.
            self._runner.retried(START, self._parts.database.server_time)
        self._runner.retried(START, self._parts.lake.check_writable)
        try:
            self._runner.retried(START, lambda: self._parts.lock.acquire(run_id))
            reach("lock-taken")
            outcome = self._run_alone(options, run_id)
        finally:
            self._parts.lock.release()
        reach("lock-released")
        return outcome

    def _run_alone(self, options: RunOptions, run_id: str) -> RunOutcome:
        started = time.monotonic()
        self._runner.retried(START, self._parts.warehouse.open)
        run = self._prepared(options, run_id)
        try:
            self._runner.retried(START, lambda: take_over(self._parts))
            self._runner.note_run(run, "running")
            reach("run-recorded")
            outcomes = [self._do(step, run) for step in _chosen(options.steps)]
            self._tell_place(run_id)
            self._runner.note_run(run, "succeeded")
        except BaseException as error:
            self._note_failure(run, error)
            raise
        reach("run-succeeded")
        return RunOutcome(run, time.monotonic() - started, tuple(outcomes))

    def _note_failure(self, run: RunParameters, error: BaseException) -> None:
        """A warehouse or a lake that is gone must not hide why the run failed."""
        for runner in (self._runner, self._noting_in(LakeLedger(self._parts.lake))):
            with suppress(RentalError):
                runner.note_run(run, "failed", error)
                return

    def _do(self, step: Step, run: RunParameters) -> StepOutcome:
        self._tell_place(run.run_id, step.name)
        return self._runner.do(step, run)

    def _tell_place(self, run_id: str, step: str | None = None) -> None:
        if self._log:
            self._log.at(run_id, step)

    def _prepared(self, options: RunOptions, run_id: str) -> RunParameters:
        now = datetime.now(UTC)
        # Taken once no other run can read any more: upper bounds follow the history.
        upper_bound = None if options.resume else self._runner.retried(START, self._parts.database.server_time)

        def begin() -> RunParameters:
            if swept := str(sweep(self._parts.lake, self._parts.manifests, options.resume)):
                self._reporter.note(swept)
            if upper_bound is None:
                return find_continued(self._parts, run_id)
            return self._begun(options, run_id, now, upper_bound)

        return self._runner.retried(
            START,
            lambda: prepare(self._parts, begin, full_refresh=options.full_refresh, resume=options.resume),
        )

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


def _chosen(names: Sequence[str]) -> list[Step]:
    return [step for step in STEPS if not names or step.name in names]

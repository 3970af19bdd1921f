"""The entry point of the Glue jobs: one step of a run, in a process that reaches only what the step uses."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rental_analytics.aws import is_object_url, read_text_object
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.errors import ConfigurationError, RentalError, RunInterruptedError
from rental_analytics.failpoints import reach
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.monitoring.json_log import JsonLog, JsonReporter, LoggedLedger
from rental_analytics.monitoring.ledger import LakeLedger, Ledger, WarehouseLedger
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.runners.glue_arguments import JobArguments, parse_arguments, usage
from rental_analytics.runners.step_runner import START, StepOutcome, StepRunner
from rental_analytics.runners.takeover import take_over
from rental_analytics.settings import Settings, load_settings, parse_settings
from rental_analytics.steps.base import Part, Parts
from rental_analytics.steps.preparation import (
    adopt,
    check_source,
    find_continued,
    prepare_warehouse,
    source_identity,
)
from rental_analytics.storage.sweep import sweep
from rental_analytics.wiring import assembled


def main(argv: Sequence[str]) -> int:
    """Do a job; what happens is told on standard output, and why it failed on standard error too.

    Args:
        argv: as Glue hands them over, without the name of the script.

    Returns:
        The exit code: 0 fine, 1 the job failed, 2 usage or configuration, 3 data quality stopped the run, 4 another run
        holds the lock, 143 SIGTERM ended it.
    """
    if "--help" in argv:
        sys.stdout.write(usage())
        return 0
    log, interruption = JsonLog(sys.stdout), Interruption()
    with interruption.watching(signal.SIGTERM), interruption.watching(signal.SIGINT):
        try:
            arguments = parse_arguments(argv)
            log = JsonLog(sys.stdout, run_id=arguments.run_id, step=arguments.step)
            _do(arguments, log, interruption)
            code = 0
        except BaseException as error:  # noqa: BLE001 nobody is above to handle it
            code = _told(error, log, interruption)
        interruption.ignore_more()
    return code


def _do(arguments: JobArguments, log: JsonLog, interruption: Interruption) -> None:
    began = time.monotonic()
    log.event("job_started", arguments=arguments.shown())
    settings = _settings(arguments)
    step = next(step for step in STEPS if step.name == arguments.step)
    with assembled(settings, step.uses, log.hide) as parts:
        outcome = GlueJob(parts, step, arguments, log, interruption).run()
    log.event("job_succeeded", status=outcome.status, seconds=round(time.monotonic() - began, 3))


def _settings(arguments: JobArguments) -> Settings:
    if is_object_url(arguments.config):
        text = read_text_object(arguments.config)
        return parse_settings(text, arguments.config, Path.cwd(), arguments.overrides)
    return load_settings(Path(arguments.config), arguments.overrides)


def _told(error: BaseException, log: JsonLog, interruption: Interruption) -> int:
    """Tell an error; the exit code that stands for it."""
    if interruption.signal is not None and not isinstance(error, RunInterruptedError):
        error = RunInterruptedError(None, interruption.exit_code)
    code = error.exit_code if isinstance(error, RentalError | RunInterruptedError) else 1
    log.failure(error, exit_code=code)
    line = str(error)
    if not isinstance(error, RentalError | RunInterruptedError):
        line = f"{' '.join(line.split())} Remedy: see the traceback in the job's log."
    sys.stderr.write(f"{type(error).__name__}: {log.hidden(line)}\n")
    return code


class GlueJob:
    """One step of a run.

    The first step begins the run, the others find it. What is noted of run and step goes to the warehouse once that is
    found to belong to the lake, else to records in the lake, which the next job with the warehouse takes over.
    """

    def __init__(
        self, parts: Parts, step: Step, arguments: JobArguments, log: JsonLog, interruption: Interruption
    ) -> None:
        self._parts = parts
        self._step = step
        self._arguments = arguments
        self._log = log
        self._interruption = interruption
        self._reporter = JsonReporter(log, parts.contracts.table_names)
        self._runner = self._noting_in(LakeLedger(parts.lake))

    def run(self) -> StepOutcome:
        """Do the step, unless it is committed, while no other process works on the lake.

        Raises:
            LockHeldError: another process does.
            RentalError: it failed; the error names step and run.
            RunInterruptedError: a signal ended it.
        """
        run: RunParameters | None = None
        try:
            self._runner.retried(START, lambda: self._parts.lock.acquire(self._arguments.run_id))
            reach("lock-taken")
            run = self._run_parameters()
            return self._run_alone(run)
        except BaseException as error:
            if not self._runner.is_interrupted(error):
                raise
            raise RunInterruptedError(run.run_id if run else None, self._interruption.exit_code) from error
        finally:
            self._parts.lock.release()

    def _run_alone(self, run: RunParameters) -> StepOutcome:
        try:
            if Part.WAREHOUSE in self._parts.present:
                self._runner.retried(START, self._parts.warehouse.open)
                self._runner.retried(START, lambda: self._prepare_warehouse(run))
                self._runner = self._noting_in(WarehouseLedger(self._parts.warehouse))
            self._runner.note_run(run, "running")
            reach("run-recorded")
            outcome = self._runner.do(self._step, run)
            if self._parts.manifests.committed(run.run_id, STEPS[-1].name):
                self._runner.note_run(run, "succeeded")
        except BaseException as error:
            self._note_failure(run, error)
            raise
        return outcome

    def _note_failure(self, run: RunParameters, error: BaseException) -> None:
        """A warehouse or a lake that is gone must not hide why the job failed."""
        for runner in (self._runner, self._noting_in(LakeLedger(self._parts.lake))):
            with suppress(RentalError):
                runner.note_run(run, "failed", error)
                return

    def _run_parameters(self) -> RunParameters:
        """The run, found or begun; a job that is repeated finds the one it began."""
        now, run_id = datetime.now(UTC), self._arguments.run_id
        if self._step is not STEPS[0] or self._runner.retried(START, self._has_begun):
            return self._runner.retried(START, self._found)
        upper_bound = self._runner.retried(START, self._upper_bound)
        days = self._arguments.backfill or (None, None)

        def begun() -> RunParameters:
            check_source(self._parts, None, whole=bool(self._arguments.full_refresh))
            self._sweep()
            return self._parts.manifests.begin_run(
                run_id,
                now,
                upper_bound,
                as_of=self._arguments.as_of,
                full_refresh=bool(self._arguments.full_refresh),
                backfill_from=days[0],
                backfill_to=days[1],
                source=source_identity(self._parts.database),
            )

        return self._runner.retried(START, begun)

    def _has_begun(self) -> bool:
        try:
            self._parts.manifests.find_run(self._arguments.run_id)
        except ConfigurationError:
            return False
        return True

    def _found(self) -> RunParameters:
        run = find_continued(self._parts, self._arguments.run_id)
        self._check_same(run)
        if Part.DATABASE in self._parts.present:
            check_source(self._parts, run, whole=run.full_refresh)
            self._sweep(run.run_id)
        return run

    def _check_same(self, run: RunParameters) -> None:
        """A run keeps the parameters it began with."""
        asked = self._arguments
        backfill = (run.backfill_from, run.backfill_to) if run.backfill_from else None
        differing = [
            name
            for name, wanted, own in (
                ("as_of", asked.as_of, run.as_of),
                ("full_refresh", asked.full_refresh, run.full_refresh),
                ("backfill_from and --backfill_to", asked.backfill, backfill),
            )
            if wanted is not None and wanted != own
        ]
        if differing:
            raise ConfigurationError(
                f"Run {run.run_id} began with another --{differing[0]}.",
                remedy="give its jobs what it began with, or begin another run under another --run_id.",
            )

    def _upper_bound(self) -> datetime:
        """The moment asked for, but not after the database's clock, and not before what was read already."""
        clock, asked = self._parts.database.server_time(), self._arguments.upper_bound
        last = self._parts.manifests.latest_extract()
        return clock if asked is None else min(clock, max(asked, last.upper_bound if last else asked))

    def _sweep(self, continued: str | None = None) -> None:
        if swept := str(sweep(self._parts.lake, self._parts.manifests, continued)):
            self._reporter.note(swept)

    def _prepare_warehouse(self, run: RunParameters) -> None:
        prepare_warehouse(self._parts, whole=run.full_refresh)
        adopt(self._parts, run)
        take_over(self._parts)

    def _noting_in(self, ledger: Ledger) -> StepRunner:
        return StepRunner(self._parts, self._reporter, LoggedLedger(ledger, self._log), self._interruption)

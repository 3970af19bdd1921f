"""Runs the pipeline's steps in this process, one after the other, and keeps the ledger."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.errors import ConfigurationError, RentalError
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.steps.base import Parts, Reporter, StepContext, StepResult
from rental_analytics.steps.load import CURATED, settle


@dataclass(frozen=True)
class RunOptions:
    """What the caller asks of a run.

    Args:
        steps: names of the steps to do; empty for all.
        full_refresh: read every table whole.
        resume: run to continue.
        as_of: last day the metrics include; None for the newest day seen.
        run_id: name of the new run; None for one made of the time.
    """

    steps: tuple[str, ...] = ()
    full_refresh: bool = False
    resume: str | None = None
    as_of: date | None = None
    run_id: str | None = None


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
    """Does runs with the parts it is given; they stay the caller's to close."""

    def __init__(self, parts: Parts, reporter: Reporter) -> None:
        self._parts = parts
        self._reporter = reporter

    def run(self, options: RunOptions) -> RunOutcome:
        """Begin or continue a run and do its steps.

        Raises:
            RentalError: a step failed; the error names step and run, and what was committed stays for `--resume`.
        """
        started = time.monotonic()
        # A source that does not answer leaves no empty lake and warehouse behind.
        upper_bound = None if options.resume else self._parts.database.server_time()
        self._parts.lake.check_writable()
        self._parts.warehouse.open()
        settle(self._parts)
        run = self._begun(options, upper_bound) if upper_bound else self._resumed(options.resume or "")
        self._check_warehouse_follows(run)
        self._record_run(run, "running")
        try:
            outcomes = [self._do(step, run) for step in _chosen(options.steps)]
        except BaseException as error:
            self._record_run(run, "failed", error=_told(error, run.run_id))
            raise
        self._record_run(run, "succeeded")
        return RunOutcome(run, time.monotonic() - started, tuple(outcomes))

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

    def _begun(self, options: RunOptions, upper_bound: datetime) -> RunParameters:
        now = datetime.now(UTC)
        return self._parts.manifests.begin_run(
            options.run_id or f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            now,
            upper_bound,
            as_of=options.as_of,
            full_refresh=options.full_refresh,
        )

    def _check_warehouse_follows(self, run: RunParameters) -> None:
        """An increment on top of a warehouse that lacks the runs before it would give wrong numbers."""
        manifests = self._parts.manifests
        last = manifests.latest(CURATED, before=run.sequence)
        if last is None or run.full_refresh:
            return
        if self._parts.warehouse.last_loaded(CURATED) == manifests.fingerprint(last.run_id, "transform"):
            return
        raise ConfigurationError(
            f"The lake {self._parts.lake.url} has run {last.run_id} as the last one loaded, but the warehouse "
            f"{self._parts.warehouse.display_url} has another one.",
            remedy="point warehouse.url to the warehouse that belongs to this lake, or fill this one with "
            "`rental run --full-refresh`.",
        )

    def _do(self, step: Step, run: RunParameters) -> StepOutcome:
        context = StepContext(run=run, reporter=self._reporter, **vars(self._parts))
        began, started_at = time.monotonic(), datetime.now(UTC)
        result, status = StepResult(), "skipped"
        try:
            if not context.manifests.committed(run.run_id, step.name):
                result, status = step.run(context), "succeeded"
            step.check(context)
        except RentalError as error:
            error.step, error.run_id = step.name, run.run_id
            self._record_step(run, step, "failed", started_at, began, result, error=str(error))
            raise
        self._record_step(run, step, status, started_at, began, result)
        outcome = StepOutcome(step.name, status, time.monotonic() - began, result)
        self._reporter.note(f"{step.name}: {status}, {result.rows_out:,} rows, {outcome.seconds:.1f} s")
        return outcome

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
            "error": error,
        }
        self._parts.warehouse.record({"runs": [row]}, replacing=["run_id"])


def _chosen(names: Sequence[str]) -> list[Step]:
    return [step for step in STEPS if not names or step.name in names]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _told(error: BaseException, run_id: str) -> str:
    return str(error) if isinstance(error, RentalError) else f"{type(error).__name__} in run {run_id}"

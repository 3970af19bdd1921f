"""One life of a run, or of a part of it: from the lock to the record of how it ended, whoever runs it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum, auto
from importlib.metadata import version
from typing import Literal

from rental_analytics.contracts.events import RunChanged, Scope
from rental_analytics.contracts.ledger import RunRecord
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.steps import Part, StepName
from rental_analytics.errors import ConfigurationError, LockHeldError, RentalError, RunInterruptedError
from rental_analytics.failpoints import reach
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.monitoring.ledger import LedgerListener, WarehouseLedger, lake_records
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.runners.retries import LEDGER, START, Retries
from rental_analytics.runners.starts import Start, record_failed_start
from rental_analytics.runners.step_runner import StepOutcome, StepRunner
from rental_analytics.runners.takeover import take_over
from rental_analytics.steps.base import Parts
from rental_analytics.steps.belonging import (
    check_as_of,
    check_continuable,
    check_marketplace,
    check_source,
    check_warehouse,
    source_identity,
)
from rental_analytics.steps.load.step import commit_load
from rental_analytics.storage.sweep import sweep

RunStatus = Literal["running", "succeeded", "failed"]


class Beginning(Enum):
    """Whether a run begins or goes on."""

    NEW = auto()
    CONTINUED = auto()
    EITHER = auto()
    """It begins, unless it has begun."""


@dataclass(frozen=True)
class RunRequest:
    """What is asked of a run.

    Args:
        full_refresh: a new run reads every table whole.
        as_of: last day the numbers of a new run include; None for the newest day seen.
        backfill: first and last day a new run reads anew; None to read what changed.
        upper_bound: moment up to which a new run reads, UTC; never after the database's clock, which stands for None.
        check: sees that a run which goes on is the one that is meant.
        whole: the run is over when the steps that are asked for are done; else with the last step of all.
    """

    run_id: str
    beginning: Beginning = Beginning.NEW
    full_refresh: bool = False
    as_of: date | None = None
    backfill: tuple[date, date] | None = None
    upper_bound: datetime | None = None
    check: Callable[[RunParameters], None] = lambda _: None
    whole: bool = True


@dataclass(frozen=True)
class RunOutcome:
    """What became of a run."""

    run: RunParameters
    seconds: float
    steps: tuple[StepOutcome, ...]


class RunLife:
    """Begins or continues one run and does steps of it, while no other run of the lake is at work.

    What fails with an error that may pass is tried again, as often as the settings say. What is noted of run and steps
    goes to the warehouse once that is found to belong to the lake, else to records in the lake, which the next process
    with the warehouse takes over.

    Args:
        parts: stay the caller's to close; of those a process lacks nothing is asked.
        start: what is noted of a start that fails before the run begins.
        interruption: tells whether a signal asked the process to end.
    """

    def __init__(
        self, parts: Parts, request: RunRequest, start: Start, events: EventStream, interruption: Interruption
    ) -> None:
        self._parts = parts
        self._asked = request
        self._start = start
        self._events = events
        self._interruption = interruption
        self._retries = Retries(parts.settings.retries, events, interruption)
        self._ledger = LedgerListener(parts.lake, events, lambda note: self._retries.of(LEDGER, note))
        self._steps = StepRunner(parts, events, self._retries, interruption)
        self._run: RunParameters | None = None
        self._is_at_work_elsewhere = False
        if Part.DATABASE in parts.present:
            parts.database.note = events.note

    def live(self, steps: Sequence[Step]) -> RunOutcome:
        """Do these steps of the run.

        Raises:
            LockHeldError: another run is at work.
            RentalError: a step failed; the error names step and run, and what was committed stays for `--resume`.
            RunInterruptedError: a signal ended the run; what was committed stays.
        """
        began = time.monotonic()
        with self._events.heard_by(self._ledger):
            try:
                done = self._locked(steps)
            except BaseException as error:
                if not self._interruption.is_behind(error):
                    if self._run is None and not self._is_at_work_elsewhere:
                        self._note_failed_start(error)
                    raise
                begun = self._asked.run_id if self._has_begun() else None
                raise RunInterruptedError(begun, self._interruption.exit_code) from error
        assert self._run is not None
        return RunOutcome(self._run, time.monotonic() - began, done)

    def _has(self, part: Part) -> bool:
        return part in self._parts.present

    def _has_begun(self) -> bool:
        try:
            self._parts.manifests.find_run(self._asked.run_id)
        except RentalError:
            return False
        return True

    def _locked(self, steps: Sequence[Step]) -> tuple[StepOutcome, ...]:
        if self._has(Part.DATABASE):
            if self._asked.beginning is Beginning.NEW:
                # A source that does not answer leaves no empty lake and warehouse behind.
                check_as_of(self._asked.as_of, self._retries.of(START, self._parts.database.server_time))
            self._retries.of(START, self._parts.lake.check_writable)
        try:
            self._acquire()
            done = self._alone(steps)
        finally:
            self._parts.lock.release()
        reach("lock-released")
        return done

    def _acquire(self) -> None:
        try:
            self._retries.of(START, lambda: self._parts.lock.acquire(self._asked.run_id))
        except LockHeldError:
            # No failure to tell of: the run that is at work tells how it ends.
            self._is_at_work_elsewhere = True
            raise
        reach("lock-taken")

    def _alone(self, steps: Sequence[Step]) -> tuple[StepOutcome, ...]:
        run = self._run = self._prepared()
        done: list[StepOutcome] = []
        try:
            if self._has(Part.WAREHOUSE):
                self._ledger.use(WarehouseLedger(self._parts.warehouse, self._parts.lake))
                self._retries.of(START, lambda: take_over(self._parts))
            self._tell(run, "running")
            reach("run-recorded")
            for step in steps:
                self._events.emit(Scope(run.run_id, step.name))
                done.append(self._steps.do(step, run))
            if self._asked.whole:
                self._events.emit(Scope(run.run_id))
            if self._asked.whole or self._parts.manifests.committed(run.run_id, STEPS[-1].name):
                self._tell(run, "succeeded")
        except BaseException as error:
            # What is gone must not hide why the run failed.
            with suppress(RentalError):
                self._tell(run, "failed", error)
            raise
        reach("run-succeeded")
        return tuple(done)

    def _prepared(self) -> RunParameters:
        """The run, begun or found; a run that is refused leaves nothing behind."""
        known = self._retries.of(START, self._found)
        if self._has(Part.WAREHOUSE):
            self._retries.of(START, self._parts.warehouse.open)
        now = datetime.now(UTC)
        # Taken once no other run can read any more: upper bounds follow the history.
        upper_bound = None if known else self._retries.of(START, self._upper_bound)

        def prepared() -> RunParameters:
            self._check(known)
            if self._has(Part.DATABASE) and (swept := str(self._sweep(known))):
                self._events.note(swept)
            run = known or self._begun(now, upper_bound)
            if self._has(Part.WAREHOUSE):
                _adopt(self._parts, run)
            return run

        return self._retries.of(START, prepared)

    def _found(self) -> RunParameters | None:
        """The run where it goes on, or None where it is to begin."""
        match self._asked.beginning:
            case Beginning.NEW:
                return None
            case Beginning.CONTINUED:
                return self._parts.manifests.find_run(self._asked.run_id)
            case Beginning.EITHER:
                with suppress(ConfigurationError):
                    return self._parts.manifests.find_run(self._asked.run_id)
                return None

    def _check(self, known: RunParameters | None) -> None:
        """See that the run may begin, or go on, with these parts; what the last process left open is settled first."""
        whole = known.full_refresh if known else self._asked.full_refresh
        if self._has(Part.WAREHOUSE):
            _settle(self._parts)
            if not whole:
                check_warehouse(self._parts)
        if known:
            check_continuable(self._parts.manifests, known)
            self._asked.check(known)
        check_marketplace(self._parts, known, whole=whole)
        if self._has(Part.DATABASE):
            check_source(self._parts, known, whole=whole)

    def _sweep(self, known: RunParameters | None) -> object:
        return sweep(self._parts.lake, self._parts.manifests, known.run_id if known else None)

    def _upper_bound(self) -> datetime:
        """The moment asked for, but not after the database's clock, and not before what was read already."""
        clock, asked = self._parts.database.server_time(), self._asked.upper_bound
        if asked:
            last = self._parts.manifests.latest_extract()
            clock = min(clock, max(asked, last.upper_bound if last else asked))
        check_as_of(self._asked.as_of, clock)
        return clock

    def _begun(self, now: datetime, upper_bound: datetime | None) -> RunParameters:
        assert upper_bound is not None
        first, last = self._asked.backfill or (None, None)
        return self._parts.manifests.begin_run(
            self._asked.run_id,
            now,
            upper_bound,
            as_of=self._asked.as_of,
            full_refresh=self._asked.full_refresh,
            backfill_from=first,
            backfill_to=last,
            source=source_identity(self._parts.database),
            marketplace=self._parts.settings.marketplace.facts,
        )

    def _tell(self, run: RunParameters, status: RunStatus, error: BaseException | None = None) -> None:
        self._events.emit(RunChanged(self._retries.of(LEDGER, lambda: self._record(run, status, error))))

    def _record(self, run: RunParameters, status: RunStatus, error: BaseException | None) -> RunRecord:
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
            error=self._steps.told(error, run.run_id) if error else None,
            reason=(error.reason or None) if isinstance(error, RentalError) else None,
        )

    def _engine(self, run: RunParameters) -> tuple[str, str] | None:
        """Name and version of the engine; a process that has none finds them with what the run extracted."""
        if self._has(Part.ENGINE):
            return self._parts.engine.name, self._parts.engine.version
        manifest = self._parts.manifests.extract(run.run_id)
        name, _, its_version = (manifest.engine if manifest else "").partition(" ")
        return (name, its_version) if name else None

    def _note_failed_start(self, error: BaseException) -> None:
        """Of a run that had just begun when the error came, or waits for the next process to go on, the run failed."""
        run: RunParameters | None = None
        with suppress(RentalError, OSError):
            run = self._parts.manifests.find_run(self._asked.run_id)
        with suppress(RentalError, OSError):
            if run and (run.started_at >= self._start.began or self._is_waiting(run)):
                self._tell(run, "failed", error)
                return
        record_failed_start(self._parts.lake, self._start, error)

    def _is_waiting(self, run: RunParameters) -> bool:
        """Whether the last process that left a record of the run in the lake left it unfinished."""
        states = [record for record in lake_records(self._parts.lake, run.run_id) if isinstance(record, RunRecord)]
        return bool(states) and states[-1].status == "running"


def _settle(parts: Parts) -> None:
    """Commit loads that the warehouse finished but whose process died before it could say so in the lake.

    Without it the next run would take the same rows for pending, and load events twice.
    """
    for run in parts.manifests.recent():
        manifest = parts.manifests.transform(run.run_id)
        if manifest is None or parts.manifests.committed(run.run_id, StepName.LOAD_CURATED):
            continue
        fingerprint = parts.manifests.fingerprint(run.run_id, StepName.TRANSFORM)
        if parts.warehouse.loaded(StepName.LOAD_CURATED, fingerprint):
            commit_load(parts, run, StepName.LOAD_CURATED, manifest.covers, {})
            return


def _adopt(parts: Parts, run: RunParameters) -> None:
    """Before a run first changes the warehouse: let that remember the lake it is filled from."""
    known, own = parts.warehouse.lake(), parts.manifests.identify()
    if known is None or (known.lake_id, known.url) != (own.id, parts.lake.url):
        row = {
            "lake_id": own.id,
            "url": parts.lake.url,
            "run_id": run.run_id,
            "adopted_at": datetime.now(UTC).replace(tzinfo=None),
            "sequence": known.sequence + 1 if known else 1,
        }
        parts.warehouse.record({"lakes": [row]})

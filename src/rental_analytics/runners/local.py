"""Runs the pipeline's steps in this process, one after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rental_analytics.contracts.events import Event, RunChanged, Scope, StepEnded
from rental_analytics.contracts.ledger import RunRecord, StepRecord
from rental_analytics.contracts.steps import StepName
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.pipeline import STEPS
from rental_analytics.runners.lifecycle import Beginning, RunLife, RunOutcome, RunRequest
from rental_analytics.runners.starts import Start, new_run_id
from rental_analytics.runners.step_runner import StepOutcome
from rental_analytics.steps.base import Parts, StepResult


@dataclass(frozen=True)
class RunOptions:
    """What the caller asks of a run.

    Args:
        steps: names of the steps to do; empty for all.
        full_refresh: read every table whole.
        resume: run to continue.
        as_of: last day the metrics include, one that has begun by the source's clock; None for the newest day seen.
        run_id: name of the new run; None for one made of the time.
        backfill: first and last day to read anew; None to read what changed.
    """

    steps: tuple[str, ...] = ()
    full_refresh: bool = False
    resume: str | None = None
    as_of: date | None = None
    run_id: str | None = None
    backfill: tuple[date, date] | None = None

    def start(self) -> Start:
        """What begins now."""
        return Start(datetime.now(UTC), self.resume or self.run_id, self.full_refresh, self.backfill)

    def request(self) -> RunRequest:
        """The run that is asked for; a new one has a name of its own each time."""
        return RunRequest(
            run_id=self.resume or self.run_id or new_run_id(),
            beginning=Beginning.CONTINUED if self.resume else Beginning.NEW,
            full_refresh=self.full_refresh,
            as_of=self.as_of,
            backfill=self.backfill,
        )


class LocalRunner:
    """Does runs with the parts it is given; they stay the caller's to close.

    Args:
        interruption: tells whether a signal asked the process to end.
    """

    def __init__(self, parts: Parts, events: EventStream, interruption: Interruption | None = None) -> None:
        self._parts = parts
        self._events = events
        self._interruption = interruption or Interruption()

    def run(self, options: RunOptions) -> RunOutcome:
        """Begin or continue a run and do its steps, while no other run of the lake is at work.

        Raises:
            LockHeldError: another run is at work.
            RentalError: a step failed; the error names step and run, and what was committed stays for `--resume`.
            RunInterruptedError: a signal ended the run; what was committed stays.
        """
        request, start = options.request(), options.start()
        self._events.emit(Scope(request.run_id))
        steps = [step for step in STEPS if not options.steps or step.name in options.steps]
        return RunLife(self._parts, request, start, self._events, self._interruption).live(steps)


class RunProgress:
    """A run as far as it has come; listens to what happens in it."""

    def __init__(self) -> None:
        self.run: RunRecord | None = None
        """None until it has begun."""
        self._began = time.monotonic()
        self._doing: StepName | None = None
        self._doing_since = self._began
        self._ended: dict[StepName, StepOutcome] = {}

    def hear(self, event: Event) -> None:
        """Keep up with the run."""
        match event:
            case RunChanged(record):
                self.run = record
            case Scope(step=step):
                self._doing, self._doing_since = step, time.monotonic()
            case StepEnded(record):
                self._ended[record.step] = _outcome(record)

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return time.monotonic() - self._began

    @property
    def steps(self) -> list[StepOutcome]:
        """Steps that ended, that which an error ended included."""
        ended = dict(self._ended)
        if self._doing and self._doing not in ended:
            ended[self._doing] = StepOutcome(self._doing, "failed", time.monotonic() - self._doing_since, StepResult())
        return list(ended.values())


def _outcome(record: StepRecord) -> StepOutcome:
    result = StepResult(record.rows_in, record.rows_out, record.bytes)
    return StepOutcome(record.step, record.status, record.seconds, result)

"""What the pipeline notes of its runs, their steps, and starts that failed: rows of `ops.runs` and `ops.steps`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rental_analytics.contracts.base import Contract, Count, Day, Instant, RunId
from rental_analytics.contracts.steps import StepName


class RunRecord(Contract):
    """What became of a run.

    Args:
        at: when this was noted; a later record of the run stands for it.
        finished_at: None while the run goes on.
        engine: engine that extracted and transformed; None where nobody knows it yet.
        versions: versions of the parts as JSON.
        reason: name of the cause of a failure, as docs/reference/errors.md has it.
    """

    kind: Literal["run"] = "run"
    at: Instant
    run_id: RunId
    sequence: Annotated[Count, Field(ge=1)]
    status: Literal["running", "succeeded", "failed"]
    started_at: Instant
    finished_at: Instant | None = None
    as_of: Day | None = None
    engine: str | None = None
    versions: str
    full_refresh: bool = False
    backfill_from: Day | None = None
    backfill_to: Day | None = None
    error: str | None = None
    reason: str | None = None


class StartRecord(Contract):
    """A start that failed before a run began, such as one with a wrong password.

    Args:
        start_id: identifies it; no run has a name like it.
        follows: place in the history of the last run that began before it; 0 where none did.
        asked: the run that was to begin or to be continued, where it was named.
        exit_code: that of the process.
    """

    kind: Literal["start"] = "start"
    start_id: str = Field(pattern=r"^[0-9TZ]{16}-[0-9a-f]{6}$")
    follows: Count
    started_at: Instant
    finished_at: Instant
    asked: str | None = None
    full_refresh: bool = False
    backfill_from: Day | None = None
    backfill_to: Day | None = None
    versions: str
    error: str
    reason: str | None = None
    exit_code: int


class StepRecord(Contract):
    """One attempt at a step.

    Args:
        seconds: how long it took.
        bytes: bytes it wrote to the lake.
        stopped: a check stopped the run, and the warehouse is to tell of what it found.
    """

    kind: Literal["step"] = "step"
    run_id: RunId
    step: StepName
    status: Literal["succeeded", "skipped", "failed"]
    started_at: Instant
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    rows_in: Count = 0
    rows_out: Count = 0
    bytes: Count = 0
    error: str | None = None
    stopped: bool = False


LedgerRecord = Annotated[RunRecord | StartRecord | StepRecord, Field(discriminator="kind")]

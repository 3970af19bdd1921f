"""What the pipeline notes of its runs and their steps: rows of `ops.runs` and `ops.steps`, wherever they are kept."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from rental_analytics.contracts.base import Contract


class RunRecord(Contract):
    """What became of a run.

    Args:
        at: when this was noted; a later record of the run stands for it.
        finished_at: None while the run goes on.
        engine: engine that extracted and transformed; None where nobody knows it yet.
        versions: versions of the parts as JSON.
    """

    kind: Literal["run"] = "run"
    at: AwareDatetime
    run_id: str
    sequence: int
    status: Literal["running", "succeeded", "failed"]
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    as_of: date | None = None
    engine: str | None = None
    versions: str
    full_refresh: bool = False
    backfill_from: date | None = None
    backfill_to: date | None = None
    error: str | None = None


class StepRecord(Contract):
    """One attempt at a step.

    Args:
        seconds: how long it took.
        bytes: bytes it wrote to the lake.
        stopped: a check stopped the run, and the warehouse is to tell of what it found.
    """

    kind: Literal["step"] = "step"
    run_id: str
    step: str
    status: Literal["succeeded", "skipped", "failed"]
    started_at: AwareDatetime
    seconds: float
    rows_in: int = 0
    rows_out: int = 0
    bytes: int = 0
    error: str | None = None
    stopped: bool = False


LedgerRecord = Annotated[RunRecord | StepRecord, Field(discriminator="kind")]

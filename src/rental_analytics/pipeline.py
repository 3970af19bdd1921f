"""The list of steps and their order: written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rental_analytics.steps import extract, load, metrics, transform
from rental_analytics.steps.base import StepContext, StepResult


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Args:
        name: on the command line and in the lake.
        title: in the state machine.
        run: does it.
        check: made after it, and again when a run is resumed behind it; raises to stop the run.
    """

    name: str
    title: str
    run: Callable[[StepContext], StepResult]
    check: Callable[[StepContext], None] | None = None


STEPS = (
    Step("extract", "Extract MySQL to S3", extract.run),
    Step("transform", "Transform Data", transform.run, check=transform.check_quality),
    Step(load.RAW, "Load Raw Data to Redshift", load.run_raw),
    Step(load.CURATED, "Load Processed Data to Redshift", load.run_curated),
    Step("metrics", "Generate Metrics", metrics.run),
)
STEP_NAMES = tuple(step.name for step in STEPS)

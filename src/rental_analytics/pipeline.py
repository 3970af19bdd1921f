"""The list of steps and their order: written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.steps import extract, load, metrics, transform
from rental_analytics.steps.base import Part, Parts, StepContext, StepResult


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Args:
        name: on the command line and in the lake.
        title: in the state machine.
        run: does it.
        uses: the parts that it, and its check, use besides the lake.
        check: made after it, and again when a run is resumed behind it; raises to stop the run.
        account: lets the warehouse tell of a run that the check stopped; done by whoever has the warehouse.
    """

    name: str
    title: str
    run: Callable[[StepContext], StepResult]
    uses: frozenset[Part]
    check: Callable[[StepContext], None] | None = None
    account: Callable[[Parts, RunParameters], None] | None = None


_READS = frozenset({Part.DATABASE, Part.ENGINE})
_COMPUTES = frozenset({Part.ENGINE})
_FILLS = frozenset({Part.WAREHOUSE})

STEPS = (
    Step("extract", "Extract MySQL to S3", extract.run, _READS),
    Step(
        "transform",
        "Transform Data",
        transform.run,
        _COMPUTES,
        check=transform.check_quality,
        account=load.account_stopped,
    ),
    Step(load.RAW, "Load Raw Data to Redshift", load.run_raw, _FILLS),
    Step(load.CURATED, "Load Processed Data to Redshift", load.run_curated, _FILLS),
    Step("metrics", "Generate Metrics", metrics.run, _FILLS),
)
STEP_NAMES = tuple(step.name for step in STEPS)

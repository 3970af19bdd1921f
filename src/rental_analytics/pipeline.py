"""The list of steps, their order and what is known of each before it runs: written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rental_analytics.contracts.steps import Part, StepName

if TYPE_CHECKING:
    from rental_analytics.steps.base import StepWork


@dataclass(frozen=True)
class Step:
    """A step of the pipeline, as runners and deployments need it; what does it is imported only when it is asked for.

    Args:
        name: on the command line and in the lake.
        title: in the state machine.
        uses: the parts that it, and its check, use besides the lake.
        timeout: how long a job may take before it is stopped.
        attempts: jobs in all where the last one failed with an error that may pass.
        workers: the most workers a job may have, G.1X of Glue; two is the least there can be.
        work: what does it.
        makes_numbers: at its end the numbers that a run shows are new.
    """

    name: StepName
    title: str
    uses: frozenset[Part]
    timeout: timedelta
    attempts: int
    workers: int
    work: Callable[[], StepWork]
    makes_numbers: bool = False


def _extract() -> StepWork:
    from rental_analytics.steps.extract.step import WORK

    return WORK


def _transform() -> StepWork:
    from rental_analytics.steps.transform.step import WORK

    return WORK


def _load_raw() -> StepWork:
    from rental_analytics.steps.load.step import RAW_WORK

    return RAW_WORK


def _load_curated() -> StepWork:
    from rental_analytics.steps.load.step import CURATED_WORK

    return CURATED_WORK


def _metrics() -> StepWork:
    from rental_analytics.steps.metrics import WORK

    return WORK


_READS = frozenset({Part.DATABASE, Part.ENGINE})
_COMPUTES = frozenset({Part.ENGINE})
_FILLS = frozenset({Part.WAREHOUSE})
_HOURS = timedelta(hours=1)

STEPS = (
    Step(StepName.EXTRACT, "Extract MySQL to S3", _READS, 4 * _HOURS, attempts=3, workers=5, work=_extract),
    Step(StepName.TRANSFORM, "Transform Data", _COMPUTES, 4 * _HOURS, attempts=3, workers=10, work=_transform),
    Step(StepName.LOAD_RAW, "Load Raw Data to Redshift", _FILLS, 2 * _HOURS, attempts=3, workers=2, work=_load_raw),
    Step(
        StepName.LOAD_CURATED,
        "Load Processed Data to Redshift",
        _FILLS,
        2 * _HOURS,
        attempts=3,
        workers=2,
        work=_load_curated,
    ),
    Step(
        StepName.METRICS,
        "Generate Metrics",
        _FILLS,
        2 * _HOURS,
        attempts=3,
        workers=2,
        work=_metrics,
        makes_numbers=True,
    ),
)
STEP_NAMES = tuple(step.name for step in STEPS)

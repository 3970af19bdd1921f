"""How many rows the last runs had of each table, as their manifests say.

Manifests, and not `ops`: what reads and transforms has no warehouse. They are in the order of the runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.steps import StepName
from rental_analytics.quality.usual import LAST_RUNS, Counts
from rental_analytics.steps.base import StepContext

PartCounts = Mapping[tuple[str, bool], Counts]
"""Counts by table, and by whether it was read whole: what changed is not compared with all there is."""


def read_counts(context: StepContext) -> PartCounts:
    """Rows that the last runs which were loaded read of each source table."""
    counts: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for run in _last_runs(context, StepName.LOAD_CURATED):
        manifest = context.manifests.extract(run.run_id)
        for name, table in manifest.tables.items() if manifest else ():
            counts[name, table.complete].append(table.rows)
    return counts


def kept_counts(context: StepContext) -> PartCounts:
    """Rows that the last runs which were loaded kept of each curated table."""
    counts: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for run in _last_runs(context, StepName.LOAD_CURATED):
        manifest = context.manifests.transform(run.run_id)
        for name, table in manifest.tables.items() if manifest else ():
            counts[name, table.complete].append(table.curated)
    return counts


def built_counts(context: StepContext) -> Mapping[str, Counts]:
    """Rows of each rebuilt table after the last runs that rebuilt them.

    A run with a last day of its own is compared with such runs alone.
    """
    counts: dict[str, list[int]] = defaultdict(list)
    has_last_day = context.run.as_of is not None
    for run in _last_runs(context, StepName.METRICS):
        manifest = context.manifests.metrics(run.run_id) if (run.as_of is not None) == has_last_day else None
        for name, table in manifest.tables.items() if manifest else ():
            counts[name].append(table.inserted)
    return counts


def _last_runs(context: StepContext, step: StepName) -> Iterator[RunParameters]:
    """The last runs before this one in which a step committed, without those of a range of days."""
    earlier = (run for run in context.manifests.history() if run.sequence < context.run.sequence)
    read = (run for run in earlier if run.backfill_from is None)
    return islice((run for run in read if context.manifests.committed(run.run_id, step)), LAST_RUNS)

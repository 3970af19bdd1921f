"""Where a run begins to read: behind what is loaded or waits to be, and before what could not be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rental_analytics.contracts.manifest import ExtractManifest
from rental_analytics.contracts.steps import StepName
from rental_analytics.steps.base import StepContext
from rental_analytics.storage.manifests import ManifestStore

LAST_PLACE = 2**62
"""A place in the history that no run has come to."""


@dataclass(frozen=True)
class ReadStart:
    """What a read goes on from.

    Args:
        previous: the extract whose state it compares with; None where there is none.
        pending: extracts that the run takes in besides its own, oldest first.
        replaced: runs whose extracts count no more, since what they read is read again.
        complete: tables are read whole: some of what is read again may have been loaded into `raw_data`, and nothing
            else would tell which.
    """

    previous: ExtractManifest | None
    pending: tuple[ExtractManifest, ...] = ()
    replaced: tuple[str, ...] = ()
    complete: bool = False

    def waiting(self, context: StepContext) -> list[ExtractManifest]:
        """Extracts that are still to be loaded into `raw_data`."""
        raw = context.manifests.pending_extracts(StepName.LOAD_RAW, through=context.run.sequence)
        return [manifest for manifest in raw if manifest.run_id not in self.replaced]


def read_start(context: StepContext) -> ReadStart:
    """Find where the run's read goes on."""
    return start_behind(context.manifests, context.run.sequence)


def start_behind(manifests: ManifestStore, sequence: int = LAST_PLACE) -> ReadStart:
    """Find where a run at this place in the history goes on.

    What a transform could not take, or what a check stopped, may have been corrected in the source without a trace that
    a window would find: so the read goes on from the extract before it, as if it had never been read.
    """
    stopped, loading = set[str](), set[str]()
    recent: list[str] = []
    for run in manifests.history():
        if run.sequence >= sequence:
            continue
        if manifests.committed(run.run_id, StepName.LOAD_CURATED):
            break
        recent.append(run.run_id)
        if found := manifests.stopped(run.run_id):
            stopped.update(found.covers)
        transform = manifests.transform(run.run_id) if manifests.may_load(run.run_id) else None
        raw = manifests.load(run.run_id, StepName.LOAD_RAW)
        loading.update((*(transform.covers if transform else ()), *(raw.covers if raw else ())))
    pending = manifests.pending_extracts(StepName.LOAD_CURATED, through=sequence)
    place = next((place for place, manifest in enumerate(pending) if manifest.run_id in stopped), len(pending))
    replaced = tuple(manifest.run_id for manifest in pending[place:])
    return ReadStart(
        previous=manifests.latest_extract(before=sequence, without=replaced),
        pending=tuple(pending[:place]),
        replaced=replaced,
        complete=not loading.isdisjoint(_replaced_ever(manifests, recent, replaced)),
    )


def _replaced_ever(manifests: ManifestStore, recent: Sequence[str], replaced: Sequence[str]) -> set[str]:
    """Runs that are replaced now, and those that they have replaced before; `recent` has the newest first."""
    gone = set(replaced)
    for run_id in recent:
        extract = manifests.extract(run_id) if run_id in gone else None
        gone.update(extract.replaces if extract else ())
    return gone

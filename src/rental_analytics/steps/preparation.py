"""What comes before the first step of a run, whichever runner does it."""

from __future__ import annotations

from collections.abc import Callable

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.errors import ConfigurationError
from rental_analytics.steps.base import Parts
from rental_analytics.steps.load import CURATED, commit_load


def prepare(parts: Parts, begin: Callable[[], RunParameters]) -> RunParameters:
    """Settle what the last process left open, begin or find a run, and make sure that the warehouse follows the lake.

    The lock is held and the warehouse open. The call may be repeated where `begin` may.

    Raises:
        ConfigurationError: the warehouse is not the one that belongs to the lake.
    """
    settle(parts)
    run = begin()
    check_warehouse_follows(parts, run)
    return run


def settle(parts: Parts) -> None:
    """Commit loads that the warehouse finished but whose process died before it could say so in the lake.

    Without it the next run would take the same rows for pending, and load events twice.
    """
    for run in parts.manifests.history():
        if parts.manifests.committed(run.run_id, CURATED):
            return
        manifest = parts.manifests.transform(run.run_id)
        if manifest and parts.warehouse.loaded(CURATED, parts.manifests.fingerprint(run.run_id, "transform")):
            commit_load(parts, run, CURATED, manifest.covers, {})
            return


def check_warehouse_follows(parts: Parts, run: RunParameters) -> None:
    """An increment on top of a warehouse that lacks the runs before it would give wrong numbers."""
    manifests = parts.manifests
    # A run that is continued may have loaded itself before it stopped.
    last = manifests.latest(CURATED, before=run.sequence + 1)
    if last is None or run.full_refresh:
        return
    if parts.warehouse.last_loaded(CURATED) == manifests.fingerprint(last.run_id, "transform"):
        return
    raise ConfigurationError(
        f"The lake {parts.lake.url} has run {last.run_id} as the last one loaded, but the warehouse "
        f"{parts.warehouse.display_url} has another one.",
        remedy="point warehouse.url to the warehouse that belongs to this lake, or fill this one with "
        "`rental run --full-refresh`.",
    )

"""Removal of what killed runs left in the lake, and of state that no run will read any more."""

from __future__ import annotations

from dataclasses import dataclass

from rental_analytics.contracts.manifest import ExtractManifest, LakeFile, RunParameters, TransformManifest
from rental_analytics.contracts.steps import StepName
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import Lake
from rental_analytics.storage.manifests import ManifestStore

_OUTPUT = ("raw/", "curated/", "rejected/")
_LOADED = ("raw/", "curated/")
_STATE = "state/"


@dataclass(frozen=True)
class Swept:
    """Files removed: those no committed manifest named, state that a later extract replaced, drafts of objects."""

    unfinished: int
    outdated: int
    drafts: int

    def __str__(self) -> str:
        """What a reader wants to know, or nothing: state goes out of date in every run."""
        found = self.unfinished + self.drafts
        return f"swept {found:,} file{'' if found == 1 else 's'} of a run that did not finish" if found else ""


def sweep(lake: Lake, manifests: ManifestStore, continued: str | None = None) -> Swept:
    """Remove what no run will read; the caller holds the lake's run lock.

    A file that a committed manifest names stays, except the state of extracts before the last one that was loaded, and
    what an extract that counts no more left in `raw/` and `curated/`. A process that is
    suspended here and wakes up without the lock removes nothing of its successor: the lock is looked at once all that
    goes is known, and what comes later has other names. Runs are looked at
    from the newest back to the first one whose curated load committed: those before it can no longer be continued, and
    were swept when they could. So the cost does not grow with the number of runs.

    Args:
        continued: run about to be continued; files of its steps that did not commit stay. Who wrote them may just be
            committing them, and they are in nobody's way; the next run removes them.
    """
    manifests.check_lock()
    drafts = lake.remove_drafts()
    runs = list(manifests.recent())
    if not runs:
        return Swept(0, 0, drafts)
    orphans = _output_orphans(lake, manifests, runs, continued)
    outdated = list[str]()
    kept = _readable_state(manifests, runs)
    for path in lake.paths(_STATE):
        owner = path.split("/")[2].removeprefix("run_id=") if path.count("/") > 2 else ""
        committed = manifests.committed(owner, StepName.EXTRACT)
        if path not in kept and (committed or owner != continued):
            (outdated if committed else orphans).append(path)
    manifests.check_lock()
    _remove(lake, orphans + outdated)
    return Swept(len(orphans), len(outdated), drafts)


def _readable_state(manifests: ManifestStore, runs: list[RunParameters]) -> set[str]:
    """State that a run may go on from: of the last extract that was loaded, and of those that came after it."""
    extracts = [manifests.extract(run.run_id) for run in runs]
    loaded = manifests.latest_extract(before=runs[-1].sequence + 1)
    return set[str]().union(*(_named(extract) for extract in (*extracts, loaded)))


def _output_orphans(
    lake: Lake, manifests: ManifestStore, runs: list[RunParameters], continued: str | None
) -> list[str]:
    tables = {kind: lake.folders(kind) for kind in _OUTPUT}
    named, found = set[str](), list[str]()
    extracts = {run.run_id: manifests.extract(run.run_id) for run in runs}
    replaced = {run_id for extract in extracts.values() if extract for run_id in extract.replaces}
    for run_id in replaced:
        found += [path for kind in _LOADED for table in tables[kind] for path in lake.paths(f"{table}run_id={run_id}/")]
    for run in runs:
        extract, transform = extracts[run.run_id], manifests.transform(run.run_id)
        # What was read again is not loaded any more; its rejected rows may still have to be told.
        unread = _LOADED if run.run_id in replaced else ()
        named |= {path for path in _named(extract) | _named(transform) if not path.startswith(unread)}
        for kind, committed in zip(_OUTPUT, (extract, transform, transform), strict=True):
            if committed or run.run_id != continued:
                found += [path for table in tables[kind] for path in lake.paths(f"{table}run_id={run.run_id}/")]
    return sorted(set(found) - named)


def _named(manifest: ExtractManifest | TransformManifest | None) -> set[str]:
    """Paths of all files a manifest names, whatever they hold."""
    tables = manifest.tables.values() if manifest else ()
    values = (value for table in tables for value in vars(table).values() if isinstance(value, tuple))
    return {item.path for value in values for item in value if isinstance(item, LakeFile)}


def _remove(lake: Lake, paths: list[str]) -> None:
    if paths:
        lake.delete(paths[:1])
        reach("file-swept")
        lake.delete(paths[1:])

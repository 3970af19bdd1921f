"""What comes before the first step of a run, whichever runner does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePath

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.databases.base import Database
from rental_analytics.errors import ConfigurationError
from rental_analytics.steps.base import Parts
from rental_analytics.steps.load import CURATED, commit_load


def prepare(
    parts: Parts, begin: Callable[[], RunParameters], *, full_refresh: bool = False, resume: str | None = None
) -> RunParameters:
    """Settle what the last process left open, see that source, lake and warehouse belong together, begin or find a run.

    The lock is held and the warehouse open. The call may be repeated where `begin` may. A run that is refused leaves
    nothing behind.

    Args:
        full_refresh: the new run reads every table whole, so it may begin on parts that are new to one another.
        resume: run to continue, for which its own `full_refresh` counts.

    Raises:
        ConfigurationError: the parts do not belong together.
    """
    continued = parts.manifests.find_run(resume) if resume else None
    whole = continued.full_refresh if continued else full_refresh
    prepare_warehouse(parts, whole=whole)
    check_source(parts, continued, whole=whole)
    run = begin()
    adopt(parts, run)
    return run


def prepare_warehouse(parts: Parts, *, whole: bool) -> None:
    """What comes before a run first uses the warehouse: settle what is open there, see that it belongs to the lake.

    Args:
        whole: the run reads every table whole, so the warehouse may be new to the lake.

    Raises:
        ConfigurationError: it belongs to another lake.
    """
    settle(parts)
    if not whole:
        _check_warehouse_belongs_to_lake(parts)


def find_continued(parts: Parts, run_id: str) -> RunParameters:
    """Parameters of a run that goes on.

    Raises:
        ConfigurationError: there is no such run, or a later one took over its rows.
    """
    manifests = parts.manifests
    run = manifests.find_run(run_id)
    extracted = manifests.extract(run_id) is not None
    for later in manifests.history():
        if later.sequence <= run.sequence:
            break
        if manifests.committed(later.run_id, CURATED) or (not extracted and manifests.extract(later.run_id)):
            raise ConfigurationError(
                f"Run {run.run_id} cannot be continued: run {later.run_id} took over its rows.",
                remedy="start a new run with `rental run`.",
            )
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


def source_identity(database: Database) -> str:
    """What tells a source from others: host, port and database, or the name of a file; a file may be moved."""
    kind, _, place = database.display_url.partition("://")
    return f"{kind}:{PurePath(place).name}" if kind == "sqlite" else f"{kind}://{place.rpartition('@')[2]}"


def _check_warehouse_belongs_to_lake(parts: Parts) -> None:
    """An increment on top of a warehouse that has other runs than those before it would give wrong numbers.

    The lake the warehouse was filled from is known by its identity, since warehouses remember it; in any of them the
    last load has to be that of the lake.
    """
    known, own = parts.warehouse.lake(), parts.manifests.identity()
    if known and known.lake_id != (own.id if own else None):
        made = f"made {own.created_at:%Y-%m-%d %H:%M:%S} UTC" if own else "in which no run has begun"
        raise ConfigurationError(
            f"The warehouse {parts.warehouse.display_url} was filled from the lake {known.url} (id {known.lake_id}), "
            f"and lake.url names another one, {parts.lake.url}, {made}.",
            remedy=f"point lake.url to the lake that was at {known.url}, or, if that is lost or given up, fill the "
            "warehouse from the new one with `rental run --full-refresh`.",
        )
    last = parts.manifests.latest(CURATED)
    expected = parts.manifests.fingerprint(last.run_id, "transform") if last else None
    if parts.warehouse.last_loaded(CURATED) == expected:
        return
    told = f"run {last.run_id} as the last one loaded" if last else "no run that was loaded"
    raise ConfigurationError(
        f"The lake {parts.lake.url} has {told}, but the warehouse {parts.warehouse.display_url} has another one.",
        remedy="point lake.url and warehouse.url to a lake and a warehouse that belong together, or fill this one with "
        "`rental run --full-refresh`.",
    )


def check_source(parts: Parts, continued: RunParameters | None, *, whole: bool) -> None:
    """What comes before a run first reads the source: see that it is the one the lake holds rows of.

    Another database with the same keys would replace the rows of the first, and nothing would look wrong.

    Raises:
        ConfigurationError: it is another one.
    """
    manifests, own = parts.manifests, source_identity(parts.database)
    if continued:
        if manifests.extract(continued.run_id):
            return
        if continued.source not in {"", own}:
            raise ConfigurationError(
                f"Run {continued.run_id} began on the source {continued.source}, and source.url names {own}.",
                remedy="correct source.url, or start a new run.",
            )
    last = None if whole else manifests.latest_extract()
    known = manifests.find_run(last.run_id).source if last else ""
    if last and known not in {"", own}:
        raise ConfigurationError(
            f"Run {last.run_id}, the last one that read the source, read {known}, and source.url names {own}.",
            remedy="correct source.url; if that is where the source is now, take it over once with "
            "`rental run --full-refresh`.",
        )


def adopt(parts: Parts, run: RunParameters) -> None:
    """What comes before a run first changes the warehouse: let it remember the lake that it is filled from."""
    known, own = parts.warehouse.lake(), parts.manifests.identify()
    if known is None or (known.lake_id, known.url) != (own.id, parts.lake.url):
        row = {
            "lake_id": own.id,
            "url": parts.lake.url,
            "run_id": run.run_id,
            "adopted_at": datetime.now(UTC).replace(tzinfo=None),
        }
        parts.warehouse.record({"lakes": [row]})

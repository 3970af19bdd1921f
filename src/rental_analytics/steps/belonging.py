"""Checks before a run's first step: source, lake and warehouse belong together. None of them changes anything."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePath

from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.steps import StepName
from rental_analytics.databases.base import Database
from rental_analytics.errors import ConfigurationError
from rental_analytics.reference.data import CALENDAR_END
from rental_analytics.steps.base import Parts
from rental_analytics.steps.read_start import LAST_PLACE, start_behind
from rental_analytics.storage.manifests import ManifestStore


def check_continuable(manifests: ManifestStore, run: RunParameters) -> None:
    """See that a run can go on.

    Raises:
        ConfigurationError: a later one includes its rows.
    """
    extracted = manifests.extract(run.run_id) is not None
    for later in manifests.history():
        if later.sequence <= run.sequence:
            break
        newer = manifests.extract(later.run_id)
        is_replaced = newer is not None and run.run_id in newer.replaces
        if manifests.committed(later.run_id, StepName.LOAD_CURATED) or is_replaced or (newer and not extracted):
            raise ConfigurationError(
                f"Run {run.run_id} cannot be resumed: run {later.run_id} includes its rows.",
                remedy="start a new run with `rental run`.",
                reason="run-taken-over",
            )


def source_identity(database: Database) -> str:
    """What tells a source from others: host, port and database, or the name of a file; a file may be moved."""
    kind, _, place = database.display_url.partition("://")
    return f"{kind}:{PurePath(place).name}" if kind == "sqlite" else f"{kind}://{place.rpartition('@')[2]}"


def check_warehouse(parts: Parts) -> None:
    """See that the warehouse belongs to the lake.

    An increment on top of a warehouse that has other runs than those before it would give wrong numbers.

    The lake the warehouse was filled from is known by its identity, since warehouses remember it; in any of them the
    last load has to be that of the lake.

    Raises:
        ConfigurationError: it belongs to another one.
    """
    known, own = parts.warehouse.lake(), parts.manifests.identity()
    if known and known.lake_id != (own.id if own else None):
        made = f"made {own.created_at:%Y-%m-%d %H:%M:%S} UTC" if own else "in which no run has begun"
        raise ConfigurationError(
            f"The warehouse {parts.warehouse.display_url} was filled from the lake {known.url} (id {known.lake_id}), "
            f"and lake.url names another one, {parts.lake.url}, {made}.",
            remedy=f"point lake.url to the lake that was at {known.url}, or, if that is lost or no longer used, fill "
            "the warehouse from the new one with `rental run --full-refresh`.",
            reason="warehouse-of-another-lake",
        )
    last = parts.manifests.latest(StepName.LOAD_CURATED)
    expected = parts.manifests.fingerprint(last.run_id, StepName.TRANSFORM) if last else None
    if parts.warehouse.last_loaded(StepName.LOAD_CURATED) == expected:
        return
    told = f"run {last.run_id}" if last else "missing"
    raise ConfigurationError(
        f"The last load of the lake {parts.lake.url} is {told}, but that of the warehouse "
        f"{parts.warehouse.display_url} is another one.",
        remedy="point lake.url and warehouse.url to a lake and a warehouse that belong together, or fill this one with "
        "`rental run --full-refresh`.",
        reason="lake-and-warehouse-apart",
    )


def check_marketplace(parts: Parts, continued: RunParameters | None, *, whole: bool) -> None:
    """See that the settings of `[marketplace]` are those that the run, or the rows that are loaded, were made with.

    Rows that do not change are not converted again, so a run with others would add numbers that mean something else.

    Raises:
        ConfigurationError: they are others.
    """
    own = parts.settings.marketplace.facts
    if continued and (differing := own.differences(continued.marketplace)):
        key, now, before = differing[0]
        raise ConfigurationError(
            f"Run {continued.run_id} began with {key} = {before}, and it is {now} now.",
            remedy=f"set {key} as it was, or start a new run.",
            reason="run-of-other-settings",
        )
    last = None if whole else parts.manifests.latest(StepName.LOAD_CURATED)
    if last and (differing := own.differences(parts.manifests.find_run(last.run_id).marketplace)):
        told = [f"{key} is {now}, and was {before}" for key, now, before in differing]
        keys = " and ".join(key for key, _, _ in differing)
        raise ConfigurationError(
            f"Settings have changed since run {last.run_id}, the last one that was loaded: {'; '.join(told)}.",
            remedy=f"let all rows follow with `rental run --full-refresh`, or set {keys} as before.",
            reason="marketplace-settings-changed",
        )


def check_as_of(as_of: date | None, upper_bound: datetime) -> None:
    """See that the numbers of a new run end on a day that has begun: of later days the data can say nothing.

    Args:
        as_of: last day the numbers are to include, where one was asked for.
        upper_bound: moment up to which the run reads, or the source's clock.

    Raises:
        ConfigurationError: it is a later day, or one that the calendar lacks.
    """
    today = upper_bound.date()
    last = min(today, CALENDAR_END)
    if as_of and as_of > last:
        named = "the day of the run by the source's clock (UTC)" if last == today else "the last day of the calendar"
        raise ConfigurationError(
            f"The numbers cannot include days up to {as_of}: as_of is after {last}, {named}.",
            remedy=f"name a day up to {last}, or leave as_of out for the newest day in the data.",
            reason="as-of-in-future",
        )


def check_source(parts: Parts, continued: RunParameters | None, *, whole: bool) -> None:
    """See that the source is the one the lake holds rows of.

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
                reason="run-of-another-source",
            )
    # The newest extract may be one that could not be loaded, and that the read does not go on from.
    place = continued.sequence if continued else LAST_PLACE
    last = None if whole else start_behind(manifests, place).previous
    known = manifests.find_run(last.run_id).source if last else ""
    if last and known not in {"", own}:
        raise ConfigurationError(
            f"Run {last.run_id}, the last one that read the source, read {known}, and source.url names {own}.",
            remedy="correct source.url; if that is where the source is now, accept it once with "
            "`rental run --full-refresh`.",
            reason="source-is-another",
        )

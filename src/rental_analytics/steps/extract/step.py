"""Step `extract`: read what changed in the source database into `raw/`."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from rental_analytics.contracts.events import TableDone
from rental_analytics.contracts.manifest import CheckResult, ExtractedTable, ExtractManifest, RunParameters
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.contracts.steps import StepName
from rental_analytics.databases.base import ReadPlan, Window, earlier
from rental_analytics.databases.mapping import find_table
from rental_analytics.databases.planning import plan_absent, plan_read
from rental_analytics.errors import ConfigurationError, QualityError, number_of
from rental_analytics.quality.limits import check_deleted, stop_if_check_broken
from rental_analytics.steps.base import Parts, StepContext, StepResult, StepWork, command_of
from rental_analytics.steps.extract.absent import absent_table, check_not_vanished
from rental_analytics.steps.extract.checks import SourceChecks
from rental_analytics.steps.extract.drift import check_drift, held_types
from rental_analytics.steps.extract.reading import read_table
from rental_analytics.steps.extract.remapped import check_mapping
from rental_analytics.steps.extract.request import ExtractRequest
from rental_analytics.steps.findings import note_warnings, record_checks
from rental_analytics.steps.read_start import ReadStart, read_start

_LAST_DAY = datetime(9999, 12, 30)  # noqa: DTZ001


def run(context: StepContext) -> StepResult:
    """Read every source table, children before parents, and commit what was read.

    Raises:
        ContractError: a table or a required column is missing; nothing is read then.
        SourceError: the database cannot be read.
        ProofError: rows that the source held did not arrive.
        QualityError: more rows vanished from a table than may.
    """
    plans = plan_reads(context)
    start = read_start(context)
    before = start.previous.tables if start.previous else {}
    _check_backfill(context, start)
    _note_replaced(context, start)
    waiting = start.waiting(context)
    remapped = {plan.table.name: _check_table(context, plan, before.get(plan.table.name)) for plan in plans}
    drifted = {
        plan.table.name: check_drift(context, plan, before.get(plan.table.name), waiting)
        for plan in plans
        if not plan.absent
    }
    tables: dict[str, ExtractedTable] = {}
    checks = SourceChecks(context)
    for plan in plans:
        name = plan.table.name
        if plan.absent:
            table = absent_table(context, plan, before.get(name))
            found = checks.results(plan.table, table, None)
        else:
            request = _request(context, plan, before.get(name), complete=start.complete or bool(remapped[name]))
            table, found = _read(context, request, checks)
        _check_deleted(context, name, table, before.get(name))
        carried = None if context.run.full_refresh else before.get(name)
        held = held_types(table.columns, table.present, carried)
        notes = (*table.notes, *remapped[name], *drifted.get(name, ()))
        tables[name] = table.model_copy(update={"notes": notes, "held_types": held, "checks": found})
        for note in tables[name].notes:
            context.events.note(note, table=name)
    run = context.run
    context.manifests.commit(
        ExtractManifest(
            run_id=run.run_id,
            sequence=run.sequence,
            engine=f"{context.engine.name} {context.engine.version}",
            covers=(run.run_id,),
            upper_bound=run.upper_bound,
            replaces=start.replaced,
            tables=tables,
        )
    )
    for name, table in tables.items():
        kept = sum(file.rows for file in (*table.files, *table.deletes))
        context.events.emit(TableDone(StepName.EXTRACT, name, kept, rows_in=table.rows))
        note_warnings(context, name, table.checks)
    rows = sum(table.rows for table in tables.values())
    written = [file for table in tables.values() for file in (*table.files, *table.deletes)]
    return StepResult(rows, sum(file.rows for file in written), sum(file.bytes for file in written))


def _check_table(context: StepContext, plan: ReadPlan, previous: ExtractedTable | None) -> tuple[str, ...]:
    """See that the table is what it was before; gives notes on why it is read whole if it is not."""
    check_not_vanished(context, plan, previous)
    if previous and previous.absent and not plan.absent:
        return (f"the source has {plan.place} now; the table is read whole",)
    return check_mapping(plan, previous, full_refresh=context.run.full_refresh)


def _read(
    context: StepContext, request: ExtractRequest, checks: SourceChecks
) -> tuple[ExtractedTable, tuple[CheckResult, ...]]:
    source = request.plan.table
    with (
        context.events.work(StepName.EXTRACT, source.name) as progress,
        context.engine.session(context.lake) as session,
    ):
        table = read_table(session, request, context.database, context.lake, progress)
        return table, checks.results(source, table, session)


def plan_reads(context: StepContext) -> list[ReadPlan]:
    """How each source table will be read, in reading order; all contracts are checked before any row is read."""
    catalogue = context.database.catalogue()
    plans = []
    for table in context.contracts.extraction_order:
        settings = context.settings.table(table.name)
        found = find_table(table, settings, catalogue, context.database.display_url)
        plans.append(plan_read(context.database, table, found, settings) if found else plan_absent(table, settings))
    return plans


def _request(
    context: StepContext, plan: ReadPlan, previous: ExtractedTable | None, *, complete: bool
) -> ExtractRequest:
    run, overlap = context.run, context.settings.source.overlap
    if previous and (previous.absent or previous.mode is not plan.mode or previous.key != plan.key):
        previous = None
    backfill = _range(run)
    complete = (
        complete
        or previous is None
        or run.full_refresh
        or _has_grown(plan, previous)
        or (plan.mode is ReadMode.SNAPSHOT and backfill is not None)
    )
    lower = _lower_bound(previous, overlap) if previous and not complete else None
    return ExtractRequest(
        run=run,
        plan=plan,
        window=Window(lower, run.upper_bound),
        complete=complete,
        previous=previous,
        overlap=overlap,
        backfill=backfill,
    )


def _range(run: RunParameters) -> Window | None:
    """The days a backfill reads anew, from midnight to midnight UTC."""
    if run.backfill_from is None or run.backfill_to is None:
        return None
    first, last = datetime.combine(run.backfill_from, time()), datetime.combine(run.backfill_to, time())
    return Window(first, min(last, _LAST_DAY) + timedelta(days=1))


def _note_replaced(context: StepContext, start: ReadStart) -> None:
    if start.replaced:
        more = f" and {number_of(len(start.replaced) - 1, 'run')} after it" if len(start.replaced) > 1 else ""
        whole = ", each table in full" if start.complete else ""
        told = f"re-reads what run {start.replaced[0]}{more} read and never loaded{whole}"
        context.events.note(told, topic=StepName.EXTRACT)


def _check_backfill(context: StepContext, start: ReadStart) -> None:
    """A backfill stands on rows that are loaded: what it replaces must not arrive after it."""
    run = context.run
    if run.backfill_from is None:
        return
    waiting = start.replaced[-1] if start.complete else start.pending[-1].run_id if start.pending else None
    if start.previous is None or waiting:
        told = f"what run {waiting} read is not loaded yet" if waiting else "no run has read the source yet"
        raise ConfigurationError(
            f"There is nothing to backfill: {told}.", remedy="start `rental run` first.", reason="nothing-to-backfill"
        )


def _check_deleted(context: StepContext, name: str, table: ExtractedTable, previous: ExtractedTable | None) -> None:
    """Where nothing is loaded yet, nothing can be emptied."""
    if context.manifests.latest(StepName.LOAD_CURATED, before=context.run.sequence) is not None:
        check_deleted(name, table, previous, context.settings.quality, command_of(context.run))


def _has_grown(plan: ReadPlan, previous: ExtractedTable) -> bool:
    """A column that came to a table does not move the cursors of its rows: all of them have to be read again."""
    return plan.mode is ReadMode.INCREMENTAL and not set(plan.present) <= set(previous.present)


def _lower_bound(previous: ExtractedTable, overlap: timedelta) -> datetime | None:
    """Where the window starts: the last watermark, or the newest row seen where that is older, less the overlap.

    Nothing stood between the newest row and the watermark, so starting at the row costs little, and finds rows that
    came late with an older cursor.
    """
    if previous.mode is ReadMode.SNAPSHOT or previous.newest_cursor is None:
        return None
    lower = earlier(min(previous.window_upper, previous.newest_cursor), overlap)
    if previous.mode is ReadMode.APPEND and previous.overlap_start:
        # Without a key, rows from before the last run's overlap could not be told from new ones.
        lower = max(lower, previous.overlap_start)
    return lower


def check_quality(context: StepContext) -> None:
    """Stop before anything is transformed when what was read breaks a check that stops a run.

    Raises:
        QualityError: names the table and the check; `ops` tells what every check found.
    """
    manifest = context.manifests.extract(context.run.run_id)
    if manifest is None:
        return
    try:
        stop_if_check_broken(manifest.check_results, command_of(context.run))
    except QualityError:
        context.manifests.mark_stopped(manifest.run_id, (manifest.run_id,))
        raise


def account_stopped(parts: Parts, run: RunParameters) -> None:
    """Let `ops` tell what the checks found of a read that stopped the run; may be repeated."""
    manifest = parts.manifests.extract(run.run_id)
    if manifest:
        record_checks(parts.warehouse, run.run_id, manifest.check_results)


WORK = StepWork(run, check=check_quality, account=account_stopped)

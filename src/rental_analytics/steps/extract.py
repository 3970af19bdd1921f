"""Step `extract`: read what changed in the source database into `raw/`."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from rental_analytics.contracts.manifest import ExtractedTable, ExtractManifest, RunParameters
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import ReadPlan, Window, missing_table
from rental_analytics.engines.base import ExtractRequest
from rental_analytics.errors import ConfigurationError, QualityError
from rental_analytics.steps.base import StepContext, StepResult
from rental_analytics.steps.drift import check_drift, held_types

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
    previous = context.manifests.latest_extract(before=context.run.sequence)
    before = previous.tables if previous else {}
    _check_backfill(context, previous)
    waiting = context.manifests.pending_extracts("load-raw", through=context.run.sequence)
    names = [plan.table.name for plan in plans]
    drifted = {
        name: check_drift(context, plan, before.get(name), waiting) for name, plan in zip(names, plans, strict=True)
    }
    tables: dict[str, ExtractedTable] = {}
    for plan in plans:
        name = plan.table.name
        request = _request(context, plan, before.get(name))
        with context.reporter.task(f"extract {name}") as progress:
            table = context.engine.extract(request, context.database, context.lake, progress)
        _check_deletes(context, name, table, before.get(name))
        carried = None if context.run.full_refresh else before.get(name)
        held = held_types(table.columns, table.present, carried)
        tables[name] = table.model_copy(update={"notes": (*table.notes, *drifted[name]), "held_types": held})
        for note in tables[name].notes:
            context.reporter.note(f"{name}: {note}")
    run = context.run
    context.manifests.commit(
        ExtractManifest(
            run_id=run.run_id,
            sequence=run.sequence,
            engine=f"{context.engine.name} {context.engine.version}",
            covers=(run.run_id,),
            upper_bound=run.upper_bound,
            tables=tables,
        )
    )
    rows = sum(table.rows for table in tables.values())
    written = [file for table in tables.values() for file in (*table.files, *table.deletes)]
    return StepResult(rows, sum(file.rows for file in written), sum(file.bytes for file in written))


def plan_reads(context: StepContext) -> list[ReadPlan]:
    """How each source table will be read, in reading order; all contracts are checked before any row is read."""
    catalogue = context.database.catalogue()
    plans = []
    for table in context.contracts.extraction_order:
        if table.name not in catalogue:
            raise missing_table(table.name, context.database.display_url)
        mode = context.settings.modes.get(table.name)
        plans.append(context.database.plan(table, catalogue[table.name], mode))
    return plans


def _request(context: StepContext, plan: ReadPlan, previous: ExtractedTable | None) -> ExtractRequest:
    run, overlap = context.run, context.settings.overlap
    if previous and (previous.mode is not plan.mode or previous.key != plan.key):
        previous = None
    backfill = _range(run)
    complete = (
        previous is None
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


def _check_backfill(context: StepContext, previous: ExtractManifest | None) -> None:
    """A backfill stands on rows that are loaded: what it replaces must not arrive after it."""
    run = context.run
    if run.backfill_from is None:
        return
    pending = context.manifests.pending_extracts("load-curated", through=run.sequence)
    if previous is None or pending:
        told = f"what run {pending[-1].run_id} read is not loaded yet" if pending else "no run has read the source yet"
        raise ConfigurationError(f"There is nothing to backfill: {told}.", remedy="do `rental run` first.")


def _check_deletes(context: StepContext, name: str, table: ExtractedTable, previous: ExtractedTable | None) -> None:
    """An emptied table, or a view that hides rows, must not empty the warehouse."""
    held = table.replaced_rows if table.replaced_from else previous.held if previous else 0
    gone = sum(file.rows for file in table.deletes)
    if table.replaced_from:
        gone = held - table.rows
    elif table.complete or not table.key:
        gone = max(gone, held - table.held)
    limit, least = context.settings.max_deleted_share, context.settings.min_deleted_rows
    if held and gone >= least and gone / held > limit:
        place = f"{name} in the range" if table.replaced_from else name
        raise QualityError(
            f"{gone:,} of {held:,} rows of {place} vanished from the source since the last run "
            f"({gone / held:.0%}, allowed are {limit:.0%}); nothing was changed.",
            remedy="check the table, and the database that source.url names; if the rows are gone for good, run once "
            "with --set quality.max_deleted_share=1.",
            table=name,
        )


def _has_grown(plan: ReadPlan, previous: ExtractedTable) -> bool:
    """A column that came to a table does not move the cursors of its rows: all of them have to be read again."""
    present = {column.name for column in plan.columns if column.select}
    return plan.mode is ReadMode.INCREMENTAL and not present <= set(previous.present)


def _lower_bound(previous: ExtractedTable, overlap: timedelta) -> datetime | None:
    """Where the window starts: the last watermark, or the newest row seen where that is older, less the overlap.

    Nothing stood between the newest row and the watermark, so starting at the row costs little, and finds rows that
    came late with an older cursor.
    """
    if previous.mode is ReadMode.SNAPSHOT or previous.newest_cursor is None:
        return None
    lower = min(previous.window_upper, previous.newest_cursor) - overlap
    if previous.mode is ReadMode.APPEND and previous.overlap_start:
        # Without a key, rows from before the last run's overlap could not be told from new ones.
        lower = max(lower, previous.overlap_start)
    return lower

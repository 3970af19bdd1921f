"""Step `extract`: read what changed in the source database into `raw/`."""

from __future__ import annotations

from datetime import datetime, timedelta

from rental_analytics.contracts.manifest import ExtractedTable, ExtractManifest
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import ReadPlan, Window, missing_table
from rental_analytics.engines.base import ExtractRequest
from rental_analytics.steps.base import StepContext, StepResult


def run(context: StepContext) -> StepResult:
    """Read every source table, children before parents, and commit what was read.

    Raises:
        ContractError: a table or a required column is missing; nothing is read then.
        SourceError: the database cannot be read.
    """
    plans = plan_reads(context)
    previous = context.manifests.latest_extract(before=context.run.sequence)
    tables: dict[str, ExtractedTable] = {}
    for plan in plans:
        name = plan.table.name
        request = _request(context, plan, previous.tables.get(name) if previous else None)
        with context.reporter.task(f"extract {name}") as progress:
            tables[name] = context.engine.extract(request, context.database, context.lake, progress)
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
    complete = previous is None or run.full_refresh or _has_grown(plan, previous)
    lower = _lower_bound(previous, overlap) if previous and not complete else None
    return ExtractRequest(
        run=run,
        plan=plan,
        window=Window(lower, run.upper_bound),
        complete=complete,
        previous=previous,
        overlap=overlap,
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

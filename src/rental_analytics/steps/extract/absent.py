"""Optional tables that the source does not have."""

from __future__ import annotations

from rental_analytics.contracts.base import both_names
from rental_analytics.contracts.manifest import ExtractedTable
from rental_analytics.databases.base import ReadPlan
from rental_analytics.errors import ContractError, number_of
from rental_analytics.steps.base import StepContext
from rental_analytics.steps.extract.table_read import raw_columns


def check_not_vanished(context: StepContext, plan: ReadPlan, previous: ExtractedTable | None) -> None:
    """A table that was there may be out of reach only: its rows do not go unless somebody says so.

    Raises:
        ContractError: it had rows when it was read last, and the run is no full refresh.
    """
    if not plan.absent or context.run.full_refresh or previous is None or previous.absent or not previous.held:
        return
    table = plan.table.name
    named = both_names(table, context.settings.table(table).name or table)
    raise ContractError(
        f"The optional table {named} is not in {context.database.display_url} any more, and had "
        f"{number_of(previous.held, 'row')} when it was read last.",
        remedy=f"make it again, let the user read it, or correct tables.{table}.name; if it is gone for good, "
        "`rental run --full-refresh --set quality.max_deleted_share=1` removes its rows.",
        reason="optional-table-vanished",
        table=table,
    )


def absent_table(context: StepContext, plan: ReadPlan, previous: ExtractedTable | None) -> ExtractedTable:
    """What a run knows of a table that is not there: no rows, which replace those of a table that was."""
    first = previous is None or not previous.absent
    upper = context.run.upper_bound
    return ExtractedTable(
        mode=previous.mode if previous else plan.mode,
        complete=first or context.run.full_refresh,
        key=previous.key if previous else plan.key,
        columns=previous.columns if previous else raw_columns(plan),
        window_upper=upper,
        absent=True,
        notes=(_note(context, plan),) if first else (),
    )


def _note(context: StepContext, plan: ReadPlan) -> str:
    table = plan.table.name
    named = both_names(table, context.settings.table(table).name or table)
    return f"the source has no table {named}, which is optional: metrics that need it are empty until it comes"

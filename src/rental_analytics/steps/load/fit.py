"""Whether the raw columns of the warehouse can take what was extracted; docs/reference/schema-drift.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import ExtractedTable, ExtractManifest
from rental_analytics.errors import ContractError
from rental_analytics.sql.render import render
from rental_analytics.steps.base import StepContext


def check_fits(context: StepContext, pending: Sequence[ExtractManifest]) -> None:
    """Look at all that waits, before any of it is loaded.

    Extracts fit one another. A raw column may differ from them: a full refresh reads what it cannot take yet, and
    people convert it.

    Raises:
        ContractError: a raw column cannot take a column's type; nothing is loaded then.
    """
    for table in dict.fromkeys(name for manifest in pending for name in manifest.tables):
        extracts = [manifest.tables[table] for manifest in pending if table in manifest.tables]
        source = context.contracts.sources.get(table)
        # A full refresh brings ids of the other kind, and the load converts those that are there.
        ids = source.ids if source and context.run.full_refresh else ()
        held: Mapping[str, str] = context.warehouse.columns(f"raw_data.{table}")
        raw = held
        for extract in extracts:
            for name, arriving in _arriving(extract):
                fitting = common_type(held.get(name, arriving), arriving)
                if fitting is None and name in raw and name not in ids and _has_values(context, table, name):
                    raise _unfit(context, table, name, held[name], arriving, whole=extracts[0].complete)
                held = {**held, name: fitting or arriving}


def _arriving(extract: ExtractedTable) -> Iterator[tuple[str, str]]:
    for column in extract.columns:
        if column.name in extract.present:
            yield column.name, column.type


def _has_values(context: StepContext, table: str, column: str) -> bool:
    found = context.warehouse.ask(render("steps/load/any_value", relation=f"raw_data.{table}", column=column))
    return bool(found.num_rows)


def _unfit(context: StepContext, table: str, column: str, held: str, arriving: str, *, whole: bool) -> ContractError:
    """What was extracted waits in the lake, so the raw column has to follow; the source is not asked again."""
    place = f"raw_data.{table}"
    dropped = f", or drop {place}," if whole else ""
    return ContractError(
        f"{place}.{column} is {held} and cannot take {arriving}, which the source's column is now; nothing was loaded.",
        remedy=f"convert that column to {arriving} in the warehouse{dropped} and "
        f"`rental run --resume {context.run.run_id}`.",
        reason="raw-column-unfit",
        table=table,
    )

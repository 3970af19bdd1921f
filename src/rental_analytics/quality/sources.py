"""Checks of a source table: of the rows that a run read of it, and of what it noted of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rental_analytics.contracts.checks import DeclaredCheck, Freshness, RowCountNearUsual, Unique
from rental_analytics.contracts.manifest import CheckResult, ExtractedTable
from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.quality.asked import Asked, AskedTable
from rental_analytics.quality.conditions import condition
from rental_analytics.quality.tables import Looked, doubled_query
from rental_analytics.quality.usual import Counts, usual_range
from rental_analytics.sql.render import identifier

_CASTS = {SourceType.TEXT: "VARCHAR", SourceType.DATE: "DATE", SourceType.TIMESTAMP: "TIMESTAMP"}
"""What values are compared as, since a source may have them in a column of another type."""


def asked_of_read(source: SourceTable, relation: str, counts: Counts) -> AskedTable:
    """What the checks of a source table ask of the rows that a run read of it.

    Args:
        counts: rows that the last runs read of it which read it likewise.
    """
    asked = (_asked(source, check, relation, counts) for check in source.declared_checks)
    return AskedTable(f"raw_data.{source.name}", relation, source.key, tuple(asked))


def _asked(source: SourceTable, check: DeclaredCheck, relation: str, counts: Counts) -> Asked:
    asked = Asked(check.name, check.severity, check.is_of_table)
    match check.kind:
        case Unique():
            return replace(asked, query=doubled_query(Looked(relation), check))
        case RowCountNearUsual(within=within):
            return replace(asked, usual=usual_range(counts, within))
    return asked if isinstance(check.kind, Freshness) else replace(asked, when=_condition(source, check))


def _condition(source: SourceTable, check: DeclaredCheck) -> str:
    if not check.columns:
        return condition(check)
    (column,) = check.columns
    kind = _CASTS.get(source.columns[column].type)
    return condition(check, f"CAST({identifier(column)} AS {kind})" if kind else None)


def with_staleness(
    source: SourceTable, table: ExtractedTable, moment: datetime, results: Sequence[CheckResult]
) -> tuple[CheckResult, ...]:
    """Results with whether the newest value that runs noted of the table is new enough, where that is asked.

    Args:
        moment: what its age is counted to, UTC.
    """
    kinds = {check.name: check.kind for check in source.declared_checks}
    told = []
    for result in results:
        kind = kinds[result.check_name]
        if isinstance(kind, Freshness):
            sample = _staleness(kind, table, moment)
            told.append(result.model_copy(update={"failed_rows": int(sample is not None), "sample": sample}))
        else:
            told.append(result)
    return tuple(told)


def _staleness(freshness: Freshness, table: ExtractedTable, moment: datetime) -> str | None:
    """What is told of a newest value that is too old; None of one that is new enough, and of an optional table."""
    newest = table.newest_cursor
    if table.absent or (newest and newest >= moment - freshness.within):
        return None
    return f"the newest is {newest}" if newest else f"none is known of a table that is read as {table.mode}"

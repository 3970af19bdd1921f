"""The checks of source tables, made once a table is read."""

from __future__ import annotations

from rental_analytics.contracts.checks import RowCountNearUsual
from rental_analytics.contracts.manifest import CheckResult, ExtractedTable
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.engines.base import Session
from rental_analytics.quality.asked import found
from rental_analytics.quality.sources import asked_of_read, with_staleness
from rental_analytics.steps.base import StepContext
from rental_analytics.steps.raw_rows import raw_rows
from rental_analytics.steps.usual import PartCounts, read_counts


class SourceChecks:
    """Makes the checks of the source tables of one run."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        declared = (check for source in context.contracts.sources.values() for check in source.declared_checks)
        is_counted = any(isinstance(check.kind, RowCountNearUsual) for check in declared)
        # The range of a backfill has as many rows as it has days.
        self._counts: PartCounts = read_counts(context) if is_counted and not context.run.backfill_from else {}

    def results(self, source: SourceTable, table: ExtractedTable, session: Session | None) -> tuple[CheckResult, ...]:
        """What the checks of a table find; without a session the table has no rows."""
        relation = f"raw_data.{source.name}"
        asked = asked_of_read(source, relation, self._counts.get((source.name, table.complete), ()))
        if session and table.files and asked.is_of_rows:
            extract = table.model_copy(update={"deletes": ()})
            session.view(relation, raw_rows(session, self._context.lake, source, (extract,)))
            results = found([asked], lambda queries: [session.row(query) for query in queries]).results
        else:
            results = asked.results({}, {}, table.rows)
        return with_staleness(source, table, self._context.run.upper_bound, results)

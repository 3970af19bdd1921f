"""Whether a run kept about as many rows of a curated table as the last ones did."""

from __future__ import annotations

from collections.abc import Mapping

from rental_analytics.contracts.checks import DeclaredCheck, RowCountNearUsual
from rental_analytics.contracts.manifest import CheckResult, TransformedTable
from rental_analytics.quality.usual import Counts, unusual, usual_range
from rental_analytics.steps.base import StepContext
from rental_analytics.steps.usual import kept_counts


def with_row_counts(context: StepContext, tables: Mapping[str, TransformedTable]) -> dict[str, TransformedTable]:
    """Tables with what their checks of the number of rows found; those without such a check as they are."""
    models = context.contracts.curated
    checks = {
        name: [check for check in models[name].declared_checks if isinstance(check.kind, RowCountNearUsual)]
        for name in tables
    }
    # The range of a backfill has as many rows as it has days.
    is_counted = any(checks.values()) and not context.run.backfill_from
    counts = kept_counts(context) if is_counted else {}
    found = dict(tables)
    for name in filter(checks.get, tables):
        known = counts.get((name, tables[name].complete), ())
        results = (row_count_result(name, check, tables[name].curated, known) for check in checks[name])
        found[name] = tables[name].model_copy(update={"checks": (*tables[name].checks, *results)})
    return found


def row_count_result(name: str, check: DeclaredCheck, rows: int, counts: Counts) -> CheckResult:
    """What a check of the number of rows finds."""
    assert isinstance(check.kind, RowCountNearUsual)
    told = unusual(rows, usual_range(counts, check.kind.within))
    return CheckResult(
        table_name=name,
        check_name=check.name,
        severity=check.severity,
        failed_rows=int(told is not None),
        sample=told,
        is_of_table=True,
    )

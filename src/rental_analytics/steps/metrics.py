"""Step `metrics`: rebuild the presentation tables from curated, inside the warehouse."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import CheckResult, MetricsManifest
from rental_analytics.errors import QualityError
from rental_analytics.steps.base import StepContext, StepResult, out_of_order


def run(context: StepContext) -> StepResult:
    """Compute every metric anew and swap the tables in together.

    Raises:
        QualityError: a metric broke one of its checks; readers keep the tables of the last run.
    """
    run, warehouse = context.run, context.warehouse
    if context.manifests.latest("load-curated", before=run.sequence + 1) is None:
        raise out_of_order(context, "no run has loaded curated tables yet")
    as_of = run.as_of or warehouse.newest_day()
    models = list(context.contracts.presentation.values())
    try:
        with context.reporter.task("metrics"):
            tables, checks = warehouse.rebuild(models, run.run_id, as_of)
    except QualityError as error:
        _record(context, [result for result in error.results if isinstance(result, CheckResult)])
        raise
    _record(context, checks)
    context.manifests.commit(
        MetricsManifest(run_id=run.run_id, sequence=run.sequence, engine=warehouse.name, as_of=as_of, tables=tables)
    )
    return StepResult(0, sum(table.inserted for table in tables.values()))


def _record(context: StepContext, checks: Sequence[CheckResult]) -> None:
    results = [{"run_id": context.run.run_id} | check.model_dump() for check in checks]
    context.warehouse.record({"check_results": results}, replacing=["run_id", "table_name", "check_name"])

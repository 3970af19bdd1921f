"""Step `metrics`: rebuild the presentation tables from curated, inside the warehouse."""

from __future__ import annotations

from rental_analytics.contracts.manifest import MetricsManifest
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
    with context.reporter.task("metrics"):
        tables, checks = warehouse.rebuild(models, run.run_id, as_of)
    results = [{"run_id": run.run_id} | check.model_dump() for check in checks]
    warehouse.record({"check_results": results}, replacing=["run_id", "table_name", "check_name"])
    context.manifests.commit(
        MetricsManifest(run_id=run.run_id, sequence=run.sequence, engine=warehouse.name, as_of=as_of, tables=tables)
    )
    return StepResult(0, sum(table.inserted for table in tables.values()))

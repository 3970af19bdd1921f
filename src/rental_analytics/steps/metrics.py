"""Step `metrics`: rebuild the intermediate and presentation tables from curated, inside the warehouse."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.events import DataSeen, TableDone
from rental_analytics.contracts.manifest import CheckResult, MetricsManifest
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import QualityError
from rental_analytics.sql.render import render
from rental_analytics.steps.base import StepContext, StepResult, StepWork, out_of_order
from rental_analytics.warehouses.base import QueryParameters


def run(context: StepContext) -> StepResult:
    """Compute every metric anew and swap the tables in together.

    Raises:
        QualityError: a metric broke one of its checks; readers keep the tables of the last run.
    """
    run, warehouse = context.run, context.warehouse
    last = context.manifests.latest(StepName.LOAD_CURATED, before=run.sequence + 1)
    if last is None:
        raise out_of_order(context, "no run has loaded curated tables yet")
    # What lies after the moment up to which the run read has not happened.
    newest = warehouse.newest_day(through=run.upper_bound.date())
    as_of = run.as_of or newest
    models = context.contracts.rebuild_order
    parameters = QueryParameters(
        run_id=run.run_id,
        as_of=as_of,
        reporting_currency=context.manifests.find_run(last.run_id).marketplace.reporting_currency,
        known_from=context.manifests.first_loaded().upper_bound.date(),
    )
    try:
        with context.events.work(StepName.METRICS):
            tables, checks = warehouse.rebuild(models, parameters)
    except QualityError as error:
        _record(context, [result for result in error.results if isinstance(result, CheckResult)])
        raise
    _record(context, checks)
    context.manifests.commit(
        MetricsManifest(run_id=run.run_id, sequence=run.sequence, engine=warehouse.name, as_of=as_of, tables=tables)
    )
    for name, table in tables.items():
        context.events.emit(TableDone(StepName.METRICS, name, table.inserted))
    context.events.emit(DataSeen(as_of, newest, run.upper_bound))
    return StepResult(0, sum(table.inserted for table in tables.values()))


def _record(context: StepContext, checks: Sequence[CheckResult]) -> None:
    results = [{"run_id": context.run.run_id} | check.record for check in checks]
    context.warehouse.record({"check_results": results}, replacing=["run_id", "table_name", "check_name"])


def note_as_of(context: StepContext) -> None:
    """Numbers to a day that the data do not reach, or that lies before them, are right but rarely meant."""
    as_of, warehouse = context.run.as_of, context.warehouse
    if as_of is None:
        return
    first = warehouse.ask(render("steps/first_booking")).column("first_day")[0].as_py()
    newest = warehouse.newest_day(through=context.run.upper_bound.date())
    if first and as_of < first:
        told = f"as_of {as_of} is before the first booking, {first}"
    elif newest and as_of > newest:
        told = f"as_of {as_of} is after the newest day in the data, {newest}"
    else:
        return
    context.events.note(told, topic=StepName.METRICS)


WORK = StepWork(run, remark=note_as_of)

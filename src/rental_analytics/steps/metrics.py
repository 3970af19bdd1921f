"""Step `metrics`: rebuild the intermediate and presentation tables from curated, inside the warehouse."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from rental_analytics.contracts.checks import RowCountNearUsual
from rental_analytics.contracts.events import DataSeen, TableDone
from rental_analytics.contracts.manifest import CheckResult, MetricsManifest
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import QualityError
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.sql.render import render
from rental_analytics.steps.base import StepContext, StepResult, StepWork, out_of_order
from rental_analytics.steps.findings import record_checks
from rental_analytics.steps.load.checks import check_load_of
from rental_analytics.steps.usual import built_counts
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
    check_load_of(context, last.run_id)
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
            tables, checks = warehouse.rebuild(models, parameters, _comparisons(context))
    except QualityError as error:
        found = [result for result in error.results if isinstance(result, CheckResult)]
        record_checks(warehouse, run.run_id, found)
        raise
    record_checks(warehouse, run.run_id, checks)
    context.manifests.commit(
        MetricsManifest(run_id=run.run_id, sequence=run.sequence, engine=warehouse.name, as_of=as_of, tables=tables)
    )
    for name, table in tables.items():
        context.events.emit(TableDone(StepName.METRICS, name, table.inserted))
    context.events.emit(DataSeen(as_of, newest, run.upper_bound))
    return StepResult(0, sum(table.inserted for table in tables.values()))


def _comparisons(context: StepContext) -> Comparisons:
    """What the tables are compared with: newest values with the end of the time that the numbers are of."""
    run = context.run
    moment = run.upper_bound
    if run.as_of and run.as_of < moment.date():
        moment = datetime.combine(run.as_of, time()) + timedelta(days=1)
    declared = (check for model in context.contracts.rebuild_order for check in model.declared_checks)
    is_counted = any(isinstance(check.kind, RowCountNearUsual) for check in declared)
    return Comparisons(moment, built_counts(context) if is_counted else {})


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

"""What jobs without the warehouse noted in the lake goes to `ops` with the first process that has both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rental_analytics.contracts.ledger import RunRecord, StepRecord
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.monitoring.ledger import WarehouseLedger, lake_records
from rental_analytics.pipeline import STEPS
from rental_analytics.sql.render import render
from rental_analytics.steps.base import Parts
from rental_analytics.steps.load import CURATED

_DIED = "The process ended without a word. Remedy: continue the run with --resume, or start a new one."


def take_over(parts: Parts) -> None:
    """Mark runs whose process died, and bring `ops` up to date with the records in the lake; may be repeated.

    The caller holds the lock, so no other process is at work: a run that is running has died, or waits for the
    caller to go on with it. Looked at are runs that can still be continued, and the last one that cannot.
    """
    now = datetime.now(UTC)
    parts.warehouse.fail_running(now.replace(tzinfo=None), _DIED)
    for run in reversed(list(_recent(parts))):
        if records := lake_records(parts.lake, run.run_id):
            _take_steps(parts, run, [record for record in records if isinstance(record, StepRecord)])
            _take_state(parts, run, [record for record in records if isinstance(record, RunRecord)], now)


def _recent(parts: Parts) -> Iterator[RunParameters]:
    for run in parts.manifests.history():
        yield run
        if parts.manifests.committed(run.run_id, CURATED):
            return


def _take_steps(parts: Parts, run: RunParameters, records: list[StepRecord]) -> None:
    """An attempt is known by the moment it began."""
    accounts = {step.name: step.account for step in STEPS}
    begun = parts.warehouse.ask(render("begun_steps", run_id=run.run_id))
    known = {moment.replace(tzinfo=UTC) for moment in begun.column("started_at").to_pylist()}
    for record in records:
        if record.started_at in known:
            continue
        account = accounts.get(record.step)
        if record.stopped and account:
            account(parts, run)
        WarehouseLedger(parts.warehouse).note_step(record)


def _take_state(parts: Parts, run: RunParameters, records: list[RunRecord], now: datetime) -> None:
    """The newest record counts, unless the warehouse has heard of the run's end since."""
    if not records:
        return
    newest = max(records, key=lambda record: record.at)
    known = parts.warehouse.ask(render("ended_run", run_id=run.run_id))
    ended = [moment.replace(tzinfo=UTC) for moment in known.column("finished_at").to_pylist() if moment]
    if known.num_rows and (not ended or ended[0] >= newest.at):
        return
    if newest.status == "running":
        newest = newest.model_copy(update={"status": "failed", "finished_at": now, "error": _DIED})
    WarehouseLedger(parts.warehouse).note_run(newest)

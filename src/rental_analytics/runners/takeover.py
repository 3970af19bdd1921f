"""What jobs without the warehouse noted in the lake goes to `ops` with the first process that has both."""

from __future__ import annotations

from datetime import UTC, datetime

from rental_analytics.contracts.ledger import RunRecord, StepRecord
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.monitoring.ledger import WarehouseLedger, failed_starts, lake_records, newest_record
from rental_analytics.pipeline import STEPS
from rental_analytics.sql.render import render
from rental_analytics.steps.base import Parts

_DIED = "The process ended unexpectedly. Remedy: continue the run with --resume, or start a new one."


def take_over(parts: Parts) -> None:
    """Mark runs whose process died, and bring `ops` up to date with the records in the lake; may be repeated.

    The caller holds the lock, so no other process is at work: a run that is running has died, or waits for the
    caller to go on with it. Looked at are runs that can still be continued, and the last one that cannot.
    """
    now = datetime.now(UTC)
    parts.warehouse.fail_running(now.replace(tzinfo=None), _DIED)
    recent = list(parts.manifests.recent())
    _take_starts(parts, [run.sequence for run in recent])
    for run in reversed(recent):
        if records := lake_records(parts.lake, run.run_id):
            _take_steps(parts, run, [record for record in records if isinstance(record, StepRecord)])
            _take_state(parts, run, [record for record in records if isinstance(record, RunRecord)], now)


def _take_starts(parts: Parts, sequences: list[int]) -> None:
    """Starts that failed have followed one of the runs looked at: those before were taken over when these began."""
    if sequences:
        known = parts.warehouse.ask(render("runners/known_starts", follows=min(sequences))).column("run_id").to_pylist()
        WarehouseLedger(parts.warehouse, parts.lake).note_starts(failed_starts(parts.lake, sequences, known))


def _take_steps(parts: Parts, run: RunParameters, records: list[StepRecord]) -> None:
    """An attempt is known by the moment it began."""
    steps = {step.name: step for step in STEPS}
    begun = parts.warehouse.ask(render("runners/begun_steps", run_id=run.run_id))
    known = {moment.replace(tzinfo=UTC) for moment in begun.column("started_at").to_pylist()}
    for record in records:
        if record.started_at in known:
            continue
        account = steps[record.step].work().account if record.stopped else None
        if account:
            account(parts, run)
        WarehouseLedger(parts.warehouse, parts.lake).note_step(record)


def _take_state(parts: Parts, run: RunParameters, records: list[RunRecord], now: datetime) -> None:
    """The newest record counts, unless the warehouse knew it when it heard of the run last."""
    if not records:
        return
    newest = records[-1]
    known = parts.warehouse.ask(render("runners/ended_run", run_id=run.run_id)).to_pylist()
    if known and known[0]["lake_records"] is not None:
        if known[0]["lake_records"] >= newest_record(parts.lake, run.run_id):
            return
    elif known and (known[0]["finished_at"] is None or known[0]["finished_at"].replace(tzinfo=UTC) >= newest.at):
        # Noted by a version that did not number records.
        return
    if newest.status == "running":
        newest = newest.model_copy(update={"status": "failed", "finished_at": now, "error": _DIED})
    WarehouseLedger(parts.warehouse, parts.lake).note_run(newest)

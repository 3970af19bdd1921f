"""What `rental status` shows and checks: runs as warehouse and lake know them, and how new the loaded rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.ledger import RunRecord, StartRecord
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.ledger import failed_starts, lake_records
from rental_analytics.monitoring.values import table_records
from rental_analytics.sql.render import literal
from rental_analytics.storage.base import Lake
from rental_analytics.storage.lock import RunLock
from rental_analytics.storage.manifests import ManifestStore, newest_sequence
from rental_analytics.warehouses.base import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

EVENTS: Mapping[str, str] = {"bookings": "booked_at", "viewings": "viewed_at", "listings": "modified_at"}
"""Curated tables whose rows tell when something happened, and the column that does."""

_MOST_UNHEARD = 100
"""Runs that the lake knows of and the warehouse does not; more are not looked for."""

Row = Mapping[str, Any]


def ask_file(warehouse: Warehouse, name: str, run_id: str = "") -> pa.Table:
    """The answer to one of the queries beside this module."""
    sql = (files("rental_analytics.monitoring") / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    if ":absent_columns" in sql:
        sql = sql.replace(":absent_columns", _absent_columns(warehouse))
    return warehouse.ask(sql.replace(":run_id", literal(run_id)))


def _absent_columns(warehouse: Warehouse) -> str:
    """Columns of `ops.runs` that a warehouse lacks which no run has opened since they came, as NULLs to select."""
    held = warehouse.columns("ops.runs")
    absent = [column for column in ops_tables()["runs"].file_columns if column.name not in held]
    return "".join(f", CAST(NULL AS {column.type}) AS {column.name}" for column in absent)


def read_steps(warehouse: Warehouse, run_id: str, names: Sequence[str]) -> pa.Table:
    """Attempts at the steps of a run, in the order of `names`, and as often as each was tried."""
    import pyarrow as pa

    attempts = ask_file(warehouse, "run_steps", run_id)
    places = {name: place for place, name in enumerate(names)}
    steps = attempts.column("step").to_pylist()
    order = sorted(range(len(steps)), key=lambda row: (places.get(steps[row], len(places)), row))
    return attempts.take(pa.array(order, pa.int64()))


def read_runs(warehouse: Warehouse, lake: Lake | None) -> pa.Table:
    """The newest runs and failed starts, newest first: those of the warehouse, and those it has not heard of yet.

    Raises:
        RentalError: the lake cannot be read.
    """
    import pyarrow as pa

    known = ask_file(warehouse, "runs")
    unheard = _unheard(lake, table_records(known)) if lake else []
    if not unheard:
        return known
    rows = sorted(unheard + table_records(known), key=_order, reverse=True)
    return pa.Table.from_pylist(rows, schema=known.schema)


def read_unheard_run(
    warehouse: Warehouse, lake: Lake, run_id: str, names: Sequence[StepName]
) -> tuple[pa.Table, pa.Table]:
    """A run that the warehouse has not heard of yet, and the steps it has done; empty where the lake has none either.

    Raises:
        RentalError: the lake cannot be read.
    """
    import pyarrow as pa

    manifests = ManifestStore(lake)
    is_known = manifests.sequence(run_id) is not None
    runs = [_run_row(lake, manifests.find_run(run_id))] if is_known else []
    steps = [{"step": name, "status": "succeeded"} for name in names if is_known and manifests.committed(run_id, name)]
    schemas = (ask_file(warehouse, name, run_id).schema for name in ("runs", "run_steps"))
    run, done = (pa.Table.from_pylist(rows, schema=schema) for rows, schema in zip((runs, steps), schemas, strict=True))
    return run, done


def _order(row: Row) -> tuple[int, bool, datetime]:
    """By the history of the lake; only starts that failed behind the same run are ordered by their clocks."""
    sequence = row["sequence"]
    return sequence or row["follows"] or 0, sequence is None, row["started_at"]


def _unheard(lake: Lake, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What only the lake knows: starts that failed since the last run, runs of jobs without the warehouse."""
    heard = max((row["sequence"] for row in rows if row["sequence"]), default=0)
    newest = newest_sequence(lake)
    if not newest:
        return []
    first = max(heard, newest - _MOST_UNHEARD)
    known = {row["run_id"] for row in rows}
    starts = [_start_row(record) for record in failed_starts(lake, range(first, newest + 1), known)]
    if newest == heard:
        return starts
    later = takewhile(lambda run: run.sequence > first, ManifestStore(lake).history())
    return starts + [_run_row(lake, run) for run in later if run.run_id not in known]


def _start_row(record: StartRecord) -> dict[str, Any]:
    return {
        "run_id": record.start_id,
        "status": "failed",
        "kind": "not begun",
        "started_at": _naive(record.started_at),
        "seconds": int((record.finished_at - record.started_at).total_seconds()),
        "full_refresh": record.full_refresh,
        "backfill_from": record.backfill_from,
        "backfill_to": record.backfill_to,
        "error": record.error,
        "reason": record.reason,
        "sequence": None,
        "follows": record.follows,
    }


def _run_row(lake: Lake, run: RunParameters) -> dict[str, Any]:
    told = [record for record in lake_records(lake, run.run_id) if isinstance(record, RunRecord)]
    newest = told[-1] if told else None
    kind = "full refresh" if run.full_refresh else "changes"
    return {
        "run_id": run.run_id,
        "status": newest.status if newest else "running",
        "kind": f"backfill {run.backfill_from} to {run.backfill_to}" if run.backfill_from else kind,
        "started_at": _naive(run.started_at),
        "as_of": run.as_of,
        "engine": newest.engine if newest else None,
        "full_refresh": run.full_refresh,
        "backfill_from": run.backfill_from,
        "backfill_to": run.backfill_to,
        "error": newest.error if newest else None,
        "reason": newest.reason if newest else None,
        "sequence": run.sequence,
        "follows": None,
    }


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def read_freshness(warehouse: Warehouse, contracts: Contracts) -> pa.Table:
    """How new the rows are that readers see, by source table: the newest event, future ones left out."""
    import pyarrow as pa

    read = ask_file(warehouse, "freshness")
    by_source = {model.source: name for name, model in contracts.curated.items() if name in EVENTS}
    events = [_newest_event(warehouse, by_source.get(name)) for name in read.column("table_name").to_pylist()]
    return read.add_column(1, "newest_event", pa.array(events, pa.timestamp("us")))


def _newest_event(warehouse: Warehouse, curated: str | None) -> datetime | None:
    if curated is None or not warehouse.columns(f"curated.{curated}"):
        return None
    sql = (files("rental_analytics.monitoring") / "queries" / "newest_event.sql").read_text(encoding="utf-8")
    found = warehouse.ask(sql.replace(":table", curated).replace(":moment", EVENTS[curated]))
    (row,) = table_records(found)
    value = row["newest_event"]
    return value if isinstance(value, datetime) else None


def problem(runs: pa.Table, freshness: pa.Table, lock: RunLock, max_age: timedelta | None) -> RentalError | None:
    """Why the numbers may not be what a reader expects: the last run failed, or nothing new has come for too long."""
    rows = table_records(runs)
    if not rows:
        return RentalError(
            "No run has begun yet.", remedy="start one with `rental run`, then check again.", reason="no-run-yet"
        )
    if failed := _failed(rows[0], lock):
        return failed
    return _stale(table_records(freshness), max_age) if max_age is not None else None


def _failed(last: Row, lock: RunLock) -> RentalError | None:
    began = f"{last['started_at']:%Y-%m-%d %H:%M:%S} UTC"
    if last["status"] == "running" and lock.holder() is None:
        return RentalError(
            f"Run {last['run_id']} of {began} ended unexpectedly: no process holds the lock of the lake.",
            remedy=f"continue it with `rental run --resume {last['run_id']}`, or start a new run.",
            reason="last-run-died",
        )
    if last["status"] != "failed":
        return None
    error = str(last["error"] or "").partition(" Remedy: ")
    if last["sequence"] is None:
        return RentalError(
            f"The last start, at {began}, failed before a run began: {error[0]}",
            remedy=error[2] or "correct that, then `rental run`.",
            reason="last-start-failed",
        )
    return RentalError(
        f"The last run, {last['run_id']} of {began}, failed: {error[0].rstrip('.')}.",
        remedy=error[2] or f"continue with `rental run --resume {last['run_id']}`, or start a new run.",
        reason="last-run-failed",
    )


def _stale(freshness: Sequence[Row], max_age: timedelta) -> RentalError | None:
    newest = max((row["newest_event"] for row in freshness if row["newest_event"]), default=None)
    if newest is None:
        return RentalError(
            "No event has been loaded yet.",
            remedy="see that the source has rows, then `rental run`.",
            reason="no-event",
        )
    age = datetime.now(UTC).replace(tzinfo=None) - newest
    if age <= max_age:
        return None
    return RentalError(
        f"The newest event that is loaded is of {newest:%Y-%m-%d %H:%M:%S} UTC, {_span(age)} ago; "
        f"--max-age is {_span(max_age)}.",
        remedy="start a run with `rental run`; if that brings nothing newer, see why the source gets no rows.",
        reason="data-stale",
    )


def _span(span: timedelta) -> str:
    """A duration in its largest two units."""
    seconds = int(span.total_seconds())
    sizes = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    parts = []
    for size, unit in sizes:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:,} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"

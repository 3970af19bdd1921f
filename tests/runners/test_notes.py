"""A warehouse that hiccups while a run is noted neither fails the run nor hides why it failed."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.ledger import StepRecord
from rental_analytics.errors import QualityError, RunInterruptedError, WarehouseUnavailableError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.json_log import JsonListener, JsonLog
from rental_analytics.monitoring.ledger import WarehouseLedger
from rental_analytics.monitoring.status import read_runs
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.runners.local import LocalRunner, RunOptions
from rental_analytics.settings import load_settings
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from rental_analytics.warehouses.duckdb.working_copy import WorkingCopy
from rental_analytics.wiring import assembled, make_warehouse
from runs.harness import Pipeline, Source, failure

pytestmark = pytest.mark.slow

AT_ONCE = "retries.first_wait=0"
STEPS = "SELECT step, attempt, status FROM ops.steps ORDER BY started_at, attempt"
Told = Callable[[str, Mapping[str, Any]], bool]


class Hiccups:
    """Noting of runs and steps fails as often as is said for rows of a kind, before or after it has done its work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, when: Told, times: int, *, done: bool = False) -> None:
        self.left = times
        record = DuckDbWarehouse.record

        def hiccup(warehouse: DuckDbWarehouse, rows: Any, **options: Any) -> None:
            notes = [(name, row) for name in ("runs", "steps") for row in rows.get(name, ())]
            met = self.left and any(when(name, row) for name, row in notes)
            if not met or done:
                record(warehouse, rows, **options)
            if met:
                self.left -= 1
                raise WarehouseUnavailableError("the warehouse is away.", remedy="wait.")

        monkeypatch.setattr(DuckDbWarehouse, "record", hiccup)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_what_a_run_does_is_noted_by_another_try(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, done: bool
) -> None:
    """Each note in turn; one whose outcome is not known leaves one row."""
    seen: list[tuple[str, Any]] = []

    def each_once(name: str, row: Mapping[str, Any]) -> bool:
        note = (name, row.get("step"), row["status"])
        seen.append(note)
        return seen.count(note) == 1

    hiccups = Hiccups(monkeypatch, each_once, 100, done=done)
    outcome = pipeline.run(AT_ONCE, as_of=date(2024, 3, 1))
    assert hiccups.left == 100 - 2 - len(STEP_NAMES)
    assert [(step.step, step.status) for step in outcome.steps] == [(name, "succeeded") for name in STEP_NAMES]
    assert pipeline.rows(STEPS) == [(name, 1, "succeeded") for name in STEP_NAMES]
    assert pipeline.rows("SELECT status, error FROM ops.runs") == [("succeeded", None)]
    assert [note for note in pipeline.notes if note.startswith("ledger: the warehouse is away; again in 0.0 s (att")]


def test_a_remark_at_the_end_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    newest_day, asked = DuckDbWarehouse.newest_day, list[int]()

    def hiccup(warehouse: DuckDbWarehouse, **bounds: date) -> Any:
        asked.append(1)
        # The first question is the step's own, for the day that the numbers end with.
        if len(asked) == 2:
            raise WarehouseUnavailableError("the warehouse is away.", remedy="wait.")
        return newest_day(warehouse, **bounds)

    monkeypatch.setattr(DuckDbWarehouse, "newest_day", hiccup)
    pipeline.run(AT_ONCE, as_of=date(2024, 6, 1))
    assert len(asked) == 3
    assert [note for note in pipeline.notes if "is after the newest day" in note]


@pytest.mark.parametrize("what", ["record", "account"])
def test_quality_that_stops_a_run_is_told_whatever_the_warehouse_does(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, source: Source, what: str
) -> None:
    source.execute("UPDATE bookings SET booking_status = 'maybe'")
    if what == "record":
        Hiccups(monkeypatch, lambda _, row: row["status"] == "failed", 1000)
    else:
        monkeypatch.setattr(DuckDbWarehouse, "account", away)
    error = failure(pipeline.run, AT_ONCE, "quality.max_rejected_share=0.5", run_id="stopped")
    assert isinstance(error, QualityError)
    assert (error.exit_code, error.step, error.run_id) == (3, "transform", "stopped")
    assert not [note for note in pipeline.notes if note.startswith("transform:")]
    assert "ledger: the warehouse is away. Remedy: wait." in pipeline.notes
    if what == "account":
        assert pipeline.rows("SELECT status, error LIKE '%were rejected%' FROM ops.runs") == [("failed", True)]
        assert pipeline.rows(STEPS)[-1] == ("transform", 1, "failed")


def test_what_stopped_a_run_comes_to_its_account_by_another_try(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, source: Source
) -> None:
    source.execute("UPDATE bookings SET booking_status = 'maybe'")
    account, asked = DuckDbWarehouse.account, list[int]()

    def hiccup(*arguments: Any) -> None:
        asked.append(1)
        if len(asked) == 1:
            away()
        account(*arguments)

    monkeypatch.setattr(DuckDbWarehouse, "account", hiccup)
    assert failure(pipeline.run, AT_ONCE, "quality.max_rejected_share=0.5").exit_code == 3
    assert pipeline.rows("SELECT COUNT(*) FROM ops.rejected_rows") == [(2,)]


def test_an_interruption_is_told_whatever_the_warehouse_does(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DuckDbWarehouse, "load", interrupt)
    Hiccups(monkeypatch, lambda _, row: row["status"] == "failed", 1000)
    with pytest.raises(RunInterruptedError) as caught:
        pipeline.run(AT_ONCE, run_id="ended")
    assert caught.value.run_id == "ended"


def test_a_run_the_warehouse_never_heard_of_is_taken_over_from_the_lake(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    with monkeypatch.context() as patched:
        Hiccups(patched, lambda *_: True, 1000)
        error = failure(pipeline.run, AT_ONCE, "retries.attempts=2", run_id="unheard")
        assert isinstance(error, WarehouseUnavailableError)
    pipeline.run(run_id="next")
    runs = pipeline.rows("SELECT run_id, status, error FROM ops.runs ORDER BY sequence")
    assert runs == [("unheard", "failed", "the warehouse is away. Remedy: wait."), ("next", "succeeded", None)]


def test_a_run_that_cannot_be_published_has_failed_and_the_next_one_shows_it(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, source: Source
) -> None:
    pipeline.run(run_id="first")
    source.insert("bookings", {"booking_id": 77})
    with monkeypatch.context() as patched:
        patched.setattr(WorkingCopy, "publish", busy)
        error = failure(pipeline.run, run_id="unseen")
    assert (error.reason, error.exit_code) == ("warehouse-not-published", 1)
    assert pipeline.rows("SELECT run_id FROM ops.runs") == [("first",)]
    assert [(run["run_id"], run["status"], run["reason"]) for run in listed_runs(pipeline)][:1] == [
        ("unseen", "failed", "warehouse-not-published")
    ]
    pipeline.run(run_id="next")
    runs = [(run["run_id"], run["status"]) for run in listed_runs(pipeline)]
    assert runs == [("next", "succeeded"), ("unseen", "failed"), ("first", "succeeded")]
    assert pipeline.rows("SELECT _run_id FROM curated.bookings WHERE booking_id = 77") == [("unseen",)]


def busy(*_: object) -> None:
    raise OSError(errno.EBUSY, "the file is mounted")


def listed_runs(pipeline: Pipeline) -> list[dict[str, Any]]:
    warehouse = make_warehouse(load_settings(pipeline.folder / "rental.toml", pipeline.settings))
    warehouse.open(read_only=True)
    with closing(warehouse):
        return read_runs(warehouse, LocalLake(pipeline.folder / "lake")).to_pylist()


def test_a_log_tells_once_what_is_noted_by_another_try(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    for kind in ("extract", "metrics"):
        Hiccups(monkeypatch, lambda name, row, kind=kind: row.get("step") == kind, 2)
    Hiccups(monkeypatch, lambda name, row: name == "runs" and row["status"] == "succeeded", 2)
    stream = io.StringIO()
    with assembled(load_settings(pipeline.folder / "rental.toml", [AT_ONCE])) as parts:
        LocalRunner(parts, EventStream(JsonListener(JsonLog(stream)))).run(RunOptions())
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert [event for event in events if event not in {"note", "retry", "work_done"}] == [
        "run_running",
        *["step_succeeded"] * 5,
        "run_succeeded",
    ]


def away(*_: object) -> None:
    raise WarehouseUnavailableError("the warehouse is away.", remedy="wait.")


def test_attempts_are_known_by_the_moment_they_began(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    warehouse.open()
    ledger = WarehouseLedger(warehouse, LocalLake(tmp_path / "lake"))
    for record in twice_each(["failed", "succeeded"]):
        ledger.note_step(record)
    rows = warehouse.query("SELECT attempt, status FROM ops.steps ORDER BY attempt").to_pylist()
    warehouse.close()
    assert rows == [{"attempt": 1, "status": "failed"}, {"attempt": 2, "status": "succeeded"}]


def twice_each(ends: list[Any]) -> list[StepRecord]:
    """Records of attempts, each of which comes a second time."""
    first = datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    return [
        StepRecord(run_id="first", step="extract", status=end, started_at=first + timedelta(seconds=place), seconds=1)
        for place, end in enumerate(ends)
        for _ in range(2)
    ]

"""Starts that fail before a run begins leave a record in the lake, which the next run brings into `ops.runs`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rental_analytics.contracts.ledger import StartRecord
from rental_analytics.errors import ConfigurationError, LakeError, LockHeldError
from rental_analytics.monitoring.ledger import failed_starts
from rental_analytics.runners import lifecycle
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import RunLock
from runners.jobs import Jobs
from runs.harness import Pipeline, Source, failure

pytestmark = pytest.mark.slow

STARTS = "SELECT status, sequence, follows, error LIKE '%Remedy: %' FROM ops.runs WHERE sequence IS NULL"


def starts(pipeline: Pipeline, follows: int = 1) -> list[StartRecord]:
    return failed_starts(LocalLake(pipeline.folder / "lake"), [follows])


def refuse(*_: object, **__: object) -> None:
    raise LockHeldError("the lock was lost.", remedy="wait.", reason="lock-lost")


def test_a_start_that_failed_is_told_once_and_in_its_place(pipeline: Pipeline, source: Source) -> None:
    pipeline.run(run_id="first")
    for _ in range(2):
        failure(pipeline.run, "source.url=sqlite:///nowhere.db", run_id="named", full_refresh=True)
    records = starts(pipeline)
    assert [(one.follows, one.asked, one.exit_code, one.full_refresh) for one in records] == [(1, "named", 2, True)] * 2
    assert all("nowhere.db" in one.error and "Remedy: " in one.error for one in records)
    assert pipeline.rows(STARTS) == []
    for run_id in ("second", "third"):
        pipeline.run(run_id=run_id)
        assert pipeline.rows(STARTS) == [("failed", None, 1, True)] * 2
    assert pipeline.rows("SELECT run_id FROM ops.runs WHERE sequence IS NOT NULL ORDER BY sequence") == [
        ("first",),
        ("second",),
        ("third",),
    ]


def test_a_lake_without_a_run_is_left_as_it_is(pipeline: Pipeline) -> None:
    failure(pipeline.run, "source.url=sqlite:///nowhere.db")
    assert not (pipeline.folder / "lake").exists()


def test_what_cannot_be_assembled_or_opened_is_told(pipeline: Pipeline, source: Source) -> None:
    pipeline.run()
    warehouse = pipeline.folder / "warehouse.duckdb"
    kept = warehouse.read_bytes()
    warehouse.write_text("no database " * 1000)
    assert isinstance(failure(pipeline.run), ConfigurationError)
    warehouse.write_bytes(kept)
    assert ["cannot be opened" in one.error for one in starts(pipeline)] == [True]
    pipeline.run()
    assert pipeline.rows(STARTS) == [("failed", None, 1, True)]


def test_a_lock_that_was_lost_is_told_and_one_that_another_run_holds_is_not(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run()
    holder = RunLock(LocalLake(pipeline.folder / "lake"))
    holder.acquire("nightly")
    assert isinstance(failure(pipeline.run), LockHeldError)
    holder.release()
    assert starts(pipeline) == []
    monkeypatch.setattr(lifecycle, "check_source", refuse)
    failure(pipeline.run)
    assert [(one.reason, one.exit_code) for one in starts(pipeline)] == [("lock-lost", 4)]


def test_an_error_nobody_foresaw_is_told_and_an_interruption_is_not(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run()

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("with a detail")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for act in (crash, interrupt):
        monkeypatch.setattr(lifecycle, "check_source", act)
        with pytest.raises(BaseException, match=r"detail|Interrupted before"):
            pipeline.run()
    assert [(one.error, one.exit_code) for one in starts(pipeline)] == [("RuntimeError before a run began", 1)]


def test_a_run_that_had_just_begun_is_a_run_that_failed(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.run()
    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "_adopt", refuse)
        failure(pipeline.run, run_id="begun")
        failure(pipeline.run, run_id="begun")
    assert [one.asked for one in starts(pipeline, follows=2)] == ["begun"]
    pipeline.run()
    found = pipeline.rows("SELECT run_id, status, error, reason FROM ops.runs WHERE sequence = 2")
    assert found == [("begun", "failed", "the lock was lost. Remedy: wait.", "lock-lost")]


def test_a_failure_to_tell_hides_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.run()
    create = LocalLake.create

    def full(lake: LocalLake, path: str, content: bytes) -> bool:
        if "after-" in path:
            raise LakeError("the disk is full.", remedy="make room.")
        return create(lake, path, content)

    monkeypatch.setattr(LocalLake, "create", full)
    assert "nowhere.db" in str(failure(pipeline.run, "source.url=sqlite:///nowhere.db"))


def test_jobs_tell_of_starts_that_failed(jobs: Jobs, pipeline: Pipeline) -> None:
    jobs.do("extract", "first")
    missing = jobs.do("extract", "second", "source.url=sqlite:///nowhere.db")
    unknown = jobs.do("transform", "never-begun")
    malformed = jobs.do("extract", "third", "source.url=nonsense")
    assert [job.code for job in (missing, unknown, malformed)] == [2, 2, 2]
    assert [one.asked for one in starts(pipeline)] == ["second", "never-begun", "third"]


@pytest.mark.remedy("lake-record-unreadable")
def test_a_record_that_cannot_be_read_is_removed(
    pipeline: Pipeline, another_pipeline: Callable[..., Pipeline], tmp_path: Path
) -> None:
    pipeline.run()
    failure(pipeline.run, "source.url=sqlite:///nowhere.db")
    (file,) = (pipeline.folder / "lake" / "runs" / "after-0000000001" / "records").iterdir()
    file.write_text(json.dumps({"kind": "start"}))
    error = failure(pipeline.run)
    assert error.reason == "lake-record-unreadable"
    assert error.remedy.startswith("remove the file;")
    assert str(file) in error.message
    file.unlink()
    pipeline.run()

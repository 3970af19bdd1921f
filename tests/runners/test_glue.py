"""The five steps as five jobs: the same tables and the same ledger as a run in one process, each with its own reach."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rental_analytics import wiring
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import LakeUnavailableError, SourceUnavailableError, WarehouseError
from rental_analytics.pipeline import STEP_NAMES, STEPS
from rental_analytics.steps.base import AbsentPart, Part
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from runners.jobs import Jobs, status
from runs.harness import Pipeline, Source, failure

pytestmark = pytest.mark.slow

AnotherPipeline = Callable[..., Pipeline]
DATA = ("raw_data", "curated", "presentation")
OPS = ("ops.row_accounting", "ops.rejected_rows", "ops.check_results")
STRICT = "quality.max_rejected_share=0.5"


@pytest.fixture
def local(another_pipeline: AnotherPipeline) -> Pipeline:
    """The same source, run in one process."""
    return another_pipeline("local")


def same(pipeline: Pipeline, local: Pipeline) -> None:
    assert pipeline.tables(*DATA) == local.tables(*DATA)
    assert status(pipeline) == status(local)
    ours, theirs = pipeline.tables("ops"), local.tables("ops")
    assert {name: ours[name] for name in OPS} == {name: theirs[name] for name in OPS}


@pytest.mark.parametrize("part", Part)
def test_what_a_step_does_not_name_it_cannot_use(part: Part) -> None:
    with pytest.raises(AssertionError, match=f"no {part}, and server_time of it"):
        AbsentPart(part).server_time()


def test_each_step_uses_what_it_names_and_no_more(
    jobs: Jobs, pipeline: Pipeline, local: Pipeline, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: set[str] = set()
    for name in ("make_database", "make_engine", "make_warehouse"):
        make = getattr(wiring, name)

        def noted(*arguments: Any, name: str = name, make: Any = make) -> Any:
            made.add(name.removeprefix("make_"))
            return make(*arguments)

        monkeypatch.setattr(wiring, name, noted)
    source.insert("apartments", {"id": 3})
    for step in STEPS:
        made.clear()
        assert jobs.do(step.name, "first").code == 0
        assert made == {str(part) for part in step.uses}
    local.run(run_id="first")
    same(pipeline, local)


def test_later_runs_give_what_one_process_gives(
    jobs: Jobs, pipeline: Pipeline, local: Pipeline, source: Source
) -> None:
    assert jobs.do_all("first").code == 0
    local.run(run_id="first")
    source.execute("UPDATE bookings SET booking_status = 'pending', updated_at = '2024-05-01' WHERE booking_id = 1")
    source.execute("DELETE FROM bookings WHERE booking_id = 2")
    source.insert("user_viewing", {"viewed_at": "2024-05-01 00:00:00.000000"})
    assert jobs.do_all("later", as_of="2024-04-01").code == 0
    local.run(run_id="later", as_of=date(2024, 4, 1))
    same(pipeline, local)
    assert jobs.do_all("backfilled", backfill_from="2024-02-01", backfill_to="2024-03-01").code == 0
    local.run(run_id="backfilled", backfill=(date(2024, 2, 1), date(2024, 3, 1)))
    same(pipeline, local)
    assert jobs.do_all("whole", full_refresh="true").code == 0
    local.run(run_id="whole", full_refresh=True)
    same(pipeline, local)


def test_run_that_quality_stops_is_accounted_for_by_the_next_job_with_a_warehouse(
    jobs: Jobs, pipeline: Pipeline, local: Pipeline, source: Source
) -> None:
    assert jobs.do_all("first").code == 0
    local.run(run_id="first")
    source.execute("UPDATE bookings SET booking_status = 'maybe', updated_at = '2024-05-01'")
    stopped = jobs.do_all("stopped", STRICT)
    assert stopped.code == 3
    assert stopped.last_error.startswith("QualityError: 2 of 2 rows of bookings were rejected (100%")
    failure(local.run, STRICT, run_id="stopped")
    assert len(status(pipeline)["runs"]) == 1
    again = jobs.do("transform", "stopped", STRICT)
    assert again.code == 3 and again.events("step_failed")[0]["step"] == "transform"
    failure(local.run, STRICT, resume="stopped", steps=("transform",))
    source.execute("UPDATE bookings SET booking_status = 'pending', updated_at = '2024-05-02'")
    assert jobs.do_all("next").code == 0
    local.run(run_id="next")
    same(pipeline, local)
    assert pipeline.rows("SELECT COUNT(*) FROM ops.rejected_rows WHERE run_id = 'stopped'") == [(2,)]


def test_run_that_quality_stopped_is_let_through(
    jobs: Jobs, pipeline: Pipeline, local: Pipeline, source: Source
) -> None:
    source.execute("UPDATE bookings SET booking_status = 'maybe'")
    assert jobs.do_all("first", STRICT).code == 3
    failure(local.run, STRICT, run_id="first")
    assert jobs.do_all("first").code == 0
    local.run(resume="first")
    same(pipeline, local)


def test_job_that_is_repeated_says_so(jobs: Jobs, pipeline: Pipeline) -> None:
    assert jobs.do_all("nightly").code == 0
    before, window = pipeline.tables(*DATA), pipeline.rows("SELECT window_upper FROM ops.proofs")
    for step in STEP_NAMES:
        again = jobs.do(step, "nightly")
        assert (again.code, again.events("job_succeeded")[0]["status"]) == (0, "skipped")
        assert [line["step"] for line in again.events("step_skipped")] == [step]
    assert pipeline.tables(*DATA) == before
    assert pipeline.rows("SELECT window_upper FROM ops.proofs") == window
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]
    attempts = pipeline.rows("SELECT step, attempt, status FROM ops.steps WHERE attempt = 2 ORDER BY started_at")
    assert attempts == [(step, 2, "skipped") for step in STEP_NAMES]


def test_extract_that_is_repeated_reads_the_same_window(jobs: Jobs, pipeline: Pipeline, source: Source) -> None:
    source.execute("ALTER TABLE bookings RENAME COLUMN total_price TO price_total")
    refused = jobs.do("extract", "nightly")
    assert (refused.code, refused.last_error.split(":")[0]) == (2, "ContractError")
    begun = (pipeline.folder / "lake" / "runs" / "nightly" / "run.json").read_text()
    source.execute("ALTER TABLE bookings RENAME COLUMN price_total TO total_price")
    assert jobs.do("extract", "nightly").code == 0
    assert (pipeline.folder / "lake" / "runs" / "nightly" / "run.json").read_text() == begun
    assert len(list((pipeline.folder / "lake" / "history").iterdir())) == 1


def test_run_that_never_got_further_is_taken_over(jobs: Jobs, pipeline: Pipeline, source: Source) -> None:
    source.execute("ALTER TABLE bookings RENAME COLUMN total_price TO price_total")
    failed = jobs.do("extract", "failed")
    source.execute("ALTER TABLE bookings RENAME COLUMN price_total TO total_price")
    jobs.do("extract", "ended")
    assert jobs.do_all("next").code == 0
    ledger = status(pipeline)
    assert [run[:3] for run in ledger["runs"]] == [
        ("failed", 1, "failed"),
        ("ended", 2, "failed"),
        ("next", 3, "succeeded"),
    ]
    told = [run[9] for run in ledger["runs"]]
    assert told[0] == failed.last_error.removeprefix("ContractError: ") and "ended unexpectedly" in told[1]
    assert [step[:4] for step in ledger["steps"]][:2] == [
        ("failed", "extract", "failed", 1),
        ("ended", "extract", "succeeded", 1),
    ]


def test_run_of_jobs_is_continued_in_one_process_and_back(jobs: Jobs, pipeline: Pipeline, local: Pipeline) -> None:
    for step in STEP_NAMES[:2]:
        assert jobs.do(step, "nightly").code == 0
    pipeline.run(resume="nightly", steps=("load-raw",))
    for step in STEP_NAMES[2:]:
        assert jobs.do(step, "nightly").code == 0
    local.run(run_id="nightly")
    assert pipeline.tables(*DATA) == local.tables(*DATA)
    steps = [step[1:4] for step in status(pipeline)["steps"]]
    assert steps == [
        ("extract", "succeeded", 1),
        ("transform", "succeeded", 1),
        ("load-raw", "succeeded", 1),
        ("load-raw", "skipped", 2),
        ("load-curated", "succeeded", 1),
        ("metrics", "succeeded", 1),
    ]


def test_taking_over_twice_changes_nothing(jobs: Jobs, pipeline: Pipeline) -> None:
    def noted() -> list[dict[str, Any]]:
        """In the copy that goes from job to job: no reader sees it before the run has ended."""
        warehouse = DuckDbWarehouse(pipeline.folder / "warehouse.duckdb")
        warehouse.open()
        with closing(warehouse):
            return warehouse.query("SELECT * FROM ops.steps ORDER BY started_at").to_pylist()

    for step in STEP_NAMES[:3]:
        assert jobs.do(step, "nightly").code == 0
    before = noted()
    records = sorted((pipeline.folder / "lake" / "runs" / "nightly" / "records").iterdir())
    texts = [record.read_bytes() for record in records]
    assert jobs.do("load-raw", "nightly").code == 0
    assert noted()[:3] == before
    assert [record.read_bytes() for record in records] == texts


def test_readers_see_a_run_of_jobs_when_its_last_job_has_ended(jobs: Jobs, pipeline: Pipeline, source: Source) -> None:
    seen = "SELECT (SELECT COUNT(*) FROM raw_data.bookings), (SELECT COUNT(*) FROM ops.runs)"
    assert jobs.do_all("first").code == 0
    before = pipeline.rows(seen)
    source.insert("bookings", {"booking_id": 77})
    for step in STEP_NAMES:
        assert pipeline.rows(seen) == before
        assert jobs.do(step, "second").code == 0
    assert pipeline.rows(seen) == [(before[0][0] + 1, 2)]


def test_steps_out_of_order_are_told(jobs: Jobs) -> None:
    absent = jobs.do("transform", "nightly")
    assert (absent.code, "There is no run nightly in this lake" in absent.last_error) == (2, True)
    assert jobs.do("extract", "nightly").code == 0
    early = jobs.do("load-curated", "nightly")
    assert early.code == 1 and "has no committed transform to load" in early.last_error
    assert early.last_error.startswith("LakeError: Run nightly cannot do this step")


def test_upper_bound_is_the_one_given_unless_it_is_later_than_the_clock(
    jobs: Jobs, pipeline: Pipeline, source: Source
) -> None:
    window = "SELECT window_upper FROM ops.proofs WHERE run_id = '{}' AND table_name = 'bookings'"
    clock = datetime.now(UTC).replace(tzinfo=None)
    earlier = clock - timedelta(hours=1)
    for run_id, asked in (("early", earlier), ("late", clock + timedelta(hours=1)), ("back", earlier)):
        assert jobs.do_all(run_id, upper_bound=f"{asked.isoformat()}Z").code == 0
    assert pipeline.rows(window.format("early")) == [(earlier,)]
    (late,) = pipeline.rows(window.format("late"))[0]
    assert clock <= late <= datetime.now(UTC).replace(tzinfo=None)
    # What was read is not read again as if it had not been.
    assert pipeline.rows(window.format("back")) == [(late,)]


@pytest.mark.parametrize(
    "asked",
    [{"as_of": "2024-01-01"}, {"full_refresh": "true"}, {"backfill_from": "2024-01-01", "backfill_to": "2024-01-02"}],
)
def test_run_keeps_its_parameters(jobs: Jobs, asked: dict[str, str]) -> None:
    assert jobs.do("extract", "nightly", as_of="2024-02-02").code == 0
    other = jobs.do("transform", "nightly", **asked)
    assert other.code == 2 and f"Run nightly began with another --{next(iter(asked))}" in other.last_error
    assert jobs.do("transform", "nightly", as_of="2024-02-02", full_refresh="false").code == 0


def test_job_whose_warehouse_belongs_to_another_lake_is_refused(
    jobs: Jobs, pipeline: Pipeline, local: Pipeline
) -> None:
    local.run(run_id="other")
    before = local.tables(*DATA, "ops")
    elsewhere = f"warehouse.url=duckdb:///{local.folder}/warehouse.duckdb"
    for step in STEP_NAMES[:2]:
        assert jobs.do(step, "nightly").code == 0
    refused = jobs.do("load-raw", "nightly", elsewhere)
    assert refused.code == 2 and "was filled from the lake" in refused.last_error
    assert local.tables(*DATA, "ops") == before
    for step in STEP_NAMES[2:]:
        assert jobs.do(step, "nightly").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]


def test_run_that_a_later_one_overtook_is_not_continued(jobs: Jobs, source: Source) -> None:
    assert jobs.do("extract", "slow").code == 0
    assert jobs.do_all("quick").code == 0
    late = jobs.do("transform", "slow")
    assert late.code == 2 and "run quick includes its rows" in late.last_error


def test_another_source_is_refused(jobs: Jobs, source: Source, another_pipeline: AnotherPipeline) -> None:
    assert jobs.do_all("first").code == 0
    other = Source.sqlite(another_pipeline("other").folder / "other.db")
    other.create(optional=True)
    refused = jobs.do("extract", "second", f"source.url={other.url}")
    assert refused.code == 2 and "the last one that read the source" in refused.last_error


def test_sweep_leaves_records_alone(jobs: Jobs, pipeline: Pipeline) -> None:
    assert jobs.do("extract", "nightly").code == 0
    lake = pipeline.folder / "lake"
    leftover = lake / "curated" / "bookings" / "run_id=nightly" / "part-killed-0.parquet"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"")
    kept = sorted((lake / "runs" / "nightly" / "records").iterdir())
    assert "swept 1 file" in str(jobs.do("extract", "next").events("note"))
    assert sorted((lake / "runs" / "nightly" / "records").iterdir()) == kept


def test_attempts_that_fail_are_taken_over_in_their_order(
    jobs: Jobs, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue, tries = SqliteDatabase.catalogue, [0]

    def lost_twice(self: SqliteDatabase) -> Any:
        tries[0] += 1
        if tries[0] < 3:
            raise SourceUnavailableError("the connection was lost.", remedy="run again.")
        return catalogue(self)

    monkeypatch.setattr(SqliteDatabase, "catalogue", lost_twice)
    end = jobs.do_all("nightly", "retries.first_wait=0")
    assert end.code == 0 and [line["level"] for line in end.events("step_failed")] == ["error"] * 2
    assert [line["attempt"] for line in end.events("retry")] == [2, 3]
    attempts = pipeline.rows("SELECT attempt, status, error FROM ops.steps WHERE step = 'extract' ORDER BY attempt")
    lost = "the connection was lost. Remedy: run again."
    assert attempts == [(1, "failed", lost), (2, "failed", lost), (3, "succeeded", None)]


def test_lake_that_takes_no_records_does_not_hide_why_a_job_failed(
    jobs: Jobs, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = LocalLake.create

    def refuse(self: LocalLake, path: str, content: bytes) -> bool:
        if "/records/" in path and b'"failed"' in content:
            raise LakeUnavailableError("the lake is away.", remedy="wait.")
        return create(self, path, content)

    metrics, reads = ManifestStore.metrics, [0]

    def gone(self: ManifestStore, run_id: str) -> Any:
        reads[0] += 1
        if reads[0] > 1:
            raise LakeUnavailableError("the lake is away.", remedy="wait.")
        return metrics(self, run_id)

    source.execute("DROP TABLE bookings")
    monkeypatch.setattr(LocalLake, "create", refuse)
    assert jobs.do("extract", "nightly").last_error.startswith("ContractError: There is no table bookings")
    monkeypatch.setattr(ManifestStore, "metrics", gone)
    once = jobs.do("extract", "nightly", "retries.attempts=1")
    assert once.last_error.startswith("ContractError: There is no table bookings")
    assert reads == [2]


def test_warehouse_that_is_gone_does_not_hide_why_a_job_failed(
    jobs: Jobs, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in STEP_NAMES[:2]:
        assert jobs.do(step, "nightly").code == 0

    def gone(*_: object, **__: object) -> None:
        raise WarehouseError("the warehouse is gone.", remedy="wait.")

    with monkeypatch.context() as patched:
        patched.setattr(DuckDbWarehouse, "load", gone)
        patched.setattr(DuckDbWarehouse, "record", gone)
        assert jobs.do("load-raw", "nightly").last_error.startswith("WarehouseError: the warehouse is gone.")
    for step in STEP_NAMES[2:]:
        assert jobs.do(step, "nightly").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]


def test_record_that_cannot_be_read_is_told(jobs: Jobs, pipeline: Pipeline) -> None:
    for step in STEP_NAMES[:2]:
        assert jobs.do(step, "nightly").code == 0
    (pipeline.folder / "lake" / "runs" / "nightly" / "records" / "0.json").write_text("{}")
    assert "records/0.json is not a valid record of a run" in jobs.do("load-raw", "nightly").last_error

"""What a run leaves behind when it ends well, stops, is continued or is repeated."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError, LakeError, QualityError, SourceError, WarehouseError
from rental_analytics.steps.extract import step as extract
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.warehouses.change_kinds import NoteLoad
from runs.harness import ON_ONE_SOURCE, OPTIONAL, REQUIRED, Pipeline, Source, failure
from servers.mysql import MySqlServer
from servers.s3 import S3Server

Tables = dict[str, list[tuple[Any, ...]]]
STRICT = "quality.max_rejected_share=0.2"
DATA = ("raw_data", "curated", "presentation")
EXTRACT = ("extract",)
CURATED = ("extract", "transform", "load-curated")
ROWS = ("extract", "transform", "load-raw", "load-curated")


@pytest.fixture
def another_source(source: Source, request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """An empty database of the same kind."""
    if source.url.startswith("sqlite"):
        return Source.sqlite(tmp_path / "staging.db")
    server: MySqlServer = request.getfixturevalue("mysql")
    return Source.mysql(server)


def fill(source: Source) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00", "currency": "eur "})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "apartment_id": 99, "currency": "CHF"})
    source.insert("user_viewing", {}, {})


@pytest.fixture
def filled(source: Source) -> Source:
    fill(source)
    return source


@dataclass(frozen=True)
class Begun:
    """A pipeline whose first run has ended well, its source, and the tables it left."""

    source: Source
    pipeline: Pipeline
    tables: Tables

    @classmethod
    def of(cls, folder: Path) -> Begun:
        source = Source.sqlite(folder / "marketplace.db")
        return cls(source, Pipeline(folder / "run", source.url), {})


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tables]:
    """A folder with a filled database and what the first run on it left, and the tables of its warehouse."""
    folder = tmp_path_factory.mktemp("first-run")
    begun = Begun.of(folder)
    fill(begun.source)
    begun.pipeline.run()
    return folder, begun.pipeline.tables(*DATA)


@pytest.fixture
def begun(first_run: tuple[Path, Tables], tmp_path: Path) -> Begun:
    """A copy of the first run."""
    folder, tables = first_run
    return replace(Begun.of(Path(shutil.copytree(folder, tmp_path, dirs_exist_ok=True))), tables=tables)


@pytest.mark.usefixtures("filled")
def test_a_run_is_accounted_for_and_the_same_input_changes_nothing(pipeline: Pipeline) -> None:
    outcome = pipeline.run()
    assert [step.status for step in outcome.steps] == ["succeeded"] * 5
    accounts = pipeline.rows(
        "SELECT table_name, extracted, curated, superseded, rejected FROM ops.row_accounting ORDER BY 1"
    )
    assert accounts == [
        ("bookings", 2, 2, 0, 0),
        ("listing_attributes", 1, 1, 0, 0),
        ("listings", 2, 2, 0, 0),
        ("viewings", 2, 2, 0, 0),
    ]
    warned = pipeline.rows(
        "SELECT check_name, sample FROM ops.check_results WHERE table_name = 'bookings' AND failed_rows = 1"
    )
    assert warned == [("unknown_listing", "99")]
    assert pipeline.rows("SELECT status, as_of, error FROM ops.runs") == [("succeeded", date(2024, 3, 1), None)]
    assert pipeline.rows("SELECT COUNT(*) FROM ops.steps WHERE status = 'succeeded'") == [(5,)]
    before = pipeline.tables(*DATA)
    pipeline.run()
    assert pipeline.tables(*DATA) == before
    pipeline.run(full_refresh=True)
    assert pipeline.tables(*DATA) == before


@ON_ONE_SOURCE
def test_row_that_breaks_leaves_curated_and_comes_back_when_mended(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run(steps=CURATED)
    kept = "SELECT booking_id FROM curated.bookings ORDER BY 1"
    filled.execute(
        "UPDATE bookings SET user_id = NULL, currency = 'XXX', updated_at = '2024-05-01' WHERE booking_id = 1"
    )
    pipeline.run(steps=CURATED)
    assert pipeline.rows(kept) == [(2,)]
    rows = pipeline.rows("SELECT row_key, rules, row_json FROM ops.rejected_rows")
    assert [row[:2] for row in rows] == [("1", "missing_user,unknown_currency")]
    assert '"total_price":"300.00"' in rows[0][2] and '"user_id":null' in rows[0][2]
    filled.execute("UPDATE bookings SET user_id = 7, currency = 'USD' WHERE booking_id = 1")
    pipeline.run(full_refresh=True, steps=CURATED)
    assert pipeline.rows(kept) == [(1,), (2,)]


@pytest.mark.slow
def test_bad_quality_stops_before_loading_and_can_be_continued(begun: Begun) -> None:
    source, pipeline = begun.source, begun.pipeline
    source.execute("UPDATE bookings SET booking_status = 'maybe', updated_at = '2024-05-01'")
    error = failure(pipeline.run, STRICT)
    assert isinstance(error, QualityError)
    assert "2 of 2 rows of bookings were rejected" in str(error) and "unknown_status 2" in str(error)
    assert pipeline.tables(*DATA) == begun.tables
    assert pipeline.rows("SELECT status FROM ops.runs ORDER BY sequence") == [("succeeded",), ("failed",)]
    assert error.run_id
    resumed = pipeline.run(resume=error.run_id)
    assert [step.status for step in resumed.steps] == ["skipped", "skipped", *["succeeded"] * 3]
    assert pipeline.rows("SELECT * FROM curated.bookings") == []
    attempts = (
        f"SELECT attempt, status FROM ops.steps WHERE run_id = '{error.run_id}' AND step = 'transform' ORDER BY 1"
    )
    assert pipeline.rows(attempts) == [(1, "failed"), (2, "skipped")]


@ON_ONE_SOURCE
def test_few_rejected_rows_need_not_stop_a_run(filled: Source, pipeline: Pipeline) -> None:
    filled.execute("UPDATE bookings SET booking_status = 'maybe' WHERE booking_id = 1")
    assert isinstance(failure(pipeline.run, STRICT), QualityError)
    pipeline.run(STRICT, "quality.min_rejected_rows=2", steps=CURATED)
    assert pipeline.rows("SELECT booking_id FROM curated.bookings") == [(2,)]


@pytest.mark.slow
def test_rows_of_a_run_that_stopped_are_taken_over_by_the_next(begun: Begun) -> None:
    source, pipeline = begun.source, begun.pipeline
    source.execute("UPDATE bookings SET booking_status = 'maybe', updated_at = '2024-05-01'")
    source.insert("user_viewing", {"viewed_at": "2024-05-01 00:00:00.000000"})
    stopped = failure(pipeline.run, STRICT)
    source.execute("UPDATE bookings SET booking_status = 'pending', updated_at = '2024-05-02'")
    source.insert("user_viewing", {"viewed_at": "2024-05-02 00:00:00.000000"})
    pipeline.run(steps=ROWS)
    assert pipeline.rows("SELECT DISTINCT status FROM curated.bookings") == [("pending",)]
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(4,)]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(4,)]
    superseded = failure(pipeline.run, resume=stopped.run_id)
    assert isinstance(superseded, ConfigurationError) and "includes its rows" in superseded.message


@pytest.mark.parametrize("step", ["load-raw", "load-curated"])
@pytest.mark.usefixtures("filled")
@ON_ONE_SOURCE
def test_load_that_fails_midway_leaves_nothing_and_can_be_continued(
    pipeline: Pipeline, first_run: tuple[Path, Tables], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fail(note: NoteLoad) -> str:
        if note.step == step:
            raise WarehouseError("the disk is full.", remedy="make room.")
        return super(NoteLoad, note).sql

    with monkeypatch.context() as patched:
        patched.setattr(NoteLoad, "sql", property(fail))
        error = failure(pipeline.run)
    assert error.step == step
    schema = {"load-raw": "raw_data", "load-curated": "curated"}[step]
    assert pipeline.tables(schema) == {}
    pipeline.run(resume=error.run_id)
    _, undisturbed = first_run
    assert pipeline.tables(*DATA) == undisturbed


@pytest.mark.slow
def test_load_whose_commit_was_lost_is_not_repeated_by_the_next_run(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, pipeline = begun.source, begun.pipeline
    source.insert("user_viewing", {"viewed_at": "2024-03-05 00:00:00.000000"})
    commit = ManifestStore.commit

    def die(self: ManifestStore, manifest: Any) -> None:
        if manifest.step == "load-curated":
            raise LakeError("the process died.", remedy="run again.")
        commit(self, manifest)

    with monkeypatch.context() as patched:
        patched.setattr(ManifestStore, "commit", die)
        failure(pipeline.run, steps=CURATED)
    source.insert("user_viewing", {"viewed_at": "2024-03-06 00:00:00.000000"})
    pipeline.run(steps=CURATED)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(4,)]


@pytest.mark.remedy("lake-and-warehouse-apart")
@pytest.mark.slow
def test_increment_on_a_warehouse_that_lacks_earlier_runs_is_refused(begun: Begun) -> None:
    pipeline = begun.pipeline
    (pipeline.folder / "warehouse.duckdb").unlink()
    error = failure(pipeline.run)
    assert isinstance(error, ConfigurationError) and "--full-refresh" in error.remedy
    pipeline.run(full_refresh=True)
    assert pipeline.tables(*DATA) == begun.tables


def lake_files(pipeline: Pipeline) -> list[str]:
    """Files of the lake, without its lock and the records of starts that failed."""
    folder = pipeline.folder / "lake"
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.startswith(("locks/", "runs/after-")))


@pytest.mark.remedy("warehouse-of-another-lake")
@ON_ONE_SOURCE
def test_another_lake_on_a_filled_warehouse_is_refused(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run(steps=ROWS)
    filled.execute("DELETE FROM bookings WHERE booking_id = 2")
    before = pipeline.tables(*DATA, "ops")
    error = failure(pipeline.run, "lake.url=other")
    assert (type(error), error.exit_code) == (ConfigurationError, 2)
    for told in (f"{pipeline.folder}/lake (", f"{pipeline.folder}/other", "rental run --full-refresh"):
        assert told in str(error)
    assert pipeline.tables(*DATA, "ops") == before
    assert not [path for path in (pipeline.folder / "other").rglob("*.json") if path.parent.name != "locks"]
    pipeline.run("lake.url=other", full_refresh=True, steps=CURATED)
    pipeline.run("lake.url=other", steps=EXTRACT)
    back = failure(pipeline.run)
    assert isinstance(back, ConfigurationError)
    assert f"was filled from the lake {pipeline.folder}/other" in back.message


@pytest.mark.slow
def test_lake_that_was_emptied_is_another_lake(begun: Begun) -> None:
    pipeline = begun.pipeline
    shutil.rmtree(pipeline.folder / "lake")
    error = failure(pipeline.run)
    assert isinstance(error, ConfigurationError)
    assert "in which no run has begun" in error.message
    assert lake_files(pipeline) == []


@pytest.mark.slow
def test_lake_that_moved_is_the_same_lake(begun: Begun) -> None:
    pipeline = begun.pipeline
    (pipeline.folder / "lake").rename(pipeline.folder / "moved")
    pipeline.run("lake.url=moved", steps=EXTRACT)
    urls = pipeline.rows("SELECT url FROM ops.lakes ORDER BY adopted_at")
    assert [Path(url).name for (url,) in urls] == ["lake", "moved"]
    assert pipeline.rows("SELECT COUNT(DISTINCT lake_id) FROM ops.lakes") == [(1,)]


@pytest.mark.slow
def test_lake_and_warehouse_of_before_there_were_identities(begun: Begun) -> None:
    import duckdb

    pipeline = begun.pipeline
    (pipeline.folder / "lake" / "lake.json").unlink()
    with duckdb.connect(str(pipeline.folder / "warehouse.duckdb")) as connection:
        connection.execute("DROP TABLE ops.lakes")
    error = failure(pipeline.run, "lake.url=other")
    assert isinstance(error, ConfigurationError)
    assert "is missing, but that of the warehouse" in error.message
    pipeline.run(steps=EXTRACT)
    assert pipeline.rows("SELECT COUNT(*) FROM ops.lakes") == [(1,)]


@pytest.mark.slow
def test_run_that_is_refused_leaves_nothing_behind(begun: Begun) -> None:
    pipeline = begun.pipeline
    (pipeline.folder / "warehouse.duckdb").unlink()
    before = lake_files(pipeline)
    failure(pipeline.run)
    assert lake_files(pipeline) == before
    assert [path.name for path in (pipeline.folder / "lake" / "runs").glob("after-*")] == ["after-0000000001"]
    assert not list(pipeline.folder.glob("warehouse.duckdb*"))


@pytest.mark.remedy("source-is-another")
def test_another_source_is_refused(filled: Source, pipeline: Pipeline, another_source: Source) -> None:
    pipeline.run(steps=ROWS)
    copy(filled, another_source)
    another_source.execute("UPDATE bookings SET updated_at = '2024-05-01', booking_status = 'pending'")
    before, files = pipeline.tables(*DATA), lake_files(pipeline)
    error = failure(pipeline.run, f"source.url={another_source.url}")
    assert (type(error), error.exit_code) == (ConfigurationError, 2)
    assert "--full-refresh" in error.remedy
    assert "root" not in error.message
    for source in (filled, another_source):
        assert source.url.rpartition("/")[2] in error.message
    assert (pipeline.tables(*DATA), lake_files(pipeline)) == (before, files)
    pipeline.run(f"source.url={another_source.url}", full_refresh=True, steps=CURATED)
    pipeline.run(f"source.url={another_source.url}", steps=EXTRACT)
    assert pipeline.rows("SELECT DISTINCT status FROM curated.bookings") == [("pending",)]


@pytest.mark.remedy("run-of-another-source")
def test_run_is_continued_on_its_own_source_only(
    filled: Source, pipeline: Pipeline, another_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(filled, another_source)
    with monkeypatch.context() as patched:
        patched.setattr(extract, "plan_reads", lambda _context: fail())
        stopped = failure(pipeline.run, full_refresh=True)
    refused = failure(pipeline.run, f"source.url={another_source.url}", resume=stopped.run_id)
    assert isinstance(refused, ConfigurationError)
    assert f"Run {stopped.run_id} began on the source" in refused.message
    pipeline.run(resume=stopped.run_id, steps=EXTRACT)


def test_source_of_a_run_that_did_not_note_it_is_not_compared(
    filled: Source, pipeline: Pipeline, another_source: Source
) -> None:
    pipeline.run(run_id="first", steps=EXTRACT)
    for path in ("history/0000000001.json", "runs/first/run.json"):
        file = pipeline.folder / "lake" / path
        values = json.loads(file.read_text())
        assert values.pop("source")
        assert values.pop("checksum")
        file.write_text(json.dumps(values))
    copy(filled, another_source)
    pipeline.run(f"source.url={another_source.url}", steps=EXTRACT)


def fail() -> None:
    raise SourceError("the connection is gone.", remedy="run again.")


def copy(source: Source, target: Source) -> None:
    """Make another database with the rows of the first."""
    target.create(optional=True)
    columns = {table: [*REQUIRED[table], *OPTIONAL.get(table, {})] for table in REQUIRED}
    for table, names in columns.items():
        rows = source.execute(f"SELECT {', '.join(names)} FROM {table}")
        target.insert(table, *(dict(zip(names, row, strict=True)) for row in rows))


@ON_ONE_SOURCE
def test_lost_lake_is_filled_again_and_the_warehouse_follows_the_source(filled: Source, pipeline: Pipeline) -> None:
    """What vanished meanwhile is deleted, and a listing no longer active."""
    pipeline.run(steps=CURATED)
    (pipeline.folder / "lake").rename(pipeline.folder / "lost")
    filled.execute("DELETE FROM bookings WHERE booking_id = 2")
    filled.execute("DELETE FROM apartments WHERE id = 2")
    pipeline.run(full_refresh=True, steps=CURATED)
    assert pipeline.rows("SELECT booking_id, is_deleted FROM curated.bookings ORDER BY 1") == [(1, False), (2, True)]
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(2,)]
    versions = "SELECT is_active FROM curated.listing_versions WHERE listing_id = {} ORDER BY valid_from"
    assert pipeline.rows(versions.format(2)) == [(True,), (False,)]
    assert pipeline.rows(versions.format(1)) == [(True,)]


@ON_ONE_SOURCE
def test_as_of_bounds_the_numbers(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run(as_of=date(2024, 2, 20))
    assert pipeline.rows("SELECT as_of FROM ops.run_parameters") == [(date(2024, 2, 20),)]
    assert pipeline.rows("SELECT MAX(month_start) FROM presentation.occupancy_rate_monthly") == [(date(2024, 2, 1),)]
    assert pipeline.rows("SELECT * FROM presentation.bookings_per_user_weekly") == []


@pytest.mark.service
def test_lake_in_a_bucket_gives_the_same_warehouse(
    mysql: MySqlServer, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rental_marketplace import MarketplaceOptions, advance, generate

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    url = mysql.url(mysql.create_database())
    generate(
        url, MarketplaceOptions(listings=50, bookings=200, viewings=300, end_date=date(2026, 5, 31), dirty_rate=0.05)
    )
    bucket = s3.create_bucket()
    remote = Pipeline(
        tmp_path / "remote",
        url,
        f"lake.url=s3://{bucket}/some/prefix",
        f"lake.endpoint={s3.endpoint_url}",
        "lake.region=us-east-1",
    )
    local = Pipeline(tmp_path / "local", url)
    for pipeline in (remote, local):
        pipeline.run(steps=ROWS)
    advance(url, 1)
    for pipeline in (remote, local):
        pipeline.run()
    assert without_deletion_time(remote.tables(*DATA)) == without_deletion_time(local.tables(*DATA))
    keys = [item["Key"] for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.startswith("some/prefix/raw/bookings/run_id=") for key in keys)
    assert not list((tmp_path / "remote").glob("lake*"))


def without_deletion_time(tables: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """What vanished has a last version that begins when the run noticed it, which differs between two pipelines."""
    return {name: rows for name, rows in tables.items() if not name.endswith("_versions")}

"""The sweep takes what no run will read any more, and nothing else."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rental_analytics.contracts.manifest import (
    ExtractedTable,
    ExtractManifest,
    FileColumn,
    LakeFile,
    LoadManifest,
    RunParameters,
    TransformedTable,
    TransformManifest,
)
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.errors import LockHeldError
from rental_analytics.failpoints import arm
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.storage.sweep import sweep
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server

NOON = datetime.fromisoformat("2024-05-01T12:00:00")
FOLDERS = ("raw/bookings/", "curated/bookings/", "rejected/bookings/", "state/bookings/")


class CountingLake(LocalLake):
    """Counts what it is asked for."""

    calls = 0

    def read(self, path: str) -> bytes | None:
        self.calls += 1
        return super().read(path)

    def paths(self, prefix: str) -> list[str]:
        self.calls += 1
        return super().paths(prefix)


class Runs:
    """Runs with a table `bookings`, made by hand."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.manifests = ManifestStore(lake)

    def begin(self, run_id: str, *, file: str = "part-0.parquet") -> RunParameters:
        """A run that left a file everywhere."""
        run = self.manifests.begin_run(run_id, datetime.now(UTC), NOON)
        for folder in FOLDERS:
            self.lake.create(f"{folder}run_id={run_id}/{file}", b"rows")
        return run

    def extract(self, run: RunParameters, state: str | None = None, replaces: tuple[str, ...] = ()) -> None:
        table = ExtractedTable(
            mode=ReadMode.INCREMENTAL,
            complete=True,
            key=("booking_id",),
            columns=(FileColumn(name="booking_id", type="BIGINT"),),
            files=_files(f"raw/bookings/run_id={run.run_id}/"),
            state=_files(f"state/bookings/run_id={state or run.run_id}/"),
            window_upper=NOON,
        )
        self.manifests.commit(
            ExtractManifest(
                run_id=run.run_id,
                sequence=run.sequence,
                upper_bound=NOON,
                replaces=replaces,
                tables={"bookings": table},
            )
        )

    def transform(self, run: RunParameters) -> None:
        table = TransformedTable(
            complete=True,
            columns=(),
            files=_files(f"curated/bookings/run_id={run.run_id}/"),
            rejected_files=_files(f"rejected/bookings/run_id={run.run_id}/"),
        )
        self.manifests.commit(TransformManifest(run_id=run.run_id, sequence=run.sequence, tables={"bookings": table}))

    def load(self, run: RunParameters) -> None:
        self.manifests.commit(LoadManifest(run_id=run.run_id, sequence=run.sequence, step="load-curated", tables={}))

    def complete(self, run_id: str) -> RunParameters:
        run = self.begin(run_id)
        self.extract(run)
        self.transform(run)
        self.load(run)
        return run

    def sweep(self, continued: str | None = None) -> str:
        return str(sweep(self.lake, self.manifests, continued))

    def left(self, run_id: str) -> list[str]:
        """Kinds of files of a run that are there."""
        marked = f"/run_id={run_id}/"
        return [path.split("/")[0] for folder in FOLDERS for path in self.lake.paths(folder) if marked in path]


def _files(prefix: str) -> tuple[LakeFile, ...]:
    return (LakeFile(path=f"{prefix}part-0.parquet", bytes=4, rows=1),)


@pytest.fixture(
    params=[pytest.param("folder", marks=pytest.mark.fast), pytest.param("bucket", marks=pytest.mark.service)]
)
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    if request.param == "folder":
        yield LocalLake(tmp_path / "lake")
        return
    from rental_analytics.storage.s3 import S3Lake

    server: S3Server = request.getfixturevalue("s3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    with closing(S3Lake(server.create_bucket(), "a", region="us-east-1", endpoint=server.endpoint_url)) as bucket:
        yield bucket


def test_files_of_steps_that_did_not_commit_go(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    extracted = runs.begin("extracted")
    runs.extract(extracted)
    runs.begin("begun")
    assert runs.sweep() == "swept 6 files of a run that did not finish"
    # A run may yet have to read again what `extracted` read.
    assert runs.left("first") == ["raw", "curated", "rejected", "state"]
    assert runs.left("extracted") == ["raw", "state"]
    assert runs.left("begun") == []
    assert runs.sweep() == ""


def test_file_beside_those_a_manifest_names_goes(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    for folder in FOLDERS:
        lake.create(f"{folder}run_id=first/part-1.parquet", b"rows")
    assert runs.sweep().startswith("swept 3 files")
    assert runs.left("first") == ["raw", "curated", "rejected", "state"]


def test_run_that_is_continued_keeps_what_it_has(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    runs.begin("stopped")
    assert runs.sweep(continued="stopped") == ""
    assert runs.left("stopped") == ["raw", "curated", "rejected", "state"]


def test_run_that_is_continued_loses_what_its_committed_steps_do_not_name(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    runs.extract(runs.begin("stopped"))
    for folder in FOLDERS:
        lake.create(f"{folder}run_id=stopped/part-dead-0.parquet", b"rows")
    # Its extract is committed: nobody can commit the other files any more. The transform may just be about to be.
    assert runs.sweep(continued="stopped") == "swept 1 file of a run that did not finish"
    assert runs.left("stopped") == ["raw", "curated", "curated", "rejected", "rejected", "state"]


@pytest.mark.parametrize("looks", [0, 1])
def test_sweep_without_the_lock_removes_nothing(lake: Lake, looks: int) -> None:
    """The lock may be lost while it is looked for what can go."""
    left = [looks]

    def guard() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise LockHeldError("lost.", remedy="wait.")

    runs = Runs(lake)
    runs.complete("first")
    runs.begin("begun")
    with pytest.raises(LockHeldError):
        sweep(lake, ManifestStore(lake, guard))
    assert runs.left("begun") == ["raw", "curated", "rejected", "state"]


def test_state_goes_once_a_later_extract_is_loaded(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    second = runs.begin("second")
    runs.extract(second)
    assert "did not finish" in runs.sweep()
    assert runs.left("first") == ["raw", "curated", "rejected", "state"]
    assert runs.left("second") == ["raw", "state"]
    runs.load(second)
    assert runs.sweep() == ""
    assert runs.left("first") == ["raw", "curated", "rejected"]
    assert runs.left("second") == ["raw", "state"]


def test_what_was_read_again_goes_but_for_its_rejected_rows(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    stopped = runs.begin("stopped")
    runs.extract(stopped)
    runs.transform(stopped)
    again = runs.begin("again")
    runs.extract(again, replaces=("stopped",))
    runs.transform(again)
    assert runs.sweep() == "swept 2 files of a run that did not finish"
    assert runs.left("stopped") == ["rejected", "state"]
    runs.load(again)
    runs.sweep()
    assert runs.left("stopped") == ["rejected"]
    assert runs.left("again") == ["raw", "curated", "rejected", "state"]


def test_state_of_an_earlier_run_stays_while_the_newest_extract_names_it(lake: Lake) -> None:
    runs = Runs(lake)
    runs.complete("first")
    runs.complete("second")
    run = runs.begin("backfill")
    runs.extract(run, state="first")
    runs.load(run)
    runs.sweep()
    assert runs.left("first") == ["raw", "curated", "rejected", "state"]
    assert "state" not in runs.left("second") + runs.left("backfill")


def test_sweep_that_was_interrupted_is_done_by_the_next(lake: Lake) -> None:
    def die(name: str) -> None:
        if name == "file-swept":
            raise InterruptedError

    runs = Runs(lake)
    runs.complete("first")
    runs.begin("begun")
    arm(die)
    try:
        with pytest.raises(InterruptedError):
            runs.sweep()
    finally:
        arm(None)
    assert len(runs.left("begun")) == 3
    runs.sweep()
    assert runs.left("begun") == []


def test_lake_without_a_history_is_left_alone(lake: Lake) -> None:
    lake.create("state/bookings/run_id=first/part-0.parquet", b"rows")
    lake.create("raw/bookings/run_id=first/part-0.parquet", b"rows")
    assert Runs(lake).sweep() == ""
    assert len(lake.paths("state/") + lake.paths("raw/")) == 2


@pytest.mark.fast
def test_cost_does_not_grow_with_the_number_of_runs(tmp_path: Path) -> None:
    lake = CountingLake(tmp_path / "lake")
    runs = Runs(lake)
    counts = []
    for number in range(12):
        runs.complete(f"run-{number}")
        lake.calls = 0
        runs.sweep()
        counts.append(lake.calls)
    assert len(set(counts[1:])) == 1
    assert [path.name for path in (lake.root / "state/bookings").iterdir()] == ["run_id=run-11"]


@pytest.mark.fast
def test_drafts_go(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "half").write_bytes(b"{")
    assert Runs(lake).sweep() == "swept 1 file of a run that did not finish"
    assert list((tmp_path / "drafts").iterdir()) == []


@pytest.mark.fast
def test_drafts_of_earlier_versions_go(tmp_path: Path) -> None:
    (tmp_path / ".drafts" / "engine-0").mkdir(parents=True)
    (tmp_path / ".drafts" / "engine-0" / "part-0.parquet").write_bytes(b"")
    (tmp_path / ".drafts" / "half").write_bytes(b"{")
    assert Runs(LocalLake(tmp_path)).sweep() == "swept 2 files of a run that did not finish"
    assert list((tmp_path / ".drafts").iterdir()) == []


@pytest.mark.fast
def test_draft_folders_go_with_their_files(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    for name, files in (("empty", 0), ("full", 2)):
        (tmp_path / "drafts" / name).mkdir(parents=True)
        for number in range(files):
            (tmp_path / "drafts" / name / f"part-{number}.parquet").write_bytes(b"")
    assert Runs(lake).sweep() == "swept 2 files of a run that did not finish"
    assert list((tmp_path / "drafts").iterdir()) == []


@pytest.mark.fast
def test_object_whose_draft_was_swept_away_is_created_all_the_same(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    swept = []

    def sweep_once(name: str) -> None:
        if name == "draft-written" and not swept:
            swept.append(lake.remove_drafts())

    arm(sweep_once)
    try:
        assert lake.create("locks/1.json", b"{}")
    finally:
        arm(None)
    assert swept == [1]
    assert lake.read("locks/1.json") == b"{}"


@pytest.mark.service
def test_drafts_of_earlier_versions_go_from_a_bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from rental_analytics.storage.s3 import S3Lake

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    bucket = s3.create_bucket()
    with (
        closing(s3.client()) as client,
        closing(S3Lake(bucket, "a/lake", region="us-east-1", endpoint=s3.endpoint_url)) as lake,
    ):
        for key in ("a/lake/.drafts/engine-0/0.manifest", "a/lake/drafts/engine-1/0.manifest", ".drafts/other"):
            client.put_object(Bucket=bucket, Key=key, Body=b"")
        assert lake.remove_drafts() == 2
        assert [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]] == [".drafts/other"]


@pytest.mark.service
def test_uploads_that_never_ended_are_aborted(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from rental_analytics.storage.s3 import S3Lake

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    bucket = s3.create_bucket()
    with (
        closing(s3.client()) as client,
        closing(S3Lake(bucket, "a/lake", region="us-east-1", endpoint=s3.endpoint_url)) as lake,
    ):
        keys = ["a/lake/raw/t/run_id=x/part-0.parquet", "a/lake/other", "raw/t/run_id=x/part-0.parquet"]
        for key in keys:
            client.create_multipart_upload(Bucket=bucket, Key=key)
        assert lake.remove_drafts() == 1
        assert [item["Key"] for item in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == keys[1:]

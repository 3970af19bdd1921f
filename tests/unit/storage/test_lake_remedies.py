"""What a lake is refused for: doing what the remedy says, the same call succeeds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import LockHeldError
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import Claim, RunLock
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.storage.records import encode_record
from runs.harness import Pipeline, Source, failure

NOW = datetime.now(UTC)
BOUND = NOW.replace(tzinfo=None)


def refused(reason: str, remedy: str, call: Callable[..., object], *arguments: Any, **options: Any) -> None:
    error = failure(call, *arguments, **options)
    assert error.reason == reason, str(error)
    assert remedy in error.remedy


def claim(token: str, *, released: bool = False) -> bytes:
    """Of a run on another machine."""
    written = Claim(
        owner="far",
        pid=1,
        token=token,
        acquired_at=NOW,
        renewed_at=NOW,
        expires_at=NOW + timedelta(minutes=1),
        released=released,
    )
    return written.model_dump_json().encode()


class SharedLake(LocalLake):
    """A lake in which somebody else may do something just before a file is created."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.before: Callable[[str], None] = lambda _: None

    def create(self, path: str, content: bytes) -> bool:
        self.before(path)
        return super().create(path, content)


@pytest.fixture
def lake(tmp_path: Path) -> SharedLake:
    return SharedLake(tmp_path / "lake")


def publish(lake: LocalLake) -> None:
    with lake.writing("raw/t/run_id=a/") as folder:
        (folder / "part-0.parquet").write_bytes(b"rows")


@pytest.mark.fast
@pytest.mark.remedy("lake-folder-not-writable")
@pytest.mark.remedy("lake-not-writable")
def test_a_folder_that_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    wrong, right = LocalLake(tmp_path / "file" / "lake"), LocalLake(tmp_path / "lake")
    remedy = "point lake.url to a folder you may write to"
    refused("lake-folder-not-writable", remedy, wrong.check_writable)
    refused("lake-not-writable", remedy, wrong.create, "runs/a/run.json", b"{}")
    refused("lake-not-writable", remedy, publish, wrong)
    right.check_writable()
    assert right.create("runs/a/run.json", b"{}")
    publish(right)
    assert right.paths("raw/") == ["raw/t/run_id=a/part-0.parquet"]


@pytest.mark.fast
@pytest.mark.remedy("lake-drafts-removed")
def test_once_the_other_run_has_finished_files_are_written(lake: SharedLake) -> None:
    def swept() -> None:
        with lake.writing("raw/t/run_id=a/") as folder:
            (folder / "part-0.parquet").write_bytes(b"rows")
            lake.remove_drafts()

    refused("lake-drafts-removed", "wait for that run to finish, then run again", swept)
    publish(lake)
    assert lake.paths("raw/") == ["raw/t/run_id=a/part-0.parquet"]


@pytest.mark.fast
@pytest.mark.remedy("lock-not-taken")
@pytest.mark.remedy("lock-invalid")
@pytest.mark.remedy("lock-removed")
def test_claims_that_are_not_there_or_not_whole(lake: SharedLake) -> None:
    lock = RunLock(lake)
    refused("lock-not-taken", "take it first", lock.check)
    lake.write("locks/0000000001.json", b"{")
    refused("lock-invalid", "if no other run is at work and this stays, remove the file", lock.acquire)
    (lake.root / "locks" / "0000000001.json").unlink()
    lock.acquire()
    lock.check()
    lake.delete(lake.paths("locks/"))
    refused("lock-removed", "once none is, run again", lock.check)
    lock.release()
    assert lock.holder() is None
    lock.acquire()
    lock.check()
    lock.release()


@pytest.mark.fast
@pytest.mark.remedy("lock-held")
@pytest.mark.remedy("lock-lost")
def test_once_the_other_run_has_finished_the_lock_is_free(lake: SharedLake) -> None:
    lock, remedy = RunLock(lake), "wait for that run to finish, then run again"
    lake.write("locks/0000000001.json", claim("first"))
    refused("lock-held", remedy, lock.acquire)
    lake.write("locks/0000000001.json", claim("first", released=True))
    lock.acquire()
    lock.check()
    lake.write("locks/0000000003.json", claim("third"))
    refused("lock-lost", remedy, lock.check)
    lock.release()
    lake.write("locks/0000000003.json", claim("third", released=True))
    lock.acquire()
    lock.check()
    lock.release()


@pytest.mark.fast
@pytest.mark.remedy("lock-contended")
def test_once_others_do_not_take_the_lock_any_more(lake: SharedLake) -> None:
    """Each time somebody else is quicker, and ends at once."""
    lock = RunLock(lake)
    lake.before = lambda path: lake.write(path, claim(path, released=True))
    refused("lock-contended", "wait for them to finish, then run again", lock.acquire)
    lake.before = lambda _: None
    lock.acquire()
    lock.check()
    lock.release()


@pytest.mark.fast
@pytest.mark.remedy("run-id-taken")
@pytest.mark.remedy("run-id-malformed")
def test_another_run_id(lake: SharedLake) -> None:
    store = ManifestStore(lake)
    refused("run-id-malformed", "at most 100 letters, digits, dots, dashes", store.begin_run, "a b", NOW, BOUND)
    first = store.begin_run("a_b", NOW, BOUND)
    later = NOW + timedelta(seconds=1)
    refused("run-id-taken", "choose another --run-id, or continue it with", store.begin_run, "a_b", later, BOUND)
    assert store.find_run("a_b") == first
    assert store.begin_run("b", later, BOUND).sequence == 2


@pytest.mark.fast
@pytest.mark.remedy("run-begun-beside")
@pytest.mark.remedy("run-id-begun-beside")
def test_once_the_run_that_began_at_the_same_moment_has_finished(lake: SharedLake) -> None:
    store, others = ManifestStore(lake), ManifestStore(LocalLake(lake.root))

    def beside(_: str) -> None:
        others.begin_run("other", NOW, BOUND)

    lake.before = beside
    refused("run-begun-beside", "wait for it to finish, then run again", store.begin_run, "mine", NOW, BOUND)
    lake.before = lambda _: None
    assert store.begin_run("mine", NOW, BOUND).sequence == 2

    def begun(path: str) -> None:
        if path == "runs/third/run.json":
            lake.write(path, b"{}")

    lake.before = begun
    refused("run-id-begun-beside", "run again with another --run-id", store.begin_run, "third", NOW, BOUND)
    assert store.begin_run("fourth", NOW, BOUND).run_id == "fourth"


@pytest.mark.slow
@pytest.mark.remedy("step-committed-beside")
def test_a_run_goes_on_where_another_process_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("bookings", {"booking_id": 1})
    pipeline, commit = Pipeline(tmp_path / "run", source.url), ManifestStore.commit

    def committed(self: ManifestStore, manifest: Any) -> None:
        """By another process just before, whose manifest is not quite the same."""
        path = f"runs/{manifest.run_id}/{manifest.step}.json"
        assert self._lake.create(path, encode_record(manifest) + b"\n")
        commit(self, manifest)

    with monkeypatch.context() as patch:
        patch.setattr(ManifestStore, "commit", committed)
        error = failure(pipeline.run, run_id="first")
    assert isinstance(error, LockHeldError)
    assert error.reason == "step-committed-beside"
    assert "`rental run --resume first`" in error.remedy
    pipeline.run(resume="first")
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(1,)]


@pytest.mark.slow
@pytest.mark.remedy("lake-record-too-large")
def test_a_run_whose_record_would_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest has the type of every column in the words of the source, however long they are."""
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("bookings", {"booking_id": 1})
    pipeline, count = Pipeline(tmp_path / "run", source.url), "SELECT COUNT(*) FROM curated.bookings"
    pipeline.run(run_id="first")
    largest = 4 * max(file.stat().st_size for file in (pipeline.folder / "lake").glob("runs/*/*.json"))
    monkeypatch.setattr("rental_analytics.storage.records.LARGEST_RECORD", largest)
    columns = ", ".join(name for (name,) in source.execute("SELECT name FROM pragma_table_info('bookings')"))
    source.execute(f'ALTER TABLE bookings ADD COLUMN kind "{"x" * largest}"')
    source.insert("bookings", {"booking_id": 2})
    refused("lake-record-too-large", "by a view in the place of a table", pipeline.run, run_id="second")
    assert not (pipeline.folder / "lake" / "runs" / "second" / "extract.json").exists()
    source.execute("ALTER TABLE bookings RENAME TO all_of_bookings")
    source.execute(f"CREATE VIEW bookings AS SELECT {columns} FROM all_of_bookings")
    pipeline.run(full_refresh=True)
    assert pipeline.rows(count) == [(2,)]

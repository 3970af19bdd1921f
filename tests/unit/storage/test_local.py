"""A lake in a folder: objects are created once, whole, on every file system."""

import errno
import os
import socket
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.errors import LakeError, LockHeldError
from rental_analytics.storage.base import LARGEST_RECORD
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import RunLock
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.storage.verification import verified_copies
from runs.harness import failure
from support.rights import denied

pytestmark = pytest.mark.fast


@pytest.fixture(params=["links", "no links"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalLake:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return LocalLake(tmp_path / "lake")


def test_an_object_is_created_once(lake: LocalLake) -> None:
    assert lake.create("runs/a/extract.json", b"first")
    assert not lake.create("runs/a/extract.json", b"second")
    assert lake.read("runs/a/extract.json") == b"first"
    assert lake.paths("runs/") == ["runs/a/extract.json"]


def test_nothing_is_published_when_writing_fails(lake: LocalLake) -> None:
    with pytest.raises(KeyError), lake.writing("raw/t/run_id=a/") as folder:
        (folder / "part-0.parquet").write_bytes(b"half")
        raise KeyError
    assert lake.paths("raw/") == []


def test_attempts_at_one_step_leave_each_other_alone(lake: LocalLake) -> None:
    def write(name: str) -> None:
        with lake.writing("raw/t/run_id=a/") as folder:
            assert not [file for file in folder.iterdir() if file.suffix]
            (folder / name).write_bytes(name.encode())

    with pytest.raises(KeyError), lake.writing("raw/t/run_id=a/") as outer:
        (outer / "late.parquet").write_bytes(b"")
        write("first.parquet")
        raise KeyError
    write("second.parquet")
    assert lake.paths("raw/") == ["raw/t/run_id=a/first.parquet", "raw/t/run_id=a/second.parquet"]
    assert list((lake.root / "drafts").iterdir()) == []


def test_files_whose_drafts_were_swept_away_are_not_published(lake: LocalLake) -> None:
    with pytest.raises(LockHeldError, match="another run took over"), lake.writing("raw/t/run_id=a/") as folder:
        (folder / "part-0.parquet").write_bytes(b"rows")
        assert lake.remove_drafts() == 1
        folder.mkdir()
        (folder / "deletes-0.parquet").write_bytes(b"rows")
    assert lake.paths("raw/") == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell what a descriptor stands for")
def test_files_and_their_names_are_on_the_disk_before_a_manifest_may_name_them(
    lake: LocalLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    sync, replace = os.fsync, Path.replace

    def syncing(descriptor: int) -> None:
        happened.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    def replacing(self: Path, target: Path) -> Path:
        happened.append(f"name {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "replace", replacing)
    with lake.writing("raw/t/run_id=a/") as folder:
        for name in ("one", "two"):
            (folder / name).write_bytes(b"rows")
    files = ["sync one", "sync two", "name one", "name two", "sync run_id=a"]
    assert [event for event in happened if event in files] == files
    assert happened[-1] == "sync run_id=a"
    assert {"sync t", "sync raw", "sync lake"} <= set(happened)
    happened.clear()
    lake.create("runs/a/extract.json", b"{}")
    assert happened[-1] == "sync a"


def test_folder_that_cannot_be_brought_to_the_disk_alone_is_no_error(
    lake: LocalLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def picky(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", picky)
    assert lake.create("runs/a/extract.json", b"{}")


def test_full_disk_is_told_when_files_are_published(lake: LocalLake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LakeError, match="No space left on device"), lake.writing("raw/t/run_id=a/") as folder:
        (folder / "part-0.parquet").write_bytes(b"rows")
    assert lake.paths("raw/") == []


def test_full_disk_is_told(lake: LocalLake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LakeError, match="No space left on device"):
        lake.create("runs/a/extract.json", b"{}")
    assert lake.paths("runs/") == []


def test_file_that_a_manifest_names_and_is_gone_is_told(lake: LocalLake) -> None:
    with pytest.raises(LakeError, match=r"part-0\.parquet"):
        lake.local_copies(["raw/t/run_id=a/part-0.parquet"])


def test_an_object_is_read_in_parts(lake: LocalLake) -> None:
    lake.create("raw/t/part", b"0123456789")
    assert lake.size("raw/t/part") == 10
    with lake.open("raw/t/part") as content:
        assert content.seek(-3, os.SEEK_END) == 7
        assert content.read(5) == b"789"
        assert content.read() == b""
        assert content.seek(2) == 2
        assert content.read(2) == b"23"


def test_an_empty_object_has_a_size(lake: LocalLake) -> None:
    lake.create("raw/t/part", b"")
    assert lake.size("raw/t/part") == 0
    with lake.open("raw/t/part") as content:
        assert content.read() == b""


def test_an_absent_object_has_no_size_and_cannot_be_opened(lake: LocalLake) -> None:
    lake.create("raw/t/part", b"")
    for path in ("raw/t/gone", "raw/t"):
        assert lake.size(path) is None
        with pytest.raises(LakeError, match=f"{lake.root}/{path}, but the file is gone"):
            lake.open(path)


def odd(place: Path, kind: str) -> None:
    """Put something there that no run wrote; the sparse file takes no room on the disk."""
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(place))
    elif kind == "folder":
        place.mkdir()
    else:
        with place.open("wb") as file:
            file.truncate(LARGEST_RECORD + 1)


@pytest.mark.remedy("lake-record-invalid")
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "large file"])
@pytest.mark.parametrize("path", ["lake.json", "history/0000000001.json", "runs/a/run.json", "locks/0000000001.json"])
def test_what_no_record_is_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, kind: str) -> None:
    """Nothing is waited for: the end of a pipe never comes."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    lake = LocalLake(Path("lake"))
    lake.create(path, b"{}")
    place = lake.root / path
    place.rename("aside")
    odd(place, kind)
    for read in (lambda: lake.read(path), lambda: not lake.create(path, b"{}") and lake.read(path)):
        error = failure(read)
        assert error.reason == "lake-record-invalid"
        assert f"{path} is not what a run wrote: it " in error.message
        assert "remove it, and unless it is one of locks/, restore the file as the run wrote it" in error.remedy
    place.rmdir() if kind == "folder" else place.unlink()
    Path("aside").rename(place)
    assert lake.read(path) == b"{}"


def test_a_pipe_in_the_place_of_the_lock_ends_a_run(lake: LocalLake) -> None:
    lake.create("locks/0000000001.json", b"{}")
    (lake.root / "locks/0000000001.json").unlink()
    odd(lake.root / "locks/0000000001.json", "pipe")
    assert failure(RunLock(lake).acquire).reason == "lake-record-invalid"
    (lake.root / "locks/0000000001.json").unlink()
    lock = RunLock(lake)
    lock.acquire()
    lock.release()


ACTS: dict[str, Callable[[LocalLake, str], object]] = {
    "read": lambda lake, path: lake.read(path),
    "stored": lambda lake, path: lake.stored(path),
    "idle": lambda lake, path: lake.idle(path),
    "open": lambda lake, path: lake.open(path).close(),
    "digest": lambda lake, path: lake.digest(path),
    "copies": lambda lake, path: lake.local_copies([path]),
    "paths": lambda lake, path: lake.paths(f"{path.partition('/')[0]}/"),
    "folders": lambda lake, path: lake.folders(f"{path.partition('/')[0]}/"),
    "create": lambda lake, path: lake.create(path, b"{}"),
    "write": lambda lake, path: lake.write(path, b"{}"),
    "delete": lambda lake, path: lake.delete([path]),
}


@pytest.mark.remedy("lake-not-readable")
@pytest.mark.parametrize("act", ACTS)
def test_a_folder_that_may_not_be_looked_into(tmp_path: Path, act: str) -> None:
    """It is not taken for an empty one, and the error names it."""
    lake = LocalLake(tmp_path / "lake")
    assert lake.create("runs/a/run.json", b"{}")
    for place in ("runs", "runs/a") if act != "folders" else ("runs",):
        with denied(lake.root / place):
            error = failure(ACTS[act], lake, "runs/a/run.json")
        assert isinstance(error, LakeError)
        assert error.reason == "lake-not-readable"
        assert f"{lake.root / place}" in error.message
        assert "cannot be read: Permission denied." in error.message
        assert "let the user of this process read the files of the lake" in error.remedy
    ACTS[act](lake, "runs/a/run.json")


@pytest.mark.parametrize("look", ["paths", "folders"])
def test_a_folder_whose_files_may_only_be_listed(lake: LocalLake, look: str) -> None:
    lake.create("raw/t/run_id=a/part", b"rows")
    with denied(lake.root / "raw", 0o444):
        assert failure(getattr(lake, look), "raw/").reason == "lake-not-readable"
    assert getattr(lake, look)("raw/")


READINGS: dict[str, Callable[[LocalLake, LakeFile], object]] = {
    "record": lambda lake, file: lake.read(file.path),
    "parts": lambda lake, file: lake.open(file.path),
    "digest": lambda lake, file: lake.digest(file.path),
    "checksum": lambda lake, file: verified_copies(lake, [file]),
    "rows": lambda lake, file: verified_copies(lake, [file.model_copy(update={"checksum": None})]),
}


@pytest.mark.parametrize("reading", READINGS)
def test_a_file_that_may_not_be_read(tmp_path: Path, reading: str) -> None:
    lake = LocalLake(tmp_path / "lake")
    lake.create("raw/t/run_id=a/part", b"rows")
    file = LakeFile(path="raw/t/run_id=a/part", bytes=4, rows=1, checksum="sha256:" + "0" * 64)
    with denied(lake.root / file.path):
        error = failure(READINGS[reading], lake, file)
    assert error.reason == "lake-not-readable", str(error)
    assert f"{lake.root}/raw/t/run_id=a/part cannot be read: " in error.message


CHANGES: dict[str, tuple[str, Callable[[LocalLake], object]]] = {
    "delete": ("locks", lambda lake: lake.delete(["locks/0000000001.json"])),
    "idle": ("drafts", lambda lake: lake.idle("locks/0000000001.json")),
    "drafts": ("drafts", lambda lake: lake.remove_drafts()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_that_may_not_be_written_to(tmp_path: Path, change: str) -> None:
    lake = LocalLake(tmp_path / "lake")
    lake.create("locks/0000000001.json", b"{}")
    (lake.root / "drafts" / "left").write_bytes(b"")
    place, act = CHANGES[change]
    with denied(lake.root / place, 0o555):
        error = failure(act, lake)
    assert (type(error), error.reason) == (LakeError, "lake-not-writable"), str(error)
    act(lake)


@pytest.mark.parametrize("look", ["paths", "folders"])
def test_a_file_in_the_place_of_a_folder(lake: LocalLake, look: str) -> None:
    assert getattr(lake, look)("history/") == []
    lake.create("history", b"")
    assert failure(getattr(lake, look), "history/").reason == "lake-record-invalid"


def test_a_history_that_may_not_be_looked_into_is_not_empty(lake: LocalLake) -> None:
    store = ManifestStore(lake)
    now = datetime.now(UTC)
    store.begin_run("a", now, now.replace(tzinfo=None))
    with denied(lake.root / "history"):
        assert failure(lambda: list(store.history())).reason == "lake-not-readable"
        assert failure(store.begin_run, "b", now, now.replace(tzinfo=None)).reason == "lake-not-readable"
    assert [run.run_id for run in store.history()] == ["a"]

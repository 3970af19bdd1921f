"""A lake in a folder: objects are created once, whole, on every file system."""

import errno
import os
import stat
from pathlib import Path

import pytest

from rental_analytics.errors import LakeError, LockHeldError
from rental_analytics.storage.local import LocalLake

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
    assert list((lake.root / ".drafts").iterdir()) == []


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

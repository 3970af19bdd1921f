"""A lake in a folder: objects are created once, whole, on every file system."""

import errno
import os
from pathlib import Path

import pytest

from rental_analytics.errors import LakeError
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


def test_writing_again_replaces_what_stood_there(lake: LocalLake) -> None:
    for name in ("old", "new"):
        with lake.writing("raw/t/run_id=a/") as folder:
            (folder / name).write_bytes(b"")
    assert lake.paths("raw/") == ["raw/t/run_id=a/new"]


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

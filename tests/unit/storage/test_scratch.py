"""Temporary folders: nobody takes one that is in use, and what a killed process left goes with the next."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rental_analytics.storage import scratch
from rental_analytics.storage.scratch import ScratchFolder

DIE = """
import os, signal
from rental_analytics.storage.scratch import ScratchFolder
(ScratchFolder("rental-test").path / "big").write_text("rows")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def make_folder(path: Path) -> Path:
    path.mkdir()
    (path / "file").write_text("rows")
    return path


@pytest.mark.fast
def test_folder_goes_with_its_owner(temporary: Path) -> None:
    folder = ScratchFolder("rental-test")
    (folder.path / "file").write_text("rows")
    assert [path.name for path in temporary.iterdir()] == [folder.path.name]
    assert folder.path.name.startswith("rental-test-")
    folder.close()
    folder.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.fast
def test_folder_that_is_held_stays(temporary: Path) -> None:
    first, second = ScratchFolder("rental-test"), ScratchFolder("rental-test")
    assert first.path.is_dir() and second.path.is_dir()
    first.close()
    assert list(temporary.iterdir()) == [second.path]
    second.close()


@pytest.mark.slow
def test_folder_of_a_killed_process_goes(temporary: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE], env=os.environ | {"TMPDIR": str(temporary)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in temporary.glob("rental-test-*/*")] == ["big"]
    folder = ScratchFolder("rental-test")
    assert list(temporary.iterdir()) == [folder.path]
    folder.close()


@pytest.mark.fast
def test_what_is_not_its_own_stays(temporary: Path) -> None:
    kept = [
        make_folder(temporary / "rental-other-1"),
        make_folder(temporary / "elsewhere"),
        temporary / "rental-test-link",
        temporary / "rental-test-file",
    ]
    kept[2].symlink_to(kept[1])
    kept[3].write_text("no folder")
    folder = ScratchFolder("rental-test")
    assert sorted(temporary.iterdir()) == sorted([*kept, folder.path])
    assert (kept[1] / "file").is_file()
    folder.close()


@pytest.mark.fast
def test_folders_of_other_users_stay(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = make_folder(temporary / "rental-test-left")
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: left.stat().st_uid + 1)
        ScratchFolder("rental-test").close()
    assert left.is_dir()
    ScratchFolder("rental-test").close()
    assert not left.exists()


@pytest.mark.fast
def test_folder_that_is_being_made_stays_for_a_minute(temporary: Path) -> None:
    young, old = make_folder(temporary / ".rental-test-young"), make_folder(temporary / ".rental-test-old")
    long_ago = old.stat().st_mtime - 2 * scratch._DRAFT_SECONDS
    os.utime(old, (long_ago, long_ago))
    ScratchFolder("rental-test").close()
    assert list(temporary.iterdir()) == [young]


@pytest.mark.fast
def test_file_system_without_locks_removes_nothing(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("No locks available")

    left = make_folder(temporary / "rental-test-left")
    monkeypatch.setattr(scratch.fcntl, "flock", refuse)
    folder = ScratchFolder("rental-test")
    assert folder.path.is_dir() and left.is_dir()
    folder.close()
    assert list(temporary.iterdir()) == [left]

"""A file is looked at before it is read, and no more of it is read than is asked for."""

import os
import socket
from pathlib import Path

import pytest

from rental_analytics.regular_file import LargeFileError, NotRegularFileError, read_regular_file

pytestmark = pytest.mark.fast


def test_a_file_of_as_many_bytes_as_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_regular_file(file, 5) == b"12345"
    with pytest.raises(LargeFileError, match="it has 5 bytes, and at most 4 are read") as raised:
        read_regular_file(file, 4)
    assert raised.value.size == 5


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for: the end of a pipe never comes."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    os.mkfifo("pipe")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
    for place in ("pipe", "folder", "socket", os.devnull):
        with pytest.raises(NotRegularFileError, match="it is not a regular file"):
            read_regular_file(Path(place), 5)


def test_links(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    assert read_regular_file(tmp_path / "link", 5) == b"1"
    for name, follow in (("link", False), ("loop", False), ("loop", True)):
        with pytest.raises(OSError, match=f"'{tmp_path / name}'"):
            read_regular_file(tmp_path / name, 5, follow_link=follow)


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="the system has no such files")
def test_a_file_that_is_longer_than_the_system_says() -> None:
    with pytest.raises(LargeFileError):
        read_regular_file(Path("/proc/self/maps"), 5)

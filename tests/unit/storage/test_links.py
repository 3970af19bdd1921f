"""A link inside a local lake leads nowhere: nothing behind it is read, written or removed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rental_analytics.atomic import write_atomically
from rental_analytics.errors import LakeError
from rental_analytics.storage.local import LocalLake
from runs.harness import Pipeline, Source, failure

FOLDERS = ["drafts", "raw", "state", "runs", "history", "locks", "raw/t", "raw/t/run_id=a"]
ACTS: dict[str, Callable[[LocalLake, str], object]] = {
    "create": lambda lake, path: lake.create(path, b"new"),
    "write": lambda lake, path: lake.write(path, b"new"),
    "read": lambda lake, path: lake.read(path),
    "stored": lambda lake, path: lake.stored(path),
    "open": lambda lake, path: lake.open(path).close(),
    "digest": lambda lake, path: lake.digest(path),
    "copies": lambda lake, path: lake.local_copies([path]),
    "delete": lambda lake, path: lake.delete([path]),
    "paths": lambda lake, path: lake.paths(f"{path.rpartition('/')[0]}/"),
    "folders": lambda lake, path: lake.folders(f"{path.rpartition('/')[0]}/"),
}


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    folder = tmp_path / "precious"
    (folder / "below").mkdir(parents=True)
    for file in (folder / "file", folder / "below" / "file"):
        file.write_text("kept")
    return folder


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    lake = LocalLake(tmp_path / "lake")
    lake.create("raw/t/run_id=b/file", b"rows")
    return lake


def kept(precious: Path) -> bool:
    return [path.relative_to(precious).as_posix() for path in sorted(precious.rglob("*"))] == [
        "below",
        "below/file",
        "file",
    ] and all(file.read_text() == "kept" for file in precious.rglob("file"))


@pytest.mark.fast
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_done_behind_a_link(lake: LocalLake, precious: Path, folder: str, act: str) -> None:
    place = lake.root / folder
    if place.exists():
        place.rename(place.with_name("aside"))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(precious)
    for name in ("file", "new", "below/file"):
        with pytest.raises(LakeError, match="is a link") as caught:
            ACTS[act](lake, f"{folder}/{name}")
        assert caught.value.reason == "lake-link"
    assert kept(precious)
    assert place.is_symlink()


@pytest.mark.fast
@pytest.mark.parametrize("act", ACTS)
def test_file_that_is_a_link(lake: LocalLake, precious: Path, act: str) -> None:
    (lake.root / "raw/t/run_id=b/file").unlink()
    (lake.root / "raw/t/run_id=b/file").symlink_to(precious / "file")
    if act not in {"paths", "folders"}:
        with pytest.raises(LakeError, match="is a link"):
            ACTS[act](lake, "raw/t/run_id=b/file")
    assert kept(precious)


@pytest.mark.fast
@pytest.mark.parametrize("path", ["../precious/file", "raw/../../precious/file", "/etc/passwd"])
@pytest.mark.parametrize("act", ACTS)
def test_path_that_leads_out_of_the_lake(lake: LocalLake, precious: Path, act: str, path: str) -> None:
    with pytest.raises(LakeError, match="points outside the lake"):
        ACTS[act](lake, path)
    assert kept(precious)


@pytest.mark.fast
def test_drafts_that_are_links(lake: LocalLake, precious: Path) -> None:
    (lake.root / "drafts" / "folder").symlink_to(precious)
    (lake.root / "drafts" / "file").symlink_to(precious / "file")
    assert lake.remove_drafts() == 2
    assert not list((lake.root / "drafts").iterdir())
    (lake.root / "drafts").rmdir()
    (lake.root / "drafts").symlink_to(precious)
    for act in (lake.remove_drafts, lake.check_writable):
        with pytest.raises(LakeError, match="is a link"):
            act()
    with pytest.raises(LakeError, match="is a link"), lake.writing("raw/t/run_id=b/"):
        pass
    assert kept(precious)


@pytest.mark.fast
def test_lake_that_is_itself_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "disk")
    lake = LocalLake(tmp_path / "lake")
    assert lake.create("raw/t/file", b"rows")
    assert lake.read("raw/t/file") == b"rows"
    assert lake.paths("raw/") == ["raw/t/file"]


@pytest.mark.fast
def test_link_in_the_place_of_a_page_is_replaced(tmp_path: Path, precious: Path) -> None:
    out = tmp_path / "report.html"
    out.symlink_to(precious / "file")
    (tmp_path / ".report.html.draft").symlink_to(precious / "file")
    write_atomically(out, "page")
    assert (out.read_text(), out.is_symlink()) == ("page", False)
    assert out.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert kept(precious)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".report.html.draft", "precious", "report.html"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.slow
@pytest.mark.remedy("lake-link")
@pytest.mark.parametrize("folder", ["drafts", "raw", "state", "runs"])
def test_run_on_a_lake_with_a_link(tmp_path: Path, precious: Path, folder: str) -> None:
    """Its remedy: a folder in the place of the link."""
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("bookings", {"booking_id": 1})
    pipeline = Pipeline(tmp_path / "run", source.url)
    pipeline.run(run_id="first")
    place = pipeline.folder / "lake" / folder
    place.rename(place.with_name("aside"))
    place.symlink_to(precious)
    error = failure(pipeline.run)
    assert (error.reason, error.exit_code) == ("lake-link", 1)
    assert kept(precious)
    place.unlink()
    place.with_name("aside").rename(place)
    pipeline.run()
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(1,)]

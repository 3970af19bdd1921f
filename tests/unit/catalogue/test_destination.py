"""The documentation is written into a folder as a whole, and replaces nothing but itself."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path, PurePosixPath

import pytest

from catalogue.contents import hostile_content
from rental_analytics.catalogue import write_documentation
from rental_analytics.catalogue.documentation import pages
from rental_analytics.errors import ConfigurationError

pytestmark = pytest.mark.fast
CONTENT = hostile_content("plain words")
PAGES = pages(CONTENT)


def files(folder: Path) -> set[PurePosixPath]:
    return {PurePosixPath(file.relative_to(folder).as_posix()) for file in folder.rglob("*") if file.is_file()}


def refused(out: Path, reason: str, project_files: Mapping[Path, str] | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        write_documentation(CONTENT, out, project_files or {})
    assert raised.value.reason == reason, str(raised.value)
    return raised.value


def test_a_folder_is_made_with_all_pages(tmp_path: Path) -> None:
    page = write_documentation(CONTENT, tmp_path / "new" / "site", {})

    assert page == tmp_path / "new" / "site" / "index.html"
    assert {path: (page.parent / path).read_text(encoding="utf-8") for path in files(page.parent)} == PAGES


def test_other_files_stay_and_pages_that_are_no_longer_made_go(tmp_path: Path) -> None:
    kept = {"notes.md": "mine", "metrics/notes.md": "mine", "dictionary/empty.md": "", "logo.svg": "<svg/>"}
    write_documentation(CONTENT, tmp_path, {})
    for name, words in kept.items():
        (tmp_path / name).write_text(words)
    old = tmp_path / "metrics" / "gone_daily.md"
    old.write_text((tmp_path / "metrics" / "odd_daily.md").read_text())
    write_documentation(CONTENT, tmp_path, {})

    assert files(tmp_path) == {*PAGES, *map(PurePosixPath, kept)}
    assert {name: (tmp_path / name).read_text() for name in kept} == kept


@pytest.mark.remedy("docs-file-not-ours")
@pytest.mark.parametrize("name", ["README.md", "index.html", "metrics/odd_daily.md", "dictionary"])
def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path, name: str) -> None:
    out = tmp_path / "site"
    mine = out / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    error = refused(out, "docs-file-not-ours")

    assert f"{name} there is not a page" in error.message
    assert error.remedy == "choose another folder with --out, or move that file away first."
    assert files(out) == {PurePosixPath(name)}
    write_documentation(CONTENT, tmp_path / "other", {})
    mine.rename(tmp_path / "moved")
    write_documentation(CONTENT, out, {})


def test_an_empty_file_is_replaced_and_a_link_astray_is_not(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    write_documentation(CONTENT, tmp_path, {})
    (tmp_path / "README.md").unlink()
    (tmp_path / "README.md").symlink_to("nothing")
    refused(tmp_path, "docs-file-not-ours")


@pytest.mark.remedy("docs-path-not-a-folder")
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_path_that_is_no_folder(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "taken"
    out.write_text("mine") if kind == "file" else out.symlink_to("nothing")
    assert refused(out, "docs-path-not-a-folder").remedy.startswith("name a folder with --out")
    write_documentation(CONTENT, tmp_path / "site", {})


@pytest.mark.remedy("docs-path-in-use")
def test_a_folder_that_a_run_needs(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    for out, relation in {lake: "is", lake / "site": "lies in"}.items():
        error = refused(out, "docs-path-in-use", {lake: "the lake (lake.url)"})
        assert error.message.endswith(f"which {relation} the lake (lake.url).")
        assert error.remedy.startswith("choose another folder")
    write_documentation(CONTENT, tmp_path / "site", {lake: "the lake (lake.url)"})


@pytest.mark.remedy("docs-not-writable")
def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    assert "choose another folder" in refused(tmp_path / "taken" / "site", "docs-not-writable").remedy
    write_documentation(CONTENT, tmp_path / "site", {})


def test_a_disk_that_fills_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_documentation(CONTENT, tmp_path, {})
    before = {path: (tmp_path / path).read_text() for path in files(tmp_path)}
    written = count(1)

    def full(descriptor: int) -> None:
        if next(written) == len(PAGES):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("rental_analytics.atomic.os.fsync", full)
    with pytest.raises(ConfigurationError, match="No space left on device") as raised:
        write_documentation(hostile_content("other words"), tmp_path, {})

    assert raised.value.reason == "docs-not-writable"
    assert {path: (tmp_path / path).read_text() for path in files(tmp_path)} == before

"""Where the documentation may be written: into a folder, beside what else is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from rental_analytics.catalogue.markdown_pages import MARK
from rental_analytics.catalogue.page import PAGE_MARK
from rental_analytics.catalogue.semantic.marks import SQL_MARK, YAML_MARK
from rental_analytics.errors import ConfigurationError
from rental_analytics.paths import path_relation

_HEAD = 1024
"""Bytes of a file of ours, at least, among which its mark is."""
_MARKS = (MARK, YAML_MARK, SQL_MARK)


def check_destination(out: Path, wanted: Iterable[PurePosixPath], project_files: Mapping[Path, str]) -> None:
    """Refuse a folder where a page would replace something else.

    Args:
        wanted: the files to be written, by their paths from the folder.
        project_files: files and folders that a run needs, each with what it is called in messages.

    Raises:
        ConfigurationError: the path is no folder, it is or lies in one of `project_files`, or a file that
            `rental docs` did not write stands where one would be.
        OSError: the path cannot be looked at.
    """
    for needed, name in project_files.items():
        if relation := path_relation(out, needed):
            raise ConfigurationError(
                f"The documentation cannot be written to {out}, which {relation} {name}.",
                remedy="choose another folder with --out; it replaces nothing that a run needs.",
                reason="docs-path-in-use",
            )
    if os.path.lexists(out) and not out.is_dir():
        raise ConfigurationError(
            f"The documentation cannot be written to {out}, which is not a folder.",
            remedy="name a folder with --out; it is made where it is not there.",
            reason="docs-path-not-a-folder",
        )
    for path in wanted:
        if other := _other_file(out, path):
            raise ConfigurationError(
                f"The documentation cannot be written to {out}: {other} there is not a page that `rental docs` wrote.",
                remedy="choose another folder with --out, or move that file away first.",
                reason="docs-file-not-ours",
            )


def _other_file(out: Path, path: PurePosixPath) -> PurePosixPath | None:
    """What stands in the way of a page, by its path from the folder."""
    for folder in reversed(path.parents[:-1]):
        if os.path.lexists(out / folder) and not (out / folder).is_dir():
            return folder
    file = out / path
    return path if os.path.lexists(file) and not (file.is_file() and is_page(file)) else None


def is_page(file: Path) -> bool:
    """Whether `rental docs` wrote a file, or it is empty."""
    with file.open("rb") as content:
        head = content.read(_HEAD)
    is_marked = head.startswith(tuple(mark.encode() for mark in _MARKS)) or PAGE_MARK.encode() in head
    return is_marked or not head


def outdated_pages(out: Path, wanted: Iterable[PurePosixPath]) -> Iterator[Path]:
    """Files of the same kinds that an earlier call wrote into the folders of these, and this one does not."""
    kept = {out / path for path in wanted}
    endings = {path.suffix for path in kept}
    for folder in {path.parent for path in kept}:
        files = (file for file in folder.iterdir() if file.suffix in endings and file.is_file() and file not in kept)
        yield from (file for file in files if file.stat().st_size and is_page(file))

"""What paths that a user names have to do with files that are needed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def path_relation(out: Path, path: Path) -> str:
    """`is`, `lies in` or nothing: what a path to be written has to do with one that is needed."""
    # A link is replaced, not followed, so both the link and what it leads to count.
    places, needed = _places(out), _places(path)
    if any(_is_same(place, path) for place in places) or places & needed:
        return "is"
    folders = {folder for place in places for folder in place.parents}
    if _is_folder(path) and (any(_is_same(folder, path) for folder in folders) or folders & needed):
        return "lies in"
    return ""


def _places(path: Path) -> set[Path]:
    # `Path.resolve` raises where links lead to each other.
    return {Path(os.path.realpath(path)), Path(os.path.realpath(path.parent)) / path.name}


def _is_folder(path: Path) -> bool:
    with suppress(OSError):
        return path.is_dir()
    return False


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are one file under two names: hard links, or names of a file system that ignores case."""
    with suppress(OSError):
        return one.samefile(other)
    return False

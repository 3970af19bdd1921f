"""Files for users, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath


def write_atomically(path: Path, text: str) -> None:
    """Write a text file in place of one that may be there; readers see the old one or the new one.

    The draft beside it has a name that cannot be foreseen, and nothing that stands there is written through: a link in
    the place of `path` is replaced, not followed.

    Raises:
        OSError: the folder is not there, or cannot be written to.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.draft")
    try:
        _write(draft, text)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_all_atomically(folder: Path, texts: Mapping[PurePosixPath, str]) -> None:
    """Write text files below a folder, each as `write_atomically` does, after all of them found room on the disk.

    Args:
        texts: what each file holds, by its path from the folder, which is made where it is not there.

    Raises:
        OSError: a folder cannot be made or written to, or the disk is full; no file has changed then.
    """
    for place in {folder / path.parent for path in texts}:
        place.mkdir(parents=True, exist_ok=True)
    drafts: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            draft = (folder / path).with_name(f".{secrets.token_hex(8)}.draft")
            drafts[draft] = folder / path
            _write(draft, text)
        for draft, target in drafts.items():
            draft.replace(target)
    finally:
        for draft in drafts:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _write(draft: Path, text: str) -> None:
    with draft.open("x", encoding="utf-8") as content:
        content.write(text)
        content.flush()
        os.fsync(content.fileno())

"""Files for users, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a text file in place of one that may be there; readers see the old one or the new one.

    The draft beside it has a name that cannot be foreseen, and nothing that stands there is written through: a link in
    the place of `path` is replaced, not followed.

    Raises:
        OSError: the folder is not there, or cannot be written to.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.draft")
    try:
        with draft.open("x", encoding="utf-8") as content:
            content.write(text)
            content.flush()
            os.fsync(content.fileno())
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)

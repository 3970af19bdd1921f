"""Temporary folders that do not outlive their process for long, however it ends."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_DRAFT_SECONDS = 60


class ScratchFolder:
    """A new folder `<kind>-*` in the system's folder for temporary files.

    Its owner holds a lock on it for as long as it lives. Making one removes folders of the kind that nobody holds: what
    a killed process left. Folders of other users are left alone.
    """

    def __init__(self, kind: str) -> None:
        parent = Path(tempfile.gettempdir())
        _remove_abandoned(parent, kind)
        # Under its own name the folder is never without its lock.
        draft = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=parent))
        self._lock = _locked(draft)
        self.path = draft.rename(parent / f"{kind}-{uuid.uuid4().hex}")

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _remove_abandoned(parent: Path, kind: str) -> None:
    youngest = time.time() - _DRAFT_SECONDS
    for folder in [*parent.glob(f"{kind}-*"), *parent.glob(f".{kind}-*")]:
        with suppress(OSError):
            status = folder.lstat()
            is_draft = folder.name.startswith(".")
            if status.st_uid == os.getuid() and not (is_draft and status.st_mtime > youngest):
                _remove_unless_held(folder)


def _remove_unless_held(folder: Path) -> None:
    lock = _locked(folder)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where somebody else holds it, or the file system has no locks."""
    if sys.platform == "win32":
        return None
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened

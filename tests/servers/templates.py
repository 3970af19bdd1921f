"""Data folders of servers, made once for a test session and copied: making one takes longer than starting a server."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

SHARED_FOLDER = "TEST_SERVERS_FOLDER"
"""Names the environment variable with the folder that all workers of a test session share."""


def copy_of(name: str, make: Callable[[Path], None], target: Path) -> None:
    """Give a server its data folder: a copy of the session's, which the first to ask for it makes."""
    shared = os.environ.get(SHARED_FOLDER)
    if shared is None:
        make(target)
        return
    template = Path(shared) / name
    with (Path(shared) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            alone = Path(tempfile.mkdtemp(dir=shared))
            # A server may make its data as another user.
            for folder in (Path(shared), alone):
                folder.chmod(0o711)
            make(alone / "data")
            (alone / "data").rename(template)
            shutil.rmtree(alone)
    shutil.copytree(template, target)

"""Files that the system denies: root, as which tests often run, may otherwise do everything."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VERSION_3 = 0x20080522
_FILE_RIGHTS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


@contextmanager
def denied(place: Path, mode: int = 0) -> Iterator[None]:
    """For the block, a file or folder has this mode, and it holds for root too, in this thread and those it starts."""
    before = place.stat().st_mode
    place.chmod(mode)
    try:
        with _without_file_rights():
            yield
    finally:
        place.chmod(before)


@contextmanager
def _without_file_rights() -> Iterator[None]:
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # Twice: effective, permitted, inheritable. What is permitted may be taken up again.
    header, sets = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _check(libc.capget(header, sets))
    held = sets[0]
    sets[0] = held & ~_FILE_RIGHTS
    _check(libc.capset(header, sets))
    try:
        yield
    finally:
        sets[0] = held
        _check(libc.capset(header, sets))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

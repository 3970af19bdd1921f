"""A file name behind which rows are produced while they are read, so that nothing is written to disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = Path("/dev/fd")
_PIPE_BYTES = 1 << 20


def can_stream() -> bool:
    """Whether this system names open files."""
    return _DESCRIPTORS.exists()


def feed(parts: Iterator[memoryview], read: Callable[[str], int], stop: Callable[[], None]) -> int:
    """Run `read(path)` in another thread while this one makes the parts that are found at the path.

    The parts are made here, so that an interrupt or an error in them surfaces here and never cuts the reader off in
    the middle of a network packet: it is told to `stop` and awaited.

    Returns:
        What `read` returns; what it raises is raised.
    """
    reading, writing = os.pipe()
    reader = _Reader(read, reading)
    reader.start()
    try:
        # A reader that gave up tells why in its outcome.
        with suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=0):
            _widen(writing)
            for part in parts:
                _write(writing, part)
        reader.join()
    except BaseException:
        stop()
        reader.join()
        raise
    return reader.outcome()


class _Reader(threading.Thread):
    def __init__(self, read: Callable[[str], int], descriptor: int) -> None:
        super().__init__(name="marketplace reader", daemon=True)
        self._read = read
        self._descriptor = descriptor
        self._result = 0
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._read(str(_DESCRIPTORS / str(self._descriptor)))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = error
        finally:
            os.close(self._descriptor)

    def outcome(self) -> int:
        if self._failure is not None:
            raise self._failure
        return self._result


def _widen(descriptor: int) -> None:
    """Let the writer run ahead, where the system can."""
    with suppress(ImportError, OSError, AttributeError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _write(descriptor: int, part: memoryview) -> None:
    sent = 0
    while sent < len(part):
        sent += os.write(descriptor, part[sent : sent + _PIPE_BYTES])

"""Waiting for a source: how long it may be silent, a line that says so, and signals that end it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_FIRST_LINE = 5.0
_SHARE = 0.5

Note = Callable[[str], None]
"""Takes a line for the reader of a run."""


class Patience:
    """How long a source may send nothing before an attempt ends.

    Args:
        seconds: the limit; None for none, as with a file.
        display_url: the source, as lines name it.
        note: takes the line that tells of waiting.
    """

    def __init__(self, seconds: float | None, display_url: str, note: Note) -> None:
        self.seconds = seconds
        self._display_url = display_url
        self._note = note

    @property
    def line(self) -> str:
        """What is told of a source that is silent."""
        limit = f"; the attempt ends after {self.seconds:g} s (source.timeout)" if self.seconds else ""
        return f"source: waiting for {self._display_url}{limit}"

    @property
    def first_line(self) -> float:
        """Seconds of silence after which the line is told."""
        return min(_FIRST_LINE, _SHARE * self.seconds) if self.seconds else _FIRST_LINE

    def tell(self) -> None:
        """Tell that the source is waited for."""
        self._note(self.line)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell of waiting if the block takes long."""
        timer = threading.Timer(self.first_line, self.tell)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def silence(self, last_byte: Callable[[], float]) -> Silence:
        """Begin to wait; `last_byte` tells when the last byte came, by the monotonic clock."""
        return Silence(self, last_byte)


class Silence:
    """One wait for the next rows."""

    def __init__(self, patience: Patience, last_byte: Callable[[], float]) -> None:
        self._patience = patience
        self._last_byte = last_byte
        self._began = time.monotonic()
        self._told = False

    def is_over(self) -> bool:
        """Whether the limit was reached; tells of waiting once it has lasted."""
        silent = time.monotonic() - max(self._began, self._last_byte())
        if not self._told and silent >= self._patience.first_line:
            self._told = True
            self._patience.tell()
        return self._patience.seconds is not None and silent >= self._patience.seconds


class Signals:
    """Signals as any thread can see them: Python tells the main one alone, and that may be deep in an engine."""

    def __init__(self, reading: int | None) -> None:
        self.descriptor = reading

    def has_come(self) -> bool:
        """Whether one came that wants the process to end, and this thread will not be told of it."""
        if self.descriptor is None:
            return False
        try:
            numbers = os.read(self.descriptor, 64)
        except BlockingIOError:
            return False
        ending = {signal.SIGINT, signal.SIGTERM} & set(numbers)
        return bool(ending) and threading.current_thread() is not threading.main_thread()


@contextmanager
def watched_signals() -> Iterator[Signals]:
    """What tells of signals while the block runs; nothing where it does not run in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield Signals(None)
        return
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield Signals(reading)
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)

"""Ctrl-C and SIGTERM: remembered, because libraries turn the exception they raise into errors of their own."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SAME_WISH = 10.0


class Interruption:
    """The first signal that asked this process to end.

    A signal raises KeyboardInterrupt. Those of the seconds after it are taken for the same wish, so that an impatient
    hand does not disturb what is put in order; later ones raise again.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._raised_at = 0.0
        self._watched = set[signal.Signals]()

    @property
    def exit_code(self) -> int:
        """As a shell has it: 128 and the number of the signal."""
        return 128 + (self.signal or signal.SIGINT)

    def is_behind(self, error: BaseException) -> bool:
        """Whether a signal is behind an error: DuckDB and others turn an interruption into errors of their own."""
        return isinstance(error, KeyboardInterrupt) or self.signal is not None

    def ignore_more(self) -> None:
        """Let no further signal change how the process ends."""
        if self.signal is not None:
            for number in self._watched:
                signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise again what was swallowed on its way.

        Raises:
            KeyboardInterrupt: a signal came.
        """
        if self.signal is not None:
            raise KeyboardInterrupt

    @contextmanager
    def watching(self, number: signal.Signals) -> Iterator[None]:
        """Listen to a signal, unless this process was told to ignore it.

        Once a signal came, the process is about to end and goes on listening: a second one would cost the exit code.
        """
        previous = signal.getsignal(number)
        if previous is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
            yield
            return
        signal.signal(number, self._arrived)
        self._watched.add(number)
        try:
            yield
        finally:
            if self.signal is None:
                signal.signal(number, previous)

    def _arrived(self, number: int, _: FrameType | None) -> None:
        first, now = self.signal is None, time.monotonic()
        self.signal = self.signal or number
        if first or now - self._raised_at > _SAME_WISH:
            self._raised_at = now
            raise KeyboardInterrupt

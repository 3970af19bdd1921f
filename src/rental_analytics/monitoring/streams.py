"""Standard output and standard error as a program needs them: one never fails a run, the other fails with one error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from rental_analytics.errors import RentalError


class OutputError(RentalError):
    """Standard output cannot take what is printed."""


class ReaderLeftError(Exception):
    """Who read standard output went away, as `head` does: there is nobody to print for."""


class _Stream:
    """A stream that shows what its encoding cannot take as escapes; everything else is that of the stream below."""

    def __init__(self, stream: TextIO) -> None:
        self.below = stream
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def write(self, text: str) -> int:
        raise NotImplementedError


class MessageStream(_Stream):
    """Standard error: what cannot be written, as on a full disk, is let go."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self.below.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self.below.flush()


class OutputStream(_Stream):
    """Standard output: what cannot be written is an error of one kind, unless its reader left."""

    def write(self, text: str) -> int:
        try:
            return self.below.write(text)
        except (OSError, ValueError) as error:
            raise self._failed(error) from error

    def write_bytes(self, content: bytes) -> None:
        """Write bytes as they are, whatever the encoding."""
        try:
            self.below.flush()
            self.below.buffer.write(content)
        except (OSError, ValueError) as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        try:
            self.below.flush()
        except (OSError, ValueError) as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError | ValueError) -> Exception:
        give_up(self.below)
        if isinstance(error, BrokenPipeError):
            return ReaderLeftError()
        said = error.strerror if isinstance(error, OSError) else "it is closed"
        return OutputError(
            f"Standard output cannot be written: {said}.",
            remedy="make room where it goes, or send it elsewhere.",
            reason="output-not-writable",
        )


def give_up(stream: TextIO) -> None:
    """Let a stream lead nowhere, so that what it still holds fails nothing at the end of the process."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def steady_streams() -> Iterator[None]:
    """Put both streams in place of the process's own for the length of the block.

    A stream that was closed before the process began leads nowhere: else the next file that is opened, such as the
    warehouse, would have its number, and get what libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    out, err = sys.stdout, sys.stderr
    sys.stdout = OutputStream(out if out is not None else _Closed())  # type: ignore[arg-type]
    sys.stderr = MessageStream(err if err is not None else _Closed())  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        for stream in filter(None, (out, err)):
            _empty(stream)


def _empty(stream: TextIO) -> None:
    """Write what a stream still holds, or let it go: what cannot be written when Python ends changes the exit code."""
    try:
        stream.flush()
    except (OSError, ValueError):
        give_up(stream)


class _Closed:
    """A stream that was closed before the process began."""

    encoding = "utf-8"
    errors = "backslashreplace"
    closed = False

    @property
    def buffer(self) -> _Closed:
        return self

    def write(self, _: object) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def flush(self) -> None:
        """There is nothing to flush."""

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

"""Reading a statement with ConnectorX, in a process of its own, as a stream of Arrow batches."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from rental_analytics.databases.reader_process import BATCH, END, FAILURE, HEAD, READY, SCHEMA
from rental_analytics.databases.waiting import Patience, Signals, watched_signals

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.readline()); "
    "from rental_analytics.databases.reader_process import serve; serve()"
)
_PIPE_BYTES = 1 << 20
_LOOK_EVERY = 0.5
_START_SECONDS = 120.0


class StreamError(Exception):
    """ConnectorX could not read; `str()` is its own text, and holds the server's where that said something."""


class SignalError(StreamError):
    """A signal came that wants the process to end; the main thread is told of it as soon as it comes back."""


class SilenceError(StreamError):
    """The source was silent for too long."""


@contextmanager
def stream(
    url: str, sql: str, *, patience: Patience, last_byte: Callable[[], float] = lambda: 0.0
) -> Iterator[pa.RecordBatchReader]:
    """Give a reader over the statement's rows; it is read while the block runs.

    Args:
        last_byte: when the source sent something last, by the monotonic clock.

    Raises:
        SilenceError: the source was silent for too long.
        StreamError: the statement was refused, the connection was lost, or a value cannot be read.
    """
    with watched_signals() as signals:
        process = _take()
        try:
            process.signals = signals
            schema = process.begin({"url": url, "sql": sql, "batch_rows": BATCH_ROWS}, patience, last_byte)
            yield from _reading(process, schema)
        finally:
            _give_back(process)


def _reading(process: _Reader, schema: pa.Schema) -> Iterator[pa.RecordBatchReader]:
    """The reader over a statement's batches, and what went wrong in it as it was."""
    import pyarrow as pa

    failures: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from process.batches(schema)
        except GeneratorExit:
            raise
        except BaseException as error:
            failures.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(schema, batches())
    except Exception:
        # Whoever reads the batches makes errors of its own of those that come out of them.
        if failures:
            raise failures[0] from None
        raise


def prepare() -> None:
    """Start a process that will be needed soon, unless there is one."""
    _give_back(_take())


def start_process() -> subprocess.Popen[bytes]:
    """The process that reads, which has yet to be told where it finds modules."""
    return subprocess.Popen(  # noqa: S603 nothing in it is from outside
        [sys.executable, "-I", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # A Ctrl-C at the terminal is for the process that reads what this one sends.
        process_group=0,
    )


class _Reader:
    """One process that reads, for one statement at a time."""

    def __init__(self) -> None:
        self._process = start_process()
        assert self._process.stdin and self._process.stdout
        self._requests: IO[bytes] = self._process.stdin
        self._answers = self._process.stdout.fileno()
        self._owner = os.getpid()
        _widen(self._answers)
        os.set_blocking(self._answers, False)
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)
        self._patience = Patience(None, "", lambda _: None)
        self._last_byte: Callable[[], float] = lambda: 0.0
        self.signals = Signals(None)
        self.is_idle = True
        self._is_ready = False
        self._send(sys.path)

    @property
    def is_usable(self) -> bool:
        """Whether it can take a statement; not so in a child of the process that started it."""
        return self.is_idle and self._owner == os.getpid() and self._process.poll() is None

    def begin(self, request: dict[str, Any], patience: Patience, last_byte: Callable[[], float]) -> pa.Schema:
        """Send a statement and wait for the schema of its rows."""
        import pyarrow as pa

        self.is_idle = False
        if not self._is_ready:
            self._await_start()
        self._patience, self._last_byte = patience, last_byte
        self._send(request)
        _, content = self._frame()
        return pa.ipc.read_schema(pa.py_buffer(content))

    def _await_start(self) -> None:
        """That it takes a while to start is not the source's silence."""
        self._patience, self._last_byte = Patience(_START_SECONDS, "", lambda _: None), lambda: 0.0
        try:
            self._frame()
        except SilenceError:
            raise StreamError("the process that reads the source ended before it began") from None
        self._is_ready = True

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The batches of the statement that was begun."""
        import pyarrow as pa

        while True:
            kind, content = self._frame()
            if kind == END:
                self.is_idle = True
                return
            yield pa.ipc.read_record_batch(pa.py_buffer(content), schema)

    def end(self) -> None:
        """End the process, whatever it is at."""
        if self._owner != os.getpid():
            return
        self._process.kill()
        with suppress(OSError):
            self._requests.close()
        assert self._process.stdout
        self._process.stdout.close()
        self._process.wait()

    def _send(self, content: Any) -> None:
        try:
            self._requests.write(json.dumps(content).encode() + b"\n")
            self._requests.flush()
        except OSError as error:
            raise StreamError(self._ended()) from error

    def _frame(self) -> tuple[bytes, bytearray]:
        self._check_signals()
        kind, size = HEAD.unpack(self._received(HEAD.size))
        content = self._received(size)
        if kind == FAILURE:
            self.is_idle = True
            raise StreamError(content.decode(errors="replace"))
        assert kind in {READY, SCHEMA, BATCH, END}
        return kind, content

    def _received(self, size: int) -> bytearray:
        content = bytearray(size)
        place = memoryview(content)
        while place:
            try:
                count = os.readv(self._answers, [place])
            except BlockingIOError:
                self._wait()
                continue
            if not count:
                raise StreamError(self._ended())
            place = place[count:]
        return content

    def _wait(self) -> None:
        """Until something comes from the process, or the source was silent for too long."""
        silence = self._patience.silence(self._last_byte)
        while not self._poll.poll(_LOOK_EVERY * 1_000):
            self._check_signals()
            if silence.is_over():
                raise SilenceError(f"nothing came for {self._patience.seconds:g} s")

    def _check_signals(self) -> None:
        if self.signals.has_come():
            raise SignalError("a signal came")

    def _ended(self) -> str:
        self._process.wait()
        return f"the process that reads the source ended with {self._process.returncode}"


_idle: list[_Reader] = []
_lending = threading.Lock()


def _take() -> _Reader:
    with _lending:
        while _idle:
            reader = _idle.pop()
            if reader.is_usable:
                return reader
            reader.end()
    return _Reader()


def _give_back(reader: _Reader) -> None:
    """One that is in the middle of a statement is of no more use; one that is not saves the start of another."""
    with _lending:
        if reader.is_usable and not _idle:
            _idle.append(reader)
            return
    reader.end()


@atexit.register
def end_idle() -> None:
    """End the process that waits for further statements."""
    with _lending:
        while _idle:
            _idle.pop().end()


def _widen(descriptor: int) -> None:
    """Let the process run ahead, where the system can."""
    with suppress(ImportError, OSError, AttributeError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

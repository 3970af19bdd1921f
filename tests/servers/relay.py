"""A TCP relay, in a process of its own, that cuts one connection in the middle of an answer, or falls silent in one."""

import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from servers.process import free_port, running, temporary_folder

BLOCK = 65_536
READY, CUT, SILENT = "ready", "cut", "silent"
NEVER = 1 << 60
GREETING = "greeting"


@dataclass(frozen=True)
class Relay:
    """A running relay; connections to `port` reach the server behind it."""

    port: int
    log: Path
    host: str = "127.0.0.1"

    @property
    def has_cut(self) -> bool:
        return CUT in self.log.read_text().split()

    @property
    def silences(self) -> int:
        """How many connections it fell silent in."""
        return self.log.read_text().split().count(SILENT)


@contextmanager
def start_relay(
    host: str, port: int, cut_after: int = NEVER, *, silent_at: str = "", silent_after: int = 0, times: int = NEVER
) -> Iterator[Relay]:
    """Run a relay to a server.

    Args:
        cut_after: the first connection over which the server sends more bytes than this is cut.
        silent_at: pattern of what a client sends; once it did, the server's answer is kept back for ever, and the
            connection stays open. `greeting` keeps back all that the server sends; empty for none of it.
        silent_after: bytes of the answer that pass nevertheless.
        times: in how many connections.
    """
    with temporary_folder("relay-") as folder:
        relay = Relay(free_port(), folder / "log")
        settings = [host, port, relay.port, cut_after, silent_at, silent_after, times]
        command = [sys.executable, __file__, *(str(setting) for setting in settings)]
        with running(
            command,
            log=relay.log,
            is_ready=lambda: READY in relay.log.read_text().split(),
            env={"PYTHONPATH": str(Path(__file__).parents[1])},
        ):
            yield relay


class _Cutter:
    def __init__(self, after: int) -> None:
        self._after = after
        self._lock = threading.Lock()
        self._done = False

    def is_due(self, passed: int) -> bool:
        with self._lock:
            due = not self._done and passed > self._after
            self._done = self._done or due
        return due

    def cut(self, *connections: socket.socket) -> None:
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        _tell(CUT)


class _Hush:
    """Where the relay falls silent."""

    def __init__(self, pattern: str, after: int, times: int) -> None:
        self.at_once = pattern == GREETING
        self._pattern = re.compile(pattern.encode()) if pattern and not self.at_once else None
        self.after = after
        self._left = times
        self._lock = threading.Lock()

    def takes(self) -> bool:
        """Whether one more connection falls silent."""
        with self._lock:
            self._left -= 1
            if self._left < 0:
                return False
        _tell(SILENT)
        return True

    def hears(self, block: bytes) -> bool:
        return bool(self._pattern and self._pattern.search(block))


class _Connection:
    """One client and its connection to the server."""

    def __init__(self, client: socket.socket, server: socket.socket, cutter: _Cutter, hush: _Hush) -> None:
        self._client, self._server = client, server
        self._cutter, self._hush = cutter, hush
        self._may_pass = 0 if hush.at_once and hush.takes() else NEVER

    def start(self) -> None:
        for work in (self._ask, self._answer):
            threading.Thread(target=work, daemon=True).start()

    def _ask(self) -> None:
        with suppress(OSError):
            while block := self._client.recv(BLOCK):
                if self._may_pass == NEVER and self._hush.hears(block) and self._hush.takes():
                    self._may_pass = self._hush.after
                self._server.sendall(block)
            self._server.shutdown(socket.SHUT_WR)

    def _answer(self) -> None:
        passed = 0
        with suppress(OSError):
            while block := self._server.recv(BLOCK):
                if self._may_pass < len(block):
                    threading.Event().wait()
                self._may_pass -= len(block) if self._may_pass != NEVER else 0
                self._client.sendall(block)
                passed += len(block)
                if self._cutter.is_due(passed):
                    self._cutter.cut(self._client, self._server)
                    return
            self._client.shutdown(socket.SHUT_WR)


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _serve(host: str, port: int, own_port: int, cutter: _Cutter, hush: _Hush) -> None:
    with socket.create_server(("127.0.0.1", own_port)) as listener:
        _tell(READY)
        while True:
            client, _ = listener.accept()
            _Connection(client, socket.create_connection((host, port)), cutter, hush).start()


if __name__ == "__main__":
    _serve(
        sys.argv[1],
        int(sys.argv[2]),
        int(sys.argv[3]),
        _Cutter(int(sys.argv[4])),
        _Hush(sys.argv[5], int(sys.argv[6]), int(sys.argv[7])),
    )

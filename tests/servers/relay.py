"""A TCP relay, in a process of its own that cuts one connection in the middle of an answer, once.

In a process of its own, since ConnectorX keeps the interpreter to itself while it waits for the server.
"""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from servers.process import free_port, running, temporary_folder

BLOCK = 65_536
READY, CUT = "ready", "cut"


@dataclass(frozen=True)
class Relay:
    """A running relay; connections to `port` reach the server behind it.

    Its host is not called loopback: ConnectorX leaves TCP for the server's Unix socket where it is.
    """

    port: int
    log: Path
    host: str = "0.0.0.0"

    @property
    def has_cut(self) -> bool:
        return CUT in self.log.read_text().split()


@contextmanager
def start_relay(host: str, port: int, cut_after: int) -> Iterator[Relay]:
    """Run a relay to a server; the first connection over which it sends more than `cut_after` bytes is cut."""
    with temporary_folder("relay-") as folder:
        relay = Relay(free_port(), folder / "log")
        settings = [host, port, relay.port, cut_after]
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


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _pass_on(source: socket.socket, target: socket.socket, cutter: _Cutter | None) -> None:
    passed = 0
    with suppress(OSError):
        while block := source.recv(BLOCK):
            target.sendall(block)
            passed += len(block)
            if cutter and cutter.is_due(passed):
                cutter.cut(target, source)
                return
        target.shutdown(socket.SHUT_WR)


def _serve(host: str, port: int, own_port: int, cutter: _Cutter) -> None:
    with socket.create_server(("127.0.0.1", own_port)) as listener:
        _tell(READY)
        while True:
            client, _ = listener.accept()
            server = socket.create_connection((host, port))
            for ends in ((client, server, None), (server, client, cutter)):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), _Cutter(int(sys.argv[4])))

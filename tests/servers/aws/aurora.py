"""A real MySQL server as the emulated AWS's Aurora: at an address of its own, on the port that Aurora has."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from servers.aws.server import EmulatedAws
from servers.mysql import MySqlServer

PORT = 3306
_BLOCK = 65_536


@contextmanager
def connected_aurora(aws: EmulatedAws, mysql: MySqlServer) -> Iterator[str]:
    """Let clusters that are deployed from now on be this server; its address.

    Its users come to be with a cluster, and by what the deployment does; `root` remains the test's.
    """
    with _listening() as listener:
        threading.Thread(target=_serve, args=[listener, mysql], daemon=True).start()
        host = str(listener.getsockname()[0])
        aws.configure(mysql={"host": host, "port": PORT, "user": "root", "password": ""})
        yield host


def _listening() -> socket.socket:
    """A socket at the first address of this machine whose port is free."""
    for number in range(2, 60_000):
        with suppress(OSError):
            return socket.create_server((f"127.0.{number // 250}.{number % 250 + 1}", PORT))
    raise RuntimeError(f"port {PORT} is free at no address of this machine")


def _serve(listener: socket.socket, mysql: MySqlServer) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection((mysql.host, mysql.port))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=[source, target], daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(_BLOCK):
            target.sendall(block)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    # The other direction closes its own.
    source.close()

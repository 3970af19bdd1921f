"""A server that stands before a real one: it refuses what it is told to, and lets all else pass."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from servers.mysql import MySqlServer
from servers.rogue import greeting, packet, received

Refusal = Callable[[socket.socket], None]


@dataclass
class Front:
    """A running front; connections to `port` are refused by `refusal`, or reach the server where it is None.

    A statement in clear that begins with what `refused` has gets the error there, and the server never sees it.
    """

    port: int
    refusal: Refusal | None = None
    refused: tuple[bytes, bytes] | None = None


def said(code: int, text: str, state: str = "HY000") -> bytes:
    """An error as the protocol has it."""
    return b"\xff" + struct.pack("<H", code) + f"#{state}{text}".encode()


def refuse_login(code: int, text: str, state: str = "HY000") -> Refusal:
    """Say an error of the server, with its code, in place of the greeting."""

    def refuse(client: socket.socket) -> None:
        client.sendall(packet(0, said(code, text, state)))

    return refuse


def refuse_method(method: str) -> Refusal:
    """Ask for the password by a method."""

    def refuse(client: socket.socket) -> None:
        client.sendall(packet(0, greeting("mysql_native_password")))
        received(client)
        client.sendall(packet(2, b"\xfe" + method.encode() + b"\0" + bytes(range(65, 85)) + b"\0"))
        client.recv(1)

    return refuse


@contextmanager
def start_front(server: MySqlServer, refusal: Refusal | None = None) -> Iterator[Front]:
    """Run a front before a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = Front(listener.getsockname()[1], refusal)
        threading.Thread(target=_serve, args=(listener, front, server), daemon=True).start()
        yield front
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, front: Front, server: MySqlServer) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(client, front, server), daemon=True).start()


def _answer(client: socket.socket, front: Front, server: MySqlServer) -> None:
    with client, suppress(OSError):
        if front.refusal:
            client.settimeout(5)
            front.refusal(client)
            return
        with socket.create_connection((server.host, server.port)) as behind:
            back = threading.Thread(target=_pass, args=(behind, client), daemon=True)
            back.start()
            _pass(client, behind, front)
            back.join()


def _pass(giver: socket.socket, taker: socket.socket, front: Front | None = None) -> None:
    with suppress(OSError):
        while block := giver.recv(65_536):
            # Behind the length, the number of the packet and the kind of the command.
            if front and front.refused and block[5:].startswith(front.refused[0]):
                giver.sendall(packet(1, front.refused[1]))
            else:
                taker.sendall(block)
    with suppress(OSError):
        taker.shutdown(socket.SHUT_WR)

"""A logged-in connection, handed over to a reader in another process by way of a door on this machine.

The reader finds a server on loopback that speaks MySQL's protocol as far as the login, for which it has a password that
was made for it alone. Behind the door its commands and their answers pass as they are. So the reader needs neither the
password of the source nor TLS, its session is ours, and each byte of the source is seen as it comes.
"""

from __future__ import annotations

import hmac
import secrets
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    import pymysql

_HOST = "127.0.0.1"
_BLOCK = 1 << 18
_METHOD = b"mysql_native_password"
_LOGIN_SECONDS = 30.0
# ConnectorX refuses longer rows than the server takes from it, but a server may send longer ones.
_LARGEST_PACKET = 1 << 30
_ENDED = b""


class Handover:
    """A connection waiting behind a door, and when the last byte came from the server behind it."""

    def __init__(self, connection: pymysql.Connection[Any], database: str) -> None:
        self._connection = connection
        self._server: socket.socket = connection._sock  # type: ignore[attr-defined]
        self._database = database
        self._password = secrets.token_hex(32)
        self._door = socket.create_server((_HOST, 0), backlog=1)
        self._client: socket.socket | None = None
        self._last_byte = time.monotonic()
        self._thread = threading.Thread(target=self._serve, name="source", daemon=True)

    @property
    def url(self) -> str:
        """Where the reader connects; holds the password of this door only."""
        port = self._door.getsockname()[1]
        database = quote(self._database, safe="")
        # ConnectorX would else leave the door for the Unix socket of the server behind it.
        options = f"ssl-mode=disabled&prefer_socket=false&max_allowed_packet={_LARGEST_PACKET}"
        return f"mysql://reader:{self._password}@{_HOST}:{port}/{database}?{options}"

    def last_byte(self) -> float:
        """When the server sent something last, by the monotonic clock."""
        return self._last_byte

    @contextmanager
    def open(self) -> Iterator[Handover]:
        """Let one reader in while the block runs; both sides are cut off behind it."""
        self._thread.start()
        try:
            yield self
        finally:
            self._close()
            self._thread.join()

    def _close(self) -> None:
        for end in (self._door, self._client, self._server):
            if end is not None:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        # What goes wrong here is seen by the reader, as a connection that was cut.
        with suppress(OSError, ssl.SSLError):
            while self._client is None:
                client, _ = self._door.accept()
                client.settimeout(_LOGIN_SECONDS)
                if self._is_ours(client):
                    client.settimeout(None)
                    self._client = client
                else:
                    client.close()
            with self._client:
                self._pass_on(self._client)

    def _is_ours(self, client: socket.socket) -> bool:
        """Whether it is the reader: somebody else on this machine may come, and say nothing or anything."""
        try:
            return self._lets_in(client)
        except (OSError, ValueError, IndexError, struct.error):
            return False

    def _lets_in(self, client: socket.socket) -> bool:
        """Greet as the server did, and look at the password."""
        salt = secrets.token_bytes(40).translate(None, b"\0$")[:20].ljust(20, b"s")
        client.sendall(_packet(0, self._greeting(salt)))
        answer = _password_answer(_received_packet(client))
        if not hmac.compare_digest(answer, _scrambled(self._password, salt)):
            client.sendall(_packet(2, b"\xff" + struct.pack("<H", 1045) + b"#28000no entry"))
            return False
        client.sendall(_packet(2, b"\0\0\0" + struct.pack("<HH", 2, 0)))
        return True

    def _greeting(self, salt: bytes) -> bytes:
        """The server's own, but for what was settled with it already: the form of its answers stays as it is."""
        from pymysql.constants import CLIENT

        connection: Any = self._connection
        settled = connection.client_flag & connection.server_capabilities
        settled &= ~(CLIENT.SSL | CLIENT.COMPRESS | CLIENT.LOCAL_FILES | CLIENT.CONNECT_ATTRS)
        settled &= ~CLIENT.PLUGIN_AUTH_LENENC_CLIENT_DATA
        settled |= CLIENT.PROTOCOL_41 | CLIENT.SECURE_CONNECTION | CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_WITH_DB
        version = connection.server_version.encode()
        return b"".join(
            [
                b"\x0a" + version + b"\0" + struct.pack("<I", connection.thread_id() & 0xFFFFFFFF),
                salt[:8] + b"\0" + struct.pack("<HBH", settled & 0xFFFF, 45, 2),
                struct.pack("<HB", settled >> 16, len(salt) + 1) + bytes(10),
                salt[8:] + b"\0" + _METHOD + b"\0",
            ]
        )

    def _pass_on(self, client: socket.socket) -> None:
        """Bytes of both sides, until one of them ends."""
        self._server.settimeout(None)
        poll = select.poll()
        ends = {client.fileno(): (client, self._server), self._server.fileno(): (self._server, client)}
        for number in ends:
            poll.register(number, select.POLLIN)
        block = memoryview(bytearray(_BLOCK))
        while True:
            for number, _ in poll.poll():
                source, target = ends[number]
                while True:
                    size = source.recv_into(block)
                    if not size:
                        return
                    if source is self._server:
                        self._last_byte = time.monotonic()
                    target.sendall(block[:size])
                    # What TLS has taken in already is no event of the socket.
                    if not (isinstance(source, ssl.SSLSocket) and source.pending()):
                        break


def _packet(number: int, content: bytes) -> bytes:
    return struct.pack("<I", len(content))[:3] + bytes([number]) + content


def _received_packet(client: socket.socket) -> bytes:
    head = _received(client, 4)
    return _received(client, int.from_bytes(head[:3], "little"))


def _received(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = client.recv(size - len(content))
        if not more:
            raise ConnectionError("the reader left")
        content += more
    return content


def _password_answer(content: bytes) -> bytes:
    """The answer to the salt in a client's login: behind flags, size, character set, 23 bytes and the user's name."""
    behind_user = content.index(b"\0", 32) + 1
    size = content[behind_user]
    return content[behind_user + 1 : behind_user + 1 + size]


def _scrambled(password: str, salt: bytes) -> bytes:
    from pymysql import _auth

    scrambled: bytes = _auth.scramble_native_password(password.encode(), salt)
    return scrambled

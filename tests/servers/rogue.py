"""A server that asks a client for what it should not give: its password in clear, or a file."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_SALT = b"abcdefghijklmnopqrst"
_CAPABILITIES = 0x0008_0000 | 0x0000_8000 | 0x0000_0200 | 0x0000_0008 | 0x0000_0001 | 0x0000_0080
_OK = b"\0\0\0\2\0\0\0"


@dataclass
class Rogue:
    """A running server; `heard` is all that clients sent to it after their first answer."""

    port: int
    heard: bytes = b""
    failures: list[BaseException] = field(default_factory=list)


@contextmanager
def start_rogue(method: str, *, first: str = "mysql_native_password") -> Iterator[Rogue]:
    """Run a server without TLS.

    Args:
        method: what it asks clients to log in by; `file` lets them in and answers a statement by asking for
            /etc/hostname; `key` asks for the whole of caching_sha2_password, and gives a key of its own; `nonsense`
            sends what is no packet.
        first: the method it greets with.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        rogue = Rogue(listener.getsockname()[1])
        threading.Thread(target=_serve, args=(listener, rogue, method, first), daemon=True).start()
        yield rogue
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, rogue: Rogue, method: str, first: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, suppress(OSError):
            client.settimeout(1)
            _talk(client, rogue, method, first)


def _talk(client: socket.socket, rogue: Rogue, method: str, first: str) -> None:
    if method == "nonsense":
        client.sendall(packet(0, b"\x0a"))
        return
    client.sendall(packet(0, greeting(first)))
    received(client)
    if method == "file":
        client.sendall(packet(2, _OK))
        # PyMySQL's own statement; it does not look at the answer.
        received(client)
        client.sendall(packet(1, _OK))
        received(client)
        client.sendall(packet(1, b"\xfb/etc/hostname"))
    elif method == "key":
        client.sendall(packet(2, b"\x01\x04"))
        rogue.heard += received(client)
        client.sendall(packet(4, b"\x01" + _public_key()))
    else:
        client.sendall(packet(2, b"\xfe" + method.encode() + b"\0" + _SALT + b"\0"))
    with suppress(OSError):
        while more := client.recv(65_536):
            rogue.heard += more


def greeting(method: str) -> bytes:
    """What a server says first, without TLS, with the method it wants."""
    return b"".join(
        [
            b"\x0a8.0.36\0" + struct.pack("<I", 1) + _SALT[:8] + b"\0",
            struct.pack("<HBHH", _CAPABILITIES & 0xFFFF, 45, 2, _CAPABILITIES >> 16),
            struct.pack("<B", len(_SALT) + 1) + bytes(10) + _SALT[8:] + b"\0" + method.encode() + b"\0",
        ]
    )


def _public_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def packet(number: int, content: bytes) -> bytes:
    """A packet of the protocol, with its number."""
    return struct.pack("<I", len(content))[:3] + bytes([number]) + content


def received(client: socket.socket) -> bytes:
    """What the next packet of a client holds."""
    head = _exactly(client, 4)
    return _exactly(client, int.from_bytes(head[:3], "little"))


def _exactly(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = client.recv(size - len(content))
        if not more:
            raise ConnectionError
        content += more
    return content

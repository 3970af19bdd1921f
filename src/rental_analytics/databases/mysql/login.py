"""Which ways to log in a server may ask for: none that hands the password to whoever asks."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, NoReturn

CLEAR = ("mysql_clear_password", "dialog")
"""Methods that send the password as it is."""
WEAK = ("mysql_old_password",)
"""Methods whose answer tells the password."""
WITH_KEY = ("caching_sha2_password", "sha256_password")
"""Methods that, without TLS, encrypt the password with a key that the server sends."""


class RefusedMethodError(Exception):
    """A server asked for the password in a way that may not be used here; `method` is the way's name."""

    def __init__(self, method: str) -> None:
        super().__init__(f"the server asked for the password by {method}")
        self.method = method


def login_methods(tls: str, host: str) -> dict[str, Callable[[Any], Any]]:
    """What PyMySQL is to do when a server asks for these methods, as its `auth_plugin_map`.

    The password goes as it is only to a server whose certificate was checked. A key for it is taken from a server
    without TLS only where nobody stands in between, or where the configuration wants no TLS.

    Args:
        tls: as in `MySqlDatabase`.
    """
    verified = tls.startswith("verify")
    methods: dict[str, Callable[[Any], Any]] = {name: _refusing(name) for name in (*WEAK, *(() if verified else CLEAR))}
    if not takes_key(tls, host):
        methods |= {name: _without_key(name) for name in WITH_KEY}
    return methods


def takes_key(tls: str, host: str) -> bool:
    """Whether a key may come from a server without TLS: where the network is trusted, or none of it is used."""
    return tls == "off" or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _refusing(name: str) -> type:
    class Refusing:
        def __init__(self, connection: Any) -> None:
            pass

        def authenticate(self, packet: Any) -> NoReturn:  # noqa: ARG002 PyMySQL's signature
            raise RefusedMethodError(name)

        def prompt(self, echo: bool, prompt: bytes) -> NoReturn:  # noqa: ARG002
            raise RefusedMethodError(name)

    return Refusing


def _without_key(name: str) -> type:
    """PyMySQL's own way, but for the key of a server without TLS."""

    class WithoutKey:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def authenticate(self, packet: Any) -> Any:
            from pymysql import _auth

            if not self._connection._secure:
                self._connection.server_public_key = _NoKey(name)
            return getattr(_auth, f"{name}_auth")(self._connection, packet)

    return WithoutKey


class _NoKey:
    """Stands for a key; whoever asks whether there is one is about to ask the server for it."""

    def __init__(self, method: str) -> None:
        self._method = method

    def __bool__(self) -> NoReturn:
        raise RefusedMethodError(f"{self._method} without TLS")

"""Connections to a MySQL or MariaDB server: login, TLS, session, limits of time, and what its errors mean."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rental_analytics.databases.mysql.authorities import tls_context
from rental_analytics.databases.mysql.errors import LOGIN_REFUSED, Place
from rental_analytics.databases.mysql.login import RefusedMethodError, login_methods, takes_key
from rental_analytics.databases.mysql.session import SESSION
from rental_analytics.databases.waiting import Patience
from rental_analytics.errors import ConfigurationError, RentalError, SourceError, SourceUnavailableError

if TYPE_CHECKING:
    import pymysql

_NO_TLS = "SSL is required but the server doesn't support it"
_BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
_SERVER_LOST = 2013
# How long to wait for a TCP connection, in seconds.
_CONNECT_SECONDS = 10.0
# What PyMySQL raises where the bytes that come are not what they should be.
_NOT_THE_PROTOCOL = (IndexError, KeyError, ValueError, TypeError, AssertionError, AttributeError, struct.error)


class MySqlConnections:
    """Makes connections, each with the session that every read of ours needs.

    Args:
        host: name or address of the server.
        port: TCP port.
        database: schema that holds the tables.
        tls: as in `MySqlDatabase`.
        authorities: as in `MySqlDatabase`.
        login: gives user and password; called when they are first needed, and once more when the server refuses them.
        patience: how long the server may be silent.
        place: the source, as errors name it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        database: str,
        tls: str,
        authorities: str | None,
        login: Callable[[], tuple[str, str]],
        patience: Patience,
        place: Place,
    ) -> None:
        self._host, self._port, self._schema = host, port, database
        self._tls = tls
        self._authorities = authorities
        self._fetch = login
        self._known: tuple[str, str] | None = None
        self.patience = patience
        self._place = place
        self.encrypted = tls != "off"  # until a server turns out to have no TLS

    @property
    def credentials(self) -> tuple[str, str]:
        """User and password."""
        if self._known is None:
            self._known = self._fetch()
        return self._known

    @property
    def takes_key(self) -> bool:
        """Whether, without TLS, a key for the password may come from the server itself."""
        return takes_key(self._tls, self._host)

    def rows(self, sql: str, parameters: tuple[str, ...] = ()) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement, over a connection of its own."""
        with self.connection() as connection, self._translating(), self.patience.told(), connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    @contextmanager
    def connection(self) -> Iterator[pymysql.Connection[Any]]:
        """A connection while the block runs."""
        with self._translating(), self.patience.told():
            connection = self._connect()
        try:
            yield connection
        finally:
            if connection.open:
                connection.close()

    def _connect(self, *, renewed: bool = False) -> pymysql.Connection[Any]:
        import pymysql

        encryption: dict[str, Any] = (
            {"ssl": tls_context(self._tls, self._authorities)} if self.encrypted else {"ssl_disabled": True}
        )
        user, password = self.credentials
        seconds = self.patience.seconds or _CONNECT_SECONDS
        try:
            return pymysql.connect(
                host=self._host,
                port=self._port,
                user=user,
                # Given text, PyMySQL encodes it as Latin-1; servers take UTF-8.
                password=password.encode(),
                database=self._schema,
                charset="utf8mb4",
                connect_timeout=min(_CONNECT_SECONDS, seconds),
                read_timeout=seconds,
                write_timeout=seconds,
                autocommit=True,
                local_infile=False,
                auth_plugin_map=login_methods(self._tls, self._host),
                init_command=SESSION,
                **encryption,
            )
        except pymysql.OperationalError as error:
            if not renewed and error.args[0] in LOGIN_REFUSED:
                # A password that was changed meanwhile is fetched again.
                known, self._known = self._known, None
                if self.credentials == known:
                    raise
                renewed = True
            elif self._tls == "auto" and self.encrypted and _NO_TLS in str(error):
                self.encrypted = False
            else:
                raise
        return self._connect(renewed=renewed)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        import pymysql

        try:
            yield
        except pymysql.MySQLError as error:
            raise self._translated(error) from error
        except RefusedMethodError as error:
            raise self._refused(error) from error
        except RuntimeError as error:
            raise self._unusual(error) from error
        except _NOT_THE_PROTOCOL as error:
            raise SourceError(
                f"What answers at {self._place.display_url} sent something that is not MySQL's protocol "
                f"({type(error).__name__}).",
                remedy="correct host and port in source.url: a MySQL or MariaDB server has to answer there.",
                reason="not-a-mysql-server",
            ) from error

    def _translated(self, error: Exception) -> RentalError:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        text = str(error.args[1] if len(error.args) > 1 else error)
        if _NO_TLS in text:
            return ConfigurationError(
                f"The server of {self._place.display_url} offers no TLS, but source.tls is {self._tls}.",
                remedy="turn TLS on in the server, or set source.tls to auto.",
                reason="no-tls",
            )
        if _BAD_CERTIFICATE in text:
            return ConfigurationError(
                f"The certificate of {self._place.display_url} does not hold: {text}.",
                remedy="name the certificate of its authority in source.tls_ca, use a host name that it is made for, "
                "or set source.tls to required.",
                reason="certificate-not-valid",
            )
        if code == _SERVER_LOST and "timed out" in text:
            return silent(self.patience, self._place)
        return self._place.error(code, text)

    def _refused(self, error: RefusedMethodError) -> ConfigurationError:
        return ConfigurationError(
            f"The password was not sent to {self._place.display_url}: {error}, which would reveal it to "
            "anyone who intercepts the connection.",
            remedy="set source.tls to verify_identity (with the authority's certificate in source.tls_ca), or give the "
            "user another login method; without TLS in a network you trust, set source.tls to off.",
            reason="password-not-sent",
        )

    def _unusual(self, error: RuntimeError) -> RentalError:
        """What PyMySQL raises by its own words: a login method without its package, a server that asks for a file."""
        if "LOAD_LOCAL" in str(error):
            return SourceError(
                f"The server of {self._place.display_url} asked for a file of this machine; it got none.",
                remedy="correct source.url: the server at its host and port is not yours, or not an honest one.",
                reason="server-asked-for-file",
            )
        return ConfigurationError(
            f"Cannot log in to {self._place.display_url}: {error}.",
            remedy="install the package named, or use a login with mysql_native_password.",
            reason="login-package-missing",
        )


def silent(patience: Patience, place: Place, table: str | None = None) -> SourceUnavailableError:
    """The error for a source that sent nothing for too long."""
    at = f" while table {table} was read" if table else ""
    return SourceUnavailableError(
        f"The database {place.display_url} sent nothing for {patience.seconds:g} seconds{at} (source.timeout).",
        remedy="check the server and the network to it; where it needs longer to answer, raise source.timeout.",
        reason="source-silent",
        table=table,
    )

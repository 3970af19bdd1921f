"""The JDBC driver that Spark is given: its jar, its class, and the login methods it may use."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rental_analytics.errors import ConfigurationError

_DRIVERS = "META-INF/services/java.sql.Driver"
_METHODS = "META-INF/services/org.mariadb.jdbc.authentication.AuthenticationPlugin"
# Of MariaDB's driver 2: two that send the password as it is, and mysql_old_password, whose answer tells it.
_GIVING = ("ClearPasswordPlugin", "SendPamAuthPacket", "OldPasswordPlugin")


def driver_class(jar: Path) -> str:
    """The JDBC driver in a jar, as its list of services names it.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        with zipfile.ZipFile(jar) as opened:
            listed = opened.read(_DRIVERS).decode().splitlines()
        return next(name.strip() for name in listed if name.strip() and not name.startswith("#"))
    except (OSError, KeyError, StopIteration, zipfile.BadZipFile) as error:
        raise ConfigurationError(
            f"engine.jdbc_driver {jar} holds no JDBC driver: {error}.",
            remedy="name the jar of MySQL's Connector/J or MariaDB's, or install libmariadb-java.",
            reason="jdbc-driver-invalid",
        ) from error


def without_giving_methods(jar: Path, folder: Path) -> Path:
    """A driver that cannot hand the password to whoever asks for it; the jar itself where it has no such methods.

    MariaDB's driver has no option for that, and finds its methods in a list in its jar: a copy has a shorter one.
    """
    with zipfile.ZipFile(jar) as opened:
        if _METHODS not in opened.namelist():
            return jar
        copy = folder / jar.name
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as written:
            for entry in opened.infolist():
                content = opened.read(entry)
                written.writestr(entry, _shortened(content) if entry.filename == _METHODS else content)
    return copy


def _shortened(methods: bytes) -> bytes:
    lines = methods.decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.strip().endswith(_GIVING)).encode()

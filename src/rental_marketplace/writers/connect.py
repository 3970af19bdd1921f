"""From a URL to a target."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from rental_marketplace.errors import MarketplaceError
from rental_marketplace.writers.base import Target

_FORMS = "Use sqlite:///file.db (relative), sqlite:////folder/file.db (absolute) or mysql://user@host:port/database."
_DEFAULT_PORT = 3306


def open_target(url: str, password: str | None = None, *, bulk_load: bool = False) -> Target:
    """Connect to the database at a URL.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `mysql://user[:password]@host[:port]/database`.
        password: for MySQL, instead of the one in the URL.
        bulk_load: let the server ask this program for files, which LOAD DATA LOCAL needs.

    Raises:
        MarketplaceError: the URL is not understood, or the database cannot be reached or written.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from rental_marketplace.writers.sqlite import SqliteTarget

        return SqliteTarget(Path(rest[1:]))
    if scheme == "mysql" and separator:
        return _open_mysql(url, password, bulk_load=bulk_load)
    raise MarketplaceError(
        f"The URL starts with {scheme[:12]!r}, or names no file.", remedy=_FORMS, reason="target-url-not-understood"
    )


def _open_mysql(url: str, password: str | None, *, bulk_load: bool) -> Target:
    from rental_marketplace.writers.mysql import MysqlTarget

    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
    except ValueError:
        raise MarketplaceError(
            "The MySQL URL has no valid host and port.", remedy=_FORMS, reason="target-url-not-understood"
        ) from None
    database = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not parts.username or not database:
        raise MarketplaceError(
            "The MySQL URL lacks a user, a host or a database.", remedy=_FORMS, reason="target-url-not-understood"
        )
    given = password if password is not None else unquote(parts.password or "")
    return MysqlTarget(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username),
        password=given,
        database=database,
        bulk_load=bulk_load,
    )

"""Asking a written marketplace, whichever database holds it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from servers.mysql import MySqlServer

Ask = Callable[[str], list[tuple[Any, ...]]]


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def ask_sqlite(path: Path) -> Ask:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql).fetchall()

    return ask


def ask_mysql(server: MySqlServer, database: str) -> Ask:
    return lambda sql: server.execute(sql, database)


def as_text(rows: list[tuple[Any, ...]]) -> list[tuple[str | None, ...]]:
    """Rows with every value as text, as SQLite shows it; amounts without trailing zeros."""
    return [tuple(_text(value) for value in row) for row in rows]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "hour"):
        return str(value.isoformat(" ", "microseconds"))
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text

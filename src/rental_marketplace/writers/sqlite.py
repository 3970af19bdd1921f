"""Writing to SQLite: the whole file is made next to its place and moved there when complete."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from rental_marketplace import arrow
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.options import Progress
from rental_marketplace.schema import TABLE_NAMES, Table, create_indexes, create_table
from rental_marketplace.writers.base import Loader, Row, Target, count_and_report


class SqliteTarget(Target):
    """A SQLite file; need not exist."""

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        self._path = path
        self._open: sqlite3.Connection | None = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            if not self._path.exists():
                raise MarketplaceError(
                    f"There is no file {self.label}.",
                    remedy="Make a marketplace first with `rental generate`.",
                    reason="marketplace-file-missing",
                )
            self._open = sqlite3.connect(self._path, isolation_level=None)
        return self._open

    def occupied(self) -> list[str]:
        try:
            is_there = self._path.exists()
        except PermissionError:
            with self._errors():
                raise
        if not is_there:
            return []
        return [
            name for name in TABLE_NAMES if self.columns(name) and self.fetch(f"SELECT 1 FROM {_quote(name)} LIMIT 1")
        ]

    @contextmanager
    def build(self, tables: Sequence[Table], *, strict: bool) -> Iterator[Loader]:
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.tmp")
        with self._errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                    self._copy_other_tables(connection)
                    _prepare(connection)
                    _create(connection, tables, strict=strict)
                    yield _SqliteLoader(connection)
                    _index(connection, tables, strict=strict)
                    connection.execute("COMMIT")
                self.close()
                temporary.replace(self._path)
            finally:
                temporary.unlink(missing_ok=True)

    def _copy_other_tables(self, connection: sqlite3.Connection) -> None:
        """Start from the existing file, with no write-ahead log left beside it, if it holds anything."""
        if not self._path.exists():
            return
        self._connection.execute("PRAGMA journal_mode = DELETE")
        if self.fetch("SELECT 1 FROM sqlite_master LIMIT 1"):
            self._connection.backup(connection)

    def columns(self, table: str) -> dict[str, bool]:
        with self._errors():
            rows = self._connection.execute(f"PRAGMA table_info({_quote(table)})")
            return {name: not required and not key for _, name, _, required, _, key in rows}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        with self._errors():
            return self._connection.execute(sql, list(values)).fetchall()

    def execute(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        with self._errors():
            return max(self._connection.executemany(sql, rows).rowcount, 0)

    def insert(self, table: Table, rows: arrow.Table) -> None:
        with self._errors():
            _insert(self._connection, table, rows.select(table.column_names))

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise MarketplaceError(
                f"SQLite cannot use {self.label}: {error}.",
                remedy="Check that the folder is writable and that nothing else has the file open.",
                reason="sqlite-not-usable",
            ) from error


class _SqliteLoader(Loader):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def load(self, table: Table, chunks: Iterator[arrow.Table], on_progress: Progress) -> int:
        rows = 0
        for chunk in count_and_report(table, chunks, on_progress):
            _insert(self._connection, table, chunk)
            rows += len(chunk)
        return rows


def _prepare(connection: sqlite3.Connection) -> None:
    """Nobody sees the file before it is complete, so it needs no journal."""
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for name in TABLE_NAMES:
        connection.execute(f"DROP TABLE IF EXISTS {_quote(name)}")


def _create(connection: sqlite3.Connection, tables: Sequence[Table], *, strict: bool) -> None:
    for table in tables:
        connection.execute(create_table(table, table.name, _quote, strict=strict))


def _index(connection: sqlite3.Connection, tables: Sequence[Table], *, strict: bool) -> None:
    for table in tables:
        for statement in create_indexes(table, table.name, _quote, strict=strict):
            connection.execute(statement)


def _insert(connection: sqlite3.Connection, table: Table, rows: arrow.Table) -> None:
    names = ", ".join(_quote(name) for name in table.column_names)
    marks = ", ".join("?" for _ in table.columns)
    connection.executemany(
        f"INSERT INTO {_quote(table.name)} ({names}) VALUES ({marks})",
        zip(*(_python_values(rows[name]) for name in table.column_names), strict=True),
    )


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    """Numbers as numbers, moments and dates as ISO text, decimals as text that SQLite turns into numbers."""
    if pa.types.is_integer(column.type):
        return list(column.to_pylist())
    return list(column.cast(pa.string()).to_pylist())


def _quote(name: str) -> str:
    return f'"{name}"'

"""Writing to MySQL and MariaDB: tables are filled under other names and renamed into place in one step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Never

from rental_marketplace import arrow
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.options import Progress
from rental_marketplace.schema import TABLE_NAMES, Table, create_indexes, create_table
from rental_marketplace.writers.base import Loader, Row, Target, count_and_report
from rental_marketplace.writers.mysql_errors import target_error
from rental_marketplace.writers.pipe import can_stream, feed
from rental_marketplace.writers.rowtext import file_text, value_lists

if TYPE_CHECKING:
    import pymysql

    Connection = pymysql.Connection[Any]

_INSERT_BYTES = 1_000_000
_NEW = "_rental_generate_new_"
_OLD = "_rental_generate_old_"
_TABLE_OPTIONS = " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4"
# What the server sets for others reaches neither what is read back nor what is written.
_SESSION = (
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "sql_select_limit = 18446744073709551615, max_join_size = 18446744073709551615, sql_big_selects = 1, "
    "sql_safe_updates = 0, completion_type = 0, group_concat_max_len = 1073741824, net_read_timeout = 900, "
    "wait_timeout = 28800 /*!80003 , max_execution_time = 0 */ /*M!100304 , max_statement_time = 0 */"
)
# Methods that hand the password to whoever asks.
_CLEAR_METHODS = ("mysql_clear_password", "dialog", "mysql_old_password")
_BULK_SESSION = "SET SESSION unique_checks = 0, foreign_key_checks = 0"


class MysqlTarget(Target):
    """A database on a MySQL or MariaDB server.

    Raises:
        MarketplaceError: the server cannot be reached, refuses the user, or has no such database.
    """

    def __init__(self, *, host: str, port: int, user: str, password: str, database: str, bulk_load: bool) -> None:
        import pymysql

        self.label = f"mysql://{user}@{host}:{port}/{database}"
        self._user, self._database = user, database
        self._connect = partial(
            pymysql.connect,
            host=host,
            port=port,
            user=user,
            # Given text, PyMySQL encodes it as Latin-1; servers take UTF-8.
            password=password.encode(),
            database=database,
            charset="utf8mb4",
            local_infile=bulk_load,
            autocommit=True,
            connect_timeout=10,
            init_command=_SESSION,
            auth_plugin_map={name: partial(_RefusedMethod, name) for name in _CLEAR_METHODS},
        )
        with self._errors(), _authentication():
            self._connection = self._connect()

    def occupied(self) -> list[str]:
        return [
            name for name in TABLE_NAMES if self.columns(name) and self.fetch(f"SELECT 1 FROM {_quote(name)} LIMIT 1")
        ]

    @contextmanager
    def build(self, tables: Sequence[Table], *, strict: bool) -> Iterator[Loader]:
        with self._errors():
            self._drop(_NEW)
            self._run(_BULK_SESSION)
            try:
                for table in tables:
                    self._run(create_table(table, _NEW + table.name, _quote, strict=strict) + _TABLE_OPTIONS)
                yield _MysqlLoader(self._connection, self._connect, stream=self._allows_local_infile(tables[0]))
                for table in tables:
                    for statement in create_indexes(table, _NEW + table.name, _quote, strict=strict):
                        self._run(statement)
                self._publish()
            except BaseException:
                self._discard()
                raise

    def _discard(self) -> None:
        """Drop what was made, over a new connection: the old one may have stopped in mid-answer."""
        import pymysql

        with suppress(pymysql.err.MySQLError):
            self._connection.close()
            self._connection = self._connect()
            self._drop(_NEW)

    def _publish(self) -> None:
        self._drop(_OLD)
        moves = []
        for name in TABLE_NAMES:
            if self.columns(name):
                moves.append(f"{_quote(name)} TO {_quote(_OLD + name)}")
            moves.append(f"{_quote(_NEW + name)} TO {_quote(name)}")
        self._run(f"RENAME TABLE {', '.join(moves)}")
        self._drop(_OLD)

    def _drop(self, prefix: str) -> None:
        self._run(f"DROP TABLE IF EXISTS {', '.join(_quote(prefix + name) for name in TABLE_NAMES)}")

    def _allows_local_infile(self, table: Table) -> bool:
        """Whether LOAD DATA LOCAL works, tried with an empty file: server and proxy have a say."""
        import pymysql

        if not can_stream():
            return False
        try:
            self._run(_load_statement(table, os.devnull))
        except pymysql.err.Error:
            return False
        return True

    def columns(self, table: str) -> dict[str, bool]:
        rows = self.fetch(
            "SELECT column_name, is_nullable FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
            (self._database, table),
        )
        return {name: nullable == "YES" for name, nullable in rows}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._errors():
            self._connection.begin()
            try:
                yield
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        with self._errors(), self._connection.cursor() as cursor:
            cursor.execute(_marks(sql), list(values))
            return list(cursor.fetchall())

    def execute(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        with self._errors(), self._connection.cursor() as cursor:
            return sum(cursor.execute(_marks(sql), list(row)) for row in rows)

    def insert(self, table: Table, rows: arrow.Table) -> None:
        with self._errors():
            _insert(self._connection, table, table.name, rows.select(table.column_names))

    def close(self) -> None:
        if self._connection.open:
            self._connection.close()

    def _run(self, statement: str) -> None:
        self._connection.query(statement)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import pymysql

        try:
            yield
        except pymysql.err.MySQLError as error:
            code = error.args[0] if error.args else 0
            text = " ".join(str(error.args[-1] if error.args else error).split())
            raise target_error(code, text, self.label, self._user, self._database) from error


class _MysqlLoader(Loader):
    """Streams each table through one LOAD DATA LOCAL, or sends INSERTs where the server forbids that."""

    def __init__(self, connection: Connection, reconnect: Callable[[], Connection], *, stream: bool) -> None:
        self._connection = connection
        self._reconnect = reconnect
        self._stream = stream

    def load(self, table: Table, chunks: Iterator[arrow.Table], on_progress: Progress) -> int:
        counted = count_and_report(table, chunks, on_progress)
        return self._load_stream(table, counted) if self._stream else self._load_inserts(table, counted)

    def _load_stream(self, table: Table, chunks: Iterator[arrow.Table]) -> int:
        sent = 0

        def texts() -> Iterator[memoryview]:
            nonlocal sent
            for chunk in chunks:
                yield file_text(chunk)
                sent += len(chunk)

        loaded = feed(texts(), lambda path: self._connection.query(_load_statement(table, path)), self._stop)
        warnings = _warnings(self._connection)
        if loaded != sent or warnings:
            raise MarketplaceError(
                f"The server took {loaded} of {sent} rows of {table.name}, with warnings {warnings[:3]}.",
                remedy="let an administrator of the database run SET GLOBAL local_infile = 0, so that rows are sent "
                "by INSERT; then run the command again.",
                reason="rows-not-loaded",
            )
        return sent

    def _stop(self) -> None:
        """End the statement that is running, from a second connection."""
        import pymysql

        running = self._connection.thread_id()  # type: ignore[no-untyped-call]
        with suppress(pymysql.err.MySQLError), self._reconnect() as second:
            second.query(f"KILL {int(running)}")

    def _load_inserts(self, table: Table, chunks: Iterator[arrow.Table]) -> int:
        sent = 0
        for chunk in chunks:
            self._connection.begin()
            _insert(self._connection, table, _NEW + table.name, chunk)
            self._connection.commit()
            sent += len(chunk)
        return sent


def _insert(connection: Connection, table: Table, name: str, rows: arrow.Table) -> None:
    columns = ", ".join(_quote(column) for column in table.column_names)
    opening = f"INSERT INTO {_quote(name)} ({columns}) VALUES ".encode()
    for values in value_lists(rows, _INSERT_BYTES):
        connection.query(opening + values)


class _RefusedMethod:
    """Stands where PyMySQL would send the password as it is."""

    def __init__(self, name: str, connection: Connection) -> None:  # noqa: ARG002
        self._name = name

    def authenticate(self, packet: object) -> Never:  # noqa: ARG002 PyMySQL's signature
        raise MarketplaceError(
            f"The password was not sent: the server asked for the password by {self._name}.",
            remedy="Give the user another login method, such as caching_sha2_password.",
            reason="password-not-sent",
        )


@contextmanager
def _authentication() -> Iterator[None]:
    """PyMySQL raises a bare RuntimeError when a server's login method needs a package that is missing."""
    try:
        yield
    except RuntimeError as error:
        raise MarketplaceError(
            f"Cannot log in: {error}.",
            remedy="Install the package named, or connect as a user with mysql_native_password.",
            reason="login-package-missing",
        ) from error


def _warnings(connection: Connection) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW WARNINGS")
        return list(cursor.fetchall())


def _load_statement(table: Table, path: str) -> str:
    columns = ", ".join(_quote(column) for column in table.column_names)
    return (
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {_quote(_NEW + table.name)} CHARACTER SET utf8mb4 "
        f"FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({columns})"
    )


def _marks(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _quote(name: str) -> str:
    return f"`{name}`"

"""MySQL, MariaDB and Aurora MySQL as a source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.source_table import SourceType
from rental_analytics.databases.arrow_stream import SilenceError, StreamError, prepare, stream
from rental_analytics.databases.base import (
    COUNTED,
    DEFAULT_TIMEOUT,
    CatalogueColumn,
    CatalogueTable,
    ColumnOrigin,
    Database,
    ParallelDatabase,
    RawColumn,
    ReadPlan,
    Sample,
    Window,
    quoted_text,
    unusable,
)
from rental_analytics.databases.mysql.connections import MySqlConnections, silent
from rental_analytics.databases.mysql.errors import Place, server_error
from rental_analytics.databases.mysql.handover import Handover
from rental_analytics.databases.mysql.jdbc import MySqlJdbc
from rental_analytics.databases.mysql.types import (
    SMALLEST_REAL_DATE,
    as_text,
    digits,
    literal,
    lower_case_type,
    mysql_column,
    quoted,
)
from rental_analytics.databases.names import check_name
from rental_analytics.databases.waiting import Patience
from rental_analytics.sql.render import folded, render, timestamp_text

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = re.compile("-?[0-9]+")
_UTF8 = {"utf8", "utf8mb3", "utf8mb4"}


class MySqlDatabase(Database):
    """A database on a server that speaks the MySQL protocol; the session runs in UTC.

    Args:
        host: name or address of the server.
        port: TCP port.
        user: login; needs SELECT on the tables of the contracts.
        password: its password; kept out of every message.
        database: schema that holds the tables.
        tls: `auto` encrypts where the server can, `off` never, `required` always; `verify_ca` also wants a certificate
            of a known authority, `verify_identity` one of this host.
        login: gives user and password in place of those; called when they are first needed, and once more when the
            server refuses them, since they may have been changed.
        timeout: how long the server may send nothing before an attempt ends.
        authorities: certificates of the known authorities, as PEM; None for those of the system, or of the file that
            the environment variable SSL_CERT_FILE names.
    """

    kind = "mysql"

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        database: str,
        tls: str = "auto",
        login: Callable[[], tuple[str, str]] | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        authorities: str | None = None,
    ) -> None:
        self._schema = database
        self._tls = tls
        self._authorities = authorities
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.display_url = f"mysql://{user}{'@' if user else ''}{self._address}/{database}"
        self._place = Place(self.display_url, user, database)
        self._patience = Patience(timeout.total_seconds(), self.display_url, self._tell)
        self._connections = MySqlConnections(
            host, port, database, tls, authorities, login or (lambda: (user, password)), self._patience, self._place
        )

    def server_time(self) -> datetime:
        (moment,) = self._rows("SELECT UTC_TIMESTAMP(6)")[0]
        assert isinstance(moment, datetime)
        return moment

    def catalogue(self) -> dict[str, CatalogueTable]:
        prepare()
        columns: dict[str, list[CatalogueColumn]] = {}
        for table, name, native, nullable in self._rows(
            "SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = %s ORDER BY table_name, ordinal_position",
            (self._schema,),
        ):
            columns.setdefault(table, []).append(CatalogueColumn(name, lower_case_type(str(native)), nullable == "YES"))
        # A view on what is not there any more has no columns.
        for (view,) in self._rows(
            "SELECT table_name FROM information_schema.views WHERE table_schema = %s", (self._schema,)
        ):
            columns.setdefault(view, [])
        indexes: dict[str, dict[str, set[str]]] = {}
        for table, index, name in self._rows(
            "SELECT table_name, index_name, column_name FROM information_schema.statistics "
            "WHERE table_schema = %s AND non_unique = 0",
            (self._schema,),
        ):
            # A part that is an expression has no name: such an index keeps no set of columns unique.
            indexes.setdefault(table, {}).setdefault(index, set()).add(folded(name) if name else "")
        return {
            table: CatalogueTable(table, tuple(found), tuple(map(frozenset, indexes.get(table, {}).values())))
            for table, found in columns.items()
        }

    def raw_column(self, origin: ColumnOrigin, wanted: SourceType) -> RawColumn:
        check_name(origin)
        made = mysql_column(origin, wanted)
        if made is None:
            raise unusable(origin, wanted, lambda other: mysql_column(origin, other) is not None)
        return made

    def cursor_filter(self, plan: ReadPlan, window: Window) -> str:
        if window.lower is None or plan.cursor is None:
            return ""
        cursor = quoted(plan.sources[plan.cursor])
        lower = quoted_text(timestamp_text(window.lower))
        return f"({cursor} >= {lower} OR {cursor} IS NULL OR {cursor} < '{SMALLEST_REAL_DATE}')"

    def range_filter(self, plan: ReadPlan, window: Window) -> str:
        return " OR ".join(f"({_in_window(plan.sources[name], window)})" for name in plan.moments)

    def count(self, plan: ReadPlan, condition: str | None) -> int:
        sql = render("databases/row_count", table=self._table(plan.relation), condition=condition)
        return int(self._rows(sql.replace("%", "%%"))[0][0])

    def common_values(self, relation: str, column: str, sample: Sample) -> list[tuple[str | None, int]]:
        sql = render(
            "databases/mysql/common_values",
            table=self._table(relation),
            column=quoted(column),
            newest_by=quoted(sample.newest_by) if sample.newest_by else "",
            sample=sample,
        )
        return [(value, int(rows)) for value, rows in self._rows(sql.replace("%", "%%"))]

    def key_filter(self, plan: ReadPlan, keys: Sequence[tuple[Any, ...]]) -> str:
        names = ", ".join(quoted(column.source) for column in plan.key_columns)
        written = [_digits_literal if _is_digits(column) else literal for column in plan.key_columns]
        rows = ", ".join(
            "(" + ", ".join(write(value) for write, value in zip(written, key, strict=True)) + ")" for key in keys
        )
        return f"({names}) IN ({rows})"

    def _table(self, name: str) -> str:
        """With its database: a server may lead new sessions to another one."""
        return f"{quoted(self._schema)}.{quoted(name)}"

    def can_filter(self, plan: ReadPlan) -> bool:
        """Only whole numbers, and a text in UTF-8 that is the key alone, arrive as the server compares them."""
        first, *others = plan.key_columns
        if first.type == "VARCHAR" and not others and not _is_digits(first):
            return first.select == as_text(quoted(first.source)) and self._is_utf8(plan.relation, first.source)
        return all(
            _is_digits(column) or (column.select == quoted(column.source) and column.type not in {"DOUBLE", "VARCHAR"})
            for column in plan.key_columns
        )

    def _is_utf8(self, table: str, column: str) -> bool:
        """Not so in a view: its text may have a collation that does not give way to that of a literal."""
        found = self._rows(
            "SELECT character_set_name FROM information_schema.columns JOIN information_schema.tables "
            "USING (table_schema, table_name) "
            "WHERE table_schema = %s AND table_name = %s AND column_name = %s AND table_type <> 'VIEW'",
            (self._schema, table, column),
        )
        return bool(found) and found[0][0] in _UTF8

    def select(
        self, plan: ReadPlan, columns: Sequence[RawColumn], condition: str | None = None, *, counted: bool = False
    ) -> str:
        return render(
            "databases/mysql/selected_rows",
            table=self._table(plan.relation),
            columns=[(quoted(column.name), column.select) for column in columns if column.select],
            condition=condition,
            counted=COUNTED if counted else "",
        )

    def parallel(self) -> ParallelDatabase:
        connections = self._connections
        connections.rows("SELECT 1")  # tells whether the server has TLS
        tls = self._tls if self._tls.startswith("verify") else "required" if connections.encrypted else "off"
        return MySqlJdbc(
            self._address,
            self._schema,
            lambda: connections.credentials,
            tls,
            self._patience.seconds,
            self._rows,
            takes_key=connections.takes_key,
            authorities=self._authorities,
        )

    @contextmanager
    def read(self, sql: str, plan: ReadPlan | None = None) -> Iterator[pa.RecordBatchReader]:
        with self._connections.connection() as connection, Handover(connection, self._schema).open() as door:
            try:
                with stream(door.url, sql, patience=self._patience, last_byte=door.last_byte) as reader:
                    yield reader
            except SilenceError as error:
                raise silent(self._patience, self._place, plan.table.name if plan else None) from error
            except StreamError as error:
                raise server_error(str(error), plan, self._place) from error

    def _tell(self, line: str) -> None:
        self.note(line)

    def _rows(self, sql: str, parameters: tuple[str, ...] = ()) -> Sequence[tuple[Any, ...]]:
        return self._connections.rows(sql, parameters)


def _is_digits(column: RawColumn) -> bool:
    """Whether a whole number travels as a text."""
    return column.select == digits(quoted(column.source))


def _digits_literal(value: str) -> str:
    """The number that a text has the digits of, as which the server compares it; any other text is no key."""
    return value if _DIGITS.fullmatch(value) else "NULL"


def _in_window(name: str, window: Window) -> str:
    """What arrives as NULL, such as a zero date, is in no window."""
    column, lower = quoted(name), timestamp_text(window.lower) if window.lower else SMALLEST_REAL_DATE
    real = f"MONTH({column}) <> 0 AND DAYOFMONTH({column}) <> 0"
    return f"{column} >= '{lower}' AND {column} < '{timestamp_text(window.upper)}' AND {real}"

"""MySQL, MariaDB and Aurora MySQL as a source."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.databases.arrow_stream import TRANSIENT_CODES, stream
from rental_analytics.databases.base import (
    COUNTED,
    CatalogueColumn,
    CatalogueTable,
    Database,
    ParallelDatabase,
    RawColumn,
    ReadPlan,
    Window,
    quoted_text,
    timestamp_text,
    unusable,
)
from rental_analytics.databases.mysql_jdbc import MySqlJdbc
from rental_analytics.errors import ConfigurationError, ContractError, SourceError, SourceUnavailableError
from rental_analytics.sql import conversion

if TYPE_CHECKING:
    import pyarrow as pa
    import pymysql

# A server may ignore the client's character set, or have a mode that pads CHAR with blanks. A table that is locked or
# altered is waited for at most a minute, where the default is a day.
_SESSION = (
    "SET SESSION time_zone = '+00:00', lock_wait_timeout = LEAST(@@lock_wait_timeout, 60), sql_mode = '', "
    "character_set_client = utf8mb4, character_set_connection = utf8mb4, character_set_results = utf8mb4"
)
_ACCESS_DENIED = {1044, 1045, 1698}
_LOGIN_REFUSED = {1045, 1698}
_UNKNOWN_DATABASE = 1049
_NO_TLS = "SSL is required but the server doesn't support it"
_BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
# How long to wait for the server's answer to a login, in seconds, and for that to a statement.
_PATIENCE = 10
_LONG_PATIENCE = 300
_SMALLEST_REAL_DATE = "0001-01-02"

_INTEGERS = {
    "tinyint": ("SMALLINT", "SMALLINT"),
    "smallint": ("SMALLINT", "INTEGER"),
    "mediumint": ("INTEGER", "INTEGER"),
    "int": ("INTEGER", "BIGINT"),
    "bigint": ("BIGINT", "DECIMAL(20,0)"),
}
_TEXTS = {
    "char",
    "varchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "enum",
    "set",
    "json",
    "uuid",
    "inet4",
    "inet6",
}
_LONG = {"text", "mediumtext", "longtext", "json", "blob", "mediumblob", "longblob"}
_CUT = "\x02longer than max_allowed_packet\x03"
_BINARIES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
_UTF8 = {"utf8", "utf8mb3", "utf8mb4"}
_TAKEN = {"_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at", "_rows", "_hash", COUNTED}
_NUMBERS = {SourceType.INTEGER, SourceType.DECIMAL, SourceType.FLOAT}
_FREE = {SourceType.ANY, SourceType.TEXT}


class MySqlDatabase(Database):
    """A database on a server that speaks the MySQL protocol; the session runs in UTC.

    Args:
        host: name or address of the server.
        port: TCP port.
        user: login; needs SELECT on the tables of the contracts.
        password: its password; kept out of every message.
        database: schema that holds the tables.
        tls: `auto` encrypts where the server can, `off` never, `required` always; `verify_ca` also wants a certificate
            of a known authority, `verify_identity` one of this host. Known are those of the system, or of the file
            that the environment variable SSL_CERT_FILE names.
        login: gives user and password in place of those; called when they are first needed, and once more when the
            server refuses them, since they may have been changed.
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
    ) -> None:
        self._host, self._port = host, port
        self._fetch = login
        self._known = None if login else (user, password)
        self._schema = database
        self._tls = tls
        self._encrypted = tls != "off"  # until a server turns out to have no TLS
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.display_url = f"mysql://{user}{'@' if user else ''}{self._address}/{database}"

    @property
    def _credentials(self) -> tuple[str, str]:
        if self._known is None:
            assert self._fetch is not None
            self._known = self._fetch()
        return self._known

    @property
    def _login(self) -> dict[str, Any]:
        user, password = self._credentials
        return {
            "host": self._host,
            "port": self._port,
            "user": user,
            # Given text, PyMySQL encodes it as Latin-1; servers and ConnectorX take UTF-8.
            "password": password.encode(),
            "database": self._schema,
        }

    @property
    def _url(self) -> str:
        user, password = self._credentials
        secret = f":{quote(password, safe='')}" if password else ""
        return f"mysql://{quote(user, safe='')}{secret}@{self._address}/{quote(self._schema, safe='')}"

    def server_time(self) -> datetime:
        (moment,) = self._rows("SELECT UTC_TIMESTAMP(6)")[0]
        assert isinstance(moment, datetime)
        return moment

    def catalogue(self) -> dict[str, CatalogueTable]:
        columns: dict[str, list[CatalogueColumn]] = {}
        for table, name, native, nullable in self._rows(
            "SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = %s ORDER BY table_name, ordinal_position",
            (self._schema,),
        ):
            columns.setdefault(table, []).append(CatalogueColumn(name, _native(str(native)), nullable == "YES"))
        indexes: dict[tuple[str, str], set[str]] = {}
        for table, index, name in self._rows(
            "SELECT table_name, index_name, column_name FROM information_schema.statistics "
            "WHERE table_schema = %s AND non_unique = 0",
            (self._schema,),
        ):
            # A part that is an expression has no name: such an index keeps no set of columns unique.
            indexes.setdefault((table, index), set()).add(name.lower() if name else "")
        return {
            table: CatalogueTable(
                table,
                tuple(found),
                tuple(frozenset(names) for (owner, _), names in indexes.items() if owner == table),
            )
            for table, found in columns.items()
        }

    def raw_column(self, table: SourceTable, column: CatalogueColumn, wanted: SourceType) -> RawColumn:
        name, source = column.name.lower(), _quoted(column.name)
        if "." in name or name in _TAKEN:
            raise ContractError(
                f"Column {table.name}.{column.name} cannot be kept: its name "
                + ("has a dot." if "." in name else "is one the pipeline uses itself."),
                remedy=f"rename it in a view, or remove `unknown_columns: keep` from sources/{table.name}.yaml.",
                table=table.name,
            )
        made = _made(table.name, name, source, column.native, wanted)
        if made is None:
            raise unusable(table, column, wanted)
        return made

    def cursor_filter(self, plan: ReadPlan, window: Window) -> str:
        if window.lower is None or plan.cursor is None:
            return ""
        cursor = _quoted(plan.cursor)
        lower = quoted_text(timestamp_text(window.lower))
        return f"({cursor} >= {lower} OR {cursor} IS NULL OR {cursor} < '{_SMALLEST_REAL_DATE}')"

    def range_filter(self, plan: ReadPlan, window: Window) -> str:
        return " OR ".join(f"({_in_window(name, window)})" for name in plan.moments)

    def count(self, plan: ReadPlan, condition: str | None) -> int:
        where = f" WHERE {condition}" if condition else ""
        counted = f"SELECT COUNT(*) FROM {_quoted(plan.table.name)}{where}"
        return int(self._rows(counted.replace("%", "%%"))[0][0])

    def key_filter(self, plan: ReadPlan, keys: Sequence[tuple[Any, ...]]) -> str:
        names = ", ".join(_quoted(name) for name in plan.key)
        rows = ", ".join("(" + ", ".join(_literal(value) for value in key) + ")" for key in keys)
        return f"({names}) IN ({rows})"

    def can_filter(self, plan: ReadPlan) -> bool:
        """Only whole numbers, and a text in UTF-8 that is the key alone, arrive as the server compares them."""
        first, *others = plan.key_columns
        if first.type == "VARCHAR" and not others:
            return first.select == _as_text(_quoted(first.name)) and self._is_utf8(plan.table.name, first.name)
        return all(
            column.select == _quoted(column.name) and column.type not in {"DOUBLE", "VARCHAR"}
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
        listed = ", ".join(f"{column.select} AS {_quoted(column.name)}" for column in columns if column.select)
        rows = _quoted(plan.table.name) + (f" WHERE {condition}" if condition else "")
        count = f", (SELECT COUNT(*) FROM {rows}) AS {COUNTED}" if counted else ""
        return f"SELECT {listed}{count} FROM {rows}"

    def parallel(self) -> ParallelDatabase:
        self._rows("SELECT 1", patience=_PATIENCE)  # tells whether the server has TLS
        tls = self._tls if self._tls.startswith("verify") else "required" if self._encrypted else "off"
        return MySqlJdbc(f"{self._address}/{self._schema}", lambda: self._credentials, tls, _SESSION, self._rows)

    @contextmanager
    def read(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        # ConnectorX would try for 30 seconds, and tell each attempt on the console.
        self._rows("SELECT 1", patience=_PATIENCE)
        encryption = "required" if self._encrypted else "disabled"
        mode = self._tls if self._tls.startswith("verify") else encryption
        with stream(f"{self._url}?ssl-mode={mode}", sql, session=_SESSION, display_url=self.display_url) as reader:
            yield reader

    def _rows(
        self, sql: str, parameters: tuple[str, ...] = (), patience: int = _LONG_PATIENCE
    ) -> Sequence[tuple[Any, ...]]:
        import pymysql

        try:
            with self._connect(patience) as connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            raise self._translated(error) from error
        except RuntimeError as error:  # what PyMySQL raises where the login method needs a package that is missing
            raise ConfigurationError(
                f"Cannot log in to {self.display_url}: {error}.",
                remedy="install the package named, or use a login with mysql_native_password.",
            ) from error

    def _connect(self, patience: int, *, renewed: bool = False) -> pymysql.Connection[Any]:
        import pymysql

        encryption = {"ssl": self._tls_context} if self._encrypted else {"ssl_disabled": True}
        try:
            return pymysql.connect(
                **self._login,
                **encryption,
                charset="utf8mb4",
                connect_timeout=_PATIENCE,
                read_timeout=patience,
                init_command=_SESSION,
            )
        except pymysql.OperationalError as error:
            if self._fetch and not renewed and error.args[0] in _LOGIN_REFUSED:
                self._known, renewed = None, True
            elif self._tls == "auto" and self._encrypted and _NO_TLS in str(error):
                self._encrypted = False
            else:
                raise
        return self._connect(patience, renewed=renewed)

    @cached_property
    def _tls_context(self) -> ssl.SSLContext:
        """Checks of the certificate as `tls` says; the authorities are those ConnectorX finds."""
        context = ssl.create_default_context()
        context.check_hostname = self._tls == "verify_identity"
        context.verify_mode = ssl.CERT_REQUIRED if self._tls.startswith("verify") else ssl.CERT_NONE
        return context

    def _translated(self, error: Exception) -> SourceError | ConfigurationError:
        code = error.args[0] if error.args else 0
        text = str(error.args[1] if len(error.args) > 1 else error)
        if _NO_TLS in text:
            return ConfigurationError(
                f"The server of {self.display_url} offers no TLS, but source.tls is {self._tls}.",
                remedy="turn TLS on in the server, or set source.tls to auto.",
            )
        if _BAD_CERTIFICATE in text:
            return ConfigurationError(
                f"The certificate of {self.display_url} does not hold: {text}.",
                remedy="name the file of its authority in SSL_CERT_FILE, or set source.tls to required.",
            )
        if code in _ACCESS_DENIED:
            return ConfigurationError(
                f"The server refused the login to {self.display_url}: {text}.",
                remedy="check user and password (RENTAL_SOURCE__PASSWORD, or the secret) and grant SELECT on the "
                "database.",
            )
        if code == _UNKNOWN_DATABASE:
            return ConfigurationError(
                f"There is no database {self._schema} in {self.display_url}.",
                remedy="correct the name at the end of source.url.",
            )
        if code in TRANSIENT_CODES:
            return SourceUnavailableError(
                f"The database {self.display_url} cannot be reached: {text}.",
                remedy="check that the server runs, and host, port and network path in source.url.",
            )
        return SourceError(
            f"The database {self.display_url} refused a statement: {text}.",
            remedy="check the grants of the user; run with --debug for the whole error.",
        )


def _made(table: str, name: str, source: str, native: str, wanted: SourceType) -> RawColumn | None:
    """How a MySQL type travels and arrives, or None where it cannot serve as what is wanted."""
    base = native.split("(", maxsplit=1)[0].split(maxsplit=1)[0]
    if wanted is SourceType.BOOLEAN:
        if base in _INTEGERS or base == "bit":
            # What does not fit 64 bits with a sign is told as it is only as text.
            wide = base == "bit" or "unsigned" in native
            selected = f"CAST({source} + 0 AS CHAR)" if wide else f"CAST({source} AS SIGNED)"
            return RawColumn(name, "BOOLEAN", selected, conversion.boolean(name, table))
        return None
    if base in _INTEGERS and wanted in _NUMBERS | _FREE:
        kind = _INTEGERS[base]["unsigned" in native]
        return RawColumn(name, kind, source, conversion.cast(name, kind))
    if base == "year" and wanted in _NUMBERS | _FREE:
        return RawColumn(name, "SMALLINT", source, conversion.cast(name, "SMALLINT"))
    if base == "bit" and wanted in _NUMBERS | _FREE:
        kind = "DECIMAL(20,0)" if _arguments(native)[0] == 64 else "BIGINT"
        return RawColumn(name, kind, f"CAST({source} AS UNSIGNED)", conversion.cast(name, kind))
    if base == "decimal" and wanted in _NUMBERS | _FREE:
        precision, scale = _arguments(native)
        kind = f"DECIMAL({precision},{scale})" if precision <= 38 else "VARCHAR"
        if kind == "VARCHAR" and wanted in _NUMBERS:
            return None
        return RawColumn(name, kind, f"CAST({source} AS CHAR)", conversion.cast(name, kind))
    if base in {"float", "double"} and wanted in {SourceType.DECIMAL, SourceType.FLOAT} | _FREE:
        return RawColumn(name, "DOUBLE", source, conversion.cast(name, "DOUBLE"))
    if base in {"date", "datetime", "timestamp"}:
        return _moment(table, name, source, base, wanted)
    if base == "time" and wanted in {SourceType.TIME} | _FREE:
        return RawColumn(name, "BIGINT", f"CAST({source} AS CHAR)", conversion.time_of_day(name))
    if base in _TEXTS | _BINARIES and wanted in _FREE:
        return _text(table, name, source, base, native)
    return None


def _as_text(source: str) -> str:
    return f"CAST({source} AS CHAR CHARACTER SET utf8mb4)"


def _text(table: str, name: str, source: str, base: str, native: str) -> RawColumn:
    """The server makes NULL of what it cannot send at once, so a mark travels for it."""
    selected = f"HEX({source})" if base in _BINARIES else _as_text(source)
    if base not in _LONG:
        bound = _text_bytes(native, base)
        return RawColumn(name, "VARCHAR", selected, conversion.cast(name, "VARCHAR"), max_bytes=bound)
    selected = f"COALESCE({selected}, IF({source} IS NULL, NULL, {_literal(_CUT)}))"
    return RawColumn(name, "VARCHAR", selected, conversion.whole_text(name, table, _CUT))


def _text_bytes(native: str, base: str) -> int | None:
    """Bytes that a value may have once it is UTF-8, four for a character; bytes travel as two digits each."""
    if base in {"enum", "set"}:
        return len(native.encode())
    if base not in {"char", "varchar", "binary", "varbinary", "tinytext", "tinyblob"}:
        return None
    length = 255 if base.startswith("tiny") else _arguments(native)[0]
    return max(1, length * (2 if base in _BINARIES else 4))


def _moment(table: str, name: str, source: str, base: str, wanted: SourceType) -> RawColumn | None:
    """Dates with a zero month or day, which MySQL may hold, travel as `ZERO_DATE`; what is no date as an older one."""
    if wanted not in {SourceType.DATE, SourceType.TIMESTAMP} | _FREE:
        return None
    kind, time = ("DATE", "") if base == "date" else ("TIMESTAMP", " 00:00:00")
    month, day = f"MONTH({source})", f"DAYOFMONTH({source})"
    impossible = (
        f"{source} < {kind} '{_SMALLEST_REAL_DATE}{time}' "
        f"OR {day} > 28 AND {day} > COALESCE(DAYOFMONTH(LAST_DAY({source})), 0)"
    )
    selected = (
        f"CASE WHEN {month} = 0 OR {day} = 0 THEN {kind} '0001-01-01{time}' "
        f"WHEN {impossible} THEN {kind} '0000-01-01{time}' ELSE {source} END"
    )
    return RawColumn(name, kind, selected, conversion.zero_date(name, kind, table), zero_dates=True)


def _native(column_type: str) -> str:
    """In lower case, but the values of ENUM and SET as they are."""
    kind, opening, values = column_type.partition("(")
    return f"{kind.lower()}{opening}{values}" if kind.lower() in {"enum", "set"} else column_type.lower()


def _in_window(name: str, window: Window) -> str:
    """What arrives as NULL, such as a zero date, is in no window."""
    column, lower = _quoted(name), timestamp_text(window.lower) if window.lower else _SMALLEST_REAL_DATE
    real = f"MONTH({column}) <> 0 AND DAYOFMONTH({column}) <> 0"
    return f"{column} >= '{lower}' AND {column} < '{timestamp_text(window.upper)}' AND {real}"


def _arguments(native: str) -> tuple[int, int]:
    numbers = [int(number) for number in re.findall(r"\d+", native.split(")", maxsplit=1)[0])]
    first = numbers[0] if numbers else 10
    return first, numbers[1] if len(numbers) > 1 else 0


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        # Hexadecimal, since what a backslash means depends on the session; a literal gives way to a column's collation.
        return f"_utf8mb4 x'{value.encode().hex()}'" if value else "''"
    return str(value)

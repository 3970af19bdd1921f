"""MySQL over JDBC: many statements side by side, split along an index."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases import conversion
from rental_analytics.databases.base import COUNTED, JdbcAccess, ParallelDatabase, ParallelRead, RawColumn, ReadPlan
from rental_analytics.databases.mysql.session import SESSION, driver_variables
from rental_analytics.errors import SourceError
from rental_analytics.sql.render import folded, render

Rows = Callable[[str, tuple[str, ...]], Sequence[tuple[Any, ...]]]
"""Runs a statement with parameters and gives its rows."""

FILE_BYTES = 256 << 20
"""Bytes of a table, as the server keeps them, whose rows make a Parquet file of at most about 128 MB."""

_FEWEST_ROWS = 50_000
_USUAL_ROW_BYTES = 256
_MOST_READS = 1_000
_MOST_ESTIMATES = 5_000
_ESTIMATES_AT_ONCE = 50
_MOST_PIECES = 64
_MARIADB_COLUMNS = 10
_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}
# Values that a literal of their text stands for, in the order of the index. Not so an ENUM or a SET, whose index is in
# the order of their numbers, nor a FLOAT, whose text is shorter than its value.
_WALKED = {
    *("char", "varchar", "binary", "varbinary", "decimal", "date", "datetime", "timestamp", "time", "year"),
    *("uuid", "inet4", "inet6"),
}
_CONNECT_MILLISECONDS = 10_000
_KINDS = {"SMALLINT", "INTEGER", "BIGINT"}
# Fetching row by row keeps both drivers, Connector/J and that of MariaDB, from taking in a whole result at once.
_PROPERTIES = {
    "fetchsize": str(-(2**31)),
    # For statements that Spark sends before the session is set up.
    "sessionVariables": driver_variables(),
    "tinyInt1isBit": "false",
    "yearIsDateType": "false",
    "zeroDateTimeBehavior": "CONVERT_TO_NULL",
    # A server may ask for a file of the machine that reads.
    "allowLocalInfile": "false",
    "allowLoadLocalInfile": "false",
}
_TLS: Mapping[str, Mapping[str, str]] = {
    "off": {"sslMode": "DISABLED", "useSsl": "false"},
    "required": {"sslMode": "REQUIRED", "useSsl": "true", "trustServerCertificate": "true"},
    "verify_ca": {"sslMode": "VERIFY_CA", "useSsl": "true", "disableSslHostnameVerification": "true"},
    "verify_identity": {"sslMode": "VERIFY_IDENTITY", "useSsl": "true"},
}


@dataclass(frozen=True)
class _Index:
    """An index with its first column, quoted, and about how many values that has; `in_time` if it is the cursor."""

    name: str
    column: str
    kind: str
    unique: bool
    nullable: bool
    values: int
    in_time: bool

    def rank(self) -> tuple[bool, bool, bool, int, bool, str]:
        """The best comes first: of columns with repeated values the moment, which is never that of most rows."""
        values, late = (0, False) if self.unique else (-self.values, not self.in_time)
        return self.name != "PRIMARY", not self.unique, late, values, self.kind not in _INTEGERS, self.name


class MySqlJdbc(ParallelDatabase):
    """Args:
    address: `host:port`.
    database: schema that holds the tables.
    login: gives user and password.
    tls: as in `MySqlDatabase`, but `auto`.
    timeout: seconds that the server may send nothing; None for no limit.
    rows: runs a statement on the server.
    takes_key: whether, without TLS, a key for the password is taken from the server.
    authorities: as in `MySqlDatabase`.
    """

    def __init__(
        self,
        address: str,
        database: str,
        login: Callable[[], tuple[str, str]],
        tls: str,
        timeout: float | None,
        rows: Rows,
        *,
        takes_key: bool = False,
        authorities: str | None = None,
    ) -> None:
        self._address = address
        self._schema = database
        self._login = login
        self._tls = tls
        self._takes_key = takes_key
        self.authorities = authorities
        self._timeout = timeout
        self._rows = rows

    def access(self) -> JdbcAccess:
        user, password = self._login()
        properties = {**_PROPERTIES, **_TLS[self._tls], **self._timeouts, "user": user, "password": password}
        if not self._tls.startswith("verify"):
            # Connector/J's; MariaDB's driver has no such option: see engines/spark/driver.py. The old method sends a
            # hash that gives the password away.
            properties["disabledAuthenticationPlugins"] = "mysql_clear_password,mysql_old_password"
        properties["allowPublicKeyRetrieval"] = str(self._takes_key).lower()
        # MariaDB's driver takes certificates as they are, or a file of this machine; for Connector/J see below.
        authorities = self.authorities or ssl.get_default_verify_paths().cafile
        if self._tls.startswith("verify") and authorities:
            properties["serverSslCert"] = authorities
        return JdbcAccess(f"jdbc:mysql://{self._address}/{self._schema}?permitMysqlScheme=true", properties, SESSION)

    def trusting(self, store: str, password: str) -> Mapping[str, str]:
        return {
            "trustCertificateKeyStoreUrl": store,
            "trustCertificateKeyStoreType": "PKCS12",
            "trustCertificateKeyStorePassword": password,
            "fallbackToSystemTrustStore": "false",
        }

    @property
    def _timeouts(self) -> dict[str, str]:
        """In milliseconds; 0 for no limit."""
        silent = int((self._timeout or 0) * 1_000)
        connecting = min(silent, _CONNECT_MILLISECONDS) if silent else _CONNECT_MILLISECONDS
        return {"connectTimeout": str(connecting), "socketTimeout": str(silent)}

    def reads(
        self,
        plan: ReadPlan,
        columns: Sequence[RawColumn],
        condition: str | None = None,
        *,
        counted: bool = False,
        at_once: int = 1,
    ) -> list[ParallelRead]:
        rows = {
            "table": self._qualified(plan.relation),
            "columns": [(_quoted(column.name), _travelling(column)) for column in columns if column.select],
            "counted": COUNTED if counted else "",
        }
        return [
            ParallelRead(render("databases/mysql/part", condition=part, **rows), part)
            for part in self._usable_parts(plan, condition, at_once)
        ]

    def arrives_as(self, column: RawColumn) -> str | None:
        return column.type if column.zero_dates else None

    def _qualified(self, table: str) -> str:
        """With its database: a server may lead new sessions to another one."""
        return f"{_quoted(self._schema)}.{_quoted(table)}"

    def _usable_parts(self, plan: ReadPlan, condition: str | None, at_once: int) -> list[str | None]:
        """The catalogue also lists indexes that the server was told to ignore, and refuses to use."""
        try:
            return self._parts(plan, condition, at_once)
        except SourceError as error:
            if "doesn't exist in table" not in error.message:
                raise
            return [condition]

    def _parts(self, plan: ReadPlan, condition: str | None, at_once: int) -> list[str | None]:
        """Conditions that part the rows; the one given where they are few, or no index leads through them."""
        table = plan.relation
        index = self._index(plan)
        least = _FEWEST_ROWS if at_once > 1 else self._rows_of_a_file(table)
        if index is None:
            return [condition]
        rows, low, high = self._extent(table, index.column, condition, least)
        if rows <= least:
            return [condition]
        if index.kind in _INTEGERS:
            bounds = [str(bound) for bound in self._integer_bounds(table, index, (low, high), at_once)]
        else:
            bounds = self._walked_bounds(table, index, self._rows_of_a_part(table, self._total(table, index), at_once))
        if not bounds:
            return [condition]
        column = index.column
        ranges = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(bounds)]
        ranges = [f"{column} < {bounds[0]}", *ranges, f"{column} >= {bounds[-1]}"]
        if index.nullable:
            ranges.append(f"{column} IS NULL")
        whole = f"({condition}) AND " if condition else ""
        return [f"{whole}{part}" for part in ranges]

    def _index(self, plan: ReadPlan) -> _Index | None:
        """The index to split along: the primary key if there is one, else a unique one, else one of time.

        A row must not move from one part to another while they are read, as an update, or a delete and an insert, may
        move it: only an index on the contract's key will do, or any index of events, which never change.
        """
        found = self._rows(
            "SELECT index_name, column_name, data_type, non_unique, nullable, cardinality "
            "FROM information_schema.statistics "
            "JOIN information_schema.columns USING (table_schema, table_name, column_name) "
            "WHERE table_schema = %s AND table_name = %s AND seq_in_index = 1 AND index_type = 'BTREE' "
            "AND sub_part IS NULL",
            (self._schema, plan.relation),
        )
        key = {folded(column.source) for column in plan.key_columns}
        cursor = folded(plan.sources.get(plan.cursor or "", ""))
        indexes = [
            _Index(
                name=str(name),
                column=_quoted(str(column)),
                kind=str(kind).lower(),
                unique=not int(repeats),
                nullable=nullable == "YES",
                values=int(values or 0),
                in_time=folded(str(column)) == cursor,
            )
            for name, column, kind, repeats, nullable, values in found
            if folded(str(column)) in key or plan.mode is ReadMode.APPEND
        ]
        usable = [index for index in indexes if index.kind in _INTEGERS or index.kind in _WALKED]
        return min(usable, key=_Index.rank, default=None)

    def _extent(self, table: str, column: str, condition: str | None, most: int) -> tuple[int, Any, Any]:
        """How many rows meet a condition, counted no further than is asked for, and the ends of the column in them."""
        names = {"table": self._qualified(table), "column": column}
        rows, low, high = self._asked(render("databases/mysql/extent", condition=condition, most=most + 1, **names))[0]
        return int(rows), low, high

    def _asked(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement in which nothing stands for a parameter."""
        return self._rows(sql.replace("%", "%%"), ())

    def _rows_of_a_file(self, table: str) -> int:
        """The server's own estimate says how long a row is."""
        found = self._rows(
            "SELECT avg_row_length FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
            (self._schema, table),
        )
        row_bytes = int(found[0][0] or 0) if found else 0
        return max(_FEWEST_ROWS, FILE_BYTES // (row_bytes or _USUAL_ROW_BYTES))

    def _total(self, table: str, index: _Index) -> int:
        """The server's estimate of a table's rows; the catalogue's own may be a day old."""
        return self._estimates(table, index, [""])[0]

    def _rows_of_a_part(self, table: str, rows: int, at_once: int) -> int:
        """Twice as many parts as can be read at once, so that an unlucky one holds nobody up; large ones at most."""
        even = -(-rows // (2 * at_once)) if at_once > 1 else rows
        part = max(_FEWEST_ROWS, min(self._rows_of_a_file(table), even))
        return max(part, -(-rows // _MOST_READS))

    def _integer_bounds(self, table: str, index: _Index, ends: tuple[Any, Any], at_once: int) -> list[int]:
        """Bounds between ranges of about the same number of rows, however the numbers lie.

        Ranges with too many rows are parted; the server tells from the index how many one holds, without reading them.
        """
        if ends[0] is None:
            return []

        def estimate(ranges: Sequence[tuple[int, int]]) -> list[int]:
            column = index.column
            return self._estimates(
                table, index, [f"{column} >= {first} AND {column} <= {last}" for first, last in ranges]
            )

        def parts(rows: int) -> int:
            return -(-rows // self._rows_of_a_part(table, rows, at_once))

        return _bounds(int(ends[0]), int(ends[1]), parts, estimate)

    def _estimates(self, table: str, index: _Index, conditions: Sequence[str]) -> list[int]:
        """How many rows the server expects for each condition on an index's column."""
        found: list[int] = []
        for start in range(0, len(conditions), _ESTIMATES_AT_ONCE):
            asked = conditions[start : start + _ESTIMATES_AT_ONCE]
            explained = self._asked(render("databases/mysql/estimates", conditions=asked, **self._along(table, index)))
            # The union as such may have a line, too, without a number.
            found += [
                _estimated(line) for line in sorted((line for line in explained if line[0]), key=lambda line: line[0])
            ]
        return found

    def _walked_bounds(self, table: str, index: _Index, step: int) -> list[str]:
        """Bounds found by walking along the index; each value is given as a literal."""
        bounds: list[str] = []
        walk = {**self._along(table, index), "value": _as_literal(index.column, index.kind), "step": step}
        while len(bounds) < _MOST_READS:
            after = bounds[-1] if bounds else ""
            found = self._asked(render("databases/mysql/next_bound", after=after, **walk))
            if not found:
                break
            bounds.append(str(found[0][0]))
        return bounds

    def _along(self, table: str, index: _Index) -> dict[str, Any]:
        """What a statement that reads along an index names."""
        return {"table": self._qualified(table), "index": _quoted(index.name), "column": index.column}


Ranges = list[tuple[int, int]]
"""First and last numbers of ranges."""


def _bounds(low: int, high: int, parts_of: Callable[[int], int], estimate: Callable[[Ranges], list[int]]) -> list[int]:
    """First numbers of all parts but the first, when each is to hold about as many rows as the others.

    Args:
        parts_of: into how many parts that many rows go.
    """
    pieces, parts = _pieces(low, high, parts_of, estimate)
    even = -(-sum(rows for _, _, rows in pieces) // parts)
    bounds, gathered = [], 0
    for first, _, rows in pieces:
        # The part ends where it comes closest to its share.
        if gathered and gathered + rows / 2 > even:
            bounds.append(first)
            gathered = 0
        gathered += rows
    return bounds


def _pieces(
    low: int, high: int, parts_of: Callable[[int], int], estimate: Callable[[Ranges], list[int]]
) -> tuple[list[tuple[int, int, int]], int]:
    """Ranges with their number of rows, at most a quarter of a part in each, and how many parts there are.

    Estimates for large ranges are far less true than those for small ones, so only the latter are compared.
    """
    ranges = _evenly(low, high, _MOST_PIECES)
    pieces = [(first, last, rows) for (first, last), rows in zip(ranges, estimate(ranges), strict=True)]
    asked = len(ranges)
    while True:
        total = sum(rows for _, _, rows in pieces)
        parts = max(1, parts_of(total))
        most = max(1, total // (4 * parts))
        large = [piece for piece in pieces if piece[2] > most and piece[0] < piece[1]]
        if parts == 1 or not large or asked >= _MOST_ESTIMATES:
            return sorted(pieces), parts
        ranges = [part for first, last, rows in large for part in _evenly(first, last, -(-rows // most))]
        asked += len(ranges)
        smaller = [(first, last, rows) for (first, last), rows in zip(ranges, estimate(ranges), strict=True)]
        pieces = [piece for piece in pieces if piece not in set(large)] + smaller


def _evenly(first: int, last: int, wanted: int) -> Ranges:
    """A range in equally long ones."""
    numbers = last - first + 1
    count = min(numbers, max(2, min(wanted, _MOST_PIECES)))
    starts = [first + numbers * place // count for place in range(count + 1)]
    return [(start, following - 1) for start, following in pairwise(starts)]


def _travelling(column: RawColumn) -> str:
    """An expression whose value arrives the same with every driver: moments and exact numbers as text."""
    if column.zero_dates:
        return f"CAST({column.select} AS CHAR)"
    if column.type == "DOUBLE":
        # The server would write a FLOAT with six digits.
        return f"{column.select} + 0e0"
    if column.type in _KINDS and column.convert == conversion.cast(column.name, column.type):
        return f"CAST({column.select} AS SIGNED)"
    return f"CAST({column.select} AS CHAR)" if column.type.startswith("DECIMAL") else column.select


def _estimated(explained: Sequence[Any]) -> int:
    """The column `rows`, which MariaDB has in the ninth place and MySQL in the tenth; NULL where none can match."""
    return int(explained[8 if len(explained) == _MARIADB_COLUMNS else 9] or 0)


def _as_literal(column: str, kind: str) -> str:
    if kind == "decimal":
        # As a text it would be compared as a floating-point number.
        return f"CAST({column} AS CHAR)"
    if kind in {"binary", "varbinary"}:
        return f"CONCAT('x', QUOTE(HEX({column})))"
    return f"CONCAT('_utf8mb4 x', QUOTE(HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4))))"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"

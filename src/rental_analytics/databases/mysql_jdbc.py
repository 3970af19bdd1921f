"""MySQL over JDBC: many statements side by side, split along an index."""

from __future__ import annotations

import heapq
import ssl
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import COUNTED, JdbcAccess, ParallelDatabase, ParallelRead, RawColumn, ReadPlan
from rental_analytics.sql import conversion

Rows = Callable[[str, tuple[str, ...]], Sequence[tuple[Any, ...]]]
"""Runs a statement with parameters and gives its rows."""

FILE_BYTES = 256 << 20
"""Bytes of a table, as the server keeps them, whose rows make a Parquet file of at most about 128 MB."""

_FEWEST_ROWS = 50_000
_USUAL_ROW_BYTES = 256
_MOST_READS = 1_000
_MOST_ESTIMATES = 5_000
_MARIADB_COLUMNS = 10
_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}
_KINDS = {"SMALLINT", "INTEGER", "BIGINT"}
# Fetching row by row keeps both drivers, Connector/J and that of MariaDB, from taking in a whole result at once.
_PROPERTIES = {
    "fetchsize": str(-(2**31)),
    "permitMysqlScheme": "true",
    "tinyInt1isBit": "false",
    "yearIsDateType": "false",
    "zeroDateTimeBehavior": "CONVERT_TO_NULL",
    "connectTimeout": "10000",
    "socketTimeout": "900000",
}
_TLS: Mapping[str, Mapping[str, str]] = {
    "off": {"sslMode": "DISABLED", "useSsl": "false"},
    "required": {"sslMode": "REQUIRED", "useSsl": "true", "trustServerCertificate": "true"},
    "verify_ca": {"sslMode": "VERIFY_CA", "useSsl": "true", "disableSslHostnameVerification": "true"},
    "verify_identity": {"sslMode": "VERIFY_IDENTITY", "useSsl": "true"},
}


class MySqlJdbc(ParallelDatabase):
    """Args:
    place: `host:port/database`.
    login: gives user and password.
    tls: as in `MySqlDatabase`, but `auto`.
    session: statement for each new connection.
    rows: runs a statement on the server.
    """

    def __init__(self, place: str, login: Callable[[], tuple[str, str]], tls: str, session: str, rows: Rows) -> None:
        self._place = place
        self._login = login
        self._tls = tls
        self._session = session
        self._rows = rows

    def access(self) -> JdbcAccess:
        user, password = self._login()
        properties = {**_PROPERTIES, **_TLS[self._tls], "user": user, "password": password}
        authorities = ssl.get_default_verify_paths().cafile
        if self._tls.startswith("verify") and authorities:
            properties["serverSslCert"] = authorities
        # A server gives up on a reader that is busy writing for longer than this, by default a minute.
        return JdbcAccess(f"jdbc:mysql://{self._place}", properties, f"{self._session}, net_write_timeout = 900")

    def reads(
        self,
        plan: ReadPlan,
        columns: Sequence[RawColumn],
        condition: str | None = None,
        *,
        counted: bool = False,
        at_once: int = 1,
    ) -> list[ParallelRead]:
        listed = ", ".join(f"{_travelling(column)} AS {_quoted(column.name)}" for column in columns if column.select)
        table = _quoted(plan.table.name)
        reads = []
        for part in self._parts(plan, condition, at_once):
            rows = f"{table} WHERE {part}" if part else table
            relation = f"(SELECT {listed} FROM {rows}) AS part"
            if counted:
                relation += f" CROSS JOIN (SELECT COUNT(*) AS {COUNTED} FROM {rows}) AS counted"
            reads.append(ParallelRead(relation, part))
        return reads

    def arrives_as(self, column: RawColumn) -> str | None:
        return column.type if column.zero_dates else None

    def _parts(self, plan: ReadPlan, condition: str | None, at_once: int) -> list[str | None]:
        """Conditions that part the rows; the one given where they are few, or no index leads through them."""
        table = plan.table.name
        found = self._index(plan)
        least = _FEWEST_ROWS if at_once > 1 else self._rows_of_a_file(table)
        if found is None or self._number_of_rows(table, condition, least) <= least:
            return [condition]
        index, name, kind = found
        column = _quoted(name)
        if kind in _INTEGERS:
            bounds = [str(bound) for bound in self._integer_bounds(table, index, column, at_once)]
        else:
            step = self._rows_of_a_part(table, at_once)
            bounds = self._walked_bounds(table, index, column, kind, step)
        ranges = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(bounds)]
        if bounds:
            ranges = [f"({column} < {bounds[0]} OR {column} IS NULL)", *ranges, f"{column} >= {bounds[-1]}"]
        whole = f"({condition}) AND " if condition else ""
        return [f"{whole}{part}" for part in ranges] or [condition]

    def _index(self, plan: ReadPlan) -> tuple[str, str, str] | None:
        """Name, first column and its type of the index to split along: the primary key if there is one.

        A row must not move from one part to another while they are read: only a unique index, one on the key, or one of
        events that never change, will do.
        """
        found = self._rows(
            "SELECT index_name, column_name, data_type, non_unique FROM information_schema.statistics "
            "JOIN information_schema.columns USING (table_schema, table_name, column_name) "
            "WHERE table_schema = DATABASE() AND table_name = %s AND seq_in_index = 1 AND index_type = 'BTREE' "
            "AND sub_part IS NULL ORDER BY index_name <> 'PRIMARY', non_unique, data_type NOT LIKE '%%int', index_name",
            (plan.table.name,),
        )
        for index, column, kind, non_unique in found:
            if not int(non_unique) or column.lower() in plan.key or plan.mode is ReadMode.APPEND:
                return str(index), str(column), str(kind).lower()
        return None

    def _number_of_rows(self, table: str, condition: str | None, most: int) -> int:
        """How many rows meet a condition, counted no further than is asked for."""
        where = f" WHERE {condition}" if condition else ""
        counted = f"SELECT COUNT(*) FROM (SELECT 1 FROM {_quoted(table)}{where} LIMIT {most + 1}) AS some_rows"
        return int(self._rows(counted.replace("%", "%%"), ())[0][0])

    def _rows_of_a_file(self, table: str) -> int:
        """The server's own estimate says how long a row is."""
        found = self._rows(
            "SELECT avg_row_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
            (table,),
        )
        row_bytes = int(found[0][0] or 0) if found else 0
        return max(_FEWEST_ROWS, FILE_BYTES // (row_bytes or _USUAL_ROW_BYTES))

    def _rows_of_a_table(self, table: str) -> int:
        """The server's own estimate."""
        found = self._rows(
            "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
            (table,),
        )
        return max(1, int(found[0][0] or 0)) if found else 1

    def _rows_of_a_part(self, table: str, at_once: int) -> int:
        """Twice as many parts as can be read at once, so that an unlucky one holds nobody up; large ones at most."""
        rows = self._rows_of_a_table(table)
        even = -(-rows // (2 * at_once)) if at_once > 1 else rows
        part = max(_FEWEST_ROWS, min(self._rows_of_a_file(table), even))
        return max(part, -(-rows // _MOST_READS))

    def _integer_bounds(self, table: str, index: str, column: str, at_once: int) -> list[int]:
        """Bounds between ranges of about the same number of rows, however the numbers lie.

        Ranges with too many rows are halved; the server tells from the index how many one holds, without reading them.
        """
        low, high = self._rows(f"SELECT MIN({column}), MAX({column}) FROM {_quoted(table)}", ())[0]
        if low is None:
            return []
        parts = -(-self._rows_of_a_table(table) // self._rows_of_a_part(table, at_once))

        def estimate(first: int, last: int) -> int:
            explained = self._rows(
                f"EXPLAIN FORMAT=TRADITIONAL SELECT {column} FROM {_quoted(table)} FORCE INDEX ({_quoted(index)}) "
                f"WHERE {column} >= {first} AND {column} <= {last}",
                (),
            )
            return _estimated(explained[0])

        return _bounds(int(low), int(high), parts, estimate)

    def _walked_bounds(self, table: str, index: str, column: str, kind: str, step: int) -> list[str]:
        """Bounds found by walking along the index; each value is given as a literal."""
        bounds: list[str] = []
        after = ""
        while len(bounds) < _MOST_READS:
            found = self._rows(
                f"SELECT {_as_literal(column, kind)} FROM {_quoted(table)} FORCE INDEX ({_quoted(index)}) "
                f"WHERE {column} IS NOT NULL{after} ORDER BY {column} LIMIT 1 OFFSET {step}",
                (),
            )
            if not found:
                break
            bounds.append(str(found[0][0]))
            after = f" AND {column} > {bounds[-1]}"
        return bounds


def _bounds(low: int, high: int, parts: int, estimate: Callable[[int, int], int]) -> list[int]:
    """First numbers of all parts but the first, when each is to hold about as many rows as the others."""
    ranges = _halved(low, high, parts, estimate)
    even = -(-sum(rows for _, rows in ranges) // parts)
    bounds, gathered = [], 0
    for first, rows in ranges:
        # The part ends where it comes closest to its share.
        if gathered and gathered + rows / 2 > even:
            bounds.append(first)
            gathered = 0
        gathered += rows
    return bounds


def _halved(low: int, high: int, parts: int, estimate: Callable[[int, int], int]) -> list[tuple[int, int]]:
    """Ranges of numbers, each with at most a quarter of the rows of a part, as first number and number of rows.

    Estimates for large ranges are far less true than those for small ones, so only the latter are compared.
    """
    found = [(-estimate(low, high), low, high)]
    total, asked = -found[0][0], 1
    whole: list[tuple[int, int]] = []
    while found and asked < _MOST_ESTIMATES:
        rows, first, last = heapq.heappop(found)
        if -rows <= total / (4 * parts) or first == last:
            whole.append((first, -rows))
            continue
        middle = (first + last) // 2
        halves = ((first, middle), (middle + 1, last))
        estimated = [estimate(*half) for half in halves]
        total += sum(estimated) + rows
        for half, number in zip(halves, estimated, strict=True):
            heapq.heappush(found, (-number, *half))
        asked += 2
    return sorted([*whole, *((first, -rows) for rows, first, _ in found)])


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
    if kind in {"binary", "varbinary"}:
        return f"CONCAT('x', QUOTE(HEX({column})))"
    return f"CONCAT('_utf8mb4 x', QUOTE(HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4))))"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"

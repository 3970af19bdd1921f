"""A SQLite file as a source, such as `rental generate` writes; small, and free in its types."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.databases.arrow_stream import stream
from rental_analytics.databases.base import (
    COUNTED,
    CatalogueColumn,
    CatalogueTable,
    Database,
    RawColumn,
    ReadPlan,
    Window,
    quoted_text,
    timestamp_text,
    unusable,
)
from rental_analytics.errors import ConfigurationError, SourceError, SourceUnavailableError
from rental_analytics.sql import conversion

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST = "_first"
# How long to wait for a lock, in seconds; ConnectorX waits as long.
_PATIENCE = 5
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NUMBERS = {SourceType.INTEGER, SourceType.DECIMAL, SourceType.FLOAT, SourceType.BOOLEAN}
_DECIMAL = "DECIMAL(38,10)"


class SqliteDatabase(Database):
    """A SQLite file. Every value travels as text and must read as the type of its column.

    SQLite does not keep to declared types, and ConnectorX takes a column's type from its first value: so each statement
    begins with a row of empty texts, which is dropped on arrival.
    """

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._url = f"sqlite://{quote(str(path.absolute()))}"
        self.display_url = f"sqlite:///{path}"

    def server_time(self) -> datetime:
        text = self._rows("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")[0][0]
        return datetime.fromisoformat(text)

    def catalogue(self) -> dict[str, CatalogueTable]:
        names = [row[0] for row in self._rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        return {name: self._table(name) for name in names if not name.startswith("sqlite_")}

    def _table(self, name: str) -> CatalogueTable:
        info = self._rows(f"PRAGMA table_info({_quoted(name)})")
        columns = tuple(CatalogueColumn(row[1], str(row[2]).lower(), not row[3]) for row in info)
        unique = [frozenset(row[1].lower() for row in info if row[5])]
        for index in self._rows(f"PRAGMA index_list({_quoted(name)})"):
            if index[2] and not index[4]:
                parts = self._rows(f"PRAGMA index_info({_quoted(index[1])})")
                unique.append(frozenset(str(part[2]).lower() for part in parts))
        return CatalogueTable(name, columns, tuple(names for names in unique if names))

    def raw_column(self, table: SourceTable, column: CatalogueColumn, wanted: SourceType) -> RawColumn:
        name = column.name.lower()
        kind = _kind(column.native, wanted)
        if kind is None:
            raise unusable(table, column, wanted)
        source = _quoted(column.name)
        if kind == "DOUBLE":
            selected = (
                f"CASE WHEN typeof({source}) = 'real' THEN printf('%!.17g', {source}) ELSE CAST({source} AS TEXT) END"
            )
        elif column.native == "blob":
            selected = f"hex({source})"
        else:
            selected = f"CAST({source} AS TEXT)"
        return RawColumn(name, kind, selected, _convert(table.name, name, kind))

    def cursor_filter(self, plan: ReadPlan, window: Window) -> str:
        if window.lower is None or plan.cursor is None:
            return ""
        moment = f"strftime('%Y-%m-%d %H:%M:%f', {_quoted(plan.cursor)})"
        return f"({moment} >= {_milliseconds(window.lower)} OR {moment} IS NULL)"

    def range_filter(self, plan: ReadPlan, window: Window) -> str:
        return " OR ".join(f"({_in_window(name, window)})" for name in plan.moments)

    def count(self, plan: ReadPlan, condition: str | None) -> int:
        where = f" WHERE {condition}" if condition else ""
        return int(self._rows(f"SELECT COUNT(*) FROM {_quoted(plan.table.name)}{where}")[0][0])

    def key_filter(self, plan: ReadPlan, keys: Sequence[tuple[Any, ...]]) -> str:
        names = ", ".join(_quoted(name) for name in plan.key)
        rows = ", ".join("(" + ", ".join(_literal(value) for value in key) + ")" for key in keys)
        return f"({names}) IN (VALUES {rows})"

    def can_filter(self, plan: ReadPlan) -> bool:
        """Only where the column's affinity keeps the key as it arrives: whole numbers and texts."""
        native = {column.name.lower(): column.native for column in self._table(plan.table.name).columns}
        words = {"BIGINT": ("int",), "VARCHAR": ("char", "text")}
        return all(
            any(word in native[column.name] for word in words.get(column.type, ())) for column in plan.key_columns
        )

    def select(
        self, plan: ReadPlan, columns: Sequence[RawColumn], condition: str | None = None, *, counted: bool = False
    ) -> str:
        present = [column for column in columns if column.select]
        first = ", ".join(f"'' AS {_quoted(column.name)}" for column in present)
        listed = ", ".join(column.select for column in present)
        rows = _quoted(plan.table.name) + (f" WHERE {condition}" if condition else "")
        if counted:
            first, listed = f"{first}, '' AS {COUNTED}", f"{listed}, CAST((SELECT COUNT(*) FROM {rows}) AS TEXT)"
        return f"SELECT 1 AS {_FIRST}, {first} UNION ALL SELECT 0, {listed} FROM {rows}"

    @contextmanager
    def read(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._check_file()
        with stream(self._url, sql, display_url=self.display_url) as reader:
            schema = pa.schema([field for field in reader.schema if field.name != _FIRST])
            kept = (batch.filter(pc.equal(batch.column(_FIRST), 0)).select(schema.names) for batch in reader)
            yield pa.RecordBatchReader.from_batches(schema, kept)

    def _check_file(self) -> None:
        if not self._path.is_file():
            raise ConfigurationError(
                f"There is no SQLite file {self._path}.",
                remedy="correct source.url, or make one with `rental generate --to sqlite:///FILE`.",
            )

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        self._check_file()
        address = f"file:{quote(str(self._path))}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as connection:
                return connection.execute(sql).fetchall()
        except sqlite3.DatabaseError as error:
            # The code's low byte says what happened, the others how.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _LOCKED:
                raise SourceUnavailableError(
                    f"The SQLite file {self._path} cannot be read now: {error}.",
                    remedy="run again once no other program keeps it locked.",
                ) from error
            raise SourceError(
                f"The SQLite file {self._path} cannot be read: {error}.",
                remedy="check that it is a SQLite database.",
            ) from error


def _kind(native: str, wanted: SourceType) -> str | None:
    """Exact type from the declared one; where the declaration leaves it open, from what the contract wants."""
    if wanted is SourceType.BOOLEAN:
        return "BOOLEAN"
    if wanted in {SourceType.DATE, SourceType.TIMESTAMP}:
        return "DATE" if native == "date" else "TIMESTAMP" if _is_moment(native) else _undeclared(wanted)
    if match := re.match(r"(?:decimal|numeric)\s*\((\d+)\s*(?:,\s*(\d+)\s*)?\)", native):
        return f"DECIMAL({match[1]},{match[2] or 0})" if int(match[1]) <= 38 else None
    if native.startswith(("decimal", "numeric")):
        return _DECIMAL
    if "int" in native or native == "boolean":
        return "BIGINT" if wanted in _NUMBERS or "(1)" not in native else "SMALLINT"
    if any(word in native for word in ("real", "floa", "doub")):
        return None if wanted is SourceType.INTEGER else "DOUBLE"
    if _is_moment(native) or native == "date":
        return None if wanted in _NUMBERS else "DATE" if native == "date" else "TIMESTAMP"
    return _undeclared(wanted)


def _is_moment(native: str) -> bool:
    return native.startswith(("datetime", "timestamp"))


def _undeclared(wanted: SourceType) -> str:
    kinds = {
        SourceType.INTEGER: "BIGINT",
        SourceType.DECIMAL: _DECIMAL,
        SourceType.FLOAT: "DOUBLE",
        SourceType.DATE: "DATE",
        SourceType.TIMESTAMP: "TIMESTAMP",
        SourceType.TIME: "BIGINT",
    }
    return kinds.get(wanted, "VARCHAR")


def _convert(table: str, name: str, kind: str) -> str:
    text = conversion.quoted(name)
    if kind == "VARCHAR":
        return conversion.passed(name)
    if kind == "BOOLEAN":
        return conversion.boolean(name, table)
    if kind in {"DATE", "TIMESTAMP"}:
        # A text with an offset is brought to UTC; one without is UTC.
        # One with a zone's name would set the zone of the texts after it.
        plain = f"CASE WHEN NOT REGEXP_MATCHES({text}, '[A-Za-z]{{2}}') THEN {text} END"
        moment = f"TIMEZONE('UTC', TRY_CAST({plain} AS TIMESTAMPTZ))"
        return conversion.strict(name, kind, table, f"CAST({moment} AS {kind})")
    if kind.startswith("DECIMAL"):
        # A cast rounds what has more decimals than declared: such a value does not fit.
        exact = (
            f"CASE WHEN TRY_CAST({text} AS {kind}) = TRY_CAST({text} AS {_DECIMAL}) THEN TRY_CAST({text} AS {kind}) END"
        )
        return conversion.strict(name, kind, table, exact)
    if kind in {"BIGINT", "SMALLINT"}:
        whole = f"CASE WHEN {text} NOT LIKE '%.%' THEN TRY_CAST({text} AS {kind}) END"
        return conversion.strict(name, kind, table, whole)
    return conversion.strict(name, kind, table)


def _in_window(name: str, window: Window) -> str:
    """With a second to spare, since SQLite rounds and has an hour 24; texts that only DuckDB can read pass, too."""
    column, milliseconds = _quoted(name), "'%Y-%m-%d %H:%M:%f'"
    since = f"strftime({milliseconds}, {column}, '+1 second') >= {_milliseconds(window.lower)}" if window.lower else "1"
    until = f"strftime({milliseconds}, {column}, '-1 second') < {_milliseconds(window.upper)}"
    return f"{since} AND {until} OR {column} IS NOT NULL AND julianday({column}) IS NULL"


def _milliseconds(moment: datetime) -> str:
    return quoted_text(timestamp_text(moment)[:-3])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    return quoted_text(value) if isinstance(value, str) else str(value)

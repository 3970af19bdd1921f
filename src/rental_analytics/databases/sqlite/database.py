"""A SQLite file as a source, such as `rental generate` writes; small, and free in its types."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rental_analytics.contracts.source_table import SourceType
from rental_analytics.databases.arrow_stream import StreamError, stream
from rental_analytics.databases.base import (
    COUNTED,
    CatalogueColumn,
    CatalogueTable,
    ColumnOrigin,
    Database,
    RawColumn,
    ReadPlan,
    Sample,
    Window,
    quoted_text,
    unusable,
)
from rental_analytics.databases.names import check_name
from rental_analytics.databases.reading_errors import reading_error
from rental_analytics.databases.sqlite.types import quoted, sqlite_column
from rental_analytics.databases.waiting import Patience
from rental_analytics.errors import ConfigurationError, SourceError, SourceUnavailableError
from rental_analytics.sql.render import folded, render, timestamp_text

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST = "_first"
# What table_xinfo calls a column of a virtual table that holds no value of a row.
_HIDDEN = 1
# How long to wait for a lock, in seconds; ConnectorX waits as long.
_PATIENCE = 5
# After how many of SQLite's instructions the clock is looked at.
_INSTRUCTIONS = 10_000
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


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
        # Over one connection: each reads the definitions of all tables when it is first used.
        with self._connection() as connection:
            found = connection.execute(
                "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"
            ).fetchall()
            return {
                name: self._view(connection, name) if kind == "view" else self._table(connection, name)
                for name, kind in found
                if not name.startswith("sqlite_")
            }

    def _view(self, connection: sqlite3.Connection, name: str) -> CatalogueTable:
        """One that stands on what is not there any more has no columns."""
        try:
            return self._table(connection, name)
        except SourceUnavailableError:
            raise
        except SourceError:
            return CatalogueTable(name, (), ())

    def _table(self, connection: sqlite3.Connection, name: str) -> CatalogueTable:
        with self._translating():
            # The pragma table_info leaves generated columns out. Those hidden in virtual tables are for queries.
            rows = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
            info = [row for row in rows if row[6] != _HIDDEN]
            columns = tuple(CatalogueColumn(row[1], folded(str(row[2])), not row[3]) for row in info)
            unique = [frozenset(folded(row[1]) for row in info if row[5])]
            for index in connection.execute(f"PRAGMA index_list({quoted(name)})").fetchall():
                if index[2] and not index[4]:
                    parts = connection.execute(f"PRAGMA index_info({quoted(index[1])})").fetchall()
                    unique.append(frozenset(folded(str(part[2])) for part in parts))
            return CatalogueTable(name, columns, tuple(names for names in unique if names))

    def raw_column(self, origin: ColumnOrigin, wanted: SourceType) -> RawColumn:
        check_name(origin)
        made = sqlite_column(origin, wanted)
        if made is None:
            raise unusable(origin, wanted, lambda other: sqlite_column(origin, other) is not None)
        return made

    def cursor_filter(self, plan: ReadPlan, window: Window) -> str:
        if window.lower is None or plan.cursor is None:
            return ""
        moment = f"strftime('%Y-%m-%d %H:%M:%f', {quoted(plan.sources[plan.cursor])})"
        return f"({moment} >= {_milliseconds(window.lower)} OR {moment} IS NULL)"

    def range_filter(self, plan: ReadPlan, window: Window) -> str:
        return " OR ".join(f"({_in_window(plan.sources[name], window)})" for name in plan.moments)

    def count(self, plan: ReadPlan, condition: str | None) -> int:
        sql = render("databases/row_count", table=quoted(plan.relation), condition=condition)
        return int(self._rows(sql)[0][0])

    def common_values(self, relation: str, column: str, sample: Sample) -> list[tuple[str | None, int]]:
        sql = render(
            "databases/sqlite/common_values",
            table=quoted(relation),
            column=quoted(column),
            newest_by=quoted(sample.newest_by) if sample.newest_by else "",
            sample=sample,
        )
        return [(value, int(rows)) for value, rows in self._rows(sql, sample.seconds)]

    def key_filter(self, plan: ReadPlan, keys: Sequence[tuple[Any, ...]]) -> str:
        names = ", ".join(quoted(column.source) for column in plan.key_columns)
        rows = ", ".join("(" + ", ".join(_literal(value) for value in key) + ")" for key in keys)
        return f"({names}) IN (VALUES {rows})"

    def can_filter(self, plan: ReadPlan) -> bool:
        """Only where the column's affinity keeps the key as it arrives: whole numbers and texts."""
        with self._connection() as connection:
            native = {column.name: column.native for column in self._table(connection, plan.relation).columns}
        words = {"BIGINT": ("int",), "VARCHAR": ("char", "text")}
        return all(
            any(word in native[column.source] for word in words.get(column.type, ())) for column in plan.key_columns
        )

    def select(
        self, plan: ReadPlan, columns: Sequence[RawColumn], condition: str | None = None, *, counted: bool = False
    ) -> str:
        return render(
            "databases/sqlite/selected_rows",
            table=quoted(plan.relation),
            columns={quoted(column.name): column.select for column in columns if column.select},
            condition=condition,
            counted=COUNTED if counted else "",
            first=_FIRST,
        )

    @contextmanager
    def read(self, sql: str, plan: ReadPlan | None = None) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._check_file()
        patience = Patience(None, self.display_url, self._tell)
        try:
            with stream(self._url, sql, patience=patience) as reader:
                schema = pa.schema([field for field in reader.schema if field.name != _FIRST])
                kept = (batch.filter(pc.equal(batch.column(_FIRST), 0)).select(schema.names) for batch in reader)
                yield pa.RecordBatchReader.from_batches(schema, kept)
        except StreamError as error:
            raise (plan and self._not_text(sql, plan)) or reading_error(str(error), plan, self.display_url) from error

    def _not_text(self, sql: str, plan: ReadPlan) -> SourceError | None:
        """The error for the first value of a statement that is no UTF-8; None where all of them are."""
        try:
            with closing(self._opened()) as connection:
                connection.text_factory = bytes
                rows = connection.execute(sql)
                names = [column[0] for column in rows.description]
                for row in rows:
                    wrong = next((name for name, value in zip(names, row, strict=True) if _is_no_text(value)), None)
                    if wrong:
                        return _no_text(plan, wrong, dict(zip(names, row, strict=True)))
        except sqlite3.DatabaseError:
            pass
        return None

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=_PATIENCE)

    def _tell(self, line: str) -> None:
        self.note(line)

    def _check_file(self) -> None:
        try:
            is_there = self._path.is_file()
        except PermissionError as error:
            raise _not_readable(self._path, error.strerror or error) from error
        if not is_there:
            raise ConfigurationError(
                f"There is no SQLite file {self._path}.",
                remedy="correct source.url, or make one with `rental generate --to sqlite:///FILE`.",
                reason="sqlite-file-missing",
            )

    def _rows(self, sql: str, seconds: float | None = None) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            if seconds is not None:
                end = time.monotonic() + seconds
                connection.text_factory = lambda text: text.decode("utf-8", "replace")
                connection.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
            return connection.execute(sql).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self._check_file()
        with self._translating(), closing(self._opened()) as connection:
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            # The code's low byte says what happened, the others how.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _LOCKED:
                raise SourceUnavailableError(
                    f"The SQLite file {self._path} cannot be read now: {error}.",
                    remedy="run again once no other program keeps it locked.",
                    reason="sqlite-locked",
                ) from error
            raise _not_readable(self._path, error) from error


def _not_readable(path: Path, told: object) -> SourceError:
    return SourceError(
        f"The SQLite file {path} cannot be read: {told}.",
        remedy="point source.url to a SQLite database that you may read.",
        reason="sqlite-not-readable",
    )


def _no_text(plan: ReadPlan, column: str, row: Mapping[str, Any]) -> SourceError:
    shown = {name: _shown(row[name]) for name in plan.key if name in row}
    where = f"{', '.join(shown)} {', '.join(shown.values())}" if shown else "no key"
    return SourceError(
        f"{plan.place_of(column)} holds a text that is not UTF-8, {_shown(row[column])}, in the row with {where}.",
        remedy="write the value again as UTF-8 text in the source, then run again.",
        reason="text-not-utf8",
        table=plan.table.name,
    )


def _is_no_text(value: Any) -> bool:
    if not isinstance(value, bytes):
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _shown(value: Any) -> str:
    """A value in a message: what is no UTF-8 as its bytes."""
    if _is_no_text(value):
        return f"x'{value[:32].hex()}{'...' if len(value) > 32 else ''}'"
    return value.decode() if isinstance(value, bytes) else str(value)


def _in_window(name: str, window: Window) -> str:
    """With a second to spare, since SQLite rounds and has an hour 24; texts that only DuckDB can read pass, too."""
    column, milliseconds = quoted(name), "'%Y-%m-%d %H:%M:%f'"
    since = f"strftime({milliseconds}, {column}, '+1 second') >= {_milliseconds(window.lower)}" if window.lower else "1"
    until = f"strftime({milliseconds}, {column}, '-1 second') < {_milliseconds(window.upper)}"
    return f"{since} AND {until} OR {column} IS NOT NULL AND julianday({column}) IS NULL"


def _milliseconds(moment: datetime) -> str:
    return quoted_text(timestamp_text(moment)[:-3])


def _literal(value: Any) -> str:
    return quoted_text(value) if isinstance(value, str) else str(value)

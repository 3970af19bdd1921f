"""A DuckDB file as the warehouse."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.contracts.manifest import CheckResult, LoadedTable
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.contracts.ops import OpsTable, ops_tables
from rental_analytics.errors import ConfigurationError
from rental_analytics.failpoints import reach
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.sql.render import identifier, literal, timestamp_text
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import FilledFrom, Load, OpsRows, QueryParameters, Warehouse, out_of_turn
from rental_analytics.warehouses.changes import newest_day
from rental_analytics.warehouses.duckdb.comments import HeldTables, ops_details
from rental_analytics.warehouses.duckdb.connection import Connection
from rental_analytics.warehouses.duckdb.errors import (
    left_unreadable,
    not_copied,
    not_published,
    open_for_writing,
    refused,
)
from rental_analytics.warehouses.duckdb.load import LoadRun
from rental_analytics.warehouses.duckdb.query import check_reads, failing, first_batches
from rental_analytics.warehouses.duckdb.rebuild import rebuild
from rental_analytics.warehouses.duckdb.tables import add_column, column_types, create_table
from rental_analytics.warehouses.duckdb.working_copy import WorkingCopy

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SCHEMAS = ("raw_data", "curated", "intermediate", "presentation", "ops")
_NUMBERED = {("loads", "sequence"), ("lakes", "sequence")}
"""Columns that count rows in the order they came, which DuckDB knows of the rows of earlier versions too."""


class DuckDbWarehouse(Warehouse):
    """Whoever reads the file has it as it was published last; one process at a time works on a copy of it.

    Args:
        path: the file; made when a run is published first.
        memory: what DuckDB may use before it spills to disk, such as `1GB`.
        threads: how many threads it may use; None for one per core.
    """

    name = "duckdb"
    dialect = "duckdb"
    is_shared = False

    def __init__(self, path: Path, memory: str = "1GB", threads: int | None = None) -> None:
        self.display_url = f"duckdb:///{path}"
        self._connection = Connection(path, memory, threads)
        self._copy = WorkingCopy(path)
        self._is_changed = False
        self._is_published = False

    def open(self, *, read_only: bool = False) -> None:
        if self._connection.is_open and self._copy.is_held:
            # To look again or to go on: it is open for writing already.
            return
        self._connection.close()
        if read_only:
            self._connection.open_to_read()
            return
        self._connection.check_path()
        self._take_copy()
        self._is_published = False
        try:
            self._open_copy()
        except BaseException:
            self.close()
            raise

    def _take_copy(self) -> None:
        path = self._connection.path
        try:
            self._copy.take()
        except BlockingIOError as error:
            # DuckDB tells who has it, unless that one has just left.
            self._connection.open_to_read()
            self._connection.close()
            raise open_for_writing(path) from error
        except OSError as error:
            raise not_copied(path, error) from error
        self._is_changed = self._is_changed or self._copy.is_left_by_another

    def _open_copy(self) -> None:
        try:
            self._connection.open_to_write(self._copy.file)
        except ConfigurationError as error:
            if self._copy.is_left_by_another:
                raise left_unreadable(self._connection.path, self._copy.folder, error.__cause__ or error) from error
            raise
        self._make_schemas()

    @property
    def _opened(self) -> Connection:
        """The connection, opened to write where nobody opened it; behind what was published, to read."""
        if not self._connection.is_open:
            self.open(read_only=self._is_published)
        return self._connection

    def _changed(self, *, durably: bool = True) -> Connection:
        """The connection of somebody who changes something.

        Args:
            durably: the lake will say that it was done.
        """
        opened = self._opened
        self._is_changed = True
        if durably:
            try:
                self._copy.wait_until_durable()
            except OSError as error:
                raise refused(self._connection.path, error) from error
        return opened

    def _make_schemas(self) -> None:
        with self._opened.transaction():
            for schema in _SCHEMAS:
                self._opened.run(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
            held = HeldTables(self._opened)
            for name, table in ops_tables().items():
                if columns := held.columns.get(f"ops.{name}"):
                    self._add_columns(name, table, columns)
                else:
                    self._opened.run(create_table(f"ops.{name}", table.file_columns))
                held.comment(f"ops.{name}", table.columns, ops_details(table))

    def _add_columns(self, name: str, table: OpsTable, held: Collection[str]) -> None:
        """A warehouse of an earlier version lacks the columns that came since."""
        for column in table.file_columns:
            if column.name not in held:
                self._opened.run(add_column(f"ops.{name}", column))
                if (name, column.name) in _NUMBERED:
                    self._opened.run(f"UPDATE {identifier(f'ops.{name}')} SET sequence = rowid + 1")

    def loaded(self, step: str, manifest_hash: str) -> bool:
        noted = f"SELECT 1 FROM ops.loads WHERE step = {literal(step)} AND manifest_hash = {literal(manifest_hash)}"
        return bool(self._opened.run(noted))

    def last_loaded(self, step: str) -> str | None:
        found = self._opened.run(
            f"SELECT manifest_hash FROM ops.loads WHERE step = {literal(step)} ORDER BY sequence DESC LIMIT 1"
        )
        return str(found[0][0]) if found else None

    def lake(self) -> FilledFrom | None:
        found = self._opened.run("SELECT lake_id, url, sequence FROM ops.lakes ORDER BY sequence DESC LIMIT 1")
        return FilledFrom(*found[0]) if found else None

    def attempts(self, run_id: str, step: str, begun: datetime) -> int:
        counted = self._opened.run(
            f"SELECT COUNT(*) FROM ops.steps WHERE run_id = {literal(run_id)} AND step = {literal(step)} "
            f"AND started_at <> TIMESTAMP {literal(timestamp_text(begun))}"
        )
        return int(counted[0][0])

    def load(self, load: Load, lake: Lake) -> dict[str, LoadedTable]:
        if self.loaded(load.step, load.manifest_hash):
            return {table.relation: LoadedTable(inserted=0) for table in load.tables}
        if load.follows is not None and load.follows != (self.last_loaded(load.step) or ""):
            raise out_of_turn(load, self.display_url)
        with self._changed().transaction():
            reach(f"{load.step}-begun")
            result = LoadRun(self._opened, load, lake).make()
            reach(f"{load.step}-filled")
        reach(f"{load.step}-committed")
        return result

    def account(self, load: Load, lake: Lake) -> None:
        with self._changed().transaction():
            LoadRun(self._opened, load, lake).account()

    def newest_day(self, through: date = date.max) -> date | None:
        day = self._opened.run(newest_day(through))[0][0]
        assert day is None or isinstance(day, date)
        return day

    def rebuild(
        self, models: Sequence[DerivedModel], parameters: QueryParameters, comparisons: Comparisons
    ) -> tuple[dict[str, LoadedTable], list[CheckResult]]:
        with self._changed().transaction():
            built = rebuild(self._opened, models, parameters, comparisons)
            reach("metrics-filled")
        reach("metrics-committed")
        return built

    def record(self, rows: OpsRows, *, replacing: Sequence[str] = ()) -> None:
        with self._changed(durably=False).transaction():
            for name, entries in rows.items():
                self._opened.append(name, entries, replacing=replacing)

    def fail_running(self, finished_at: datetime, error: str) -> None:
        with self._changed(durably=False).transaction():
            self._opened.run(
                f"UPDATE ops.runs SET finished_at = TIMESTAMP {literal(timestamp_text(finished_at))}, "
                f"error = {literal(error)}, status = 'failed' WHERE status = 'running'"
            )

    def columns(self, relation: str) -> dict[str, str]:
        return column_types(self._opened, relation) if relation in self._relations() else {}

    def _relations(self) -> set[str]:
        """Names of all tables and views, such as `ops.runs`.

        `duckdb_columns()` would bind all views of DuckDB's own too, and so would the error for a table that is missing.
        """
        listed = self._opened.run(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"
        )
        return {name for (name,) in listed}

    def ask(self, sql: str) -> pa.Table:
        return self.query(sql)

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        import pyarrow as pa

        with self._asked(sql) as answer:
            if limit is None:
                return answer.to_arrow_table()
            reader = answer.to_arrow_reader(batch_size=1024)
            return pa.Table.from_batches(first_batches(reader, limit), schema=reader.schema).slice(0, limit)

    def batches(self, sql: str, limit: int | None = None) -> pa.RecordBatchReader:
        import pyarrow as pa

        with self._asked(sql) as answer:
            reader = answer.to_arrow_reader(batch_size=10_000)
        return pa.RecordBatchReader.from_batches(reader.schema, self._read(reader, limit))

    def _read(self, reader: pa.RecordBatchReader, limit: int | None) -> Iterator[pa.RecordBatch]:
        with failing():
            yield from reader if limit is None else first_batches(reader, limit)

    @contextmanager
    def _asked(self, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The answer to a statement that only reads, before any row of it is read."""

        session = self._opened.session
        with failing(sql):
            statements = session.extract_statements(sql)
            if len(statements) != 1:
                raise ConfigurationError(
                    f"One statement is expected, but there are {len(statements)}.",
                    remedy="send one statement that only reads; several, one by one.",
                    reason="query-not-one-statement",
                )
            check_reads(session, statements[0])
            yield session.execute(statements[0])

    def publish(self) -> None:
        if not self._copy.is_held:
            return
        path = self._connection.path
        try:
            self._copy.check_unchanged()
            self._changed().run("CHECKPOINT")
            self._connection.close()
            self._copy.publish()
        except OSError as error:
            raise not_published(path, self._copy.folder, error) from error
        self._is_changed, self._is_published = False, True

    def close(self) -> None:
        self._connection.close()
        self._copy.let_go(discard=not self._is_changed)
        self._is_changed = False

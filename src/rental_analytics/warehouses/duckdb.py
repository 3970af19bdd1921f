"""A DuckDB file as the warehouse."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.manifest import CheckResult, FileColumn, LoadedTable
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.errors import ConfigurationError, LockHeldError, WarehouseError
from rental_analytics.failpoints import reach
from rental_analytics.sql.render import identifier, identifiers, literal, render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import FilledFrom, Load, OpsRows, Warehouse, out_of_turn
from rental_analytics.warehouses.checks import checks_of, stop_if_broken
from rental_analytics.warehouses.duckdb_load import TableLoader

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SCHEMAS = ("raw_data", "curated", "presentation", "ops")


class DuckDbWarehouse(Warehouse):
    """One process writes the file at a time.

    Args:
        path: the file; made when missing.
        memory: what DuckDB may use before it spills to disk, such as `1GB`.
        threads: how many threads it may use; None for one per core.
    """

    name = "duckdb"

    def __init__(self, path: Path, memory: str = "1GB", threads: int | None = None) -> None:
        self._path = path
        self.display_url = f"duckdb:///{path}"
        self._config: dict[str, Any] = {
            "memory_limit": memory,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        } | ({"threads": threads} if threads else {})
        self._connection: duckdb.DuckDBPyConnection | None = None

    def open(self, *, read_only: bool = False) -> None:
        import duckdb

        if read_only and not self._path.exists():
            raise ConfigurationError(f"There is no warehouse {self._path} yet.", remedy="make it with `rental run`.")
        if "?" in str(self._path):
            raise ConfigurationError(
                f"The warehouse {self._path} has a question mark in its path, where DuckDB expects options to begin.",
                remedy="choose another name in warehouse.url.",
            )
        config = self._config | ({"enable_external_access": False} if read_only else {})
        try:
            if not read_only:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = duckdb.connect(str(self._path), read_only=read_only, config=config)
        except (duckdb.Error, OSError) as error:
            raise self._not_opened(error) from error
        if not read_only:
            # The file is ours alone: what lies beside it was put aside by a process that was killed.
            shutil.rmtree(self._path.with_name(f"{self._path.name}.tmp"), ignore_errors=True)
            self._make_schemas()

    def _not_opened(self, error: Exception) -> Exception:
        text = str(error).splitlines()[0]
        if "Conflicting lock" in text or "being used by another process" in text:
            holder = re.search(r"held in (.+? \(PID \d+\))", text)
            return LockHeldError(
                f"Another process holds the warehouse {self._path}"
                + (f": {holder[1]}." if holder else ".")
                + " A run is going on, or another program has it open.",
                remedy="wait for the run to end, or close the program that has it open (a DuckDB shell, a notebook), "
                "then try again.",
            )
        return ConfigurationError(
            f"The warehouse {self._path} cannot be opened: {text}.",
            remedy="point warehouse.url to a DuckDB file, or a new name, in a folder you may write to.",
        )

    def _make_schemas(self) -> None:
        with self._transaction():
            for schema in _SCHEMAS:
                self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name, table in ops_tables().items():
                self._create(f"ops.{name}", table.file_columns)
            self._add_columns()

    def _add_columns(self) -> None:
        """A warehouse of an earlier version lacks the columns that came since."""
        listed = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'ops'"
        held = set(self._run(listed))
        for name, table in ops_tables().items():
            for column in table.file_columns:
                if (name, column.name) not in held:
                    place = identifier(f"ops.{name}")
                    self._run(f"ALTER TABLE {place} ADD COLUMN {identifier(column.name)} {column.type}")

    def _create(self, relation: str, columns: Sequence[FileColumn], *, replace: bool = False) -> None:
        self._run(render("create_table", relation=relation, columns=columns, replace=replace))

    def loaded(self, step: str, manifest_hash: str) -> bool:
        return bool(self._run("SELECT 1 FROM ops.loads WHERE step = ? AND manifest_hash = ?", [step, manifest_hash]))

    def last_loaded(self, step: str) -> str | None:
        newest = "SELECT manifest_hash FROM ops.loads WHERE step = ? ORDER BY loaded_at DESC, rowid DESC LIMIT 1"
        found = self._run(newest, [step])
        return str(found[0][0]) if found else None

    def lake(self) -> FilledFrom | None:
        found = self._run("SELECT lake_id, url FROM ops.lakes ORDER BY adopted_at DESC, rowid DESC LIMIT 1")
        return FilledFrom(*found[0]) if found else None

    def attempts(self, run_id: str, step: str, begun: datetime) -> int:
        counted = "SELECT COUNT(*) FROM ops.steps WHERE run_id = ? AND step = ? AND started_at <> ?"
        return int(self._run(counted, [run_id, step, begun])[0][0])

    def load(self, load: Load, lake: Lake) -> dict[str, LoadedTable]:
        if self.loaded(load.step, load.manifest_hash):
            return {table.relation: LoadedTable(inserted=0) for table in load.tables}
        if load.follows is not None and load.follows != (self.last_loaded(load.step) or ""):
            raise out_of_turn(load, self.display_url)
        with self._transaction():
            reach(f"{load.step}-begun")
            loader, result = TableLoader(self._run, load, lake), dict[str, LoadedTable]()
            for table in load.tables:
                result[table.relation] = loader.apply(table)
                reach(f"{load.step}-table-loaded")
            self._account(load, loader)
            for check in loader.reference_checks():
                self._append("check_results", [{"run_id": load.run_id} | check])
            self._append(
                "loads",
                [
                    {
                        "manifest_hash": load.manifest_hash,
                        "step": load.step,
                        "run_id": load.run_id,
                        "loaded_at": load.loaded_at,
                    }
                ],
            )
            reach(f"{load.step}-filled")
        reach(f"{load.step}-committed")
        return result

    def account(self, load: Load, lake: Lake) -> None:
        with self._transaction():
            self._account(load, TableLoader(self._run, load, lake))

    def _account(self, load: Load, loader: TableLoader) -> None:
        # A run that stopped before it was loaded has told already what it did.
        for name in {*load.ops_rows, *load.ops_files}:
            self._run(f"DELETE FROM {identifier(f'ops.{name}')} WHERE run_id = ?", [load.run_id])
        for name, rows in load.ops_rows.items():
            self._append(name, rows)
        loader.add_ops_files()

    def newest_day(self) -> date | None:
        day = self._run(render("newest_day"))[0][0]
        assert day is None or isinstance(day, date)
        return day

    def rebuild(
        self, models: Sequence[PresentationModel], run_id: str, as_of: date | None
    ) -> tuple[dict[str, LoadedTable], list[CheckResult]]:
        built, results = {}, list[CheckResult]()
        with self._transaction():
            self._run("DELETE FROM ops.run_parameters")
            self._append("run_parameters", [{"run_id": run_id, "as_of": as_of}])
            reach("metrics-begun")
            for model in models:
                built[model.name] = self._build(model)
                results += self._check(model)
                reach("metrics-table-built")
            stop_if_broken(results)
            reach("metrics-filled")
        reach("metrics-committed")
        return built, results

    def _build(self, model: PresentationModel) -> LoadedTable:
        columns = model.file_columns
        self._create(model.relation, columns, replace=True)
        self._run_query_of(
            model,
            render(
                "build",
                relation=model.relation,
                columns=columns,
                names=list(model.columns),
                key=model.key,
                query=model.query.strip().rstrip(";"),
            ),
        )
        self._run(f"COMMENT ON TABLE {identifier(model.relation)} IS {literal(model.definition)}")
        for name, column in model.columns.items():
            place = identifier(f"{model.relation}.{name}")
            self._run(f"COMMENT ON COLUMN {place} IS {literal(column.description)}")
        return LoadedTable(inserted=self._run(f"SELECT COUNT(*) FROM {identifier(model.relation)}")[0][0])

    def _run_query_of(self, model: PresentationModel, sql: str) -> None:
        try:
            self._run(sql)
        except WarehouseError as error:
            reason = error.message.partition("refused a statement: ")[2]
            raise WarehouseError(
                f"models/presentation/{model.name}/query.sql does not run: {reason}",
                remedy="correct the query; the tables of the last run stay.",
                table=model.name,
            ) from error

    def _check(self, model: PresentationModel) -> list[CheckResult]:
        return [
            CheckResult(table_name=model.name, check_name=name, severity=severity, failed_rows=self._run(sql)[0][0])
            for name, severity, sql in checks_of(model, model.relation)
        ]

    def record(self, rows: OpsRows, *, replacing: Sequence[str] = ()) -> None:
        with self._transaction():
            for name, entries in rows.items():
                if replacing and entries:
                    place, known = identifier(f"ops.{name}"), identifiers(replacing)
                    marks, values = _values(entries, replacing)
                    self._run(f"DELETE FROM {place} WHERE ({known}) IN (VALUES {marks})", values)
                self._append(name, entries)

    def fail_running(self, finished_at: datetime, error: str) -> None:
        ended = "UPDATE ops.runs SET status = 'failed', finished_at = ?, error = ? WHERE status = 'running'"
        with self._transaction():
            self._run(ended, [finished_at, error])

    def _append(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            columns = list(ops_tables()[name].columns)
            marks, values = _values(rows, columns)
            self._run(f"INSERT INTO {identifier(f'ops.{name}')} ({identifiers(columns)}) VALUES {marks}", values)

    def columns(self, relation: str) -> dict[str, str]:
        schema, _, table = relation.partition(".")
        listed = (
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position"
        )
        return {str(name): str(kind) for name, kind in self._run(listed, [schema, table])}

    def ask(self, sql: str) -> pa.Table:
        return self.query(sql)

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        import duckdb
        import pyarrow as pa

        connection = self._open_connection()
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise ConfigurationError(
                    f"One statement is expected, and {len(statements)} came.", remedy="send them one by one."
                )
            if statements[0].type not in {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
                raise ConfigurationError(
                    f"A query only reads, and this is a statement of type {statements[0].type.name}.",
                    remedy="write a SELECT; to change the tables, change the source and `rental run`.",
                )
            answer = connection.execute(statements[0])
            if limit is None:
                return answer.to_arrow_table()
            reader = answer.to_arrow_reader(batch_size=1024)
            return pa.Table.from_batches(_first_batches(reader, limit), schema=reader.schema).slice(0, limit)
        except duckdb.Error as error:
            raise ConfigurationError(
                f"The query failed: {' '.join(str(error).split())}.",
                remedy="correct the SQL; `rental query "
                '"SELECT table_schema, table_name FROM information_schema.tables"` lists the tables.',
            ) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open_connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self.open()
        assert self._connection is not None
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        import duckdb

        connection = self._open_connection()
        connection.begin()
        try:
            yield
        except BaseException:
            connection.rollback()
            raise
        try:
            connection.commit()
        except duckdb.Error as error:
            raise self._refused(error) from error

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            return self._open_connection().execute(sql, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> WarehouseError:
        return WarehouseError(
            f"The warehouse {self._path} refused a statement: {str(error).splitlines()[0]}.",
            remedy="run again with --debug for the whole error.",
        )


def _values(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> tuple[str, list[Any]]:
    """Rows as placeholders of a VALUES list, and what stands for them."""
    marks = f"({', '.join('?' for _ in columns)})"
    return ", ".join([marks] * len(rows)), [row.get(column) for row in rows for column in columns]


def _first_batches(reader: pa.RecordBatchReader, limit: int) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in reader:
        yield batch
        rows += batch.num_rows
        if rows >= limit:
            return

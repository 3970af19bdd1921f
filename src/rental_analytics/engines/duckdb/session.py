"""A DuckDB cursor as the session of a step: SQL in process, rows in as Arrow batches, Parquet out."""

from __future__ import annotations

import re
import secrets
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.databases.base import COUNTED, ZERO_DATE, Database
from rental_analytics.databases.conversion import STOP_MARK, conversions, value_error
from rental_analytics.disk import full_disk_remedy, is_full
from rental_analytics.engines.base import Arrival, Folder, Progress, Selection, Session, cast_failed
from rental_analytics.errors import RentalError
from rental_analytics.sql.render import identifier, literal, render

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FILE_BYTES = "128MB"
_FRACTION = re.compile(r"DECIMAL\((\d+),(\d+)\)")


class DuckDbSession(Session):
    """Statements of one step; `folder` is for temporary files."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.cursor = cursor
        self.folder = folder
        self._token = secrets.token_hex(4)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            return self.cursor.execute(sql).fetchall()
        except duckdb.Error as error:
            raise _translated(error, self.folder) from error

    def row(self, sql: str) -> dict[str, Any]:
        (values,) = self.run(sql)
        names = [column[0] for column in self.cursor.description or []]
        return dict(zip(names, values, strict=True))

    def view(self, name: str, sql: str) -> None:
        self._keep(name, "VIEW", sql)

    def table(self, name: str, sql: str) -> None:
        self._keep(name, "TABLE", sql)

    def load(self, name: str, rows: pa.Table) -> None:
        self.cursor.register("loaded_rows", rows)
        self.table(name, "SELECT * FROM loaded_rows")
        self.cursor.unregister("loaded_rows")

    def _keep(self, name: str, kind: str, query: str) -> None:
        """What has a schema cannot be temporary; the database is in memory anyway."""
        schema, _, _ = name.rpartition(".")
        if schema:
            self.run(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
        self.run(render("engines/duckdb/kept", name=name, kind=kind, query=query, temporary=not schema))

    def write(self, query: str, folder: Folder, name: str = "part") -> list[LakeFile]:
        # Another process may be doing the same step: no two attempts give a file the same name.
        Path(folder).mkdir(parents=True, exist_ok=True)
        pattern = f"{name}-{self._token}-{{i}}"
        rows = self.run(render("engines/duckdb/written", query=query, folder=folder, size=FILE_BYTES, name=pattern))
        written = []
        for path, count, size, *_ in rows:
            if count:
                written.append(LakeFile(path=Path(path).name, bytes=size, rows=count))
            else:
                Path(path).unlink()
        return sorted(written, key=lambda file: file.path)

    def temporary_folder(self) -> Folder:
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        return str(folder)

    def remove(self, folder: Folder) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def parquet(self, files: Sequence[str]) -> str:
        listed = ", ".join(literal(file) for file in files)
        return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"

    def file_rows(self, files: Sequence[str]) -> list[int]:
        return [self.number(render("engines/duckdb/row_count", relation=self.parquet([file]))) for file in files]

    @contextmanager
    def arriving(
        self,
        database: Database,
        selection: Selection,
        *,
        first_row: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Arrival]:
        import pyarrow as pa

        plan, columns = selection.plan, selection.columns
        sql = database.select(plan, columns, selection.condition, counted=selection.counted)
        numbering = [] if first_row is None else ["_row_id"]
        converted = render("engines/duckdb/converted", columns=[*conversions(columns, plan.key), *numbering])
        arrival = Arrival(converted, next_row=first_row or 0)
        with database.read(sql, plan) as reader:
            numbers = [pa.field(name, pa.int64()) for name in numbering]
            schema = pa.schema([*(field for field in reader.schema if field.name != COUNTED), *numbers])
            batches = _watched(reader, selection, arrival, numbered=bool(numbering), progress=progress)
            self.cursor.register("arriving", pa.RecordBatchReader.from_batches(schema, batches))
            try:
                yield arrival
            finally:
                self.cursor.unregister("arriving")
        if selection.counted and not arrival.rows:
            arrival.silent = (selection.condition,)

    def numbered(self, query: str, first_row: int) -> str:
        return render("engines/duckdb/numbered", query=query, first_row=first_row)

    def bits(self, number: str) -> str:
        return f"CAST(CAST({number} AS BIT) AS BIGINT)"

    def text(self, value: str, kind: str) -> str:
        fraction = _FRACTION.match(kind)
        if fraction and fraction[1] == fraction[2] and int(fraction[1]) < 38:
            # DuckDB writes .5 where there is no place for a digit before the point.
            value = f"CAST({value} AS DECIMAL({int(fraction[1]) + 1},{fraction[2]}))"
        return f"CAST({value} AS VARCHAR)"

    def md5_number(self, text: str, digits: int) -> str:
        return f"CAST('0x' || SUBSTR(MD5({text}), 1, {digits}) AS BIGINT)"

    def close(self) -> None:
        """End the session; temporary tables go."""
        self.cursor.close()


def _watched(
    reader: pa.RecordBatchReader,
    selection: Selection,
    arrival: Arrival,
    *,
    numbered: bool,
    progress: Progress | None,
) -> Iterator[pa.RecordBatch]:
    """Count the rows of a stream as they pass, and number them."""
    import numpy as np
    import pyarrow as pa

    dated = [column.name for column in selection.columns if column.zero_dates]
    for batch in reader:
        for name in dated:
            if found := _zero_dates(batch.column(name)):
                arrival.zero_dates[name] = arrival.zero_dates.get(name, 0) + found
        rows = batch
        if COUNTED in batch.schema.names:
            arrival.expected = int(batch.column(COUNTED)[0].as_py()) if batch.num_rows else arrival.expected
            rows = batch.drop_columns([COUNTED])
        if numbered:
            ids = np.arange(arrival.next_row, arrival.next_row + batch.num_rows, dtype=np.int64)
            rows = rows.append_column("_row_id", pa.array(ids))
        arrival.next_row += batch.num_rows
        yield rows
        arrival.rows += batch.num_rows
        if progress:
            progress(batch.num_rows)


def _zero_dates(values: pa.Array) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    zero = pa.scalar(ZERO_DATE.date() if pa.types.is_date(values.type) else ZERO_DATE, values.type)
    return pc.sum(pc.equal(values, zero)).as_py() or 0


def _translated(error: Exception, folder: Path) -> RentalError:
    import duckdb

    text = str(error)
    if STOP_MARK in text:
        return value_error(text.split(STOP_MARK, 1)[1].strip().splitlines()[0])
    first = re.sub(r"^(\w+ )*Error: ", "", text.splitlines()[0])
    if is_full(error):
        return RentalError(
            f"The engine stopped: {first.rstrip('.')}.", remedy=full_disk_remedy(error, folder), reason="disk-full"
        )
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return cast_failed(first)
    if isinstance(error, duckdb.OutOfMemoryException):
        return RentalError(
            f"The engine stopped: {first.rstrip('.')}.",
            remedy="raise engine.memory, then run again.",
            reason="engine-out-of-memory",
        )
    return RentalError(
        f"The engine stopped: {first.rstrip('.')}.",
        remedy="run again; if it comes again, --debug shows the whole error.",
        reason="engine-stopped",
    )

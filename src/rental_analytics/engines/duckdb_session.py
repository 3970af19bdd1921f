"""A DuckDB cursor as the session of a step: SQL in process, rows in as Arrow batches, Parquet out."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.databases.base import COUNTED, ZERO_DATE, Database, RawColumn
from rental_analytics.engines.base import Progress
from rental_analytics.engines.session import Arrival, Session
from rental_analytics.errors import RentalError, SourceError
from rental_analytics.sql.conversion import STOP_MARK
from rental_analytics.sql.render import identifier, identifiers, literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FILE_BYTES = "128MB"
_COPY = (
    "COPY ({query}) TO {folder} (FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES {size}, FILENAME_PATTERN {name}, "
    "OVERWRITE_OR_IGNORE, RETURN_STATS)"
)


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
            raise _translated(error) from error

    def row(self, sql: str) -> dict[str, Any]:
        """The single row of a statement, by column name."""
        (values,) = self.run(sql)
        names = [column[0] for column in self.cursor.description or []]
        return dict(zip(names, values, strict=True))

    def view(self, name: str, sql: str) -> None:
        self.run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {sql}")

    def table(self, name: str, sql: str) -> None:
        self.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS {sql}")

    def write(self, query: str, folder: Path, name: str = "part") -> list[LakeFile]:
        # Another process may be doing the same step: no two attempts give a file the same name.
        folder.mkdir(parents=True, exist_ok=True)
        statement = _COPY.format(
            query=query, folder=literal(folder), size=literal(FILE_BYTES), name=literal(f"{name}-{self._token}-{{i}}")
        )
        rows = self.run(statement)
        written = []
        for path, count, size, *_ in rows:
            if count:
                written.append(LakeFile(path=Path(path).name, bytes=size, rows=count))
            else:
                Path(path).unlink()
        return sorted(written, key=lambda file: file.path)

    def temporary_folder(self) -> Path:
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        return folder

    def parquet(self, files: Sequence[Path]) -> str:
        return parquet(files)

    @contextmanager
    def arriving(
        self,
        database: Database,
        sql: str,
        columns: Sequence[RawColumn],
        *,
        first_row: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Arrival]:
        import pyarrow as pa

        arrival = Arrival("arriving")
        with database.read(sql) as reader:
            numbered = [] if first_row is None else [pa.field("_row_id", pa.int64())]
            schema = pa.schema([*(field for field in reader.schema if field.name != COUNTED), *numbered])
            batches = _watched(reader, columns, arrival, first_row, progress)
            self.cursor.register(arrival.relation, pa.RecordBatchReader.from_batches(schema, batches))
            try:
                yield arrival
            finally:
                self.cursor.unregister(arrival.relation)

    def row_hash(self, columns: Sequence[str]) -> str:
        return f"HASH({identifiers(columns)})"

    @property
    def row_hash_method(self) -> str:
        return f"duckdb-{self.run('SELECT version()')[0][0]}-hash"

    def key_hash(self, key: Sequence[str], moment: str) -> str:
        parts = [f"CAST({identifier(name)} AS VARCHAR)" for name in key]
        text = ", ".join([*parts, f"COALESCE(CAST(EPOCH_US({moment}) AS VARCHAR), '')"])
        return f"CAST('0x' || SUBSTR(MD5(CONCAT_WS('|', {text})), 1, 8) AS BIGINT)"

    def close(self) -> None:
        """End the session; temporary tables go."""
        self.cursor.close()


def parquet(files: Sequence[Path]) -> str:
    """The rows of Parquet files as a relation."""
    listed = ", ".join(literal(file) for file in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def _watched(
    reader: pa.RecordBatchReader,
    columns: Sequence[RawColumn],
    arrival: Arrival,
    first_row: int | None,
    progress: Progress | None,
) -> Iterator[pa.RecordBatch]:
    """Count the rows of a stream as they pass, and number them."""
    import numpy as np
    import pyarrow as pa

    dated = [column.name for column in columns if column.zero_dates]
    for batch in reader:
        for name in dated:
            if found := _zero_dates(batch.column(name)):
                arrival.zero_dates[name] = arrival.zero_dates.get(name, 0) + found
        rows = batch
        if COUNTED in batch.schema.names:
            arrival.expected = int(batch.column(COUNTED)[0].as_py()) if batch.num_rows else arrival.expected
            rows = batch.drop_columns([COUNTED])
        if first_row is not None:
            start = first_row + arrival.rows
            ids = np.arange(start, start + batch.num_rows, dtype=np.int64)
            rows = rows.append_column("_row_id", pa.array(ids))
        yield rows
        arrival.rows += batch.num_rows
        if progress:
            progress(batch.num_rows)


def _zero_dates(values: pa.Array) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    zero = pa.scalar(ZERO_DATE.date() if pa.types.is_date(values.type) else ZERO_DATE, values.type)
    return pc.sum(pc.equal(values, zero)).as_py() or 0


def _translated(error: Exception) -> RentalError:
    text = str(error)
    if STOP_MARK in text:
        told = text.split(STOP_MARK, 1)[1].strip().splitlines()[0]
        return SourceError(f"{told}.", remedy="correct the value in the source, or the column's type in its contract.")
    first = re.sub(r"^(\w+ )*Error: ", "", text.splitlines()[0])
    return RentalError(
        f"The engine stopped: {first}.",
        remedy="run again with --debug for the whole error; memory can be raised with engine.memory.",
    )

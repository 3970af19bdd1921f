"""A Spark session as the session of a step: SQL on many machines, JDBC in, Parquet out."""

from __future__ import annotations

import io
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Arrival, Folder, Progress, Selection, Session, Stage, below, empty_relation
from rental_analytics.engines.spark.errors import translated
from rental_analytics.engines.spark.reads import Counted, JdbcReading, numbered_frame, quoted
from rental_analytics.engines.spark.trust import TrustStores
from rental_analytics.errors import ConfigurationError, LakeUnavailableError, RentalError
from rental_analytics.sql.render import identifier
from rental_analytics.sql.spark import double_text, spark_sql, view_name
from rental_analytics.storage.base import Lake
from rental_analytics.storage.verification import check_all_stored, sealed_in_place

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

MOST_PARTITIONS = 1_024
"""Rows of a query are numbered partition by partition; there may be no more of them than this."""

_SPARK_TYPES = {
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "double": "DOUBLE",
    "int32": "INT",
    "int64": "BIGINT",
    "string": "STRING",
    "timestamp[us]": "TIMESTAMP_NTZ",
}
"""How Spark names the types of Arrow that the pipeline's files have."""


class SparkStepSession(Session):
    """Statements of one step.

    Args:
        spark: a session of its own, so that views of other steps do not meet.
        lake: where temporary files go that other machines have to read.
        scratch: local folder for temporary files where all tasks run on this machine; None where they do not.
        driver: class of the JDBC driver; None for the one that Java finds.
        stage: reads databases that one process alone can read.
        trust: makes trust stores for drivers.
    """

    def __init__(
        self,
        spark: SparkSession,
        lake: Lake,
        scratch: Path | None,
        driver: str | None,
        stage: Stage | None,
        trust: TrustStores,
    ) -> None:
        self._trust = trust
        self._stage = stage
        self._spark = spark
        self._lake = lake
        self._scratch = scratch
        self._driver = {"driver": driver} if driver else {}
        self._at_once = spark.sparkContext.defaultParallelism
        self._folders: dict[str, Folder] = {}
        self._held = ExitStack()
        # Where tasks run on other machines, they reach the lake and nothing of this machine.
        self._prefix = "" if scratch else self._held.enter_context(lake.scratch())
        self._writes_to_lake = scratch is None and "://" in lake.url

    def begin(self, task: str) -> None:
        self._spark.sparkContext.setJobDescription(task)

    def frame(self, sql: str) -> DataFrame:
        """A query as a data frame."""
        with translated():
            return self._spark.sql(spark_sql(sql))

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        frame = self.frame(sql)
        with translated():
            return [tuple(row) for row in frame.collect()]

    def row(self, sql: str) -> dict[str, Any]:
        frame = self.frame(sql)
        with translated():
            (row,) = frame.collect()
        return dict(zip(frame.columns, row, strict=True))

    def view(self, name: str, sql: str) -> None:
        self.frame(sql).createOrReplaceTempView(view_name(name))

    def table(self, name: str, sql: str) -> None:
        # Not cached: what is lost of a cache is computed again, which for rows of a source means read later.
        frame, folder = self.frame(sql), self.temporary_folder()
        rows = self._write(frame, folder)
        self._folders[name] = folder
        with translated():
            kept = self._spark.read.schema(frame.schema).parquet(_unglobbed(folder))
            kept.createOrReplaceTempView(view_name(name))
        self._check(name, self.rows_of(name), rows)

    def _write(self, frame: DataFrame, folder: Folder) -> int:
        """Write Parquet files; how many rows the query had, as its tasks counted them."""
        counted = Counted(frame)
        with translated():
            counted.frame.write.parquet(folder)
            return counted.rows

    def _check(self, name: str, stored: int, rows: int) -> None:
        """Files are found in a folder, which may show others than were written.

        Raises:
            LakeUnavailableError: it shows more or fewer rows.
        """
        if stored != rows:
            raise LakeUnavailableError(
                f"Of {rows:,} rows of {name} that Spark wrote, its files show {stored:,}.",
                remedy="run again; nothing of this run counts. If it comes again, Spark's machines do not write where "
                "this one reads: see docs/reference/spark.md.",
                reason="spark-rows-not-stored",
            )

    def rows_of(self, table: str) -> int:
        # What Parquet says of itself costs no job.
        if self._writes_to_lake:
            return super().rows_of(table)
        return sum(_rows_of_a_file(file) for file in Path(self._folders[table]).glob("*.parquet"))

    def load(self, name: str, rows: pa.Table) -> None:
        import pyarrow.parquet as pq

        content = io.BytesIO()
        pq.write_table(rows, content)
        file = f"{uuid.uuid4().hex}.parquet"
        if self._scratch:
            (self._scratch / file).write_bytes(content.getvalue())
        else:
            self._lake.create(f"{self._prefix}{file}", content.getvalue())
        with translated():
            self._stored_rows([self._place(file)], rows.schema).createOrReplaceTempView(view_name(name))

    def _place(self, name: str) -> str:
        return str(self._scratch / name) if self._scratch else self._lake.location(f"{self._prefix}{name}")

    def write(self, query: str, folder: Folder, name: str = "part") -> list[LakeFile]:
        frame = self.frame(query)
        # Spark names files itself: a folder of their own tells those of one query, and of one attempt, from others.
        attempt = f"{name}-{uuid.uuid4().hex[:8]}"
        place = f"{folder.rstrip('/')}/{attempt}"
        rows = self._write(frame, place)
        files = self._stored(place, attempt, frame) if self._writes_to_lake else _moved_up(Path(place))
        self._check(name, sum(file.rows for file in files), rows)
        return files

    def _stored(self, place: Folder, attempt: str, frame: DataFrame) -> list[LakeFile]:
        """What Spark's machines wrote of a query to a folder of its own; files without rows, and its marks, go."""
        prefix = f"{place.removeprefix(self._lake.location(''))}/"
        names = [path.removeprefix(prefix) for path in self._lake.paths(prefix)]
        with translated():
            reader = self._spark.read.schema(frame.schema)
            stored = reader.parquet(_unglobbed(place)) if any(map(_is_parquet, names)) else None
            counted = stored.groupBy("_metadata.file_path", "_metadata.file_size").count().collect() if stored else []
        found = {unquote(path).rsplit("/", 1)[1]: (size, rows) for path, size, rows in counted}
        self._lake.delete(prefix + name for name in names if name not in found)
        files = [LakeFile(path=f"{attempt}/{name}", bytes=size, rows=rows) for name, (size, rows) in found.items()]
        return sorted(files, key=lambda file: file.path)

    def temporary_folder(self) -> Folder:
        return self._place(uuid.uuid4().hex)

    def remove(self, folder: Folder) -> None:
        if self._scratch or not self._writes_to_lake:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            self._lake.delete(self._lake.paths(f"{self._prefix}{folder.rsplit('/', 1)[1]}/"))

    def parquet(self, files: Sequence[str]) -> str:
        view = f"files_{uuid.uuid4().hex}"
        with translated():
            self._stored_rows(files).createOrReplaceTempView(view)
        return view

    def _stored_rows(self, files: Sequence[str], schema: pa.Schema | None = None) -> DataFrame:
        """Parquet files of one schema; Spark has to look for it, with a job of its own, only where nobody knows it."""
        import pyarrow.parquet as pq

        reader = self._spark.read
        if schema is None and not self._writes_to_lake:
            schema = pq.read_schema(files[0])
        if schema is not None and (columns := _spark_columns(schema)):
            reader = reader.schema(columns)
        return reader.parquet(*map(_unglobbed, files))

    def file_rows(self, files: Sequence[str]) -> list[int]:
        if not self._writes_to_lake:
            return [_rows_of_a_file(Path(file)) for file in files]
        if not files:
            return []
        with translated():
            stored = self._spark.read.parquet(*map(_unglobbed, files))
            counted = stored.groupBy("_metadata.file_path").count().collect()
        rows = {unquote(path).rsplit("/", 1)[1]: count for path, count in counted}
        return [rows.get(file.rsplit("/", 1)[1], 0) for file in files]

    @contextmanager
    def arriving(
        self,
        database: Database,
        selection: Selection,
        *,
        first_row: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Arrival]:
        parallel = database.parallel()
        if parallel is None:
            yield self._staged(database, selection, first_row, progress)
            return
        trust = self._trust.properties(self._spark, parallel)
        with translated():
            reader = self._spark.read.format("jdbc").options(**self._driver, **trust)
            reading = JdbcReading(reader, parallel, selection, first_row, self._at_once)
            arrival = Arrival(f"arriving_{uuid.uuid4().hex}")
            reading.frame.createOrReplaceTempView(arrival.relation)
        yield arrival
        with translated():
            reading.tell(arrival)
        if progress:
            progress(arrival.rows)

    def _staged(
        self, database: Database, selection: Selection, first_row: int | None, progress: Progress | None
    ) -> Arrival:
        if self._writes_to_lake:
            raise ConfigurationError(
                f"The source {database.display_url} is a file of this machine, which Spark's machines cannot read.",
                remedy="set engine.kind to duckdb, or engine.master to local[*].",
                reason="source-file-not-shared",
            )
        assert self._stage, "this engine was made without a way to read databases in a file"
        arrival, files = self._stage(database, selection, Path(self.temporary_folder()), first_row, progress)
        numbers = [] if first_row is None else [("_row_id", "BIGINT")]
        columns = [(column.name, column.type) for column in selection.columns]
        arrival.relation = self.parquet(files) if files else f"({empty_relation([*columns, *numbers])})"
        return arrival

    def numbered(self, query: str, first_row: int) -> str:
        view = f"numbered_{uuid.uuid4().hex}"
        with translated():
            numbered_frame(self.frame(query), first_row, MOST_PARTITIONS).createOrReplaceTempView(view)
        return f"SELECT * FROM {identifier(view)}"

    def bits(self, number: str) -> str:
        # Java's method takes no NULL.
        bits = f"CAST(REFLECT('java.lang.Double', 'doubleToRawLongBits', COALESCE({number}, 0e0)) AS BIGINT)"
        return f"CASE WHEN {number} IS NOT NULL THEN {bits} END"

    def text(self, value: str, kind: str) -> str:
        return double_text(value) if kind == "DOUBLE" else f"CAST({value} AS VARCHAR)"

    def md5_number(self, text: str, digits: int) -> str:
        return f"CAST(CONV(SUBSTR(MD5({text}), 1, {digits}), 16, 10) AS BIGINT)"

    @contextmanager
    def output(self, lake: Lake, prefix: str) -> Iterator[Folder]:
        if not self._writes_to_lake:
            with super().output(lake, prefix) as folder:
                yield folder
            return
        with lake.writing_in_place(prefix) as folder:
            yield folder

    def published(self, lake: Lake, prefix: str, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
        """No process here saw the bytes that Spark's machines wrote: the lake's service says what it got."""
        if self._writes_to_lake:
            return sealed_in_place(lake, below(prefix, files))
        return super().published(lake, prefix, files)

    def input(self, lake: Lake, files: Sequence[LakeFile]) -> list[str]:
        if not self._writes_to_lake:
            return super().input(lake, files)
        check_all_stored(lake, files)
        return [lake.location(file.path) for file in files]

    def close(self) -> None:
        """End the session; temporary files go, or are swept later."""
        with suppress(RentalError):
            self._held.close()


def _moved_up(folder: Path) -> list[LakeFile]:
    """Files that Spark wrote into a folder of their own, moved beside it under its name; empty ones go."""
    files: list[LakeFile] = []
    for path in sorted(folder.glob("*.parquet")):
        if rows := _rows_of_a_file(path):
            name = f"{folder.name}-{len(files)}.parquet"
            files.append(LakeFile(path=name, bytes=path.stat().st_size, rows=rows))
            path.rename(folder.with_name(name))
    shutil.rmtree(folder)
    return files


def _rows_of_a_file(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)


def _spark_columns(schema: pa.Schema) -> str:
    """The columns that Spark finds in files of a schema; empty where one is of a kind that no file of ours has."""
    kinds = {str(field.type): _SPARK_TYPES.get(str(field.type), "") for field in schema}
    for name in kinds:
        if decimal := re.fullmatch(r"decimal128\((\d+), (\d+)\)", name):
            kinds[name] = f"DECIMAL({decimal[1]},{decimal[2]})"
    if not all(kinds.values()):
        return ""
    return ", ".join(f"{quoted(field.name)} {kinds[str(field.type)]}" for field in schema)


def _is_parquet(name: str) -> bool:
    return name.endswith(".parquet")


def _unglobbed(path: str) -> str:
    """A path none of whose characters stands for others."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", path)

"""Extract with ConnectorX and DuckDB: incremental, append and snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.contracts.manifest import ExtractedTable, FileColumn, LakeFile
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import ZERO_DATE, Database, RawColumn
from rental_analytics.engines.base import (
    DELETES_OFFSET,
    RAW_COLUMNS,
    ROW_ID_BITS,
    ExtractRequest,
    Progress,
)
from rental_analytics.engines.duckdb_session import Session, empty_relation, parquet
from rental_analytics.sql.conversion import with_key
from rental_analytics.sql.render import identifier, identifiers, literal, matching, render
from rental_analytics.storage.base import Lake

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS_PER_STATEMENT = 5_000
_MOST_KEYS = 100_000


class TableExtract:
    """Reads one table once; `run` may be called once."""

    def __init__(
        self, session: Session, request: ExtractRequest, database: Database, lake: Lake, progress: Progress
    ) -> None:
        self._session = session
        self._request = request
        self._plan = request.plan
        self._database = database
        self._lake = lake
        self._progress = progress
        self._next_row = request.run.sequence << ROW_ID_BITS
        self._zero_dates: dict[str, int] = {}
        name, run_id = request.plan.table.name, request.run.run_id
        self._raw_prefix = f"raw/{name}/run_id={run_id}/"
        self._state_prefix = f"state/{name}/run_id={run_id}/"
        self._data = [(column.name, column.type) for column in self._plan.columns]
        self._state_method: str | None = None
        self._newest = request.previous.newest_cursor if request.previous else None

    def run(self) -> ExtractedTable:
        """Read the table into the lake."""
        read = {
            ReadMode.INCREMENTAL: self._incremental,
            ReadMode.APPEND: self._append,
            ReadMode.SNAPSHOT: self._snapshot,
        }[self._plan.mode]
        with self._lake.writing(self._raw_prefix) as raw, self._lake.writing(self._state_prefix) as state:
            complete, files, deletes, state_files = read(raw, state)
        return ExtractedTable(
            mode=self._plan.mode,
            complete=complete,
            key=self._plan.key,
            columns=tuple(FileColumn(name=name, type=kind) for name, kind in (*self._data, *RAW_COLUMNS)),
            files=_below(self._raw_prefix, files),
            deletes=_below(self._raw_prefix, deletes),
            state=_below(self._state_prefix, state_files),
            state_method=self._state_method,
            window_lower=self._request.window.lower,
            window_upper=self._request.window.upper,
            present=tuple(column.name for column in self._plan.columns if column.select),
            newest_cursor=self._newest,
            overlap_start=self._overlap_start(),
            notes=self._notes(),
        )

    def _incremental(self, raw: Path, state: Path) -> _Read:
        files, source = self._read_window(raw)
        previous, window_keys = self._previous_state("keys"), self._keys_of(source)
        if self._request.complete:
            self._session.table("source_keys", f"SELECT *, COUNT(*) AS _rows FROM ({window_keys}) GROUP BY ALL")
        else:
            self._read_source_keys()
            changed_keys = self._keys_of(parquet([raw / file.path for file in files]) if files else None)
            files += self._missed_rows(raw, previous, window_keys, changed_keys)
        deletes = self._write_deletes(raw, previous, window_keys)
        kept = identifiers(self._plan.key)
        known = (
            f"SELECT {kept}, _rows FROM source_keys UNION ALL SELECT DISTINCT {kept}, 1 AS _rows "
            f"FROM ({window_keys}) AS read_keys ANTI JOIN source_keys USING ({kept})"
        )
        keys = self._session.write(known, state, "keys")
        return self._request.complete, files, deletes, keys + self._write_recent(source, state)

    def _missed_rows(self, raw: Path, previous: str, window_keys: str, changed_keys: str) -> list[LakeFile]:
        """Rows the window does not show: late inserts, and all rows of a changed key that more than one row has."""
        key, first = self._plan.key, identifier(self._plan.key[0])
        keys = (
            f"SELECT {identifiers(key, 'source_keys')} FROM source_keys "
            f"LEFT JOIN ({previous}) AS known ON {matching(key, 'source_keys', 'known')} "
            f"LEFT JOIN (SELECT DISTINCT * FROM ({window_keys})) AS read_keys "
            f"ON {matching(key, 'source_keys', 'read_keys')} "
            f"LEFT JOIN (SELECT DISTINCT * FROM ({changed_keys})) AS changed_keys "
            f"ON {matching(key, 'source_keys', 'changed_keys')} "
            f"WHERE (known._rows IS NULL AND (read_keys.{first} IS NULL OR source_keys._rows > 1)) "
            f"OR source_keys._rows <> known._rows OR (source_keys._rows > 1 AND changed_keys.{first} IS NOT NULL)"
        )
        self._session.table("missed_keys", keys)
        missed = self._session.number("SELECT COUNT(*) FROM missed_keys")
        if not missed:
            return []
        if missed <= _MOST_KEYS and self._database.can_filter(self._plan):
            files = self._fetch_by_key(raw)
        else:
            files = self._fetch_from_all(raw)
        # A row that is gone by now, or that did not come, is not known: the next run looks for it again.
        arrived = self._keys_of(parquet([raw / file.path for file in files]) if files else None)
        self._session.run(
            f"DELETE FROM source_keys USING (SELECT * FROM missed_keys ANTI JOIN ({arrived}) AS arrived_keys "
            f"USING ({identifiers(key)})) AS absent WHERE {matching(key, 'source_keys', 'absent')}"
        )
        return files

    def _fetch_by_key(self, raw: Path) -> list[LakeFile]:
        missed = self._session.run("SELECT * FROM missed_keys")
        files = []
        for start in range(0, len(missed), _KEYS_PER_STATEMENT):
            chosen = self._database.key_filter(self._plan, missed[start : start + _KEYS_PER_STATEMENT])
            files += self._write_rows(raw, f"missed-{start}", chosen)
        return files

    def _fetch_from_all(self, raw: Path) -> list[LakeFile]:
        """Many keys, or keys that change on their way, are picked out of the whole table."""
        folder = self._session.temporary_folder()
        read = self._write_rows(folder, "all", None)
        if not read:
            return []
        source = parquet([folder / file.path for file in read])
        chosen = f"SELECT * FROM {source} AS all_rows SEMI JOIN missed_keys USING ({identifiers(self._plan.key)})"
        return self._session.write(chosen, raw, "missed")

    def _append(self, raw: Path, state: Path) -> _Read:
        files, source = self._read_window(raw)
        return self._request.complete, files, [], self._write_recent(source, state)

    def _read_window(self, raw: Path) -> tuple[list[LakeFile], str | None]:
        """Read the window; of its rows only those go on that the last run did not see in its overlap.

        Gives the files for `raw/`, and all rows of the window as a relation.
        """
        complete = self._request.complete
        folder = raw if complete else self._session.temporary_folder()
        read = self._write_rows(folder, "part", self._window_filter())
        source = parquet([folder / file.path for file in read]) if read else None
        self._see_cursor(source)
        if complete or source is None:
            return read, source
        return self._session.write(self._unseen(source), raw), source

    def _unseen(self, source: str) -> str:
        """The window's rows less those of the last run's overlap, each as often as it is new."""
        fresh = render(
            "unseen",
            source=source,
            known=f"({self._previous_state('recent')})",
            columns=[name for name, _ in self._data],
            compared=self._compared(),
        )
        base = self._request.run.sequence << ROW_ID_BITS
        return f"SELECT *, {base} + ROW_NUMBER() OVER () - 1 AS _row_id, {self._constants()} FROM ({fresh})"

    def _compared(self) -> list[str]:
        """A column that was not there when the last run read tells nothing about what that run saw."""
        previous = self._request.previous
        had = set(previous.present) if previous else set()
        return [column.name for column in self._plan.columns if column.select and column.name in had]

    def _write_recent(self, source: str | None, state: Path) -> list[LakeFile]:
        """Keep the rows that the next run may read again: those of its overlap, and those without a cursor."""
        if source is None:
            return []
        cursor, since = identifier(self._plan.cursor or ""), self._overlap_start()
        recent = f"{cursor} IS NULL OR {cursor} >= TIMESTAMP {literal(since)}" if since else "TRUE"
        names = identifiers(name for name, _ in self._data)
        return self._session.write(f"SELECT {names} FROM {source} WHERE {recent}", state, "recent")

    def _snapshot(self, raw: Path, state: Path) -> _Read:
        plan = self._plan
        self._state_method = f"duckdb-{self._session.run('SELECT version()')[0][0]}-hash"
        previous = self._request.previous
        comparable = bool(
            previous
            and previous.state_method == self._state_method
            and previous.columns == tuple(FileColumn(name=n, type=t) for n, t in (*self._data, *RAW_COLUMNS))
        )
        complete = self._request.complete or not comparable
        folder = raw if complete else self._session.temporary_folder()
        read = self._write_rows(folder, "part", None)
        source = parquet([folder / file.path for file in read]) if read else f"({self._no_rows()})"
        names = identifiers(name for name, _ in self._data)
        group = identifiers(plan.key) + ", " if plan.key else ""
        fingerprints = (
            f"SELECT {group}COUNT(*) AS _rows, CAST(SUM(HASH({names})) AS VARCHAR) AS _hash "
            f"FROM {source}" + (" GROUP BY ALL" if plan.key else "")
        )
        kept = self._session.write(fingerprints, state, "hashes")
        known = f"({self._previous_state('hashes')})"
        now = parquet([state / file.path for file in kept]) if kept else f"({self._no_state('hashes')})"
        if not plan.key:
            same = not complete and bool(self._session.run(f"FROM {now} INTERSECT FROM {known}"))
            if same:
                return False, [], [], kept
            if not complete:
                read = self._session.write(f"FROM {source}", raw)
            return True, read, [], kept
        if not complete:
            changed = render("changed_rows", source=source, now=now, known=known, key=plan.key)
            read = self._session.write(changed, raw)
        present = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in plan.key)
        keys = identifiers(plan.key)
        gone = f"SELECT {keys} FROM {known} ANTI JOIN {now} USING ({keys}) WHERE {present}"
        return complete, read, self._write_deleted_keys(raw, gone), kept

    def _write_rows(self, folder: Path, name: str, condition: str | None) -> list[LakeFile]:
        sql = self._database.select(self._plan, self._plan.columns, condition)
        converts = with_key((column.convert for column in self._plan.columns), self._plan.key)
        listed = ", ".join(
            f"{convert} AS {identifier(column.name)}"
            for convert, column in zip(converts, self._plan.columns, strict=True)
        )
        with self._arriving(sql, self._plan.columns) as relation:
            query = f"SELECT {listed}, _row_id, {self._constants()} FROM {relation}"
            return self._session.write(query, folder, name)

    def _read_source_keys(self) -> None:
        """Only keys travel: what the source holds now, as table `source_keys`."""
        columns = self._plan.key_columns
        sql = self._database.select(self._plan, columns)
        converts = with_key((column.convert for column in columns), self._plan.key)
        listed = ", ".join(
            f"{convert} AS {identifier(column.name)}" for convert, column in zip(converts, columns, strict=True)
        )
        present = " AND ".join(f"{identifier(column.name)} IS NOT NULL" for column in columns)
        with self._arriving(sql, columns, counted=False) as relation:
            keys = f"SELECT * FROM (SELECT {listed} FROM {relation}) WHERE {present}"
            query = (
                f"SELECT *, 1 AS _rows FROM ({keys})"
                if self._plan.unique_key
                else f"SELECT *, COUNT(*) AS _rows FROM ({keys}) GROUP BY ALL"
            )
            self._session.table("source_keys", query)

    def _write_deletes(self, raw: Path, previous: str, window_keys: str) -> list[LakeFile]:
        kept = identifiers(self._plan.key)
        gone = (
            f"SELECT {kept} FROM ({previous}) AS known ANTI JOIN source_keys USING ({kept}) "
            f"ANTI JOIN ({window_keys}) AS read_keys USING ({kept})"
        )
        return self._write_deleted_keys(raw, gone)

    def _write_deleted_keys(self, raw: Path, gone: str) -> list[LakeFile]:
        base = (self._request.run.sequence << ROW_ID_BITS) + DELETES_OFFSET
        listed = ", ".join(
            f"gone.{identifier(name)}" if name in self._plan.key else f"CAST(NULL AS {kind}) AS {identifier(name)}"
            for name, kind in self._data
        )
        query = (
            f"SELECT {listed}, {base} + ROW_NUMBER() OVER () AS _row_id, {self._constants(deleted=True)} "
            f"FROM ({gone}) AS gone"
        )
        return self._session.write(query, raw, "deletes")

    @contextmanager
    def _arriving(self, sql: str, columns: Sequence[RawColumn], *, counted: bool = True) -> Iterator[str]:
        """The statement's rows, as they arrive, as a relation of the session."""
        import pyarrow as pa

        with self._database.read(sql) as reader:
            batches = self._numbered(reader, columns) if counted else reader
            schema = reader.schema.append(pa.field("_row_id", pa.int64())) if counted else reader.schema
            self._session.cursor.register("arriving", pa.RecordBatchReader.from_batches(schema, batches))
            try:
                yield "arriving"
            finally:
                self._session.cursor.unregister("arriving")

    def _numbered(self, reader: pa.RecordBatchReader, columns: Sequence[RawColumn]) -> Iterator[pa.RecordBatch]:
        import numpy as np
        import pyarrow as pa

        dated = [column.name for column in columns if column.zero_dates]
        for batch in reader:
            for name in dated:
                self._count_zero_dates(name, batch.column(name))
            ids = np.arange(self._next_row, self._next_row + batch.num_rows, dtype=np.int64)
            self._next_row += batch.num_rows
            yield batch.append_column("_row_id", pa.array(ids))
            self._progress(batch.num_rows)

    def _count_zero_dates(self, name: str, values: pa.Array) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        zero = pa.scalar(ZERO_DATE.date() if pa.types.is_date(values.type) else ZERO_DATE, values.type)
        if found := pc.sum(pc.equal(values, zero)).as_py():
            self._zero_dates[name] = self._zero_dates.get(name, 0) + found

    def _notes(self) -> tuple[str, ...]:
        zeros = (f"{name}: {count:,} zero dates read as NULL" for name, count in self._zero_dates.items())
        return (*self._plan.notes, *zeros)

    def _constants(self, *, deleted: bool = False) -> str:
        run = self._request.run
        return (
            f"{literal(run.run_id)} AS _run_id, TIMESTAMP {literal(run.upper_bound)} AS _extracted_at, "
            f"{'TRUE' if deleted else 'FALSE'} AS _is_deleted"
        )

    def _window_filter(self) -> str | None:
        if self._request.complete:
            return None
        return self._database.cursor_filter(self._plan, self._request.window) or None

    def _see_cursor(self, source: str | None) -> None:
        """Note the newest cursor value among rows that were read, those in the future left out."""
        if source and self._plan.cursor:
            cursor, upper = identifier(self._plan.cursor), literal(self._request.window.upper)
            newest = self._session.run(
                f"SELECT CAST(MAX({cursor}) AS TIMESTAMP) FROM {source} WHERE {cursor} < TIMESTAMP {upper}"
            )
            seen = [moment for moment in (newest[0][0], self._newest) if moment is not None]
            self._newest = max(seen, default=None)

    def _overlap_start(self) -> datetime | None:
        """From when on the state holds the rows that were read: never from before this run's window."""
        if self._newest is None:
            return None
        start = min(self._newest, self._request.window.upper) - self._request.overlap
        lower = None if self._request.complete else self._request.window.lower
        return start if lower is None else max(start, lower)

    def _keys_of(self, source: str | None) -> str:
        if source is None:
            return empty_relation([(column.name, column.type) for column in self._plan.key_columns])
        present = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in self._plan.key)
        return f"SELECT {identifiers(self._plan.key)} FROM {source} WHERE {present}"

    def _previous_state(self, kind: str) -> str:
        """The last run's state of one kind, in this run's column types."""
        previous = self._request.previous
        paths = [file.path for file in previous.state] if previous else []
        files = self._lake.local_copies(path for path in paths if path.rsplit("/", 1)[1].startswith(f"{kind}-"))
        if previous is None or not files:
            return self._no_state(kind)
        if kind != "recent":
            return f"FROM {parquet(files)}"
        had = {column.name for column in previous.columns}
        listed = ", ".join(
            f"CAST({identifier(name) if name in had else 'NULL'} AS {column_type}) AS {identifier(name)}"
            for name, column_type in self._data
        )
        return f"SELECT {listed} FROM {parquet(files)}"

    def _no_state(self, kind: str) -> str:
        if kind == "recent":
            return empty_relation(self._data)
        keys = [(column.name, column.type) for column in self._plan.key_columns]
        extra = [("_hash", "VARCHAR")] if kind == "hashes" else []
        return empty_relation([*keys, ("_rows", "BIGINT"), *extra])

    def _no_rows(self) -> str:
        return empty_relation([*self._data, *RAW_COLUMNS])


_Read = tuple[bool, list[LakeFile], list[LakeFile], list[LakeFile]]


def _below(prefix: str, files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    return tuple(file.model_copy(update={"path": prefix + file.path}) for file in files)

"""What a load says to Redshift: staging tables, COPY, and the transaction that changes the tables."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rental_analytics.contracts.manifest import FileColumn, LakeFile
from rental_analytics.contracts.model import MAX_TEXT_BYTES
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, identifiers, redshift_literal, render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import Disposition, Load, TableLoad
from rental_analytics.warehouses.redshift_files import Facts, Room
from rental_analytics.warehouses.redshift_ops import insertions, value
from rental_analytics.warehouses.redshift_tables import STAGING, Column, TableShape, create_table, sql_type

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 1024
"""Rows of a file in memory at once, whose texts may be long."""


@dataclass(frozen=True)
class Staged:
    """Files of a table on their way, and the table they are copied to.

    Args:
        relation: the staging table.
        unique: keys that must not come twice; empty where they may.
        newest_by: columns that tell the newest of several rows with one key; then `relation` gets the newest alone.
    """

    relation: str
    room: Room
    files: tuple[LakeFile, ...]
    unique: tuple[str, ...] = ()
    newest_by: tuple[str, ...] = ()

    @property
    def copied(self) -> str:
        """The table that COPY fills."""
        return f"{self.relation}_all" if self.newest_by else self.relation

    @property
    def rows(self) -> int:
        """Rows the files have."""
        return sum(file.rows for file in self.files)

    def statements(self, manifest: str | None, role: str) -> Iterator[str]:
        """What makes and fills it; without a manifest it stays empty."""
        columns = [Column(column.name, sql_type(column)) for column in self.room.columns]
        names = [column.name for column in self.room.columns]
        yield create_table(self.copied, columns, keep=False)
        if manifest:
            yield render("redshift/copy", relation=self.copied, columns=names, manifest=manifest, role=role)
        if self.newest_by:
            yield create_table(self.relation, columns, keep=False)
            newest = render(
                "stage", columns=names, source=identifier(self.copied), key=self.unique, newest_by=self.newest_by
            )
            inserted = f"INSERT INTO {identifier(self.relation)} ({identifiers(names)}) {newest}"
            yield redshift(inserted, f"staging of {self.room.table}")

    @property
    def removals(self) -> list[str]:
        """What removes it."""
        return [f"DROP TABLE IF EXISTS {identifier(name)}" for name in dict.fromkeys((self.copied, self.relation))]


@dataclass(frozen=True)
class Change:
    """A statement of the transaction, and what the rows it changes are to the table: inserted, deleted or neither.

    `source` is the staging table all of whose rows it changes the table by.
    """

    sql: str
    relation: str = ""
    effect: str = ""
    source: str = ""


@dataclass(frozen=True)
class StagedTable:
    """A table of a load with its staging tables; None where there is nothing of that kind."""

    table: TableLoad
    rows: Staged | None
    deletes: Staged | None
    withdrawn: Staged | None
    dated: str

    @property
    def staged(self) -> list[Staged]:
        """All of its staging tables."""
        return [staged for staged in (self.rows, self.deletes, self.withdrawn) if staged]

    def unfilled(self, facts: dict[str, Facts]) -> frozenset[str]:
        """Columns in which the files hold no value."""
        if self.rows and self.rows.files:
            return facts[self.rows.relation].empty
        return frozenset(column.name for column in self.table.columns)

    @property
    def shape(self) -> TableShape:
        """The table of the warehouse, with what the load adds to the files' columns."""
        extra = [FileColumn(name="_loaded_at", type="TIMESTAMP")]
        required = ["_loaded_at"]
        if self.table.soft_delete:
            extra.append(FileColumn(name="is_deleted", type="BOOLEAN"))
            required.append("is_deleted")
        if self.table.disposition is Disposition.VERSIONS:
            extra.append(FileColumn(name="_version_at", type="TIMESTAMP"))
            required.append("_version_at")
        details = replace(self.table.details, required=(*self.table.details.required, *required))
        return TableShape(self.table.relation, (*self.table.columns, *extra), self.table.key, details)


class LoadPlan:
    """The statements of one load; nothing here speaks to the warehouse.

    Args:
        token: sets the names of its staging tables apart from those of any other attempt.
    """

    def __init__(self, load: Load, token: str) -> None:
        self._load = load
        self.step = load.step
        self._numbers = iter(range(10_000))
        self._token = token
        self._loaded_at = f"{load.loaded_at:%Y-%m-%d %H:%M:%S.%f}"
        self.tables = [self._staged(table) for table in load.tables]
        self.ops = {name: self._ops_staged(name, tuple(files)) for name, files in load.ops_files.items() if files}

    @property
    def staged(self) -> list[Staged]:
        """All staging tables that files are copied to."""
        return [*(staged for table in self.tables for staged in table.staged), *self.ops.values()]

    def staging(self, staged: Staged, manifest: str | None, role: str) -> list[str]:
        """Statements that make and fill a staging table."""
        return list(staged.statements(manifest, role))

    def shorten_texts(self, lake: Lake, scratch: str, facts: dict[str, Facts]) -> None:
        """Put copies below `scratch` in place of files for schema `ops` that have texts no VARCHAR takes whole."""
        for name, staged in self.ops.items():
            if names := [text for text, size in facts[staged.relation].longest.items() if size > MAX_TEXT_BYTES]:
                files = tuple(shortened(lake, scratch, file, names) for file in staged.files)
                self.ops[name] = replace(staged, files=files)

    def preparations(self) -> list[str]:
        """Statements that make the staging tables no file is copied to."""
        return [
            create_table(
                table.dated, [*_sql_columns(table.table.columns), Column("_version_at", "TIMESTAMP")], keep=False
            )
            for table in self.tables
            if table.dated and table.rows
        ]

    def removals(self) -> list[str]:
        """Statements that remove every staging table."""
        dated = [
            f"DROP TABLE IF EXISTS {identifier(table.dated)}" for table in self.tables if table.dated and table.rows
        ]
        return [*dated, *(sql for staged in self.staged for sql in staged.removals)]

    def guard(self) -> list[Change]:
        """What comes first: wait for any other load, then see that this one was not made and is in turn."""
        load = self._load
        text = render("redshift/guard", step=load.step, manifest_hash=load.manifest_hash, follows=load.follows)
        return [Change("LOCK ops.loads"), Change(text)]

    def changes(self, facts: dict[str, Facts], held: dict[str, dict[str, str]]) -> Iterator[Change]:
        """What changes the tables.

        Args:
            facts: what the files of a staging table hold, by its name.
            held: types, in Redshift's words, of the columns each table has.
        """
        for table in self.tables:
            yield from self._table_changes(table, facts, held.get(table.table.relation, {}))
        keys = {table.relation: table.key for table in self._load.tables}
        for one in self._load.tables:
            yield from self._reference_checks(one, keys)

    def accounts(self) -> Iterator[Change]:
        """What puts rows of schema `ops` in place of those it has of the run; may be repeated."""
        load = self._load
        run = redshift_literal(load.run_id)
        for name in sorted({*load.ops_rows, *load.ops_files}):
            yield Change(f"DELETE FROM {identifier(f'ops.{name}')} WHERE run_id = {run}")
        for name, rows in load.ops_rows.items():
            for sql in insertions(name, rows):
                yield Change(sql)
        for name, staged in self.ops.items():
            columns = identifiers(column.name for column in staged.room.columns)
            yield Change(
                f"INSERT INTO {identifier(f'ops.{name}')} ({columns}) "
                f"SELECT {columns} FROM {identifier(staged.relation)}"
            )

    def entry(self) -> list[Change]:
        """What comes last: the note that the manifest is loaded."""
        load = self._load
        row = {
            "manifest_hash": load.manifest_hash,
            "step": load.step,
            "run_id": load.run_id,
            "loaded_at": load.loaded_at,
        }
        return [Change(sql) for sql in insertions("loads", [row])]

    def _name(self) -> str:
        return f"{STAGING}{self._token}_{next(self._numbers)}"

    def _staged(self, table: TableLoad) -> StagedTable:
        is_merged = table.disposition is Disposition.MERGE
        remedy = (
            f"raise max_bytes of {{column}} in models/{table.relation.replace('.', '/')}/model.yaml to at least "
            "{bytes} (65535 at most), or shorten the value in the source, then start a new run."
        )
        room = Room(table.relation, table.columns, table.details.required, key=table.key)
        if table.relation.startswith("curated."):
            room = replace(room, remedy=remedy)
        # Rows of raw tables may lack a key: they stay in the lake, and in the first of two staging tables.
        if table.newest_by and is_merged:
            room = replace(room, required=())
        rows = deletes = withdrawn = None
        if table.files or (is_merged and table.complete):
            newest_by = table.newest_by if is_merged else ()
            rows = Staged(self._name(), room, table.files, table.key, newest_by)
        keys = tuple(column for column in table.columns if column.name in table.key)
        if table.deletes:
            # Of a raw table they are whole rows, of a curated one keys.
            whole = table.columns if table.newest_by else keys
            deletes = Staged(self._name(), Room(table.relation, whole, key=table.key), table.deletes)
        if table.withdrawn:
            withdrawn = Staged(self._name(), Room(table.relation, keys, key=table.key), table.withdrawn)
        dated = self._name() if table.disposition is Disposition.VERSIONS else ""
        return StagedTable(table, rows, deletes, withdrawn, dated)

    def _ops_staged(self, name: str, files: tuple[LakeFile, ...]) -> Staged:
        return Staged(self._name(), Room(f"ops.{name}", ops_tables()[name].file_columns, cuts=True), files)

    def _table_changes(self, staged: StagedTable, facts: dict[str, Facts], held: dict[str, str]) -> Iterator[Change]:
        table, rows = staged.table, staged.rows
        if table.disposition is Disposition.VERSIONS:
            yield from self._version_changes(staged)
            return
        empty = facts[rows.relation].empty if rows and rows.relation in facts else frozenset[str]()
        if table.disposition is Disposition.MERGE:
            if staged.withdrawn:
                yield self._delete_keys(table.relation, staged.withdrawn.relation, table.key)
            if rows and rows.files:
                yield self._merge(table, rows, empty, held)
            yield from self._flags(staged)
            return
        if table.complete:
            yield Change(f"DELETE FROM {identifier(table.relation)}")
        elif table.replaced:
            moment = table.replaced.moment
            since, until = (f"{at:%Y-%m-%d %H:%M:%S.%f}" for at in (table.replaced.since, table.replaced.until))
            text = render("delete_range", relation=table.relation, moment=moment, since=since, until=until)
            yield Change(redshift(text, table.relation), table.relation, "deleted")
        if rows and rows.files:
            yield self._insert(table, rows.relation, empty, held)

    def _merge(self, table: TableLoad, rows: Staged, empty: frozenset[str], held: dict[str, str]) -> Change:
        inserted = {column.name: _arrived(column, empty, held) for column in table.columns} | self._constants(table)
        # A column that the files lack is NULL from now on, as it is in the source.
        absent = {name: "NULL" for name in held if name not in inserted}
        updated = {name: text for name, text in (inserted | absent).items() if name not in table.key}
        text = render(
            "redshift/merge",
            relation=table.relation,
            source=rows.relation,
            key=table.key,
            values=updated,
            inserted=inserted,
        )
        return Change(text, table.relation, "inserted", rows.relation)

    def _insert(self, table: TableLoad, source: str, empty: frozenset[str], held: dict[str, str]) -> Change:
        values = {column.name: _arrived(column, empty, held) for column in table.columns} | self._constants(table)
        return Change(
            f"INSERT INTO {identifier(table.relation)} ({identifiers(values)}) "
            f"SELECT {', '.join(values.values())} FROM {identifier(source)} AS arrived",
            table.relation,
            "inserted",
            source,
        )

    def _flags(self, staged: StagedTable) -> Iterator[Change]:
        table = staged.table
        facts = {
            "relation": table.relation,
            "flag": "is_deleted" if table.soft_delete else "_is_deleted",
            "key": table.key,
            "run_id": self._load.run_id,
            "loaded_at": self._loaded_at,
        }
        if staged.deletes:
            text = render("flag_deleted", source=identifier(staged.deletes.relation), **facts)
            yield Change(redshift(text, table.relation), table.relation, "deleted")
        if table.complete and staged.rows:
            text = render("flag_missing", source=identifier(staged.rows.relation), **facts)
            yield Change(redshift(text, table.relation), table.relation, "deleted")

    def _version_changes(self, staged: StagedTable) -> Iterator[Change]:
        """The version's moment stays in `_version_at`; `valid_from` is what it counts from."""
        table, relation, owner = staged.table, staged.table.relation, staged.table.key[0]
        columns = [column.name for column in table.columns]
        if staged.rows:
            dated = render(
                "dated_versions",
                relation=relation,
                owner=owner,
                columns=columns,
                source=identifier(staged.rows.relation),
            )
            filled = f"INSERT INTO {identifier(staged.dated)} ({identifiers([*columns, '_version_at'])}) {dated}"
            yield Change(redshift(filled, relation))
            yield self._delete_keys(relation, staged.dated, (owner, "_version_at"), effect="")
            constants = self._constants(table) | {"_version_at": "valid_from"}
            text = render(
                "insert",
                relation=relation,
                columns=columns,
                constants=constants,
                source=identifier(staged.dated),
            )
            yield Change(redshift(text, relation), relation, "inserted")
        technical = {*table.key, "is_active", "_first_valid_from", "_run_id"}
        facts = {
            "relation": relation,
            "parent": table.versions_of,
            "owner": owner,
            "values": [name for name in columns if name not in technical],
            "now": f"{self._load.upper_bound:%Y-%m-%d %H:%M:%S.%f}",
            "run_id": self._load.run_id,
            "loaded_at": self._loaded_at,
        }
        yield Change(redshift(render("remove_future_versions", **facts, moment=table.version), relation))
        yield Change(redshift(render("align_versions", **facts), relation), relation, "inserted")
        if staged.rows:
            text = render("backdate", relation=relation, key=(owner,), source=identifier(staged.dated))
            yield Change(redshift(text, relation))

    def _delete_keys(self, relation: str, source: str, key: Sequence[str], effect: str = "") -> Change:
        text = render("delete_keys", relation=relation, source=identifier(source), key=key)
        return Change(redshift(text, relation), relation, effect)

    def _constants(self, table: TableLoad) -> dict[str, str]:
        flag = {"is_deleted": "FALSE"} if table.soft_delete else {}
        return {"_loaded_at": f"TIMESTAMP '{self._loaded_at}'"} | flag

    def _reference_checks(self, table: TableLoad, keys: dict[str, tuple[str, ...]]) -> Iterator[Change]:
        for reference in table.references:
            parent = f"curated.{reference.model}"
            found = render(
                "unreferenced",
                relation=table.relation,
                column=reference.column,
                parent=parent,
                parent_key=keys[parent][0],
                soft_delete=table.soft_delete,
                run_id=self._load.run_id,
            )
            told = (self._load.run_id, table.relation.split(".")[1], reference.name, str(reference.severity))
            yield Change(
                "INSERT INTO ops.check_results (run_id, table_name, check_name, severity, failed_rows, sample) "
                f"SELECT {', '.join(value(text) for text in told)}, failed_rows, sample "
                f"FROM ({redshift(found, reference.name)}) AS found"
            )


def copy_manifest(lake: Lake, files: Sequence[LakeFile]) -> bytes:
    """The manifest COPY reads: whole URLs, and the size each object must have."""
    entries = [
        {"url": lake.location(file.path), "mandatory": True, "meta": {"content_length": file.bytes}} for file in files
    ]
    return json.dumps({"entries": entries}, indent=1).encode()


def shortened(lake: Lake, scratch: str, file: LakeFile, names: Sequence[str]) -> LakeFile:
    """A file as it is, or a copy with texts cut that are longer than any column; the lake keeps them whole.

    Args:
        names: columns that may have such texts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with lake.open(file.path) as content, pq.ParquetFile(content) as parquet:
        if not any(_is_long(batch, name) for batch in parquet.iter_batches(_AT_ONCE, columns=names) for name in names):
            return file
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, parquet.schema_arrow) as writer:
            for batch in parquet.iter_batches(_AT_ONCE):
                writer.write_batch(_cut(batch, names))
    path, body = f"{scratch}short-{secrets.token_hex(4)}.parquet", sink.getvalue().to_pybytes()
    lake.create(path, body)
    return LakeFile(path=path, bytes=len(body), rows=file.rows)


def _is_long(batch: pa.RecordBatch, name: str) -> bool:
    import pyarrow.compute as pc

    return bool((pc.max(pc.binary_length(batch[name])).as_py() or 0) > MAX_TEXT_BYTES)


def _cut(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    import pyarrow.compute as pc

    for name in names:
        is_long = pc.greater(pc.fill_null(pc.binary_length(batch[name]), 0), MAX_TEXT_BYTES)
        texts = pc.if_else(is_long, pc.utf8_slice_codeunits(batch[name], 0, MAX_TEXT_BYTES // 4), batch[name])
        batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), texts)
    return batch


def _arrived(column: FileColumn, empty: frozenset[str], held: dict[str, str]) -> str:
    """A column of the staging table; one without a value fits a column of any type."""
    if column.name in empty and column.name in held and held[column.name] != sql_type(column):
        return f"CAST(NULL AS {held[column.name]})"
    return f"arrived.{identifier(column.name)}"


def _sql_columns(columns: Sequence[FileColumn]) -> list[Column]:
    return [Column(column.name, sql_type(column)) for column in columns]

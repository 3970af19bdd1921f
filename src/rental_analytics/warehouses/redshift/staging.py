"""Tables of Redshift that hold the rows of a load on their way: made, filled by COPY, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rental_analytics.contracts.manifest import FileColumn, LakeFile
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import Disposition, TableLoad
from rental_analytics.warehouses.changes import Sources, added_columns, rows_once
from rental_analytics.warehouses.redshift.files import Facts, Room
from rental_analytics.warehouses.redshift.tables import Column, TableShape, create_table, sql_type


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
            yield render("warehouses/redshift/copy", relation=self.copied, columns=names, manifest=manifest, role=role)
        if self.newest_by:
            yield create_table(self.relation, columns, keep=False)
            inserted = render(
                "warehouses/redshift/insert_query",
                relation=self.relation,
                columns=names,
                query=rows_once(names, self.copied, self.unique, self.newest_by),
            )
            yield redshift(inserted, f"staging of {self.room.table}")

    @property
    def removals(self) -> list[str]:
        """What removes it."""
        return [f"DROP TABLE IF EXISTS {identifier(name)}" for name in dict.fromkeys((self.copied, self.relation))]


@dataclass(frozen=True)
class StagedTable:
    """A table of a load with its staging tables; None where there is nothing of that kind.

    Args:
        dated: the staging table that no file is copied to, for versions alone.
    """

    table: TableLoad
    rows: Staged | None
    deletes: Staged | None
    withdrawn: Staged | None
    dated: str

    @classmethod
    def of(cls, table: TableLoad, names: Iterator[str]) -> StagedTable:
        """A table with staging tables of the next names."""
        is_merged = table.disposition is Disposition.MERGE
        rows = deletes = withdrawn = None
        if table.files or (is_merged and table.complete):
            newest_by = table.newest_by if is_merged else ()
            rows = Staged(next(names), _room(table), table.files, table.key, newest_by)
        keys = tuple(column for column in table.columns if column.name in table.key)
        if table.deletes:
            # Of a raw table they are whole rows, of a curated one keys.
            whole = table.columns if table.newest_by else keys
            deletes = Staged(next(names), Room(table.relation, whole, key=table.key), table.deletes)
        if table.withdrawn:
            withdrawn = Staged(next(names), Room(table.relation, keys, key=table.key), table.withdrawn)
        dated = next(names) if table.disposition is Disposition.VERSIONS else ""
        return cls(table, rows, deletes, withdrawn, dated)

    @property
    def staged(self) -> list[Staged]:
        """All of its staging tables that files are copied to."""
        return [staged for staged in (self.rows, self.deletes, self.withdrawn) if staged]

    @property
    def sources(self) -> Sources:
        """The staging tables by what the changes of the table read there."""
        rows, deletes, withdrawn = (
            staged.relation if staged else "" for staged in (self.rows, self.deletes, self.withdrawn)
        )
        return Sources(rows, deletes, withdrawn, self.dated)

    def unfilled(self, facts: Mapping[str, Facts]) -> frozenset[str]:
        """Columns in which the files hold no value."""
        if self.rows and self.rows.files:
            return facts[self.rows.relation].empty
        return frozenset(column.name for column in self.table.columns)

    @property
    def shape(self) -> TableShape:
        """The table of the warehouse, with what the load adds to the files' columns."""
        added = added_columns(self.table)
        required = (*self.table.details.required, *(column.name for column in added))
        details = replace(self.table.details, required=required)
        return TableShape(self.table.relation, (*self.table.columns, *added), self.table.key, details, self.table.ids)


def _room(table: TableLoad) -> Room:
    room = Room(table.relation, table.columns, table.details.required, key=table.key)
    if table.relation.startswith("curated."):
        remedy = (
            f"raise max_bytes of {{column}} in models/{table.relation.replace('.', '/')}/model.yaml to at least "
            "{bytes} (65535 at most), or shorten the value in the source, then start a new run."
        )
        room = replace(room, remedy=remedy)
    # Rows of raw tables may lack a key: they stay in the lake, and in the first of two staging tables.
    if table.newest_by and table.disposition is Disposition.MERGE:
        room = replace(room, required=())
    return room


def dated_columns(table: TableLoad) -> list[Column]:
    """Columns of the staging table for dated versions."""
    columns: Sequence[FileColumn] = (*table.columns, FileColumn(name="_version_at", type="TIMESTAMP"))
    return [Column(column.name, sql_type(column)) for column in columns]


def copy_manifest(lake: Lake, files: Sequence[LakeFile]) -> bytes:
    """The manifest COPY reads: whole URLs, and the size each object must have."""
    entries = [
        {"url": lake.location(file.path), "mandatory": True, "meta": {"content_length": file.bytes}} for file in files
    ]
    return json.dumps({"entries": entries}, indent=1).encode()

"""How a load is made in a DuckDB warehouse: its changes one by one, inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from rental_analytics.contracts.manifest import FileColumn, LakeFile, LoadedTable
from rental_analytics.failpoints import reach
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.storage.base import Lake
from rental_analytics.storage.verification import verified_copies
from rental_analytics.warehouses.base import Disposition, Load, TableLoad
from rental_analytics.warehouses.change_kinds import (
    AddFiles,
    AddRecords,
    AnyChange,
    Change,
    Effect,
    MergeRows,
    SqlChange,
)
from rental_analytics.warehouses.changes import Sources, added_columns, changes_of, counted, rows_once
from rental_analytics.warehouses.duckdb.comments import HeldTables
from rental_analytics.warehouses.duckdb.connection import Connection, Rows
from rental_analytics.warehouses.duckdb.tables import create_table, fit_table

_ARRIVED = "lake_rows"
"""The view over the files of a table as they are."""
_SOURCES = Sources(rows="staged_rows", deletes="staged_deletes", withdrawn="staged_withdrawn", dated="dated_rows")


class LoadRun:
    """One load."""

    def __init__(self, connection: Connection, load: Load, lake: Lake) -> None:
        self._connection = connection
        self._load = load
        self._lake = lake
        self._ops_files = {name: files for name, files in load.ops_files.items() if files}
        self._changes = changes_of(
            load, {table.relation: _SOURCES for table in load.tables}, {name: _staged(name) for name in self._ops_files}
        )
        self._counts = Counter[tuple[str, Effect]]()

    def make(self) -> dict[str, LoadedTable]:
        """Make all changes.

        Raises:
            LakeError: a file is another one than its manifest says.
            ContractError: a table cannot take what the files bring.
        """
        self._check_files()
        self.account()
        held = HeldTables(self._connection)
        for table in self._load.tables:
            self._change_table(table)
            names = (column.name for column in (*table.columns, *added_columns(table)))
            held.comment(table.relation, names, table.details)
            reach(f"{self._load.step}-table-loaded")
        for relation, details in self._load.described.items():
            if columns := held.columns.get(relation):
                held.comment(relation, columns, details)
        for check in self._changes.checks:
            self._connection.run(check.sql)
        self._connection.run(self._changes.note.sql)
        self._check_files()
        return counted(self._load, self._counts)

    def account(self) -> None:
        """Make those changes alone that tell in schema `ops` what the run did."""
        for name, files in self._ops_files.items():
            self._view_files(_staged(name), files)
        for change in self._changes.accounts:
            self._make(change)

    def _check_files(self) -> None:
        """See that all files are those their manifest names: before a row of them is read, and after the last one was.

        Raises:
            LakeError: one is not.
        """
        verified_copies(self._lake, self._load.files)

    def _change_table(self, table: TableLoad) -> None:
        if table.files:
            self._view_files(_ARRIVED, table.files)
        fit_table(self._connection, table, _ARRIVED if table.files else None)
        self._stage(table)
        is_empty = not self._connection.run(f"SELECT 1 FROM {identifier(table.relation)} LIMIT 1")
        for change in self._changes.tables[table.relation]:
            self._make(change, is_empty=is_empty)

    def _make(self, change: AnyChange, *, is_empty: bool = False) -> None:
        if is_empty and change.is_for_held_rows:
            return
        match change:
            case MergeRows():
                for part in change.parts:
                    self._make(part, is_empty=is_empty)
            case AddRecords():
                self._connection.append(change.relation.partition(".")[2], change.records)
            case AddFiles():
                self._connection.run(
                    render("warehouses/duckdb/add_files", relation=change.relation, source=change.source)
                )
                reach("rejected-rows-added")
            case SqlChange():
                self._count(change, self._connection.run(change.sql))
            case _:
                assert_never(change)

    def _count(self, change: Change, answer: Rows) -> None:
        if change.effect:
            self._counts[change.relation, change.effect] += int(answer[0][0])

    def _stage(self, table: TableLoad) -> None:
        """Make the relations that the changes read."""
        if table.files:
            names = [column.name for column in table.columns]
            self._view(_SOURCES.rows, rows_once(names, _ARRIVED, table.key, self._newest_by(table)))
        else:
            self._view(_SOURCES.rows, render("sql/no_rows", columns=table.columns))
        for name, files in ((_SOURCES.deletes, table.deletes), (_SOURCES.withdrawn, table.withdrawn)):
            if files:
                self._view_files(name, files)
        if table.disposition is Disposition.VERSIONS:
            dated = (*table.columns, FileColumn(name="_version_at", type="TIMESTAMP"))
            self._connection.run(create_table(_SOURCES.dated, dated, replace=True, temporary=True))

    def _newest_by(self, table: TableLoad) -> tuple[str, ...]:
        """To keep the newest row of each key takes a sort, which most files do without."""
        if not (table.key and table.newest_by):
            return ()
        keys = identifiers(table.key)
        doubled = f"SELECT 1 FROM {identifier(_ARRIVED)} GROUP BY {keys} HAVING COUNT(*) > 1 LIMIT 1"
        return table.newest_by if self._connection.run(doubled) else ()

    def _view_files(self, name: str, files: Sequence[LakeFile]) -> None:
        self._view(name, render("warehouses/duckdb/read_files", paths=verified_copies(self._lake, files)))

    def _view(self, name: str, query: str) -> None:
        self._connection.run(render("warehouses/duckdb/view", name=name, query=query))


def _staged(name: str) -> str:
    """The view over files for a table of schema `ops`."""
    return f"staged_{name}"

"""What a load says to Redshift: the transaction that makes its changes from staging tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import assert_never

from rental_analytics.contracts.manifest import FileColumn, LakeFile, LoadedTable
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import Load
from rental_analytics.warehouses.change_kinds import (
    AddFiles,
    AddRecords,
    AnyChange,
    Effect,
    InsertRows,
    MergeRows,
    SqlChange,
)
from rental_analytics.warehouses.changes import changes_of, counted
from rental_analytics.warehouses.redshift.files import Facts, Room
from rental_analytics.warehouses.redshift.ops import insertions
from rental_analytics.warehouses.redshift.staging import Staged, StagedTable, dated_columns
from rental_analytics.warehouses.redshift.tables import STAGING, HeldColumn, TableShape, create_table, sql_type
from rental_analytics.warehouses.redshift.texts import most_bytes, shortened


@dataclass(frozen=True)
class Statement:
    """A statement of the transaction, and the change that it makes of a table of the load, if it makes one."""

    sql: str
    change: AnyChange | None = None


class LoadPlan:
    """The statements of one load; nothing here speaks to the warehouse.

    Args:
        token: sets the names of its staging tables apart from those of any other attempt.
    """

    def __init__(self, load: Load, token: str) -> None:
        self._load = load
        self.step = load.step
        names = (f"{STAGING}{token}_{number}" for number in count())
        self.tables = [StagedTable.of(table, names) for table in load.tables]
        self.ops = {
            name: Staged(next(names), Room(f"ops.{name}", ops_tables()[name].file_columns, cuts=True), tuple(files))
            for name, files in load.ops_files.items()
            if files
        }
        self._changes = changes_of(
            load,
            {table.table.relation: table.sources for table in self.tables},
            {name: staged.relation for name, staged in self.ops.items()},
        )

    @property
    def staged(self) -> list[Staged]:
        """All staging tables that files are copied to."""
        return [*(staged for table in self.tables for staged in table.staged), *self.ops.values()]

    def described(self, held: Mapping[str, Mapping[str, HeldColumn]]) -> Iterator[TableShape]:
        """Tables that are there, that the load does not change and that have something to say."""
        for relation, details in self._load.described.items():
            columns = tuple(column.named(name) for name, column in held.get(relation, {}).items())
            if columns:
                yield TableShape(relation, columns, details=details)

    def shorten_texts(self, lake: Lake, scratch: str, facts: dict[str, Facts]) -> None:
        """Put copies below `scratch` in place of files for schema `ops` whose rows the Data API would not give."""
        for name, staged in self.ops.items():
            longest = facts[staged.relation].longest
            if limits := {text: most_bytes(text) for text, size in longest.items() if size > most_bytes(text)}:
                files: tuple[LakeFile, ...] = tuple(shortened(lake, scratch, file, limits) for file in staged.files)
                self.ops[name] = replace(staged, files=files)

    def preparations(self) -> list[str]:
        """Statements that make the staging tables no file is copied to."""
        return [
            create_table(table.dated, dated_columns(table.table), keep=False)
            for table in self.tables
            if table.dated and table.rows
        ]

    def removals(self) -> list[str]:
        """Statements that remove every staging table."""
        dated = [
            f"DROP TABLE IF EXISTS {identifier(table.dated)}" for table in self.tables if table.dated and table.rows
        ]
        return [*dated, *(sql for staged in self.staged for sql in staged.removals)]

    def guard(self) -> list[Statement]:
        """What comes first: wait for any other load, then see that this one was not made and is in turn."""
        load = self._load
        text = render(
            "warehouses/redshift/guard", step=load.step, manifest_hash=load.manifest_hash, follows=load.follows
        )
        return [Statement("LOCK ops.loads"), Statement(text)]

    def accounts(self) -> Iterator[Statement]:
        """What puts rows of schema `ops` in place of those it has of the run; may be repeated."""
        return self._statements(self._changes.accounts, {}, {})

    def changes(self, facts: Mapping[str, Facts], held: Mapping[str, Mapping[str, str]]) -> Iterator[Statement]:
        """What changes the tables.

        Args:
            facts: what the files of a staging table hold, by its name.
            held: types, in Redshift's words, of the columns each table has.
        """
        for changes in self._changes.tables.values():
            yield from self._statements(changes, facts, held)
        yield from self._statements(self._changes.checks, {}, {})

    def entry(self) -> list[Statement]:
        """What comes last: the note that the manifest is loaded."""
        return list(self._statements([self._changes.note], {}, {}))

    def loaded(
        self, statements: Sequence[Statement], counts: Sequence[int], arrived: Mapping[str, int]
    ) -> dict[str, LoadedTable]:
        """What the load changed.

        Args:
            counts: rows that each of the statements changed, -1 where the service does not say.
            arrived: rows of each staging table.
        """
        found: dict[tuple[str, Effect], int] = {}
        for statement, number in zip(statements, counts, strict=True):
            change = statement.change
            if change and change.effect:
                place = change.relation, change.effect
                source = change.source if isinstance(change, MergeRows | InsertRows) else ""
                rows = number if number >= 0 else arrived.get(source, 0)
                found[place] = found.get(place, 0) + rows
        return counted(self._load, found)

    def _statements(
        self, changes: Iterable[AnyChange], facts: Mapping[str, Facts], held: Mapping[str, Mapping[str, str]]
    ) -> Iterator[Statement]:
        for change in changes:
            types = held.get(change.relation, {})
            match change:
                case MergeRows():
                    yield Statement(_merge(change, self._values(change, facts, types), types), change)
                case InsertRows():
                    # In the words of both dialects: a type of the warehouse may be one that DuckDB does not know.
                    yield Statement(replace(change, values=self._values(change, facts, types)).sql, change)
                case AddRecords():
                    for sql in insertions(change.relation.partition(".")[2], change.records):
                        yield Statement(sql, change)
                case AddFiles():
                    yield Statement(_add_files(change), change)
                case SqlChange():
                    yield Statement(redshift(change.sql, change.relation), change)
                case _:
                    assert_never(change)

    def _values(
        self, change: MergeRows | InsertRows, facts: Mapping[str, Facts], types: Mapping[str, str]
    ) -> dict[str, str]:
        """The values of a change; a column of files without any value fits a column of any type."""
        empty = facts[change.source].empty if change.source in facts else frozenset[str]()
        columns = {column.name: sql_type(column) for column in self._columns(change.relation)}
        return {
            name: f"CAST(NULL AS {types[name]})"
            if name in empty and name in types and types[name] != columns[name]
            else text
            for name, text in change.values.items()
        }

    def _columns(self, relation: str) -> tuple[FileColumn, ...]:
        return next(table.columns for table in self._load.tables if table.relation == relation)


def _merge(change: MergeRows, values: Mapping[str, str], held: Iterable[str]) -> str:
    # A column that the files lack is NULL from now on, as it is in the source.
    absent = {name: "NULL" for name in held if name not in values}
    return render(
        "warehouses/redshift/merge",
        relation=change.relation,
        source=change.source,
        key=change.key,
        values={name: text for name, text in {**values, **absent}.items() if name not in change.key},
        inserted=values,
    )


def _add_files(change: AddFiles) -> str:
    columns = ops_tables()[change.relation.partition(".")[2]].columns
    return InsertRows(change.relation, change.source, {name: identifier(name) for name in columns}).sql

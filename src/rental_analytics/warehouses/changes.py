"""What a load changes, said once for every warehouse: which tables, by which changes, in which order.

Nothing here speaks to a warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rental_analytics.contracts.manifest import FileColumn, LoadedTable
from rental_analytics.quality.loaded import LoadedState
from rental_analytics.sql.render import identifier, literal, render, timestamp_text
from rental_analytics.sql.render import table as table_name
from rental_analytics.warehouses.base import Disposition, Load, TableLoad
from rental_analytics.warehouses.change_kinds import (
    AddFiles,
    AddRecords,
    AlignVersions,
    AnyChange,
    AssumeVersions,
    BackdateVersions,
    CheckTables,
    ConvertRows,
    DateVersions,
    DeleteKeys,
    DeleteRange,
    DeleteRows,
    DeleteRun,
    Effect,
    FlagDeleted,
    FlagMissing,
    ForgetAssumed,
    InsertRows,
    MadeCheck,
    MergeRows,
    NoteLoad,
    RemoveFutureVersions,
    RemoveUnconverted,
)


@dataclass(frozen=True)
class Sources:
    """Names of the relations from which a table is changed; the warehouse makes them.

    Args:
        rows: the rows to load, once per key.
        deletes: rows, or their keys, that were deleted.
        withdrawn: keys whose rows go since what they hold is not accepted any more.
        dated: an empty table for versions, with the columns of the files and `_version_at`.
    """

    rows: str = ""
    deletes: str = ""
    withdrawn: str = ""
    dated: str = ""


@dataclass(frozen=True)
class LoadChanges:
    """All changes of a load, in the order of these fields.

    Args:
        accounts: what the run says of itself, in place of what it said before; may be repeated.
        tables: changes of each table of the load, in its order.
        checks: look at the tables of the load once all of them are changed.
        note: that the load was made.
    """

    accounts: tuple[AnyChange, ...]
    tables: Mapping[str, tuple[AnyChange, ...]]
    checks: tuple[CheckTables, ...]
    note: NoteLoad


def changes_of(load: Load, sources: Mapping[str, Sources], ops_sources: Mapping[str, str]) -> LoadChanges:
    """What a load changes.

    Args:
        sources: where the rows of each table of the load are.
        ops_sources: where those for tables of schema `ops` are that come as files.
    """
    note = NoteLoad(
        "ops.loads",
        load.manifest_hash,
        load.step,
        load.run_id,
        timestamp_text(load.loaded_at),
        load.reporting_currency,
    )
    return LoadChanges(
        accounts=tuple(_accounts(load, ops_sources)),
        tables={table.relation: _TableChanges(load, table, sources[table.relation]).all() for table in load.tables},
        checks=tuple(_checks(load)),
        note=note,
    )


def added_columns(table: TableLoad) -> tuple[FileColumn, ...]:
    """Columns that a table has beside those of the files; a load fills them all."""
    names = {"_loaded_at": "TIMESTAMP"}
    if table.soft_delete:
        names["is_deleted"] = "BOOLEAN"
    if table.disposition is Disposition.VERSIONS:
        names["_version_at"] = "TIMESTAMP"
    return tuple(FileColumn(name=name, type=kind) for name, kind in names.items())


def flag_column(table: TableLoad) -> str:
    """The column that says of a row that it is deleted."""
    return "is_deleted" if table.soft_delete else "_is_deleted"


def rows_once(columns: Sequence[str], source: str, key: Sequence[str], newest_by: Sequence[str] = ()) -> str:
    """The query for the rows of a source that have a whole key, in DuckDB's dialect.

    Args:
        newest_by: columns by which the newest of several rows with one key is kept; empty where a key comes once.
    """
    return render("warehouses/rows_once", columns=columns, source=source, key=key, newest_by=newest_by)


def newest_day(through: date) -> str:
    """The query for the newest day that curated tables have, up to a day, in DuckDB's dialect."""
    return render("warehouses/newest_day", through=through)


def counted(load: Load, counts: Mapping[tuple[str, Effect], int]) -> dict[str, LoadedTable]:
    """The result of a load, from the rows of its changes by table and effect."""
    return {
        table.relation: LoadedTable(
            inserted=counts.get((table.relation, Effect.INSERTED), 0),
            deleted=counts.get((table.relation, Effect.DELETED), 0),
        )
        for table in load.tables
    }


class _TableChanges:
    """The changes of one table of a load."""

    def __init__(self, load: Load, table: TableLoad, sources: Sources) -> None:
        self._table = table
        self._sources = sources
        self._run_id = load.run_id
        self._loaded_at = timestamp_text(load.loaded_at)
        self._upper_bound = timestamp_text(load.upper_bound)

    def all(self) -> tuple[AnyChange, ...]:
        """In order."""
        if self._table.disposition is Disposition.VERSIONS:
            return (*self._converted((self._table.key[0], "_version_at")), *self._versions())
        if self._table.disposition is Disposition.MERGE:
            return (*self._converted(self._table.key), *self._merge())
        return tuple(self._replace() if self._table.complete else self._append())

    def _converted(self, key: tuple[str, ...]) -> Iterator[AnyChange]:
        """Amounts of before that the files do not bring again."""
        if held := self._table.held_amounts:
            told = (held.column, key, held.currency, held.moment, held.parent, self._upper_bound[:10])
            yield RemoveUnconverted(self._table.relation, *told)
            yield ConvertRows(self._table.relation, *told)

    def _merge(self) -> Iterator[AnyChange]:
        table, sources = self._table, self._sources
        flagging = (table.key, flag_column(table), self._run_id, self._loaded_at)
        if table.withdrawn:
            yield DeleteKeys(table.relation, sources.withdrawn, table.key)
        if table.files:
            yield MergeRows(table.relation, sources.rows, table.key, self._values())
        if table.deletes:
            yield FlagDeleted(table.relation, sources.deletes, *flagging)
        if table.complete:
            yield FlagMissing(table.relation, sources.rows, *flagging)

    def _replace(self) -> Iterator[AnyChange]:
        yield DeleteRows(self._table.relation)
        yield from self._insert()

    def _append(self) -> Iterator[AnyChange]:
        if replaced := self._table.replaced:
            since, until = timestamp_text(replaced.since), timestamp_text(replaced.until)
            yield DeleteRange(self._table.relation, replaced.moment, since, until)
        yield from self._insert()

    def _insert(self) -> Iterator[AnyChange]:
        if self._table.files:
            yield InsertRows(self._table.relation, self._sources.rows, self._values())

    def _versions(self) -> Iterator[AnyChange]:
        """A version's own moment stays in `_version_at`; `valid_from` is what it counts from."""
        table, dated = self._table, self._sources.dated
        relation, owner, parent = table.relation, table.key[0], str(table.versions_of)
        columns = tuple(column.name for column in table.columns)
        has_activity = "is_active" in columns
        facts = {*table.key, "is_active", "is_assumed", "_first_valid_from", "_run_id"}
        said = tuple(name for name in columns if name not in facts)
        now, run_id = self._upper_bound, self._run_id
        if table.files:
            yield DateVersions(relation, self._sources.rows, dated, owner, columns)
            if has_activity:
                yield ForgetAssumed(relation, dated, owner)
            yield DeleteKeys(relation, dated, (owner, "_version_at"))
            yield InsertRows(relation, dated, self._values() | {"_version_at": _arrived("valid_from")})
        yield RemoveFutureVersions(relation, parent, owner, table.version, now, run_id)
        yield AlignVersions(relation, parent, owner, said, has_activity, now, run_id, self._loaded_at)
        if table.files:
            yield BackdateVersions(relation, dated, (owner,), has_activity)
            if has_activity:
                yield AssumeVersions(relation, dated, owner, said, self._loaded_at)

    def _values(self) -> dict[str, str]:
        arrived = {column.name: _arrived(column.name) for column in self._table.columns}
        flag = {"is_deleted": "FALSE"} if self._table.soft_delete else {}
        return arrived | {"_loaded_at": f"TIMESTAMP {literal(self._loaded_at)}"} | flag


def _arrived(column: str) -> str:
    return f"arrived.{identifier(column)}"


def _accounts(load: Load, sources: Mapping[str, str]) -> Iterator[AnyChange]:
    for name in sorted({*load.ops_rows, *load.ops_files}):
        yield DeleteRun(f"ops.{name}", load.run_id)
    for name, records in load.ops_rows.items():
        yield AddRecords(f"ops.{name}", records)
    for name, source in sources.items():
        yield AddFiles(f"ops.{name}", source)


def _checks(load: Load) -> Iterator[CheckTables]:
    """All of them in one statement."""
    made = [
        MadeCheck(table_name(table.relation), check.name, check.severity, _state(load, table).query(check))
        for table in load.tables
        for check in table.checks
    ]
    if made:
        yield CheckTables("ops.check_results", load.run_id, tuple(made))


def _state(load: Load, table: TableLoad) -> LoadedState:
    return LoadedState(table.relation, table.soft_delete, load.run_id, load.upper_bound)

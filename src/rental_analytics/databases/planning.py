"""How a table's read is planned from its contract, its catalogue and the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.manifest import SeenColumn
from rental_analytics.contracts.source_table import ReadMode, SourceTable, SourceType, UnknownColumns
from rental_analytics.databases.base import CatalogueColumn, CatalogueTable, Database, ReadPlan, absent_column
from rental_analytics.errors import ContractError
from rental_analytics.sql.render import folded


def plan_read(database: Database, table: SourceTable, found: CatalogueTable, override: ReadMode | None) -> ReadPlan:
    """Match a contract with the catalogue and decide how the table is read.

    Raises:
        ContractError: a required column is missing or has an unusable type, or the mode cannot be had.
    """
    if not found.columns:
        raise _broken_view(table.name, database.display_url)
    _check_alike(table, found.columns)
    by_name = {folded(column.name): column for column in found.columns}
    columns, present = [], set()
    for name, spec in table.columns.items():
        if name in by_name:
            columns.append(database.raw_column(table, by_name[name], spec.type))
            if columns[-1].select:
                present.add(name)
        elif spec.required:
            raise _missing_column(database, table, found, name)
        else:
            columns.append(absent_column(name, spec.type))
    _check_key(table, {column.name for column in columns if not column.select})
    unknown = [column for name, column in by_name.items() if name not in table.columns]
    notes = []
    if unknown and table.unknown_columns is UnknownColumns.KEEP:
        columns += [database.raw_column(table, column, SourceType.ANY) for column in unknown]
    elif unknown:
        notes.append(f"columns ignored: {', '.join(column.name for column in unknown)}")
    mode, cursor = _mode(table, present, override)
    return ReadPlan(
        table=table,
        mode=mode,
        columns=tuple(columns),
        key=table.key,
        cursor=cursor,
        unique_key=bool(table.key) and any(unique <= set(table.key) for unique in found.unique_keys),
        notes=tuple(notes),
        catalogue=tuple(SeenColumn(name=c.name, type=c.native, nullable=c.nullable) for c in found.columns),
    )


def _missing_column(database: Database, table: SourceTable, found: CatalogueTable, name: str) -> ContractError:
    """The error for a required column that is not there, with those that may be it under another name."""
    unnamed = [column for column in found.columns if folded(column.name) not in table.columns]
    likely = [column.name for column in unnamed if _serves(database, table, column, table.columns[name].type)]
    setting = table.columns[name].setting
    instead = f", or set {setting}" if setting else ""
    renamed = f" If it was renamed, it may be {' or '.join(likely)}." if likely else ""
    return ContractError(
        f"Table {table.name} has no column {name}, which its contract requires.{renamed}",
        remedy=f"add the column, or put a view that has it in the place of the table{instead}.",
        reason="source-column-missing",
        table=table.name,
    )


def _serves(database: Database, table: SourceTable, column: CatalogueColumn, wanted: SourceType) -> bool:
    try:
        database.raw_column(table, column, wanted)
    except ContractError:
        return False
    return True


def _check_key(table: SourceTable, empty: set[str]) -> None:
    """A key that is always NULL tells no row from another."""
    for name in table.key:
        if name in empty:
            raise ContractError(
                f"Column {table.name}.{name} is NULL in every row, but it is part of the table's key.",
                remedy="let the view give the rows' own key under that name.",
                reason="key-always-null",
                table=table.name,
            )


def _check_alike(table: SourceTable, columns: Sequence[CatalogueColumn]) -> None:
    """Two names that only the source tells apart are one to Spark, which folds more letters than A to Z."""
    keeps = table.unknown_columns is UnknownColumns.KEEP
    seen: dict[str, str] = {}
    for name in (column.name for column in columns):
        other = seen.setdefault("".join(map(_folded_letter, name)) if keeps else folded(name), name)
        if other is not name:
            raise ContractError(
                f"The columns {other!a} and {name!a} of table {table.name} are one name in other case.",
                remedy=f"rename one in a view, or remove `unknown_columns: keep` from sources/{table.name}.yaml.",
                reason="column-names-alike",
                table=table.name,
            )


def _folded_letter(letter: str) -> str:
    """As Spark compares letters, one by one: `ß` is no `ss`, and the dotted capital I is an i."""
    upper = letter.upper()
    return (upper if len(upper) == 1 else letter).lower()[0]


def _mode(table: SourceTable, present: set[str], override: ReadMode | None) -> tuple[ReadMode, str | None]:
    """How a table is read follows from what it has; docs/reference/read-modes.md."""
    cursor = table.change_cursor if table.change_cursor in present else None
    event_time = table.event_time if table.event_time in present else None
    if event_time and not table.key:
        natural = ReadMode.APPEND
    elif table.key and cursor:
        natural = ReadMode.INCREMENTAL
    else:
        natural = ReadMode.SNAPSHOT
    mode = override or natural
    if mode is ReadMode.INCREMENTAL and natural is not ReadMode.INCREMENTAL:
        raise ContractError(
            f"Table {table.name} cannot be read incrementally: it has no key with a change cursor.",
            remedy=f"remove tables.{table.name}.mode from the configuration, or add the column "
            f"{table.change_cursor or 'that moves with every change'}.",
            reason="read-mode-not-possible",
            table=table.name,
        )
    if mode is ReadMode.APPEND and natural is not ReadMode.APPEND:
        raise ContractError(
            f"Table {table.name} cannot be read by appending: only tables of events without a key can.",
            remedy=f"remove tables.{table.name}.mode from the configuration.",
            reason="read-mode-not-possible",
            table=table.name,
        )
    return mode, {ReadMode.APPEND: event_time, ReadMode.INCREMENTAL: cursor}.get(mode)


def _broken_view(name: str, display_url: str) -> ContractError:
    return ContractError(
        f"The view {name} of {display_url} cannot be read: a table or column it stands on is not there, or its definer "
        "may not read it.",
        remedy=f"create the view {name} again, on tables and columns that exist.",
        reason="view-broken",
        table=name,
    )


def missing_table(name: str, display_url: str) -> ContractError:
    """The error for a contract without a table."""
    return ContractError(
        f"There is no table {name} in {display_url}.",
        remedy="create the table or a view of that name, or grant SELECT on it.",
        reason="source-table-missing",
        table=name,
    )

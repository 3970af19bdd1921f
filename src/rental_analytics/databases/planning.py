"""How a table's read is planned from its contract, its catalogue and the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rental_analytics.contracts.base import both_names
from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.manifest import SeenColumn
from rental_analytics.contracts.source_table import ReadMode, SourceTable, SourceType, UnknownColumns
from rental_analytics.databases.base import (
    CatalogueColumn,
    CatalogueTable,
    ColumnOrigin,
    Database,
    RawColumn,
    ReadPlan,
    absent_column,
)
from rental_analytics.databases.constants import constant_column
from rental_analytics.errors import ConfigurationError, ContractError
from rental_analytics.sql.render import folded

_MOST_LIKELY = 5
_DEFAULTS = TableSettings()


def plan_read(
    database: Database, table: SourceTable, found: CatalogueTable, settings: TableSettings = _DEFAULTS
) -> ReadPlan:
    """Match a contract with the catalogue and the configuration, and decide how the table is read.

    Raises:
        ConfigurationError: what the configuration says of its columns is not so.
        ContractError: a required column is missing or has an unusable type, or the mode cannot be had.
    """
    if not found.columns:
        raise _broken_view(both_names(table.name, found.name), found.name, table.name, database.display_url)
    _check_alike(table, found)
    matching = _Matching(database, table, found, settings)
    columns = matching.columns()
    _check_key(table, found, settings, {column.name for column in columns if not column.select})
    kept, notes = matching.others()
    mode, cursor = _mode(table, {column.name for column in columns if column.select}, settings.mode)
    key = {folded(column.source) for column in columns if column.name in table.key}
    return ReadPlan(
        table=table,
        mode=mode,
        columns=(*columns, *kept),
        key=table.key,
        cursor=cursor,
        unique_key=bool(table.key) and any(unique <= key for unique in found.unique_keys),
        relation=found.name,
        notes=notes,
        catalogue=tuple(SeenColumn(name=c.name, type=c.native, nullable=c.nullable) for c in found.columns),
    )


def plan_absent(table: SourceTable, settings: TableSettings) -> ReadPlan:
    """The plan for an optional table that the source does not have: no rows, read as they would be from all columns."""
    mode, cursor = _mode(table, set(table.columns), settings.mode)
    columns = tuple(absent_column(name, spec.type) for name, spec in table.columns.items())
    return ReadPlan(table, mode, columns, table.key, cursor, unique_key=False, relation="")


class _Matching:
    """Which column of the source is which one of ours."""

    def __init__(self, database: Database, table: SourceTable, found: CatalogueTable, settings: TableSettings) -> None:
        self._database = database
        self._table = table
        self._found = found
        self._settings = settings
        self._by_name = {folded(column.name): column for column in found.columns}
        given = {name: folded(theirs) for name, theirs in settings.columns.items()}
        theirs = {name: given.get(name, name) for name in table.columns if name not in settings.constants}
        self._theirs = {name: self._by_name[other] for name, other in theirs.items() if other in self._by_name}

    def columns(self) -> list[RawColumn]:
        """The columns of the contract."""
        self._check_mapped()
        missing = [name for name, spec in self._table.columns.items() if spec.required and self._is_missing(name)]
        if missing:
            raise self._missing_columns(missing)
        return [self._column(name, spec.type) for name, spec in self._table.columns.items()]

    def others(self) -> tuple[list[RawColumn], tuple[str, ...]]:
        """The columns that are kept although the contract does not name them, and a note on those that are not."""
        read = {column.name for column in self._theirs.values()}
        unknown = [column for column in self._found.columns if column.name not in read]
        keeps = self._table.unknown_columns is UnknownColumns.KEEP
        # A name that ours have already is not to be had twice.
        kept = [column for column in unknown if keeps and _spark_name(column.name) not in self._table.columns]
        ignored = [column.name for column in unknown if column not in kept]
        notes = (f"columns ignored: {', '.join(ignored)}",) if ignored else ()
        return [self._read(folded(column.name), column, SourceType.ANY) for column in kept], notes

    def _is_missing(self, name: str) -> bool:
        return name not in self._theirs and name not in self._settings.constants

    def _column(self, name: str, wanted: SourceType) -> RawColumn:
        if name in self._settings.constants:
            self._check_lacks(name)
            return constant_column(self._table.name, name, wanted, self._settings.constants[name])
        if name in self._theirs:
            return self._read(name, self._theirs[name], wanted)
        return absent_column(name, wanted)

    def _read(self, name: str, column: CatalogueColumn, wanted: SourceType) -> RawColumn:
        made = self._database.raw_column(self._origin(name, column), wanted)
        return replace(made, source=column.name) if made.select else made

    def _origin(self, name: str, column: CatalogueColumn) -> ColumnOrigin:
        return ColumnOrigin(self._table, name, self._found.name, column)

    def _check_lacks(self, name: str) -> None:
        """A constant for a column that the source has would hide its values."""
        column = self._by_name.get(name)
        if column and column not in self._theirs.values():
            place = self._origin(name, column).place
            raise ConfigurationError(
                f"tables.{self._table.name}.constants.{name} would hide {place}: the source has that column.",
                remedy="remove the constant to read the column; if rows were loaded with it, then run "
                "`rental run --full-refresh` once.",
                reason="constant-hides-column",
                table=self._table.name,
            )

    def _check_mapped(self) -> None:
        for name, theirs in self._settings.columns.items():
            if name not in self._theirs:
                place = both_names(f"{self._table.name}.{name}", f"{self._found.name}.{theirs}")
                raise ContractError(
                    f"There is no column {place}, which tables.{self._table.name}.columns.{name} names."
                    + self._likely(name),
                    remedy=f"correct tables.{self._table.name}.columns.{name}, or remove it if the source has no such "
                    "column.",
                    reason="mapped-column-missing",
                    table=self._table.name,
                )

    def _missing_columns(self, names: Sequence[str]) -> ContractError:
        """The error for required columns that are not there, with those that may be it under another name."""
        table, listed = self._table.name, " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
        setting = self._table.columns[names[0]].setting
        instead = f"set {setting}, or " if setting else ""
        likely = self._likely(names[0]) if len(names) == 1 else f" It has {', '.join(self._unread()) or 'no others'}."
        return ContractError(
            f"Table {both_names(table, self._found.name)} has no column{'s' if names[1:] else ''} {listed}, which its "
            f"contract requires.{likely}",
            remedy=f'{instead}set tables.{table}.columns.{names[0]} = "..." to what the source calls it, or '
            f"tables.{table}.constants.{names[0]} if all rows have one value and it is no key and no moment; or add "
            "the column, or put a view that has it in the place of the table.",
            reason="source-column-missing",
            table=table,
        )

    def _likely(self, name: str) -> str:
        """The columns that may be one of ours under another name."""
        wanted = self._table.columns[name].type
        likely = [column for column in self._unread() if self._serves(name, column, wanted)]
        more = " or another one" if likely[_MOST_LIKELY:] else ""
        return f" If it was renamed, it may be {' or '.join(likely[:_MOST_LIKELY])}{more}." if likely else ""

    def _unread(self) -> list[str]:
        read = {column.name for column in self._theirs.values()}
        return [column.name for column in self._found.columns if column.name not in read]

    def _serves(self, name: str, theirs: str, wanted: SourceType) -> bool:
        try:
            self._database.raw_column(self._origin(name, self._by_name[folded(theirs)]), wanted)
        except ContractError:
            return False
        return True


def _check_key(table: SourceTable, found: CatalogueTable, settings: TableSettings, empty: set[str]) -> None:
    """A key that is always NULL tells no row from another."""
    for name in table.key:
        if name in empty:
            place = both_names(f"{table.name}.{name}", f"{found.name}.{settings.columns.get(name, name)}")
            raise ContractError(
                f"Column {place} is NULL in every row, but it is part of the table's key.",
                remedy="let the view give the rows' own key under that name.",
                reason="key-always-null",
                table=table.name,
            )


def _check_alike(table: SourceTable, found: CatalogueTable) -> None:
    """Two names that only the source tells apart are one to Spark, which folds more letters than A to Z."""
    keeps = table.unknown_columns is UnknownColumns.KEEP
    seen: dict[str, str] = {}
    for name in (column.name for column in found.columns):
        other = seen.setdefault(_spark_name(name) if keeps else folded(name), name)
        if other is not name:
            raise ContractError(
                f"The columns {other!a} and {name!a} of table {both_names(table.name, found.name)} are one name in "
                "other case.",
                remedy=f"rename one in a view, or remove `unknown_columns: keep` from sources/{table.name}.yaml.",
                reason="column-names-alike",
                table=table.name,
            )


def _spark_name(name: str) -> str:
    return "".join(map(_folded_letter, name))


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


def _broken_view(place: str, relation: str, table: str, display_url: str) -> ContractError:
    return ContractError(
        f"The view {place} of {display_url} cannot be read: a table or column it stands on is not there, or its "
        "definer may not read it.",
        remedy=f"create the view {relation} again, on tables and columns that exist.",
        reason="view-broken",
        table=table,
    )

"""The kinds of changes that a load makes of a table, each as data.

Most have their SQL, in DuckDB's dialect; the others have parameters alone, since warehouses write them in ways of their
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

from rental_analytics.sql.render import render


class Effect(StrEnum):
    """What the rows that a change touches count as in the result of the load."""

    INSERTED = "inserted"
    DELETED = "deleted"


@dataclass(frozen=True)
class Change:
    """A change of one table.

    Attributes:
        effect: what its rows count as; None where they do not count.
        is_for_held_rows: it changes only rows that were there before the load, so in an empty table nothing.
    """

    relation: str
    effect: ClassVar[Effect | None] = None
    is_for_held_rows: ClassVar[bool] = False


@dataclass(frozen=True)
class SqlChange(Change):
    """A change with its SQL: its fields are what its template takes."""

    template: ClassVar[str]

    @property
    def sql(self) -> str:
        """The statement, in DuckDB's dialect."""
        return render(self.template, **{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True)
class InsertRows(SqlChange):
    """Rows of a source are added.

    Args:
        values: SQL for each column, over `arrived`, which is a row of the source.
    """

    source: str
    values: Mapping[str, str]
    template = "warehouses/insert_rows"
    effect = Effect.INSERTED


@dataclass(frozen=True)
class DeleteRows(SqlChange):
    """The table is emptied, since the files are all of it."""

    template = "warehouses/delete_rows"


@dataclass(frozen=True)
class DeleteKeys(SqlChange):
    """Rows go that have a key of the source."""

    source: str
    key: tuple[str, ...]
    template = "warehouses/delete_keys"
    is_for_held_rows = True


@dataclass(frozen=True)
class DeleteRange(SqlChange):
    """Rows go whose moment is in a half-open range, UTC."""

    moment: str
    since: str
    until: str
    template = "warehouses/delete_range"
    effect = Effect.DELETED


@dataclass(frozen=True)
class _Flag(SqlChange):
    source: str
    key: tuple[str, ...]
    flag: str
    run_id: str
    loaded_at: str
    effect = Effect.DELETED
    is_for_held_rows = True


@dataclass(frozen=True)
class FlagDeleted(_Flag):
    """Rows with a key of the source are flagged as deleted."""

    template = "warehouses/flag_deleted"


@dataclass(frozen=True)
class FlagMissing(_Flag):
    """Rows whose key the source lacks are flagged as deleted."""

    template = "warehouses/flag_missing"


@dataclass(frozen=True)
class _HeldAmounts(SqlChange):
    """Rows of before, with an amount in the reporting currency of before.

    Args:
        column: has the amounts.
        key: tells a row from others.
        currency: what the amounts are in.
        moment: column with the moment whose day decides the rate; of `parent`, joined by the first column of the key,
            where there is one.
        last_day: the last one that has rates.
    """

    column: str
    key: tuple[str, ...]
    currency: str
    moment: str
    parent: str
    last_day: str
    is_for_held_rows = True


@dataclass(frozen=True)
class RemoveUnconverted(_HeldAmounts):
    """Rows go whose amount cannot be told in the reporting currency of now."""

    template = "warehouses/remove_unconverted"


@dataclass(frozen=True)
class ConvertRows(_HeldAmounts):
    """Amounts are converted to the reporting currency of now."""

    template = "warehouses/convert_rows"


@dataclass(frozen=True)
class DateVersions(SqlChange):
    """Versions of the source that are news go to the table `dated`, each with the moment at which it began."""

    source: str
    dated: str
    owner: str
    columns: tuple[str, ...]
    template = "warehouses/date_versions"


@dataclass(frozen=True)
class RemoveFutureVersions(SqlChange):
    """Versions go that lie ahead and that their row has left behind."""

    parent: str
    owner: str
    moment: str | None
    now: str
    run_id: str
    template = "warehouses/remove_future_versions"


@dataclass(frozen=True)
class AlignVersions(SqlChange):
    """The last version is made to say what the row itself says, whatever its cursor says about since when."""

    parent: str
    owner: str
    values: tuple[str, ...]
    has_activity: bool
    now: str
    run_id: str
    loaded_at: str
    template = "warehouses/align_versions"
    effect = Effect.INSERTED


@dataclass(frozen=True)
class BackdateVersions(SqlChange):
    """The first known version of each key of the source counts from the key's beginning."""

    source: str
    key: tuple[str, ...]
    has_activity: bool
    template = "warehouses/backdate_versions"


@dataclass(frozen=True)
class ForgetAssumed(SqlChange):
    """Versions go that were assumed of keys of the source: what is known of these may be another now."""

    source: str
    owner: str
    template = "warehouses/forget_assumed"
    is_for_held_rows = True


@dataclass(frozen=True)
class AssumeVersions(SqlChange):
    """Before the first known version of each key of the source, where that is not active, an active one is assumed."""

    source: str
    owner: str
    values: tuple[str, ...]
    loaded_at: str
    template = "warehouses/assume_versions"
    effect = Effect.INSERTED


@dataclass(frozen=True)
class MadeCheck:
    """A check of a table, and the query for what breaks it."""

    table_name: str
    check_name: str
    severity: str
    query: str


@dataclass(frozen=True)
class CheckTables(SqlChange):
    """What checks of the tables find is noted in `ops.check_results`."""

    run_id: str
    checks: tuple[MadeCheck, ...]
    template = "warehouses/check_tables"


@dataclass(frozen=True)
class DeleteRun(SqlChange):
    """A table of schema `ops` forgets what it has of the run."""

    run_id: str
    template = "warehouses/delete_run"


@dataclass(frozen=True)
class NoteLoad(SqlChange):
    """The note that the manifest is loaded, with the next number."""

    manifest_hash: str
    step: str
    run_id: str
    loaded_at: str
    reporting_currency: str | None
    template = "warehouses/note_load"


@dataclass(frozen=True)
class MergeRows(Change):
    """The rows of the source replace those with their key, or are added; `values` as in `InsertRows`.

    Columns that `values` lacks are NULL from then on, as they are in the source.
    """

    source: str
    key: tuple[str, ...]
    values: Mapping[str, str]
    effect = Effect.INSERTED

    @property
    def parts(self) -> tuple[DeleteKeys, InsertRows]:
        """The same in two statements."""
        return DeleteKeys(self.relation, self.source, self.key), InsertRows(self.relation, self.source, self.values)


@dataclass(frozen=True)
class AddRecords(Change):
    """Records are added to a table of schema `ops`."""

    records: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class AddFiles(Change):
    """The rows of files are added to a table of schema `ops`; a column that they lack stays NULL."""

    source: str


AnyChange = SqlChange | MergeRows | AddRecords | AddFiles

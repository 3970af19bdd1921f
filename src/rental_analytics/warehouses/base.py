"""What loads, rebuilds and answers: the interface the steps speak to, whichever warehouse stands behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.checks import DeclaredCheck
from rental_analytics.contracts.manifest import CheckResult, FileColumn, LakeFile, LoadedTable
from rental_analytics.contracts.model import DerivedModel, Layout
from rental_analytics.errors import WarehouseError
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.storage.base import Lake

if TYPE_CHECKING:
    import pyarrow as pa

OpsRows = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Replaced:
    """Rows that a load replaces: those whose `moment` is in a half-open range, UTC."""

    moment: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class HeldAmounts:
    """Amounts that a table has in a reporting currency of before.

    Args:
        column: has the amounts.
        currency: what they are in.
        moment: column with the moment whose day decides the rate, of `parent` where that is named.
    """

    column: str
    currency: str
    moment: str
    parent: str = ""


class Disposition(StrEnum):
    """How files change a table.

    merge: newest row per key wins, vanished keys are flagged. append: rows are added. replace: the files are the table.
    versions: rows are versions of a key, and the first one is backdated.
    """

    MERGE = "merge"
    APPEND = "append"
    REPLACE = "replace"
    VERSIONS = "versions"


@dataclass(frozen=True)
class TableDetails:
    """What a contract says of a table beside its columns' types; a warehouse uses what it has a place for.

    Args:
        descriptions: what the columns mean, by name.
        required: columns that are never NULL.
        layout: where its rows lie; None leaves it to the warehouse.
    """

    description: str = ""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    layout: Layout | None = None

    def comments(self, relation: str, columns: Iterable[str]) -> dict[str, str]:
        """What is said of a table and of these columns of it, by `schema.table` and `schema.table.column`."""
        told = {relation: self.description} | {
            f"{relation}.{name}": self.descriptions.get(name, "") for name in columns
        }
        return {place: text for place, text in told.items() if text}


PLAIN = TableDetails()
"""Of a table no contract says anything."""


@dataclass(frozen=True)
class TableLoad:
    """Files that change one table.

    Args:
        relation: qualified name of the table.
        columns: columns of the files, in file order.
        newest_by: columns that tell the newest of several rows with one key, most important first; empty where the
            files hold a key once.
        complete: the files are the whole source table: keys that are not there have vanished.
        soft_delete: the table flags vanished keys in `is_deleted`.
        checks: what is asked of the table once all tables are loaded.
        versions_of: table whose rows have these versions; loaded before this one.
        version: column of that table with the moment of its row's version.
        replaced: rows that go before the files' rows are appended.
        held_amounts: amounts of before to convert, where the reporting currency has changed.
        ids: columns of ids that change between numbers and texts where the table has them of the other kind.
        details: what its contract says of the table.
    """

    relation: str
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...]
    disposition: Disposition
    files: tuple[LakeFile, ...]
    deletes: tuple[LakeFile, ...] = ()
    withdrawn: tuple[LakeFile, ...] = ()
    newest_by: tuple[str, ...] = ()
    complete: bool = False
    soft_delete: bool = False
    checks: tuple[DeclaredCheck, ...] = ()
    versions_of: str | None = None
    version: str | None = None
    replaced: Replaced | None = None
    held_amounts: HeldAmounts | None = None
    ids: tuple[str, ...] = ()
    details: TableDetails = PLAIN


@dataclass(frozen=True)
class QueryParameters:
    """The row of `ops.run_parameters`, where the queries of metrics find what is the run's and no table's.

    Args:
        as_of: last day the numbers include; None where no row has a day yet.
        reporting_currency: what amounts of the curated tables are in.
        known_from: the day up to which the first run that was loaded had read; versions of before it are guesses.
    """

    run_id: str
    as_of: date | None
    reporting_currency: str
    known_from: date


@dataclass(frozen=True)
class Load:
    """All that one manifest changes in the warehouse: done whole and once, or not at all.

    Args:
        manifest_hash: identifies the manifest in `ops.loads`.
        loaded_at: written to `_loaded_at`.
        upper_bound: the source was read up to this moment, UTC.
        follows: hash of the manifest of this step that has to be the last one loaded, empty where none has been; else
            the load is refused. None for whichever it is.
        reporting_currency: what amounts of the curated tables are in; None where the load changes none of them.
        described: what contracts say of tables that the load does not change, by qualified name.
        ops_files: Parquet files for tables of schema `ops`, by table, in place of what these have of the run.
        ops_rows: rows for tables of schema `ops`, likewise.
    """

    step: str
    run_id: str
    manifest_hash: str
    loaded_at: datetime
    upper_bound: datetime
    tables: tuple[TableLoad, ...]
    follows: str | None = None
    reporting_currency: str | None = None
    described: Mapping[str, TableDetails] = field(default_factory=dict)
    ops_files: Mapping[str, Sequence[LakeFile]] = field(default_factory=dict)
    ops_rows: OpsRows = field(default_factory=dict)

    @property
    def files(self) -> tuple[LakeFile, ...]:
        """All files the load reads."""
        tables = (file for table in self.tables for file in (*table.files, *table.deletes, *table.withdrawn))
        return (*tables, *(file for files in self.ops_files.values() for file in files))


@dataclass(frozen=True)
class FilledFrom:
    """A lake as the warehouse remembers it; `url` is where it was, `sequence` its place among those it had, from 1."""

    lake_id: str
    url: str
    sequence: int = 0


class Warehouse(ABC):
    """A database with the schemas `raw_data`, `curated`, `intermediate`, `presentation` and `ops`."""

    name: str
    dialect: str
    """The SQL that its users write, as sqlglot calls it."""
    is_shared: bool
    """Whether threads of one process may ask it at the same time."""
    display_url: str

    @abstractmethod
    def open(self, *, read_only: bool = False) -> None:
        """Connect, and make the schemas, the tables of `ops` and their columns where they are missing.

        Raises:
            LockHeldError: another process holds the warehouse.
            ConfigurationError: it cannot be opened.
        """

    @abstractmethod
    def loaded(self, step: str, manifest_hash: str) -> bool:
        """Whether a manifest has been loaded."""

    @abstractmethod
    def last_loaded(self, step: str) -> str | None:
        """Hash of the manifest that was loaded last."""

    @abstractmethod
    def lake(self) -> FilledFrom | None:
        """The lake it was filled from last, as `ops.lakes` has it; None where no run noted it."""

    @abstractmethod
    def attempts(self, run_id: str, step: str, begun: datetime) -> int:
        """How many attempts at a step of a run `ops.steps` has, without the one that began at `begun`, UTC."""

    @abstractmethod
    def load(self, load: Load, lake: Lake) -> dict[str, LoadedTable]:
        """Apply a load in one transaction; one that was applied before changes nothing.

        Raises:
            WarehouseError: another load came in between; nothing is changed.
            LakeError: a file is missing, or is another one than its manifest says; nothing is changed.
        """

    @abstractmethod
    def account(self, load: Load, lake: Lake) -> None:
        """Put `ops_rows` and `ops_files` of a load in place of what `ops` has of its run; no other table changes."""

    @abstractmethod
    def newest_day(self, through: date = date.max) -> date | None:
        """Newest day seen in curated `booked_at`, `viewed_at` and listing `modified_at`, up to `through`.

        Where all of them lie behind it, `through` itself; None where there are none.
        """

    @abstractmethod
    def rebuild(
        self, models: Sequence[DerivedModel], parameters: QueryParameters, comparisons: Comparisons
    ) -> tuple[dict[str, LoadedTable], list[CheckResult]]:
        """Compute tables anew, each behind those it reads, check them and swap all of them in, in one transaction.

        Raises:
            QualityError: a check that stops the run was broken; the old tables stay.
        """

    @abstractmethod
    def record(self, rows: OpsRows, *, replacing: Sequence[str] = ()) -> None:
        """Add rows to tables of schema `ops`, in place of those that agree in the columns `replacing`."""

    @abstractmethod
    def fail_running(self, finished_at: datetime, error: str) -> None:
        """Mark the runs that `ops.runs` has as running as failed: their processes ended and could not say so."""

    @abstractmethod
    def columns(self, relation: str) -> dict[str, str]:
        """Columns of a table in order, typed as contracts spell types; empty where there is no such table."""

    @abstractmethod
    def ask(self, sql: str) -> pa.Table:
        """Rows of a query of the project's own, which is written in DuckDB's dialect wherever it runs."""

    @abstractmethod
    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """Rows of a user's statement in the warehouse's own SQL, at most `limit`; nothing is changed.

        Raises:
            ConfigurationError: the statement is wrong, or is not one that only reads.
        """

    def batches(self, sql: str, limit: int | None = None) -> pa.RecordBatchReader:
        """As `query`, a part of the rows at a time; read before anything else is asked."""
        return self.query(sql, limit).to_reader()

    @abstractmethod
    def publish(self) -> None:
        """Show readers all that was changed, where they do not see it when it is committed; the run has ended.

        Raises:
            WarehouseError: it cannot be shown; nothing is lost, and readers see what they saw.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the warehouse; what was not published stays for the next run."""


def out_of_turn(load: Load, warehouse: str) -> WarehouseError:
    """The error for a load whose predecessor is not the last one loaded."""
    return WarehouseError(
        f"Another process loaded into {warehouse} since run {load.run_id} began; nothing of this run was loaded.",
        remedy="see that one scheduler alone runs the pipeline on this warehouse, then start a new run, with "
        "--full-refresh if the other one had a lake of its own.",
        reason="warehouse-loaded-beside",
    )

"""The source side: what a database is asked, and what its answers are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rental_analytics.contracts.base import both_names
from rental_analytics.contracts.manifest import SeenColumn
from rental_analytics.contracts.source_table import ReadMode, SourceTable, SourceType
from rental_analytics.errors import ContractError

if TYPE_CHECKING:
    import pyarrow as pa

COUNTED = "_expected"
"""Column with the number of rows of a statement that counts them."""

ZERO_DATE = datetime(1, 1, 1)  # noqa: DTZ001
"""Stands for a MySQL zero date on the way; no real value of the marketplace is that old."""

DEFAULT_TIMEOUT = timedelta(seconds=60)
"""How long a source may send nothing before an attempt ends, unless the configuration says otherwise."""

DEFAULT_TYPES = {
    SourceType.INTEGER: "BIGINT",
    SourceType.DECIMAL: "DECIMAL(38,10)",
    SourceType.FLOAT: "DOUBLE",
    SourceType.TEXT: "VARCHAR",
    SourceType.BOOLEAN: "BOOLEAN",
    SourceType.DATE: "DATE",
    SourceType.TIMESTAMP: "TIMESTAMP",
    SourceType.TIME: "BIGINT",
    SourceType.ANY: "VARCHAR",
    SourceType.ID: "BIGINT",
    SourceType.TEXT_ID: "VARCHAR",
}

_WANTED = {SourceType.ID: "an id, a whole number", SourceType.TEXT_ID: "an id, a text or a whole number"}


@dataclass(frozen=True)
class CatalogueColumn:
    """A column as the database's catalogue describes it; `native` is the type in the database's own words.

    `nullable` is None where the catalogue does not say.
    """

    name: str
    native: str
    nullable: bool | None = None


@dataclass(frozen=True)
class CatalogueTable:
    """A table as the catalogue describes it; `unique_keys` are the column sets the database keeps unique.

    A view that stands on what is not there any more has no columns.
    """

    name: str
    columns: tuple[CatalogueColumn, ...]
    unique_keys: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class ColumnOrigin:
    """Where the values of one of our columns come from.

    Args:
        table: the contract of the table.
        name: our name of the column.
        relation: the source's name of the table.
        column: the source's column.
    """

    table: SourceTable
    name: str
    relation: str
    column: CatalogueColumn

    @property
    def is_key(self) -> bool:
        """Whether rows are told apart by it."""
        return self.name in self.table.key

    @property
    def place(self) -> str:
        """The column as messages name it, such as `bookings.total_price (reservations.price_total)`."""
        return both_names(f"{self.table.name}.{self.name}", f"{self.relation}.{self.column.name}")


@dataclass(frozen=True)
class RawColumn:
    """How one column travels: selected in the source's dialect, converted in DuckDB's.

    Args:
        type: exact type in the lake and the warehouse.
        select: expression in the source's SQL; empty where the table lacks the column and nothing travels.
        convert: expression over the selected column, in DuckDB's SQL, that has `type` and fails on what does not fit.
        zero_dates: whether `ZERO_DATE` may arrive and stands for NULL.
        max_bytes: bytes of UTF-8 that a text cannot exceed; None where the catalogue sets no bound.
        source: the source's name of the column; empty where nothing travels.
        constant: the value of every row, which does not travel, as a text; None where there is none.
    """

    name: str
    type: str
    select: str
    convert: str
    zero_dates: bool = False
    max_bytes: int | None = None
    source: str = ""
    constant: str | None = None

    @property
    def is_present(self) -> bool:
        """Whether rows have values of it."""
        return bool(self.select) or self.constant is not None


@dataclass(frozen=True)
class ReadPlan:
    """How a table is read in this run, as its catalogue and configuration have it.

    Names are ours, but `relation`, the source's name of the table, empty where it has no such table, and the `source`
    of each column: statements for the source are made of these. `catalogue` has all columns of the source, those the
    contract does not name included, in the source's order.
    """

    table: SourceTable
    mode: ReadMode
    columns: tuple[RawColumn, ...]
    key: tuple[str, ...]
    cursor: str | None
    unique_key: bool
    relation: str
    notes: tuple[str, ...] = ()
    catalogue: tuple[SeenColumn, ...] = ()

    @property
    def place(self) -> str:
        """The table as messages name it, such as `bookings (reservations)`."""
        return both_names(self.table.name, self.relation)

    def place_of(self, column: str) -> str:
        """A column as messages name it, such as `bookings.total_price (reservations.price_total)`."""
        return both_names(f"{self.table.name}.{column}", f"{self.relation}.{self.sources.get(column, column)}")

    @property
    def absent(self) -> bool:
        """Whether the source has no such table, which is optional."""
        return not self.relation

    @property
    def present(self) -> tuple[str, ...]:
        """The columns that rows have values of."""
        return tuple(column.name for column in self.columns if column.is_present)

    @property
    def sources(self) -> dict[str, str]:
        """The source's names of the columns that travel."""
        return {column.name: column.source for column in self.columns if column.select}

    @property
    def constants(self) -> dict[str, str]:
        """Values of the columns that have one in every row, as texts."""
        return {column.name: column.constant for column in self.columns if column.constant is not None}

    @property
    def moments(self) -> tuple[str, ...]:
        """The timestamps that place a row on a day: its cursor, and its event time where the source has one."""
        names = (self.cursor, self.table.event_time)
        return tuple(dict.fromkeys(name for name in names if name and name in self.sources))

    @property
    def key_columns(self) -> tuple[RawColumn, ...]:
        """The columns of the key, in its order."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)


@dataclass(frozen=True)
class Window:
    """Half-open range of cursor values, UTC; no lower bound means from the beginning."""

    lower: datetime | None
    upper: datetime


def earlier(moment: datetime, by: timedelta) -> datetime:
    """A moment less a time; the first that there is where that would be before it."""
    first = datetime.min  # noqa: DTZ901
    return moment - by if moment - first >= by else first


@dataclass(frozen=True)
class ParallelRead:
    """One of several statements that read a selection side by side, each over a connection of its own.

    Args:
        relation: what stands behind FROM, in the source's SQL; `COUNTED` is one of its columns where rows are counted.
        condition: in the source's SQL, for the rows of this statement among those of the table.
    """

    relation: str
    condition: str | None


@dataclass(frozen=True)
class Sample:
    """Which rows a look at a column may cost, and how long it may take.

    Args:
        rows: how many are looked at, at most.
        values: how many of the commonest values are told.
        seconds: after which the database gives up.
        newest_by: a unique column of the source by which the last rows are taken; None for any rows.
    """

    rows: int
    values: int
    seconds: int
    newest_by: str | None = None


@dataclass(frozen=True)
class JdbcAccess:
    """How programs on the Java machine reach a database; `repr` leaves the login out.

    Args:
        url: JDBC URL, without user and password.
        properties: what the driver is given beside it.
        session: statement to run on each new connection.
    """

    url: str
    properties: Mapping[str, str] = field(repr=False)
    session: str


class ParallelDatabase(ABC):
    """The side of a database that many machines can read at once."""

    authorities: str | None = None
    """Certificates as PEM, of which one has to vouch for the server's; None where the machines know theirs."""

    @abstractmethod
    def trusting(self, store: str, password: str) -> Mapping[str, str]:
        """Properties by which a driver trusts `authorities` and nobody else.

        Args:
            store: URL of a trust store with them, in the format PKCS12.
            password: that of the store.
        """

    @abstractmethod
    def access(self) -> JdbcAccess:
        """How to connect."""

    @abstractmethod
    def reads(
        self,
        plan: ReadPlan,
        columns: Sequence[RawColumn],
        condition: str | None = None,
        *,
        counted: bool = False,
        at_once: int = 1,
    ) -> list[ParallelRead]:
        """Statements that give each row of a selection once, of about the same number of rows each.

        Args:
            at_once: how many can run at the same time; where the table is large there are more than that.
        """

    @abstractmethod
    def arrives_as(self, column: RawColumn) -> str | None:
        """Type to cast a column to before it is converted, in DuckDB's SQL; None where it arrives as it should."""


class Database(ABC):
    """A source database. Timestamps are exchanged as naive UTC."""

    kind: str
    display_url: str
    note: Callable[[str], None] = staticmethod(lambda _: None)
    """Takes a line for the reader of a run, such as that the source is waited for."""

    @abstractmethod
    def server_time(self) -> datetime:
        """The server's clock now, UTC, with microseconds where it has them.

        Raises:
            SourceUnavailableError: the server cannot be reached.
            ConfigurationError: it refuses the login, or there is no such database.
        """

    @abstractmethod
    def catalogue(self) -> dict[str, CatalogueTable]:
        """Tables and views of the database by name."""

    @abstractmethod
    def raw_column(self, origin: ColumnOrigin, wanted: SourceType) -> RawColumn:
        """How a column is selected and converted.

        Raises:
            ContractError: its type cannot serve as what the contract wants.
        """

    @abstractmethod
    def cursor_filter(self, plan: ReadPlan, window: Window) -> str:
        """Condition, in the source's SQL, for rows at or after the window's start, in the future, or with no cursor."""

    @abstractmethod
    def range_filter(self, plan: ReadPlan, window: Window) -> str:
        """Condition, in the source's SQL, for rows whose cursor, or event time where there is one, is in a window.

        It may let others pass.
        """

    @abstractmethod
    def count(self, plan: ReadPlan, condition: str | None) -> int:
        """How many rows of the plan's table meet a condition in the source's SQL; without one, how many there are.

        Raises:
            SourceError: the database cannot be read.
        """

    @abstractmethod
    def common_values(self, relation: str, column: str, sample: Sample) -> list[tuple[str | None, int]]:
        """The commonest values of a column among some of its table's rows, as texts, and how many rows have each.

        Raises:
            RentalError: the table cannot be read, or not in time.
        """

    @abstractmethod
    def key_filter(self, plan: ReadPlan, keys: Sequence[tuple[Any, ...]]) -> str:
        """Condition, in the source's SQL, for the rows with one of these keys; it may let others pass."""

    @abstractmethod
    def can_filter(self, plan: ReadPlan) -> bool:
        """Whether `key_filter` finds every row by its key as it arrives: not where the key changes on its way."""

    @abstractmethod
    def select(
        self, plan: ReadPlan, columns: Sequence[RawColumn], condition: str | None = None, *, counted: bool = False
    ) -> str:
        """Statement that reads these columns of the plan's table; `counted` adds `COUNTED`, the number of its rows."""

    def parallel(self) -> ParallelDatabase | None:
        """What many machines can read at once; None for a database in one file."""
        return None

    @abstractmethod
    @contextmanager
    def read(self, sql: str, plan: ReadPlan | None = None) -> Iterator[pa.RecordBatchReader]:
        """Stream a statement's rows as Arrow batches, without holding them all in memory.

        Args:
            plan: of the table that the statement reads, if it reads one: for errors to name it and the key of a row.

        Raises:
            SourceUnavailableError: the database was silent for too long, or the connection was lost.
            SourceError: the database refused the statement or sent what cannot be read.
        """
        yield None


def absent_column(name: str, wanted: SourceType) -> RawColumn:
    """A column that no row has a value of: nothing travels, and NULL arrives in the type of its contract."""
    kind = DEFAULT_TYPES[wanted]
    return RawColumn(name, kind, "", f"CAST(NULL AS {kind})")


def quoted_text(text: str) -> str:
    """A string literal in standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def unusable(origin: ColumnOrigin, wanted: SourceType, serves: Callable[[SourceType], bool]) -> ContractError:
    """The error for a column whose type cannot serve.

    Args:
        serves: whether it could as another kind.
    """
    table = origin.table.name
    if wanted is SourceType.ID and serves(SourceType.TEXT_ID):
        return ContractError(
            f"Column {origin.place} is {origin.column.native}, but ids are whole numbers: marketplace.ids is "
            '"integer".',
            remedy='set marketplace.ids = "text", for the ids of all tables; whole numbers among them become texts.',
            reason="id-column-not-integer",
            table=table,
        )
    return ContractError(
        f"Column {origin.place} is {origin.column.native}, but its contract needs {_WANTED.get(wanted, wanted.value)}.",
        remedy=f"change the column, put a view in its place, or correct its type in sources/{table}.yaml.",
        reason="column-type-unusable",
        table=table,
    )

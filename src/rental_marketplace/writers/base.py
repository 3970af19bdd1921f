"""What the generator asks of a database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rental_marketplace import arrow
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.options import Progress
from rental_marketplace.schema import TABLES, Table

Row = tuple[Any, ...]


class Target(ABC):
    """A database that takes a marketplace.

    `build` makes a new marketplace that appears whole or not at all; `transaction`, `fetch`, `execute` and
    `insert` change an existing one. SQL uses `?` for values; table and column names are those of the schema,
    nothing from outside. Every method raises MarketplaceError when the database refuses.
    """

    label: str
    """The target in messages, without a password."""

    @abstractmethod
    def occupied(self) -> list[str]:
        """Names of marketplace tables that hold rows."""

    @abstractmethod
    @contextmanager
    def build(self, tables: Sequence[Table], *, strict: bool) -> Iterator[Loader]:
        """Create the tables out of sight; put them in place of older ones only if the block succeeds."""

    @abstractmethod
    def columns(self, table: str) -> dict[str, bool]:
        """Columns of an existing table, and whether each takes NULL; empty when there is no such table."""

    @abstractmethod
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none."""

    @abstractmethod
    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows of a query."""

    @abstractmethod
    def execute(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """Run one statement for each row of values; returns the rows changed."""

    @abstractmethod
    def insert(self, table: Table, rows: arrow.Table) -> None:
        """Add rows to an existing table; only the columns of `table` are written."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def require_tables(self) -> dict[str, Table]:
        """The marketplace tables as this database has them.

        Raises:
            MarketplaceError: a table or a required column is missing.
        """
        found = {}
        for table in TABLES:
            names = list(self.columns(table.name))
            required = table.without_optional().column_names
            missing = [name for name in required if name not in names]
            if missing:
                columns = f"columns {', '.join(missing)} of " if names else ""
                what = f"{columns}table {table.name}"
                raise MarketplaceError(
                    f"{self.label} has no {what}.",
                    remedy="Make a marketplace first with `rental generate`.",
                    reason="marketplace-incomplete",
                )
            found[table.name] = table.limited_to(names)
        return found


class Loader(ABC):
    """Fills the tables of a marketplace being built."""

    @abstractmethod
    def load(self, table: Table, chunks: Iterator[arrow.Table], on_progress: Progress) -> int:
        """Write all chunks to the table; returns the rows written."""


def count_and_report(table: Table, chunks: Iterator[arrow.Table], on_progress: Progress) -> Iterator[arrow.Table]:
    """Pass the chunks on with the table's columns only; tell how many rows went by once each is consumed."""
    done = 0
    for chunk in chunks:
        yield chunk.select(table.column_names)
        done += len(chunk)
        on_progress(table.name, done)

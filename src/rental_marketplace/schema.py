"""The four source tables: columns, types, keys and indexes, stated once for both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from rental_marketplace.render import render

Kind = Literal["id", "integer", "decimal", "text", "timestamp", "date", "flag"]
Quote = Callable[[str], str]


@dataclass(frozen=True)
class Column:
    """One column: its declared type, and whether companies may lack it or leave it NULL."""

    name: str
    type: str
    kind: Kind
    optional: bool = False
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One source table; `key` and `cursor` may name optional columns."""

    name: str
    columns: tuple[Column, ...]
    key: str | None
    cursor: str | None

    def without_optional(self) -> Table:
        """The table as the poorest company has it."""
        columns = tuple(column for column in self.columns if not column.optional)
        return self.limited_to([column.name for column in columns])

    def limited_to(self, names: list[str]) -> Table:
        """The table with only the columns in `names`."""
        columns = tuple(column for column in self.columns if column.name in names)
        key = self.key if self.key in names else None
        cursor = self.cursor if self.cursor in names else None
        return Table(self.name, columns, key, cursor)

    def with_text_ids(self) -> Table:
        """The table as a company has it whose ids are texts."""
        columns = tuple(replace(column, type="CHAR(36)") if column.kind == "id" else column for column in self.columns)
        return replace(self, columns=columns)

    @property
    def column_names(self) -> list[str]:
        """Names in declared order."""
        return [column.name for column in self.columns]


def _required(name: str, type_: str, kind: Kind) -> Column:
    return Column(name, type_, kind)


def _nullable(name: str, type_: str, kind: Kind, *, optional: bool = False) -> Column:
    return Column(name, type_, kind, optional=optional, nullable=True)


APARTMENTS = Table(
    "apartments",
    (
        _required("id", "BIGINT", "id"),
        _required("title", "VARCHAR(255)", "text"),
        _nullable("source", "VARCHAR(64)", "text"),
        _required("price", "DECIMAL(12,2)", "decimal"),
        _required("currency", "VARCHAR(16)", "text"),
        _required("listing_created_on", "DATETIME(6)", "timestamp"),
        _required("is_active", "TINYINT(1)", "flag"),
        _required("last_modified_timestamp", "DATETIME(6)", "timestamp"),
    ),
    key="id",
    cursor="last_modified_timestamp",
)

APARTMENT_ATTRIBUTES = Table(
    "apartment_attributes",
    (
        _required("id", "BIGINT", "id"),
        _nullable("category", "VARCHAR(64)", "text"),
        _nullable("body", "TEXT", "text"),
        _nullable("amenities", "TEXT", "text"),
        _nullable("bathrooms", "DECIMAL(3,1)", "decimal"),
        _nullable("bedrooms", "INT", "integer"),
        _nullable("fee", "VARCHAR(8)", "text"),
        _nullable("has_photo", "VARCHAR(16)", "text"),
        _nullable("pets_allowed", "VARCHAR(32)", "text"),
        _nullable("price_display", "VARCHAR(32)", "text", optional=True),
        _nullable("price_type", "VARCHAR(16)", "text", optional=True),
        _nullable("square_feet", "INT", "integer"),
        _nullable("address", "VARCHAR(255)", "text"),
        _nullable("cityname", "VARCHAR(128)", "text"),
        _nullable("state", "VARCHAR(8)", "text"),
        _nullable("latitude", "DECIMAL(9,6)", "decimal"),
        _nullable("longitude", "DECIMAL(9,6)", "decimal"),
        _nullable("last_modified_timestamp", "DATETIME(6)", "timestamp", optional=True),
    ),
    key="id",
    cursor="last_modified_timestamp",
)

USER_VIEWING = Table(
    "user_viewing",
    (
        Column("id", "BIGINT", "id", optional=True),
        _required("user_id", "BIGINT", "id"),
        _required("apartment_id", "BIGINT", "id"),
        _required("viewed_at", "DATETIME(6)", "timestamp"),
        _required("is_wishlisted", "TINYINT(1)", "flag"),
        _nullable("call_to_action", "VARCHAR(32)", "text"),
    ),
    key="id",
    cursor="viewed_at",
)

BOOKINGS = Table(
    "bookings",
    (
        _required("booking_id", "BIGINT", "id"),
        _required("user_id", "BIGINT", "id"),
        _required("apartment_id", "BIGINT", "id"),
        _required("booking_date", "DATETIME(6)", "timestamp"),
        _required("checkin_date", "DATE", "date"),
        _required("checkout_date", "DATE", "date"),
        _required("total_price", "DECIMAL(12,2)", "decimal"),
        _required("currency", "VARCHAR(16)", "text"),
        _required("booking_status", "VARCHAR(32)", "text"),
        _nullable("payment_status", "VARCHAR(32)", "text", optional=True),
        _nullable("num_guests", "INT", "integer", optional=True),
        Column("updated_at", "DATETIME(6)", "timestamp", optional=True),
    ),
    key="booking_id",
    cursor="updated_at",
)

TABLES = (APARTMENTS, APARTMENT_ATTRIBUTES, BOOKINGS, USER_VIEWING)
TABLE_NAMES = tuple(table.name for table in TABLES)


def tables_for(*, minimal: bool) -> tuple[Table, ...]:
    """The tables in full, or without their optional columns."""
    return tuple(table.without_optional() for table in TABLES) if minimal else TABLES


def create_table(table: Table, name: str, quote: Quote, *, strict: bool) -> str:
    """The CREATE TABLE statement for `table` under `name`.

    Args:
        strict: declare NOT NULL and the primary key; otherwise every column takes NULL.
    """
    return render(
        "create_table",
        name=quote(name),
        columns=[(quote(column.name), column.type, strict and not column.nullable) for column in table.columns],
        key=quote(table.key) if strict and table.key is not None else "",
    )


def create_indexes(table: Table, name: str, quote: Quote, *, strict: bool) -> list[str]:
    """CREATE INDEX statements: the nullable unique key where there is no primary key, and the cursor."""
    statements = []
    if not strict and table.key is not None:
        index = quote(f"{table.name}_{table.key}")
        statements.append(f"CREATE UNIQUE INDEX {index} ON {quote(name)} ({quote(table.key)})")
    if table.cursor is not None:
        index = quote(f"{table.name}_{table.cursor}")
        statements.append(f"CREATE INDEX {index} ON {quote(name)} ({quote(table.cursor)})")
    return statements

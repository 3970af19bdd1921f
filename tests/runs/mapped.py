"""A marketplace twice: in tables and columns of our names, and in those that a company may have for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runs.harness import Pipeline, Source

NAMES = {
    "apartments": "Units",
    "apartment_attributes": "Units",
    "bookings": 'Guest "Reservations"',
    "user_viewing": "page-views",
}
UNIT = {"id": "unit no", "last_modified_timestamp": "Changed"}
COLUMNS: dict[str, dict[str, str]] = {
    "apartments": {
        **UNIT,
        "title": "name",
        "price": "price `eur`",
        "listing_created_on": "CREATED",
        "is_active": "active?",
    },
    "apartment_attributes": {**UNIT, "category": "kind", "square_feet": "sq%ft"},
    "bookings": {
        "booking_id": "id",
        "user_id": "guest",
        "apartment_id": "unit no",
        "booking_date": "made 'at'",
        "checkin_date": "checkout_date",
        "checkout_date": "checkin_date",
        "total_price": "price_total",
        "booking_status": "Status",
        "updated_at": "Changed",
    },
    "user_viewing": {"user_id": "visitor", "apartment_id": "unit", "viewed_at": "at", "is_wishlisted": "liked?"},
}
CONSTANTS: dict[str, dict[str, Any]] = {
    "apartments": {"source": "web", "currency": "EUR"},
    "apartment_attributes": {"fee": "it's \\ free", "bathrooms": "1.5"},
    "bookings": {"currency": "EUR", "num_guests": 2},
    "user_viewing": {"call_to_action": "none"},
}
SETTINGS = (
    *(f"tables.{table}.name={name}" for table, name in NAMES.items()),
    *(f"tables.{table}.columns.{ours}={theirs}" for table in COLUMNS for ours, theirs in COLUMNS[table].items()),
    *(f"tables.{table}.constants.{name}={value}" for table in CONSTANTS for name, value in CONSTANTS[table].items()),
    *(f"tables.{table}.optional=true" for table in ("apartments", "apartment_attributes", "user_viewing")),
)
_TABLES = {
    "Units": {
        "unit no": "BIGINT PRIMARY KEY",
        "name": "VARCHAR(500)",
        "price `eur`": "DECIMAL(12,2)",
        "CREATED": "DATETIME(6)",
        "active?": "TINYINT(1)",
        "kind": "VARCHAR(100)",
        "body": "TEXT",
        "amenities": "TEXT",
        "bedrooms": "INT",
        "has_photo": "VARCHAR(20)",
        "pets_allowed": "VARCHAR(50)",
        "sq%ft": "INT",
        "address": "VARCHAR(200)",
        "cityname": "VARCHAR(100)",
        "state": "VARCHAR(20)",
        "latitude": "DECIMAL(9,6)",
        "longitude": "DECIMAL(9,6)",
        "Changed": "DATETIME(6)",
        "price": "INT",
    },
    'Guest "Reservations"': {
        "id": "BIGINT PRIMARY KEY",
        "guest": "BIGINT",
        "unit no": "BIGINT",
        "made 'at'": "DATETIME(6)",
        "checkin_date": "DATE",
        "checkout_date": "DATE",
        "price_total": "DECIMAL(12,2)",
        "Status": "VARCHAR(20)",
        "Changed": "DATETIME(6)",
    },
    "page-views": {
        "visitor": "BIGINT",
        "unit": "BIGINT",
        "at": "DATETIME(6)",
        "liked?": "TINYINT(1)",
    },
}
LOADED = ("raw_data", "curated")


def quoted(name: str) -> str:
    """A name as both databases quote it."""
    return "`" + name.replace("`", "``") + "`"


class Twice:
    """Both sources, changed alike, and a pipeline on each.

    Args:
        make: gives an empty database by a name.
        settings: of the pipeline that reads their names.
        units: whether there are listings; without them theirs has no such table.
    """

    def __init__(self, make: Callable[[str], Source], folder: Path, *settings: str, units: bool = True) -> None:
        self.plain, self.theirs = make("plain"), make("theirs")
        self.plain.create(optional=True)
        for table in ("Units", 'Guest "Reservations"') if units else ('Guest "Reservations"',):
            self._create(table)
        self.own = Pipeline(folder / "plain", self.plain.url)
        self.mapped = Pipeline(folder / "mapped", self.theirs.url, *SETTINGS, *settings)

    def create_viewings(self) -> None:
        """Let the table come that was not there."""
        self._create("page-views")

    def unit(self, number: int, changed: str, **values: Any) -> None:
        """Add a listing and what it offers, which are one row of theirs."""
        listing = {"title": "A room", "price": "100.00", "listing_created_on": "2024-01-01 10:00:00", "is_active": 1}
        offer = {"category": "flat", "amenities": "Pool, Gym", "cityname": "Oslo", "square_feet": 500, "bedrooms": 2}
        row = {"id": number, "last_modified_timestamp": changed}
        listing = {**row, **listing, **{name: value for name, value in values.items() if name in listing}}
        offer = {**row, **offer, **{name: value for name, value in values.items() if name in offer}}
        self.plain.insert("apartments", {**listing, **CONSTANTS["apartments"]})
        self.plain.insert("apartment_attributes", {**offer, **CONSTANTS["apartment_attributes"]})
        named = {COLUMNS["apartments"].get(name, name): value for name, value in listing.items()}
        named |= {COLUMNS["apartment_attributes"].get(name, name): value for name, value in offer.items()}
        self._insert("Units", {**named, "price": -1})

    def booking(self, number: int, changed: str, **values: Any) -> None:
        row = {
            "booking_id": number,
            "user_id": 7,
            "apartment_id": 1,
            "booking_date": changed,
            "checkin_date": "2024-03-10",
            "checkout_date": "2024-03-13",
            "total_price": "300.00",
            "booking_status": "confirmed",
            "updated_at": changed,
            **values,
        }
        self.plain.insert("bookings", {**row, **CONSTANTS["bookings"]})
        self._insert(NAMES["bookings"], {COLUMNS["bookings"][name]: value for name, value in row.items()})

    def viewing(self, at: str, user: int = 7) -> None:
        row = {"user_id": user, "apartment_id": 1, "viewed_at": at, "is_wishlisted": 0}
        self.plain.insert("user_viewing", {**row, **CONSTANTS["user_viewing"]})
        self._insert("page-views", {COLUMNS["user_viewing"][name]: value for name, value in row.items()})

    def update(self, table: str, key: int, **values: Any) -> None:
        own_key = "booking_id" if table == "bookings" else "id"
        names = COLUMNS[table]
        self.plain.execute(f"UPDATE {table} SET {_sets(values)} WHERE {own_key} = {key}")
        theirs = _sets({names.get(name, name): value for name, value in values.items()})
        self.theirs.execute(f"UPDATE {quoted(NAMES[table])} SET {theirs} WHERE {quoted(names[own_key])} = {key}")

    def delete_booking(self, key: int) -> None:
        self.plain.execute(f"DELETE FROM bookings WHERE booking_id = {key}")
        self.theirs.execute(f"DELETE FROM {quoted(NAMES['bookings'])} WHERE id = {key}")

    def load(self, **options: Any) -> None:
        """A run of each, without metrics."""
        for pipeline in (self.own, self.mapped):
            pipeline.load(**options)

    def assert_alike(self, *schemas: str) -> None:
        """Each row of our names is one of theirs."""
        own, mapped = self.own.tables(*schemas), self.mapped.tables(*schemas)
        assert mapped.keys() == own.keys()
        for name, rows in own.items():
            assert mapped[name] == rows, name

    def _create(self, table: str) -> None:
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in _TABLES[table].items())
        self.theirs.execute(f"CREATE TABLE {quoted(table)} ({listed})")

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        listed, values = ", ".join(map(quoted, row)), ", ".join(_literal(value) for value in row.values())
        self.theirs.execute(f"INSERT INTO {quoted(table)} ({listed}) VALUES ({values})")


def _sets(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{quoted(name)} = {_literal(value)}" for name, value in values.items())


def _literal(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def day(number: int) -> str:
    """A moment of a day of March 2024."""
    return f"2024-03-{number:02} 12:00:00.000000"

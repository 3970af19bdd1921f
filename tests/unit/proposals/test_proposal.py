"""What is proposed for a catalogue: what is sure, what is left open and why, and a file that can always be read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.databases.base import CatalogueColumn, CatalogueTable, Sample
from rental_analytics.databases.mapping import check_table_settings
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.errors import SourceError
from rental_analytics.proposals.document import Document, comment
from rental_analytics.proposals.names import toml_text
from rental_analytics.proposals.proposal import LOOKED_AT, Proposal, likely_meaning, propose
from rental_analytics.settings import parse_settings

pytestmark = pytest.mark.fast
TEMPLATE = (files("rental_analytics") / "rental.toml").read_text()
RESERVATIONS = {
    "id": "bigint",
    "guest_id": "bigint",
    "unit_id": "bigint",
    "created_at": "datetime",
    "arrival": "date",
    "departure": "date",
    "total": "decimal(12,2)",
    "status": "varchar(20)",
}
UNITS = {
    "id": "bigint",
    "name": "varchar(100)",
    "channel": "varchar(20)",
    "nightly_price": "decimal(12,2)",
    "active": "tinyint(1)",
    "created_at": "datetime",
    "updated_at": "datetime",
}
Values = Mapping[str, list[tuple[str | None, int]] | Exception]


class Shop(MySqlDatabase):
    """A database with this catalogue; looks at columns are noted."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]], values: Values | None = None) -> None:
        super().__init__("none", 3306, "reader", "", "shop")
        self._tables, self._values = tables, values or {}
        self.looked_at: list[tuple[str, str, Sample]] = []

    def catalogue(self) -> dict[str, CatalogueTable]:
        return {
            name: CatalogueTable(
                name,
                tuple(CatalogueColumn(column, kind) for column, kind in columns.items()),
                (frozenset({next(iter(columns)).lower()}),) if columns else (),
            )
            for name, columns in self._tables.items()
        }

    def common_values(self, relation: str, column: str, sample: Sample) -> list[tuple[str | None, int]]:
        self.looked_at.append((relation, column, sample))
        found = self._values.get(f"{relation}.{column}", [])
        if isinstance(found, Exception):
            raise found
        return found


def proposed(shop: Shop) -> Proposal:
    return propose(shop, load_contracts())


def document(shop: Shop) -> Document:
    return Document(TEMPLATE, {"url": "mysql://reader@none/shop"}, proposed(shop))


def written(shop: Shop) -> dict[str, Any]:
    """The file, which every command can read, and whose tables can be meant."""
    text = document(shop).text
    settings = parse_settings(text, "rental.toml", Path())
    sources = load_contracts().sources
    for name, table in settings.tables.items():
        check_table_settings(sources[name], table)
    return tomllib.loads(text)


def told(shop: Shop) -> dict[str, str]:
    """What is left open, by key; each stands where its line says."""
    made = document(shop)
    lines = made.text.splitlines()
    for point in made.open_points:
        assert lines[point.line - 1].startswith("# "), point
    return {point.key: point.text for point in made.open_points}


def test_names_and_types_that_are_sure_are_written() -> None:
    tables = written(Shop({"Reservations": RESERVATIONS, "units": UNITS}))["tables"]
    assert tables["bookings"] == {
        "name": "Reservations",
        "columns": {
            "booking_id": "id",
            "user_id": "guest_id",
            "apartment_id": "unit_id",
            "booking_date": "created_at",
            "checkin_date": "arrival",
            "checkout_date": "departure",
            "total_price": "total",
            "booking_status": "status",
        },
    }
    assert tables["apartments"]["name"] == "units"
    assert tables["apartments"]["columns"]["price"] == "nightly_price"
    assert tables["user_viewing"] == {}


def test_a_database_with_our_names_needs_no_mapping() -> None:
    sources = load_contracts().sources
    kinds = {"text": "varchar(20)", "decimal": "decimal(12,2)", "any": "varchar(20)", "float": "double"}
    kinds |= {"integer": "bigint", "id": "bigint", "boolean": "tinyint(1)", "date": "date", "timestamp": "datetime"}
    tables = {
        name: {column: kinds[spec.type.value] for column, spec in table.columns.items()}
        for name, table in sources.items()
    }
    shop = Shop(tables, {"bookings.booking_status": [("Checked out", 2), (None, 1)], "bookings.currency": [("EUR", 3)]})
    assert written(shop)["tables"] == {name: {} for name in sources}
    assert told(shop) == {
        "marketplace.reporting_currency": "metrics are in USD unless you say otherwise; found: EUR",
    }
    assert '# reporting_currency = "EUR"' in document(shop).text
    dollars = Shop(tables, {"bookings.currency": [("usd", 3)]})
    assert told(dollars) == {}


@pytest.mark.parametrize(
    ("changes", "key", "expected"),
    [
        ({"booked_at": "datetime"}, "booking_date", "it may be created_at or booked_at"),
        ({"total": None, "total_cents": "bigint"}, "total_price", "cents need a view that divides them by 100"),
        ({"total": "int"}, "total_price", "total is doubtful: map it if it is in whole units"),
        ({"total": None, "total_price": "int"}, "total_price", "total_price is int: if it is in cents"),
        ({"total": "varchar(9)"}, "total_price", "total is varchar(9), and decimal is needed"),
        ({"created_at": None, "booking_date": "bigint"}, "booking_date", "is bigint, and timestamp is needed"),
        ({"created_at": None}, "booking_date", "not found; name it, or a view that has it"),
        ({"unit_id": "float"}, "apartment_id", "unit_id is float, and "),
    ],
)
def test_what_is_not_sure_is_left_open(changes: dict[str, str | None], key: str, expected: str) -> None:
    columns = {name: kind for name, kind in {**RESERVATIONS, **changes}.items() if kind}
    shop = Shop({"reservations": columns})
    assert expected in told(shop)[f"tables.bookings.columns.{key}"]
    assert key not in written(shop)["tables"]["bookings"]["columns"]


def test_a_row_of_details_is_told_by_its_unit_and_not_by_its_own_number() -> None:
    details = {"id": "bigint", "unit_id": "bigint", "city": "varchar(99)"}
    assert written(Shop({"unit_details": details}))["tables"]["apartment_attributes"]["columns"]["id"] == "unit_id"
    del details["unit_id"]
    columns = written(Shop({"unit_details": details}))["tables"]["apartment_attributes"]["columns"]
    assert columns == {"cityname": "city"}


def test_a_table_of_a_known_name_gives_way_to_one_that_has_more() -> None:
    bare = {name: kind for name, kind in UNITS.items() if name not in {"nightly_price", "active"}}
    photos = {"unit_id": "bigint", "title": "varchar(20)"}
    shop = Shop({"units": bare, "units_in_euros": UNITS, "unit_photos": photos})
    assert told(shop)["tables.apartments.name"] == "it may be units_in_euros or units"
    assert "name" not in written(shop)["tables"]["apartments"]
    assert '# name = "units"  # has 5 of 7 needed columns, not price, is_active' in document(shop).text


def test_two_tables_of_known_names() -> None:
    orders = {"id": "bigint", "sku": "varchar(9)", "total": "decimal(9,2)"}
    both = Shop({"orders": orders, "reservations": RESERVATIONS})
    assert written(both)["tables"]["bookings"]["name"] == "reservations"
    assert told(Shop({"stays": RESERVATIONS, "reservations": RESERVATIONS}))["tables.bookings.name"] == (
        "it may be stays or reservations"
    )


def test_a_table_of_another_name_is_found_by_its_columns() -> None:
    shop = Shop({"objekte": {**UNITS, "deleted_at": "datetime"}, "audit": {"id": "bigint"}})
    open_points = told(shop)
    assert open_points["tables.apartments.name"] == "it may be objekte"
    assert "rows that are deleted by objekte.deleted_at count" in open_points["tables.apartments"]
    assert open_points["tables.bookings"].startswith("name your table, or set optional = true")


def test_ids_that_are_texts_are_set() -> None:
    texts = {name: "char(36)" if kind == "bigint" else kind for name, kind in RESERVATIONS.items()}
    assert proposed(Shop({"reservations": texts})).has_text_ids
    assert not proposed(Shop({"reservations": RESERVATIONS})).has_text_ids
    assert 'ids = "text"\n' in document(Shop({"reservations": texts, "units": UNITS})).text


STATUSES: list[tuple[str | None, int]] = [
    ("CONFIRMED", 90),
    ("no_show", 12),
    ('Cancelled "by" guest', 3),
    ("in\nquiry\u202e", 2),
    (None, 1),
]


def test_statuses_that_are_not_known_are_comments_with_their_counts() -> None:
    shop = Shop({"reservations": RESERVATIONS}, {"reservations.status": STATUSES})
    text = document(shop).text
    assert '# "no_show": 12 rows\n# "Cancelled \\"by\\" guest": 3 rows\n# "in\\nquiry\\u202e": 2 rows\n' in text
    assert '# canceled = ["Cancelled \\"by\\" guest"]\n' in text
    assert "CONFIRMED" not in text
    assert "# No value: 1 row. These are rejected in any case.\n" in text
    assert written(shop)["marketplace"] == {"statuses": {}}
    assert '"no_show" (12 rows)' in told(shop)["marketplace.statuses"]
    relation, column, sample = shop.looked_at[0]
    assert (relation, column, sample.newest_by, sample.rows) == ("reservations", "status", "id", LOOKED_AT)


def test_of_a_large_table_it_is_told_that_not_all_rows_were_looked_at() -> None:
    shop = Shop({"reservations": RESERVATIONS}, {"reservations.status": [("odd", LOOKED_AT)]})
    assert f"reservations.status among {LOOKED_AT:,} rows" in document(shop).text


def test_a_column_that_cannot_be_looked_at_stops_nothing() -> None:
    error = SourceError("it took\ntoo long", remedy="wait")
    shop = Shop({"reservations": RESERVATIONS}, {"reservations.status": error})
    assert "# reservations.status could not be looked at: it took\\ntoo long\n" in document(shop).text
    assert written(shop)


@pytest.mark.parametrize(
    ("currencies", "is_open"), [([("EUR", 2)], False), ([("EUR", 2), (None, 1)], True), ([("usd ", 1), ("", 1)], True)]
)
def test_currencies_and_rows_without_one(currencies: list[tuple[str | None, int]], is_open: bool) -> None:
    shop = Shop({"reservations": {**RESERVATIONS, "currency": "char(3)"}}, {"reservations.currency": currencies})
    assert ("marketplace.default_currency" in told(shop)) == is_open


HOSTILE = (
    'a"b',
    "`id`",
    "it's",
    "select",
    "drop table x; --",
    "a\nb",
    "\x1b[31m",
    "\u202e",
    "], [x]",
    "# x",
    "%s",
    "é",
)


def test_names_of_any_kind_stay_in_their_places() -> None:
    tables: dict[str, dict[str, str]] = {name: dict.fromkeys(HOSTILE, "bigint") for name in HOSTILE}
    tables |= {f"table_{number}": {"id": "bigint"} for number in range(300)}
    tables['app "Reservations"\\'] = {f'"{name}"\\': kind for name, kind in RESERVATIONS.items()}
    tables["order\n[tables.apartments]"] = dict(RESERVATIONS)
    tables["broken_view"] = {}
    shop = Shop(tables)
    found = written(shop)["tables"]
    assert found["bookings"]["name"] == 'app "Reservations"\\'
    assert found["bookings"]["columns"]["total_price"] == '"total"\\'
    text = document(shop).text
    assert not {"\x1b", "\u202e"} & set(text)
    sections = [line for line in text.splitlines() if line.startswith("[tables.")]
    assert all(re.fullmatch(r"\[tables\.[a-z_]+(\.columns|\.constants)?\]", line) for line in sections)


@pytest.mark.parametrize("text", ['"', "\\", "\n", "\x00", "\x7f", "\u2028", "\u202e", "é", "🏠", "'''", '"""'])
def test_texts_in_toml(text: str) -> None:
    assert tomllib.loads(f"a = {toml_text(text)}") == {"a": text}
    assert tomllib.loads(f"# {comment(text)}\na = 1") == {"a": 1}


def test_likely_meanings() -> None:
    found = [likely_meaning(text) for text in ("Cancelled by guest", "CONFIRMED?", "pending_payment", "not canceled")]
    assert found == ["canceled", "confirmed", "pending", None]

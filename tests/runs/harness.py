"""A small marketplace in SQLite or MySQL, and the pipeline run on it in this process."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.events import Event
from rental_analytics.contracts.loader import Contracts
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.events import EventStream, line_of
from rental_analytics.runners.lifecycle import RunOutcome
from rental_analytics.runners.local import LocalRunner, RunOptions
from rental_analytics.settings import load_settings
from rental_analytics.steps.base import Part
from rental_analytics.wiring import assembled, counting, make_warehouse
from servers.mysql import KeptSession, MySqlServer

REQUIRED = {
    "apartments": {
        "id": "BIGINT",
        "title": "VARCHAR(500)",
        "source": "VARCHAR(100)",
        "price": "DECIMAL(12,2)",
        "currency": "VARCHAR(10)",
        "listing_created_on": "DATETIME(6)",
        "is_active": "TINYINT(1)",
        "last_modified_timestamp": "DATETIME(6)",
    },
    "apartment_attributes": {
        "id": "BIGINT",
        "category": "VARCHAR(100)",
        "body": "TEXT",
        "amenities": "TEXT",
        "bathrooms": "DECIMAL(3,1)",
        "bedrooms": "INT",
        "fee": "VARCHAR(20)",
        "has_photo": "VARCHAR(20)",
        "pets_allowed": "VARCHAR(50)",
        "square_feet": "INT",
        "address": "VARCHAR(200)",
        "cityname": "VARCHAR(100)",
        "state": "VARCHAR(20)",
        "latitude": "DECIMAL(9,6)",
        "longitude": "DECIMAL(9,6)",
    },
    "user_viewing": {
        "user_id": "BIGINT",
        "apartment_id": "BIGINT",
        "viewed_at": "DATETIME(6)",
        "is_wishlisted": "TINYINT(1)",
        "call_to_action": "VARCHAR(50)",
    },
    "bookings": {
        "booking_id": "BIGINT",
        "user_id": "BIGINT",
        "apartment_id": "BIGINT",
        "booking_date": "DATETIME(6)",
        "checkin_date": "DATE",
        "checkout_date": "DATE",
        "total_price": "DECIMAL(12,2)",
        "currency": "VARCHAR(10)",
        "booking_status": "VARCHAR(20)",
    },
}
OPTIONAL = {
    "apartment_attributes": {"price_type": "VARCHAR(20)", "last_modified_timestamp": "DATETIME(6)"},
    "user_viewing": {"id": "BIGINT"},
    "bookings": {"payment_status": "VARCHAR(20)", "num_guests": "INT", "updated_at": "DATETIME(6)"},
}
KEYS = {"apartments": "id", "apartment_attributes": "id", "bookings": "booking_id"}

LISTING = {
    "title": "A room",
    "source": "web",
    "price": "100.00",
    "currency": "USD",
    "listing_created_on": "2024-01-01 10:00:00.000000",
    "is_active": 1,
    "last_modified_timestamp": "2024-01-02 10:00:00.000000",
}
BOOKING = {
    "user_id": 7,
    "apartment_id": 1,
    "booking_date": "2024-03-01 12:00:00.000000",
    "checkin_date": "2024-03-10",
    "checkout_date": "2024-03-13",
    "total_price": "300.00",
    "currency": "USD",
    "booking_status": "confirmed",
}
VIEWING = {"user_id": 7, "apartment_id": 1, "viewed_at": "2024-03-01 11:00:00.000000", "is_wishlisted": 0}


# Few rates and one thread make a small run quick; a few bad rows are a large share of a small table.
RATES = "rate_date,currency,usd_per_unit\n" + "".join(
    f"{day},{currency},{rate}\n"
    for day, rates in {
        "2023-01-02": {"EUR": "1.06830000", "GBP": "1.20370000", "JPY": "0.00762345", "CAD": "0.73810000"},
        "2024-02-29": {
            "EUR": "1.08130000",
            "GBP": "1.26710000",
            "CHF": "1.13190000",
            "CAD": "0.73770000",
            "JPY": "0.00667",
        },
    }.items()
    for currency, rate in rates.items()
)
CONFIG = """
[source]
url = "{url}"
[quality]
max_rejected_share = 1
[reference]
exchange_rates = "rates.csv"
"""
ENGINE = """
[engine]
threads = 1
"""


ON_ONE_SOURCE = pytest.mark.parametrize("kind", [pytest.param("sqlite", marks=pytest.mark.slow)])
"""For what comes after the rows are read: which database they are from makes no difference there."""

ON_MYSQL = pytest.mark.parametrize("kind", [pytest.param("mysql", marks=pytest.mark.service)])
"""As `ON_ONE_SOURCE`, where it is the turn of the other one."""

LOADING = ("extract", "transform", "load-raw", "load-curated")
"""All steps but `metrics`."""

FEW_METRICS = frozenset(
    {
        "average_listing_price_weekly",
        "bookings_per_user_weekly",
        "cancellation_rate_weekly",
        "occupancy_rate_monthly",
        "top_listings_weekly",
    }
)
"""They read every curated table of listings and bookings, their versions, the calendar, and intermediate tables."""


class Source:
    """A database to fill: `execute` runs a statement with literals."""

    def __init__(self, url: str, execute: Callable[[str], Any]) -> None:
        self.url = url
        self.execute = execute

    @classmethod
    def sqlite(cls, file: Path) -> Source:
        def execute(sql: str) -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(file)) as connection, connection:
                connection.execute("PRAGMA synchronous = OFF")
                return connection.execute(sql).fetchall()

        return cls(f"sqlite:///{file}", execute)

    @classmethod
    def mysql(cls, server: MySqlServer, database: str | None = None) -> Source:
        """A database of a server, by default a new one; backslashes mean themselves in literals, as in SQLite."""
        name = database or server.create_database()
        literal_backslashes = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')"
        kept = KeptSession(server, name, init_command=literal_backslashes)
        return cls(server.url(name), kept.execute)

    def create(
        self, *, optional: bool, unique: bool = True, tables: Sequence[str] = tuple(REQUIRED), ids: str = "BIGINT"
    ) -> None:
        """Make the tables, with keys the database enforces or without, and ids of a type."""
        for table in tables:
            columns = REQUIRED[table] | (OPTIONAL.get(table, {}) if optional else {})
            columns |= {name: ids for name in columns if name == "id" or name.endswith("_id")}
            key = KEYS.get(table)
            listed = [
                f"{name} {kind}{' PRIMARY KEY' if unique and name == key else ''}" for name, kind in columns.items()
            ]
            self.execute(f"CREATE TABLE {table} ({', '.join(listed)})")

    def insert(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Add rows; a table's usual values stand for those that are left out."""
        usual = {"apartments": LISTING, "bookings": BOOKING, "user_viewing": VIEWING}.get(table, {})
        for names, alike in groupby(({**usual, **row} for row in rows), key=tuple):
            values = (f"({', '.join(_literal(value) for value in row.values())})" for row in alike)
            self.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES {', '.join(values)}")


def with_metrics(contracts: Contracts, names: Collection[str]) -> Contracts:
    """The same, with these metrics alone and the intermediate tables that they rest on."""
    presentation = {name: model for name, model in contracts.presentation.items() if name in names}
    needed = {other.name for model in presentation.values() for other in contracts.read_by(model)}
    intermediate = {name: model for name, model in contracts.intermediate.items() if name in needed}
    return replace(contracts, presentation=presentation, intermediate=intermediate)


class Pipeline:
    """The pipeline in a folder, run in this process.

    Args:
        every_metric: all metrics are made, and not only some that stand for them: they take a quarter of a small run.
    """

    def __init__(self, folder: Path, source_url: str, *settings: str, every_metric: bool = False) -> None:
        self.every_metric = every_metric
        self.folder = folder
        self.settings = settings
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rates.csv").write_text(RATES)
        (folder / "rental.toml").write_text(CONFIG.format(url=source_url) + ENGINE)
        self.notes: list[str] = []

    def run(self, *settings: str, uses: frozenset[Part] = frozenset(Part), **options: Any) -> RunOutcome:
        """Do a run; options as in `RunOptions`."""
        loaded = load_settings(self.folder / "rental.toml", [*self.settings, *settings])
        events = EventStream(self)
        with counting(loaded, events), assembled(loaded, uses) as parts:
            if not self.every_metric:
                parts = replace(parts, contracts=with_metrics(parts.contracts, FEW_METRICS))  # noqa: PLW2901 narrowed
            return LocalRunner(parts, events).run(RunOptions(**options))

    def load(self, *settings: str, **options: Any) -> RunOutcome:
        """A run without its metrics, which take a quarter of it, for who looks at no number."""
        return self.run(*settings, steps=LOADING, **options)

    def extract(self, *settings: str, **options: Any) -> RunOutcome:
        """The first step of a run, as its own job does it: without the warehouse."""
        return self.run(*settings, steps=("extract",), uses=frozenset({Part.DATABASE, Part.ENGINE}), **options)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with self._asking() as ask:
            return ask(sql)

    def tables(self, *schemas: str) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables of schemas, without what tells one run from another; of exchange rates their sum.

        Versions of bookings that a run dates itself, such as those of deleted ones, are shown without the moment.
        Rates of the last days are left out: each day begins with those of one day more.
        """
        hidden = "_run_id|_loaded_at|_row_id|_extracted_at"
        with self._asking() as ask:
            found = ask(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
                f"WHERE schema_name IN ({', '.join(_literal(schema) for schema in schemas)}) ORDER BY 1"
            )
            shown = f"SELECT COLUMNS(c -> NOT regexp_full_match(c, '{hidden}'))"
            return {
                # 35,000 rows, made of a file of a few: a sum tells two such tables apart.
                name: ask(f"SELECT COUNT(*), SUM(HASH(shown)) FROM ({shown} FROM {name} WHERE {_SETTLED}) AS shown")
                if name == "curated.exchange_rates"
                else ask(f"{shown} FROM {_undated(name)} ORDER BY ALL")
                for (name,) in found
                if name != "curated.calendar"
            }

    @contextmanager
    def _asking(self) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
        warehouse = make_warehouse(load_settings(self.folder / "rental.toml", self.settings))
        warehouse.open(read_only=True)

        def ask(sql: str) -> list[tuple[Any, ...]]:
            table = warehouse.query(sql)
            return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

        try:
            yield ask
        finally:
            warehouse.close()

    def hear(self, event: Event) -> None:
        if (line := line_of(event)) is not None:
            self.note(line)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Kept:
    """A source, and what a pipeline made of it once: each test begins there, and pays for no first run."""

    def __init__(self, folder: Path, source: Source, fill: Callable[[Source], None]) -> None:
        self._first = folder
        self._source = source
        self._fill = fill
        fill(source)
        Pipeline(folder, source.url).load()

    def again(self, folder: Path, *settings: str) -> tuple[Source, Pipeline]:
        """The source as it was filled, and in a folder of its own the pipeline that has read it."""
        for table in REQUIRED:
            self._source.execute(f"DROP TABLE {table}")
        self._fill(self._source)
        shutil.copytree(self._first, folder)
        return self._source, Pipeline(folder, self._source.url, *settings)


_SETTLED = f"rate_date < DATE '{datetime.now(UTC).date() - timedelta(days=2)}'"
"""Said once: two tables that are compared may be read on two days."""


def _undated(table: str) -> str:
    """Moments of the present are those of runs; the rows of tests have earlier ones."""
    if table != "curated.booking_versions":
        return table
    moments = ", ".join(
        f"CASE WHEN {name} < CURRENT_DATE - 7 THEN {name} END AS {name}" for name in ("valid_from", "_version_at")
    )
    return f"(SELECT * REPLACE ({moments}) FROM {table})"


def failure(call: Callable[..., Any], *arguments: Any, **options: Any) -> RentalError:
    """The error of a call that must fail with one of ours."""
    try:
        call(*arguments, **options)
    except RentalError as error:
        return error
    raise AssertionError("it did not fail")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, date | datetime | Decimal):
        return f"'{value}'"
    return str(value)

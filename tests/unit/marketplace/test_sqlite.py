import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from marketplace.conftest import DIRTY, END_DATE, arrow_tables
from marketplace.stores import as_text, ask_sqlite, sqlite_url
from rental_marketplace import MarketplaceError, MarketplaceOptions, generate
from rental_marketplace.generation import MarketplacePlan
from rental_marketplace.schema import TABLES

pytestmark = pytest.mark.fast

SMALL = MarketplaceOptions(listings=30, bookings=200, viewings=500, end_date=END_DATE)
MINIMAL = MarketplaceOptions(listings=30, bookings=200, viewings=500, end_date=END_DATE, minimal=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "marketplace.db"


def test_summary_counts_what_is_there(file: Path) -> None:
    summary = generate(sqlite_url(file), DIRTY)
    ask = ask_sqlite(file)
    assert summary.rows == {table.name: ask(f"SELECT count(*) FROM {table.name}")[0][0] for table in TABLES}
    assert summary.rows["bookings"] == DIRTY.bookings + sum(summary.planted["bookings"].values())


def test_rows_are_those_of_the_plan(file: Path) -> None:
    generate(sqlite_url(file), DIRTY)
    rows = ask_sqlite(file)("SELECT booking_id, booking_date, checkin_date, total_price FROM bookings ORDER BY rowid")
    planned = arrow_tables(DIRTY)["bookings"]
    columns = [planned[name].to_pylist() for name in ("booking_id", "booking_date", "checkin_date", "total_price")]
    assert as_text(rows) == as_text(list(zip(*columns, strict=True)))


def test_moments_and_dates_are_iso_text(file: Path) -> None:
    generate(sqlite_url(file), SMALL)
    [(moment, day, kind)] = ask_sqlite(file)(
        "SELECT booking_date, checkin_date, typeof(total_price) FROM bookings LIMIT 1"
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    assert kind in {"real", "integer"}


def test_minimal_schema_has_the_required_columns_only(file: Path) -> None:
    generate(sqlite_url(file), MINIMAL)
    for table in TABLES:
        columns = [row[1] for row in ask_sqlite(file)(f"PRAGMA table_info({table.name})")]
        assert columns == [column.name for column in table.columns if not column.optional]
    optional = {f"{table.name}.{column.name}" for table in TABLES for column in table.columns if column.optional}
    assert optional == {
        "apartment_attributes.price_display",
        "apartment_attributes.price_type",
        "apartment_attributes.last_modified_timestamp",
        "user_viewing.id",
        "bookings.payment_status",
        "bookings.num_guests",
        "bookings.updated_at",
    }


def test_keys_are_primary_only_without_dirt(tmp_path: Path) -> None:
    for options, primary in ((SMALL, 1), (DIRTY, 0)):
        file = tmp_path / f"{primary}.db"
        generate(sqlite_url(file), options)
        keys = ask_sqlite(file)("SELECT pk FROM pragma_table_info('bookings') WHERE name = 'booking_id'")
        assert keys == [(primary,)]
        unique = ask_sqlite(file)("SELECT count(*) FROM pragma_index_list('bookings') WHERE \"unique\" = 1")
        assert unique == [(1,)]


@pytest.mark.remedy("target-holds-rows")
def test_refuses_to_overwrite(file: Path) -> None:
    generate(sqlite_url(file), SMALL)
    before = file.read_bytes()
    with pytest.raises(MarketplaceError, match="already holds rows in apartments") as refused:
        generate(sqlite_url(file), SMALL)
    assert "\n" not in str(refused.value)
    assert file.read_bytes() == before


def test_replaces_when_told_and_keeps_other_tables(file: Path) -> None:
    generate(sqlite_url(file), SMALL)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE notes AS SELECT 'keep me' AS note")
        connection.commit()
    generate(sqlite_url(file), MINIMAL, replace=True)
    assert ask_sqlite(file)("SELECT note FROM notes") == [("keep me",)]
    assert ask_sqlite(file)("SELECT count(*) FROM pragma_table_info('bookings')") == [(9,)]


def test_failure_midway_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(sqlite_url(file), SMALL)
    before = file.read_bytes()
    monkeypatch.setattr(MarketplacePlan, "_viewings", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate(sqlite_url(file), MINIMAL, replace=True)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_progress_tells_rows_written(file: Path) -> None:
    told: dict[str, int] = {}
    summary = generate(sqlite_url(file), SMALL, on_progress=told.__setitem__)
    assert told == summary.rows


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "postgresql://me@there/db",
        "nonsense",
        "mysql://",
        "mysql://host/db",
        "mysql://me@host",
    ],
)
def test_urls_nobody_understands(url: str) -> None:
    with pytest.raises(MarketplaceError) as refused:
        generate(url, SMALL)
    assert "sqlite:////" in refused.value.remedy


def test_unusable_files(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no database. " * 100)
    for path in (text, text / "marketplace.db", tmp_path):
        with pytest.raises(MarketplaceError, match="SQLite cannot use"):
            generate(sqlite_url(path), SMALL, replace=True)
    assert text.read_text().startswith("This is no database.")

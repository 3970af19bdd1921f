"""Every test here runs on SQLite and on MySQL."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from marketplace.conftest import END_DATE
from marketplace.stores import Ask, as_text, ask_mysql, ask_sqlite, sqlite_url
from rental_marketplace import (
    AdvanceSummary,
    MarketplaceError,
    MarketplaceOptions,
    advance,
    generate,
)
from rental_marketplace.ids import Ids
from rental_marketplace.schema import TABLES

SIZE = MarketplaceOptions(listings=300, bookings=3_000, viewings=6_000, end_date=END_DATE)
AFTER = "'2026-11-01'"


@dataclass(frozen=True)
class Store:
    url: str
    ask: Ask

    def value(self, sql: str) -> Any:
        return self.ask(sql)[0][0]

    def content(self) -> dict[str, list[str]]:
        return {table.name: sorted(map(repr, as_text(self.ask(f"SELECT * FROM {table.name}")))) for table in TABLES}


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.fast),
        pytest.param("mysql", marks=pytest.mark.service),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        file = tmp_path / "marketplace.db"
        return Store(sqlite_url(file), ask_sqlite(file))
    server = request.getfixturevalue("mysql")
    database = server.create_database()
    return Store(server.url(database), ask_mysql(server, database))


def counts(store: Store) -> dict[str, int]:
    return {table.name: store.value(f"SELECT COUNT(*) FROM {table.name}") for table in TABLES}


def expected_counts(before: dict[str, int], summary: AdvanceSummary) -> dict[str, int]:
    gone = {
        "apartments": summary.deleted_listings,
        "apartment_attributes": summary.deleted_listings,
        "bookings": summary.deleted_bookings,
    }
    return {name: before[name] + summary.rows[name] - gone.get(name, 0) for name in before}


def test_ids_are_texts_in_the_order_of_the_numbers_they_stand_for(store: Store) -> None:
    """All that happens to them is what happens to numbers."""
    options = MarketplaceOptions(listings=60, bookings=200, viewings=300, end_date=END_DATE, dirty_rate=0.2)
    found = []
    for kind in ("integer", "text"):
        generate(store.url, replace(options, ids=kind), replace=True)
        summary = advance(store.url, 30, dirty_rate=0.1)
        ids = Ids("text")
        rows = {
            table.name: [
                [
                    value if column.kind != "id" or value is None or isinstance(value, str) else ids.value(value)
                    for column, value in zip(table.columns, row, strict=True)
                ]
                for row in store.ask(f"SELECT * FROM {table.name} ORDER BY {table.key}")
            ]
            for table in TABLES
        }
        found.append((summary, rows))
    assert found[0] == found[1]
    assert store.value("SELECT COUNT(*) FROM bookings WHERE LENGTH(booking_id) = 36") > 200


@pytest.mark.parametrize("minimal", [False, True])
def test_days_go_on(store: Store, minimal: bool) -> None:
    generate(store.url, replace(SIZE, minimal=minimal))
    before = counts(store)
    first = advance(store.url, 3)
    assert (first.first_day, first.last_day) == (date(2026, 11, 1), date(2026, 11, 3))
    second = advance(store.url, 2)
    assert (second.first_day, second.last_day) == (date(2026, 11, 4), date(2026, 11, 5))
    assert counts(store) == expected_counts(expected_counts(before, first), second)
    for table, column in [
        ("apartments", "last_modified_timestamp"),
        ("bookings", "booking_date"),
        ("user_viewing", "viewed_at"),
    ]:
        assert store.value(f"SELECT COUNT(*) FROM {table} WHERE {column} >= '2026-11-06'") == 0
    assert store.value("SELECT COUNT(*) FROM bookings WHERE booking_date >= '2026-11-04'") == second.rows["bookings"]
    assert (
        store.value("SELECT COUNT(*) FROM user_viewing WHERE viewed_at >= '2026-11-04'") == second.rows["user_viewing"]
    )


def test_changes_are_those_told(store: Store) -> None:
    generate(store.url, SIZE)
    old = {key: rest for key, *rest in store.ask("SELECT id, price, is_active FROM apartments")}
    statuses = dict(store.ask("SELECT booking_id, booking_status FROM bookings"))
    summary = advance(store.url, 4)
    new = {key: rest for key, *rest in store.ask("SELECT id, price, is_active FROM apartments")}
    kept = old.keys() & new.keys()
    assert len(old.keys() - new.keys()) == summary.deleted_listings > 0
    assert sum(old[key][0] != new[key][0] for key in kept) == pytest.approx(summary.price_changes, abs=1)
    assert sum(old[key][1] > new[key][1] for key in kept) == summary.deactivations > 0
    assert sum(old[key][1] < new[key][1] for key in kept) == summary.reactivations > 0
    now = dict(store.ask("SELECT booking_id, booking_status FROM bookings"))
    changed = {key for key in statuses.keys() & now.keys() if statuses[key] != now[key]}
    assert len(changed) == summary.status_changes > 0
    assert len(statuses.keys() - now.keys()) == summary.deleted_bookings > 0
    moved = store.value(f"SELECT COUNT(*) FROM bookings WHERE updated_at >= {AFTER} AND booking_date < {AFTER}")
    assert moved == summary.status_changes
    assert store.value("SELECT COUNT(*) FROM apartment_attributes WHERE id NOT IN (SELECT id FROM apartments)") == 0


def test_new_rows_fit_the_old_ones(store: Store) -> None:
    generate(store.url, SIZE)
    oldest = store.value("SELECT MAX(booking_id) FROM bookings")
    advance(store.url, 14)
    assert (
        store.value(
            "SELECT COUNT(*) FROM bookings LEFT JOIN apartments ON id = apartment_id "
            f"WHERE booking_id > {oldest} "
            "AND (id IS NULL OR booking_date <= listing_created_on OR is_active = 0)"
        )
        == 0
    )
    assert (
        store.value(
            f"SELECT COUNT(*) FROM bookings AS new JOIN bookings AS old ON new.user_id = old.user_id "
            f"WHERE new.booking_id > {oldest} AND old.booking_id <= {oldest}"
        )
        > 0
    )
    assert store.value(
        f"SELECT COUNT(*) FROM bookings WHERE booking_id > {oldest} AND EXISTS (SELECT 1 FROM user_viewing "
        "WHERE user_viewing.user_id = bookings.user_id AND user_viewing.apartment_id = bookings.apartment_id "
        "AND viewed_at < booking_date)"
    ) > 0.6 * store.value(f"SELECT COUNT(*) FROM bookings WHERE booking_id > {oldest}")
    for column in ("booking_date", "updated_at"):
        assert store.value(f"SELECT COUNT(*) FROM bookings WHERE {column} >= '2026-11-15'") == 0


def test_volume_follows_what_was_usual(store: Store) -> None:
    generate(store.url, SIZE)
    usual = store.value("SELECT COUNT(*) FROM bookings WHERE booking_date >= '2026-10-04'")
    assert advance(store.url, 28).rows["bookings"] == pytest.approx(usual, rel=0.4)


def test_dirt_is_planted_in_new_rows(store: Store) -> None:
    generate(store.url, replace(SIZE, dirty_rate=0.02))
    before = store.value("SELECT COUNT(*) FROM bookings WHERE user_id IS NULL")
    summary = advance(store.url, 3, dirty_rate=0.1)
    assert all(planted > 0 for rules in summary.planted.values() for planted in rules.values())
    after = store.value("SELECT COUNT(*) FROM bookings WHERE user_id IS NULL")
    assert after - before == summary.planted["bookings"]["missing_user"]
    assert advance(store.url, 1).first_day == date(2026, 11, 4)


@pytest.mark.remedy("columns-take-no-null")
def test_strict_tables_take_no_dirt(store: Store) -> None:
    generate(store.url, SIZE)
    before = counts(store)
    with pytest.raises(MarketplaceError, match="take no NULL"):
        advance(store.url, 1, dirty_rate=0.1)
    assert counts(store) == before
    advance(store.url, 1)
    generate(store.url, replace(SIZE, dirty_rate=0.02), replace=True)
    advance(store.url, 1, dirty_rate=0.1)


def test_needs_a_marketplace(store: Store) -> None:
    with pytest.raises(MarketplaceError):
        advance(store.url, 1)
    generate(store.url, MarketplaceOptions(listings=0, bookings=0, viewings=0, end_date=END_DATE))
    with pytest.raises(MarketplaceError, match="no dated row"):
        advance(store.url, 1)
    with pytest.raises(MarketplaceError, match="at least 1 day"):
        advance(store.url, 0)


@pytest.mark.fast
@pytest.mark.parametrize("size", [(1, 0, 0), (1, 3, 5), (25, 0, 40), (25, 30, 0)])
def test_small_marketplaces(tmp_path: Path, size: tuple[int, int, int]) -> None:
    file = tmp_path / "marketplace.db"
    listings, bookings, viewings = size
    generate(
        sqlite_url(file),
        MarketplaceOptions(listings=listings, bookings=bookings, viewings=viewings, end_date=END_DATE),
    )
    for _ in range(3):
        advance(sqlite_url(file), 5)
    assert ask_sqlite(file)("SELECT COUNT(*) >= 1 FROM apartments") == [(1,)]


@pytest.mark.service
def test_the_same_on_every_database(mysql: Any, tmp_path: Path) -> None:
    file, database = tmp_path / "marketplace.db", mysql.create_database()
    stores = [
        Store(sqlite_url(file), ask_sqlite(file)),
        Store(mysql.url(database), ask_mysql(mysql, database)),
    ]
    for store in stores:
        generate(store.url, replace(SIZE, dirty_rate=0.02))
        advance(store.url, 3, seed=5, dirty_rate=0.02)
        advance(store.url, 4, seed=5)
    assert stores[0].content() == stores[1].content()

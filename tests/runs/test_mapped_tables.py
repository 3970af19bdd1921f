"""Tables and columns of other names, constants, optional tables: the warehouse is as it would be of our own names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from rental_analytics.errors import RentalError
from runs.harness import BOOKING, LISTING, OPTIONAL, REQUIRED, Pipeline, Source, failure
from runs.mapped import LOADED, Twice, day
from servers.mysql import MySqlServer

KINDS = [
    pytest.param("sqlite", marks=[pytest.mark.slow, pytest.mark.exhaustive]),
    pytest.param("mysql", marks=pytest.mark.service),
    pytest.param("mariadb", marks=[pytest.mark.service, pytest.mark.exhaustive]),
]


@pytest.fixture
def make(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Callable[[str], Source]:
    """Empty databases of a kind."""
    if kind == "sqlite":
        return lambda name: Source.sqlite(tmp_path / f"{name}.db")
    server: MySqlServer = request.getfixturevalue(kind)
    return lambda _: Source.mysql(server)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_runs_by_other_names(make: Callable[[str], Source], tmp_path: Path) -> None:
    """Incremental, appended and snapshot reads, changes and deletes, a table that comes, and a backfill."""
    twice = Twice(make, tmp_path)
    for number in (1, 2):
        twice.unit(number, day(1), title=f"Room {number}")
    for number in range(1, 6):
        twice.booking(number, day(2), user_id=number, total_price=f"{number}00.50")
    twice.load()
    twice.assert_alike(*LOADED)

    twice.create_viewings()
    twice.viewing(day(1))
    twice.viewing(day(3), user=8)
    twice.unit(3, day(4), cityname="Bergen")
    twice.update("apartments", 1, price="55.00", last_modified_timestamp=day(4))
    twice.plain.execute(f"UPDATE apartment_attributes SET last_modified_timestamp = '{day(4)}' WHERE id = 1")
    twice.update("bookings", 2, booking_status="canceled", updated_at=day(4))
    twice.delete_booking(3)
    twice.booking(6, day(5), apartment_id=3)
    twice.load()
    twice.assert_alike(*LOADED)

    twice.viewing(day(2), user=9)
    twice.update("bookings", 1, total_price="1.25")
    twice.load(backfill=(date(2024, 3, 2), date(2024, 3, 2)))
    twice.viewing(day(6))
    twice.own.run()
    twice.mapped.run()
    twice.assert_alike(*LOADED, "presentation")
    modes = "SELECT table_name, read_mode FROM ops.freshness ORDER BY ALL"
    assert twice.mapped.rows(modes) == twice.own.rows(modes)
    assert "columns ignored: name, price `eur`, CREATED, active?, price" in "\n".join(twice.mapped.notes)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS[:1])
def test_snapshots_by_other_names(make: Callable[[str], Source], tmp_path: Path) -> None:
    modes = tuple(f"tables.{table}.mode=snapshot" for table in ("apartments", "bookings", "user_viewing"))
    twice = Twice(make, tmp_path, *modes)
    twice.own.settings = modes
    twice.create_viewings()
    twice.unit(1, day(1))
    twice.booking(1, day(1))
    twice.booking(2, day(1))
    twice.viewing(day(1))
    twice.load()
    twice.update("bookings", 1, total_price="1.25")
    twice.delete_booking(2)
    twice.viewing(day(2))
    twice.load()
    twice.assert_alike(*LOADED)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    return source


def stopped(pipeline: Pipeline, reason: str, *settings: str, **options: object) -> RentalError:
    error = failure(pipeline.load, *settings, **options)
    assert (error.reason, error.exit_code) == (reason, 2), str(error)
    return error


PRICES = "SELECT booking_id, CAST(total_price AS VARCHAR) FROM curated.bookings ORDER BY 1"
GROSS, NET = "tables.bookings.columns.total_price=gross", "tables.bookings.columns.total_price=net"


def with_two_prices(source: Source) -> None:
    source.execute("DROP TABLE bookings")
    columns = {**REQUIRED["bookings"], **OPTIONAL["bookings"], "net": "DECIMAL(12,2)", "gross": "DECIMAL(12,2)"}
    del columns["total_price"]
    source.execute(f"CREATE TABLE bookings ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    for number in (1, 2):
        add_booking(source, number, f"2024-03-0{number} 10:00:00")


def add_booking(source: Source, number: int, moment: str) -> None:
    row = {**BOOKING, "booking_id": number, "updated_at": moment, "net": "80.00", "gross": "100.00"}
    del row["total_price"]
    listed = ", ".join(f"'{value}'" for value in row.values())
    source.execute(f"INSERT INTO bookings ({', '.join(row)}) VALUES ({listed})")


@pytest.mark.slow
@pytest.mark.remedy("mapping-changed")
@pytest.mark.remedy("mapped-column-missing")
def test_a_mapping_that_is_changed_is_confirmed(source: Source, pipeline: Pipeline) -> None:
    """What is loaded and what is read never mean two things."""
    with_two_prices(source)
    error = stopped(pipeline, "mapped-column-missing", "tables.bookings.columns.total_price=price")
    assert "bookings.total_price (bookings.price)" in error.message
    assert "correct tables.bookings.columns.total_price" in error.remedy
    pipeline.load(NET)
    add_booking(source, 3, "2024-03-05 10:00:00")
    error = stopped(pipeline, "mapping-changed", GROSS)
    assert "total_price is read from bookings.gross, and was read from bookings.net" in error.message
    assert "undo the change of tables.bookings, or read all rows by it with `rental run --full-refresh`" in error.remedy
    assert stopped(pipeline, "mapping-changed", GROSS, backfill=(date(2024, 3, 1), date(2024, 3, 1)))
    pipeline.load(NET)
    assert pipeline.rows(PRICES) == [(1, "80.00"), (2, "80.00"), (3, "80.00")]
    pipeline.load(GROSS, full_refresh=True)
    assert pipeline.rows(PRICES) == [(1, "100.00"), (2, "100.00"), (3, "100.00")]
    pipeline.extract(GROSS)

    # The source renames the column, and the mapping follows: no drift, and no row is left as it was read before.
    source.execute("ALTER TABLE bookings RENAME COLUMN gross TO total_gross")
    stopped(pipeline, "mapped-column-missing", GROSS)
    pipeline.notes.clear()
    freeze = "tables.bookings.schema_drift=freeze"
    pipeline.load("tables.bookings.columns.total_price=total_gross", freeze)
    told = [note for note in pipeline.notes if "total_price" in note]
    assert told == [
        "bookings: total_price is read from bookings.total_gross, and was read from bookings.gross, which is gone; the "
        "table is read whole this time"
    ]
    assert pipeline.rows(PRICES) == [(1, "100.00"), (2, "100.00"), (3, "100.00")]
    pipeline.notes.clear()
    pipeline.extract("tables.bookings.columns.total_price=total_gross", freeze)
    assert not [note for note in pipeline.notes if "total_price" in note]


@pytest.mark.slow
@pytest.mark.remedy("constant-hides-column")
def test_a_constant_that_is_changed_is_confirmed(source: Source, pipeline: Pipeline) -> None:
    source.insert("bookings", {"booking_id": 1, "updated_at": "2024-03-01 10:00:00"})
    source.execute("ALTER TABLE bookings DROP COLUMN currency")
    euro, dollar = (f"tables.bookings.constants.currency={code}" for code in ("EUR", "USD"))
    pipeline.load(euro)
    error = stopped(pipeline, "mapping-changed", dollar)
    assert "currency is 'USD' in every row, and was 'EUR' in every row" in error.message
    pipeline.load(dollar, full_refresh=True)
    currencies = "SELECT DISTINCT currency FROM curated.bookings"
    assert pipeline.rows(currencies) == [("USD",)]
    source.execute("ALTER TABLE bookings ADD COLUMN currency VARCHAR(3)")
    source.execute("UPDATE bookings SET currency = 'GBP'")
    error = stopped(pipeline, "constant-hides-column", dollar)
    assert error.remedy.startswith("remove the constant to read the column")
    stopped(pipeline, "mapping-changed")
    pipeline.load(full_refresh=True)
    assert pipeline.rows(currencies) == [("GBP",)]


VIEWINGS = "SELECT COUNT(*) FROM curated.viewings"
OPTIONAL_VIEWINGS = "tables.user_viewing.optional=true"


@pytest.mark.slow
@pytest.mark.remedy("optional-table-vanished")
def test_an_optional_table_comes_and_goes(source: Source, pipeline: Pipeline) -> None:
    source.execute("DROP TABLE user_viewing")
    stopped(pipeline, "source-table-missing")
    pipeline.load(OPTIONAL_VIEWINGS)
    told = (
        "user_viewing: the source has no table user_viewing, which is optional: metrics that need it are empty until "
        "it comes"
    )
    assert pipeline.notes.count(told) == 1
    assert pipeline.rows(VIEWINGS) == [(0,)]
    pipeline.extract(OPTIONAL_VIEWINGS)
    assert pipeline.notes.count(told) == 1
    assert pipeline.rows("SELECT table_name FROM ops.freshness WHERE table_name = 'user_viewing'") == []

    source.create(optional=True, tables=("user_viewing",))
    source.insert("user_viewing", {"viewed_at": "2020-01-01 10:00:00"}, {})
    pipeline.load(OPTIONAL_VIEWINGS)
    assert "user_viewing: the source has user_viewing now; the table is read whole" in pipeline.notes
    assert pipeline.rows(VIEWINGS) == [(2,)]
    source.insert("user_viewing", {"viewed_at": "2024-03-02 10:00:00"})
    pipeline.load(OPTIONAL_VIEWINGS)
    assert pipeline.rows(VIEWINGS) == [(3,)]

    # It may be out of reach only: nothing goes unless somebody says so.
    source.execute("ALTER TABLE user_viewing RENAME TO hidden")
    error = stopped(pipeline, "optional-table-vanished", OPTIONAL_VIEWINGS)
    assert "user_viewing is not in" in error.message and "3 rows when it was read last" in error.message
    assert pipeline.rows(VIEWINGS) == [(3,)]
    pipeline.load(OPTIONAL_VIEWINGS, "quality.max_deleted_share=1", full_refresh=True)
    assert pipeline.rows(VIEWINGS) == [(0,)]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(0,)]
    pipeline.extract(OPTIONAL_VIEWINGS)
    source.execute("ALTER TABLE hidden RENAME TO user_viewing")
    pipeline.load(OPTIONAL_VIEWINGS)
    assert pipeline.rows(VIEWINGS) == [(3,)]


@pytest.mark.slow
def test_any_table_may_be_optional(source: Source, pipeline: Pipeline) -> None:
    """Keyed ones, too, and the one that all others refer to; a row that is deleted with its table is flagged."""
    for table in ("apartment_attributes", "user_viewing", "bookings", "apartments"):
        source.execute(f"DROP TABLE {table}")
    every = tuple(f"tables.{table}.optional=true" for table in REQUIRED)
    pipeline.run(*every)
    assert pipeline.rows("SELECT COUNT(*) FROM presentation.top_listings_weekly") == [(0,)]
    source.create(optional=True, tables=("apartments",))
    source.insert("apartments", {"id": 1, **LISTING})
    pipeline.load(*every)
    source.execute("DROP TABLE apartments")
    stopped(pipeline, "optional-table-vanished", *every)
    pipeline.load(*every, full_refresh=True)
    assert pipeline.rows("SELECT listing_id, is_deleted FROM curated.listings") == [(1, True)]


@pytest.mark.slow
def test_a_table_of_another_name(source: Source, pipeline: Pipeline) -> None:
    source.insert("bookings", {"booking_id": 1})
    source.execute("ALTER TABLE bookings RENAME TO Reservations")
    error = stopped(pipeline, "source-table-missing")
    assert "Reservations, apartment_attributes, apartments, user_viewing" in error.message
    assert 'set tables.bookings.name = "..."' in error.remedy
    pipeline.load("tables.bookings.name=reservations")
    # A table by that name is another one, whatever its rows are.
    source.create(optional=True, tables=("bookings",))
    error = stopped(pipeline, "mapping-changed")
    assert "it is read from bookings, and was from Reservations" in error.message

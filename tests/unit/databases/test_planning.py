"""Plans of tables and columns that the source calls otherwise, and the statements made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.databases.base import CatalogueColumn, CatalogueTable, Database, ReadPlan, Window
from rental_analytics.databases.mapping import find_table
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.mysql.jdbc import MySqlJdbc
from rental_analytics.databases.planning import plan_absent, plan_read
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import RentalError

pytestmark = pytest.mark.fast

MYSQL = MySqlDatabase("none", 3306, "root", "", "shop")
SQLITE = SqliteDatabase(Path("none.db"))
SEATS = SourceTable.model_validate(
    {
        "name": "seats",
        "description": "Seats of halls",
        "key": ["seat"],
        "change_cursor": "moved_at",
        "event_time": "sold_at",
        "columns": {
            "seat": {"type": "integer", "description": "Identifies it"},
            "price": {"type": "integer", "description": "What it costs"},
            "currency": {"type": "text", "description": "Of the price"},
            "sold_at": {"type": "timestamp", "description": "When it was sold"},
            "moved_at": {"type": "timestamp", "description": "When the row changed last", "required": False},
            "place": {"type": "text", "description": "Where it stands", "required": False},
        },
    }
)
MAPPED = TableSettings.model_validate(
    {
        "name": "The Places",
        "columns": {"seat": "No", "price": "seat", "moved_at": 'last "change"', "sold_at": "sold`at"},
        "constants": {"currency": "EUR"},
    }
)
FOUND = CatalogueTable(
    "The Places",
    (
        CatalogueColumn("No", "int"),
        CatalogueColumn("SEAT", "int"),
        CatalogueColumn('Last "Change"', "datetime"),
        CatalogueColumn("sold`at", "datetime"),
        CatalogueColumn("price", "int"),
    ),
    (frozenset({"no"}),),
)
WINDOW = Window(datetime(2024, 1, 1), datetime(2024, 1, 2))  # noqa: DTZ001


def refusal(
    settings: dict[str, Any],
    *columns: str,
    database: Database = SQLITE,
    name: str = "seats",
) -> RentalError:
    found = CatalogueTable(name, tuple(CatalogueColumn(column, "int") for column in columns), ())
    with pytest.raises(RentalError) as caught:
        plan_read(database, SEATS, found, TableSettings.model_validate(settings))
    assert caught.value.exit_code == 2
    return caught.value


def mapped(database: Database) -> ReadPlan:
    return plan_read(database, SEATS, FOUND, MAPPED)


@pytest.mark.parametrize("database", [MYSQL, SQLITE])
def test_a_plan_knows_our_names_and_theirs(database: Database) -> None:
    plan = mapped(database)
    assert (plan.mode, plan.cursor, plan.relation, plan.unique_key) == ("incremental", "moved_at", "The Places", True)
    # Names in the spelling of the catalogue; a column of theirs that has a name of ours is not ours for that.
    assert plan.sources == {"seat": "No", "price": "SEAT", "sold_at": "sold`at", "moved_at": 'Last "Change"'}
    assert plan.constants == {"currency": "EUR"}
    assert plan.present == ("seat", "price", "currency", "sold_at", "moved_at")
    assert plan.moments == ("moved_at", "sold_at")
    assert plan.notes == ("columns ignored: price",)
    assert (plan.place, plan.place_of("price")) == ("seats (The Places)", "seats.price (The Places.SEAT)")


def in_a_line(sql: str) -> str:
    return " ".join(sql.split())


def test_statements_for_mysql_are_made_of_their_names() -> None:
    plan = mapped(MYSQL)
    assert in_a_line(MYSQL.select(plan, plan.columns[:3], "TRUE", counted=True)) == (
        "SELECT `No` AS `seat`, `SEAT` AS `price`, "
        "( SELECT COUNT(*) FROM `shop`.`The Places` WHERE TRUE ) AS _expected FROM `shop`.`The Places` WHERE TRUE"
    )
    assert in_a_line(MYSQL.select(plan, plan.columns[:3])) == (
        "SELECT `No` AS `seat`, `SEAT` AS `price` FROM `shop`.`The Places`"
    )
    assert MYSQL.key_filter(plan, [(5,), (6,)]) == "(`No`) IN ((5), (6))"
    assert MYSQL.can_filter(plan)
    assert MYSQL.cursor_filter(plan, WINDOW) == (
        '(`Last "Change"` >= \'2024-01-01 00:00:00.000000\' OR `Last "Change"` IS NULL '
        "OR `Last \"Change\"` < '0001-01-02')"
    )
    assert '`Last "Change"` >= \'2024-01-01' in MYSQL.range_filter(plan, WINDOW)
    assert "`sold``at` >= '2024-01-01" in MYSQL.range_filter(plan, WINDOW)


def test_statements_for_sqlite_are_made_of_their_names() -> None:
    plan = mapped(SQLITE)
    sql = in_a_line(SQLITE.select(plan, plan.columns[1:3], "1", counted=True))
    assert sql.startswith("SELECT 1 AS _first, '' AS \"price\", '' AS _expected UNION ALL SELECT 0, CASE WHEN typeof")
    assert 'ELSE CAST("SEAT" AS TEXT) END' in sql
    assert sql.endswith('CAST((SELECT COUNT(*) FROM "The Places" WHERE 1) AS TEXT) FROM "The Places" WHERE 1')
    sql = in_a_line(SQLITE.select(plan, plan.columns[1:3]))
    assert sql.startswith("SELECT 1 AS _first, '' AS \"price\" UNION ALL SELECT 0, CASE WHEN typeof")
    assert sql.endswith('ELSE CAST("SEAT" AS TEXT) END FROM "The Places"')
    # That no two keys differ by their class alone is asked of their table.
    assert 'FROM "The Places" WHERE typeof("No")' in plan.columns[0].select
    assert SQLITE.key_filter(plan, [(5,)]) == '("No") IN (VALUES (5))'
    assert '"Last ""Change""") >= ' in SQLITE.cursor_filter(plan, WINDOW)
    assert '"sold`at"' in SQLITE.range_filter(plan, WINDOW)


def test_parallel_reads_go_along_the_index_of_their_key() -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def rows(sql: str, parameters: tuple[str, ...]) -> Sequence[tuple[Any, ...]]:
        asked.append((sql, parameters))
        if "statistics" in sql:
            return [("other", "SEAT", "int", 1, "YES", 9), ("PRIMARY", "No", "int", 0, "NO", 9)]
        return [(1, 1, 1)]

    plan = mapped(MYSQL)
    jdbc = MySqlJdbc("", "shop", lambda: ("", ""), "off", None, rows)
    (read,) = jdbc.reads(plan, plan.columns[:2], at_once=2)
    part = "( SELECT CAST(`No` AS SIGNED) AS `seat`, CAST(`SEAT` AS SIGNED) AS `price` FROM `shop`.`The Places`"
    assert in_a_line(read.relation) == f"{part} ) AS part"
    assert asked[0][1] == ("shop", "The Places")
    assert in_a_line(asked[1][0]) == (
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM `shop`.`The Places` LIMIT 50001) AS some_rows), "
        "MIN(`No`), MAX(`No`) FROM `shop`.`The Places`"
    )
    (read,) = jdbc.reads(plan, plan.columns[:2], "`SEAT` > 1", counted=True, at_once=2)
    assert in_a_line(read.relation) == (
        f"{part} WHERE `SEAT` > 1 ) AS part CROSS JOIN "
        "( SELECT COUNT(*) AS _expected FROM `shop`.`The Places` WHERE `SEAT` > 1 ) AS counted"
    )
    assert in_a_line(asked[3][0]) == "SELECT COUNT(*), MIN(`No`), MAX(`No`) FROM `shop`.`The Places` WHERE `SEAT` > 1"


@pytest.mark.parametrize("database", [MYSQL, SQLITE])
def test_a_value_that_does_not_fit_is_told_by_both_names(database: Database) -> None:
    plan = mapped(database)
    (sold,) = (column for column in plan.columns if column.name == "sold_at")
    assert "seats.sold_at (The Places.sold`at) holds" in sold.convert


@pytest.mark.parametrize("database", [MYSQL, SQLITE])
def test_columns_may_be_swapped(database: Database) -> None:
    settings = TableSettings.model_validate({"columns": {"seat": "price", "price": "seat"}, "mode": "snapshot"})
    columns = [CatalogueColumn(name, "int") for name in ("seat", "price")]
    more = [CatalogueColumn(name, kind) for name, kind in (("currency", "varchar(9)"), ("sold_at", "datetime"))]
    plan = plan_read(database, SEATS, CatalogueTable("seats", (*columns, *more), ()), settings)
    assert plan.sources == {"seat": "price", "price": "seat", "currency": "currency", "sold_at": "sold_at"}
    assert (plan.mode, plan.notes) == (ReadMode.SNAPSHOT, ())


def test_columns_that_are_missing_are_told_with_what_may_be_them() -> None:
    error = refusal({"name": "places"}, "seat", "price", "currency", "when_sold", name="places")
    assert error.message == (
        "Table seats (places) has no column sold_at, which its contract requires. If it was renamed, it may be "
        "when_sold."
    )
    assert 'set tables.seats.columns.sold_at = "..."' in error.remedy
    error = refusal({}, "seat", "cost", "code")
    assert error.message == (
        "Table seats has no columns price, currency and sold_at, which its contract requires. It has cost, code."
    )
    assert error.reason == "source-column-missing"


def test_a_mapped_column_that_is_not_there() -> None:
    error = refusal({"columns": {"price": "cost"}}, "seat", "price", "currency", "sold_at")
    assert error.reason == "mapped-column-missing"
    assert error.message == (
        "There is no column seats.price (seats.cost), which tables.seats.columns.price names. If it was renamed, it "
        "may be price."
    )


def test_a_constant_for_a_column_that_is_there() -> None:
    error = refusal({"constants": {"currency": "EUR"}}, "seat", "price", "Currency", "sold_at")
    assert error.reason == "constant-hides-column"
    assert "tables.seats.constants.currency would hide seats.currency" in error.message
    # One that another column is read from is not hidden.
    settings = TableSettings.model_validate({"constants": {"currency": "EUR"}, "columns": {"price": "currency"}})
    columns = tuple(CatalogueColumn(name, "int") for name in ("seat", "currency", "sold_at"))
    plan = plan_read(SQLITE, SEATS, CatalogueTable("seats", columns, ()), settings)
    assert (plan.sources["price"], plan.constants) == ("currency", {"currency": "EUR"})


def test_a_kept_column_does_not_take_a_name_of_ours() -> None:
    keeping = SEATS.model_copy(update={"unknown_columns": "keep"})
    plan = plan_read(SQLITE, keeping, FOUND, MAPPED)
    assert [column.name for column in plan.columns] == list(SEATS.columns)
    assert plan.notes == ("columns ignored: price",)


@pytest.mark.parametrize(
    ("there", "settings", "found"),
    [
        (["seats", "SEATS"], {}, "seats"),
        (["Seats"], {}, "Seats"),
        (["places"], {"name": "Places"}, "places"),
        (["other"], {"optional": True}, None),
        (["seats"], {"name": "places", "optional": True}, None),
    ],
)
def test_a_table_is_found_by_its_name(there: list[str], settings: dict[str, Any], found: str | None) -> None:
    catalogue = {name: CatalogueTable(name, (), ()) for name in there}
    table = find_table(SEATS, TableSettings.model_validate(settings), catalogue, "a database")
    assert (table.name if table else None) == found


@pytest.mark.remedy("table-name-ambiguous")
def test_tables_that_differ_in_case_alone_are_told_apart_by_their_own_names() -> None:
    catalogue = {name: CatalogueTable(name, (), ()) for name in ("Places", "PLACES")}
    error = not_found("places", *catalogue)
    assert error.reason == "table-name-ambiguous"
    assert error.message == "There is no table seats (places) in a database, but there are PLACES and Places."
    assert error.remedy == "name one of them in tables.seats.name."
    for name, table in catalogue.items():
        assert find_table(SEATS, TableSettings(name=name), catalogue, "a database") is table


def test_a_table_that_is_not_found_is_told_with_those_there_are() -> None:
    assert not_found("places", "b", "a").message == "There is no table seats (places) in a database; there are a, b."
    assert not_found("places").message == "There is no table seats (places) in a database."
    many = not_found("places", *(f"t{number:02}" for number in range(12)))
    assert many.message.endswith("t08, t09 and 2 more.")


def not_found(name: str, *there: str) -> RentalError:
    catalogue = {name: CatalogueTable(name, (), ()) for name in there}
    with pytest.raises(RentalError) as caught:
        find_table(SEATS, TableSettings(name=name), catalogue, "a database")
    assert caught.value.exit_code == 2
    return caught.value


def test_the_plan_of_an_absent_table_has_no_values() -> None:
    plan = plan_absent(SEATS, TableSettings(optional=True))
    assert (plan.absent, plan.mode, plan.present, plan.sources) == (True, ReadMode.INCREMENTAL, (), {})

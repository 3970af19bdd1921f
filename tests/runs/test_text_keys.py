"""Rows are found by their text keys whatever the collation, or the whole table is read."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import ReadPlan
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.planning import plan_read
from servers.mysql import KINDS, MySqlServer, numbers

pytestmark = pytest.mark.service

KEYS = ("a", "A", "a ", "", " ", "b\0c", "x\\y", "\\'; -- ", "Zürich", "zurich", "ß", "ss", "北京", "%_", "NULL")
EMOJI = ("🏠", "🏡", "👩‍👩‍👧‍👦")

Planned = Callable[..., tuple[MySqlDatabase, ReadPlan]]


@pytest.fixture
def database(either_server: MySqlServer) -> str:
    return either_server.create_database()


@pytest.fixture
def planned(either_server: MySqlServer, database: str) -> Planned:
    """Run statements; give the database and the plan of `listings` with this key."""

    def make(
        *statements: str, key: tuple[str, ...] = ("code",), wanted: str = "text"
    ) -> tuple[MySqlDatabase, ReadPlan]:
        with closing(either_server.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        columns = {name: {"type": wanted if name == "code" else "integer", "description": "A key"} for name in key}
        table = SourceTable.model_validate(
            {"name": "listings", "description": "Listings", "key": list(key), "columns": columns}
        )
        source = MySqlDatabase(either_server.host, either_server.port, "root", "", database)
        return source, plan_read(source, table, source.catalogue()["listings"])

    return make


def read(source: MySqlDatabase, plan: ReadPlan, keys: list[tuple[Any, ...]]) -> list[str]:
    with source.read(source.select(plan, plan.key_columns, source.key_filter(plan, keys))) as reader:
        return [value for batch in reader for value in batch.column("code").to_pylist()]


# Both pad texts with blanks to compare them; collations that do not have other names.
COMMON = ("utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_ci", "utf8mb4_turkish_ci", "utf8mb3_general_ci")
OWN = {
    "mysql": ("utf8mb4_0900_ai_ci", "utf8mb4_0900_bin", "utf8mb4_tr_0900_ai_ci"),
    "mariadb": ("utf8mb4_unicode_520_nopad_ci", "utf8mb4_nopad_bin"),
}


@pytest.mark.parametrize(
    ("either_server", "collation"),
    [(kind, collation) for kind in KINDS for collation in (*COMMON, *OWN[kind])],
    indirect=["either_server"],
)
def test_every_key_is_found_through_its_index(
    either_server: MySqlServer, database: str, planned: Planned, collation: str
) -> None:
    from pymysql.cursors import DictCursor

    keys = KEYS + (EMOJI if collation.startswith("utf8mb4") else ())
    source, plan = planned(
        f"CREATE TABLE listings (code VARCHAR(60) COLLATE {collation}, INDEX (code))",
        f"INSERT INTO listings SELECT CONCAT('other ', seq) FROM {numbers(1, 2000)}",
    )
    with closing(either_server.connect(database)) as connection, connection.cursor(DictCursor) as cursor:
        cursor.executemany("INSERT INTO listings VALUES (%s)", [(key,) for key in keys])
        chosen = source.key_filter(plan, [("a",), ("Zürich",)])
        cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL SELECT code FROM listings WHERE {chosen}")
        assert cursor.fetchone()["type"] == "range"
    assert source.can_filter(plan)
    for key in keys:
        assert key in read(source, plan, [(key,)])
    found = read(source, plan, [(key,) for key in keys])
    assert sorted(found) == sorted(keys)


@pytest.mark.parametrize("native", ["CHAR(9)", "TINYTEXT", "ENUM('a','Zürich')", "SET('a','Zürich')"])
def test_keys_of_other_text_types_are_found(planned: Planned, native: str) -> None:
    source, plan = planned(
        f"CREATE TABLE listings (code {native} COLLATE utf8mb4_unicode_ci)",
        "INSERT IGNORE INTO listings VALUES ('a'), ('Zürich'), ('')",
    )
    assert source.can_filter(plan)
    assert sorted(read(source, plan, [("Zürich",), ("",)])) == ["", "Zürich"]


@pytest.mark.parametrize("character_set", ["latin1", "ascii", "cp1251", "ucs2", "utf16", "utf32", "binary"])
def test_keys_in_other_character_sets_are_not_asked_for(planned: Planned, character_set: str) -> None:
    source, plan = planned(f"CREATE TABLE listings (code VARCHAR(60) CHARACTER SET {character_set})")
    assert not source.can_filter(plan)


def test_keys_with_a_text_among_others_are_not_asked_for(planned: Planned) -> None:
    source, plan = planned("CREATE TABLE listings (code VARCHAR(60), city_id INT)", key=("city_id", "code"))
    assert not source.can_filter(plan)


def test_text_keys_of_a_view_are_not_asked_for(planned: Planned) -> None:
    """The collation of such a text is as strong as that of a literal: the server would refuse to compare them."""
    source, plan = planned(
        "CREATE TABLE numbered (id INT)",
        "SET collation_connection = utf8mb4_unicode_ci",
        "CREATE VIEW listings AS SELECT CONCAT('listing ', id) AS code FROM numbered",
    )
    assert not source.can_filter(plan)


def test_numbers_are_asked_for(planned: Planned) -> None:
    source, plan = planned(
        "CREATE TABLE numbered (code BIGINT, city_id INT)",
        "INSERT INTO numbered VALUES (1, 1), (1, 2), (9007199254740993, 2)",
        "CREATE VIEW listings AS SELECT * FROM numbered",
        key=("code", "city_id"),
        wanted="integer",
    )
    assert source.can_filter(plan)
    assert read(source, plan, [(1, 1), (9007199254740993, 2), (2, 1)]) == [1, 9007199254740993]

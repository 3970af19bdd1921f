"""What values a SQLite file holds arrive as they are, or the run stops with table, column and key."""

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import ReadPlan
from rental_analytics.databases.planning import plan_read
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.engines.base import Selection
from rental_analytics.engines.duckdb.session import DuckDbSession
from runs.harness import failure

pytestmark = pytest.mark.slow

Read = Callable[..., list[Any]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Values of a column, as they arrive from a table with the key `id`."""
    import duckdb

    files = iter(range(1_000))

    def arrived(declared: str, wanted: str, values: Sequence[Any], key: str = "id") -> list[Any]:
        file = tmp_path / f"{next(files)}.db"
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"CREATE TABLE bookings (id INTEGER PRIMARY KEY, cell {declared})")
            connection.executemany("INSERT INTO bookings (cell) VALUES (?)", [(value,) for value in values])
        columns = {
            name: {"type": kind, "description": "A cell"} for name, kind in (("id", "integer"), ("cell", wanted))
        }
        table = SourceTable.model_validate(
            {"name": "bookings", "description": "Bookings", "key": [key], "columns": columns}
        )
        source = SqliteDatabase(file)
        plan = plan_read(source, table, source.catalogue()["bookings"])
        with closing(duckdb.connect()) as connection:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            session = DuckDbSession(connection, tmp_path)
            with session.arriving(source, Selection(plan, plan.columns)) as arrival:
                return [value for (value,) in session.run(f"SELECT cell FROM {arrival.relation} ORDER BY id")]

    return arrived


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("DECIMAL(20,2)", 12345678901234.56, "12345678901234.56"),
        ("DECIMAL(20,2)", -12345678901234.56, "-12345678901234.56"),
        ("DECIMAL(20,2)", 1234567890123456.75, "1234567890123456.75"),
        ("DECIMAL(20,2)", 0.07, "0.07"),
        ("DECIMAL(20,2)", 300, "300.00"),
        ("DECIMAL(20,2)", "12345678901234.5", "12345678901234.50"),
        ("DECIMAL(20,0)", 9223372036854775807, "9223372036854775807"),
        ("DECIMAL(20,0)", 9223372036854775808.0, "9223372036854775808"),
        ("DECIMAL(20,0)", 9223372036854777856.0, "9223372036854777856"),
        ("DECIMAL(20,0)", 18446744073709551616.0, "18446744073709551616"),
        ("DECIMAL(9,9)", 0.123456789, "0.123456789"),
        # What a calculation missed by a unit or two of the last place.
        ("DECIMAL(20,2)", 330.00000000000006, "330.00"),
        ("DECIMAL(9,6)", 40.636768000000004, "40.636768"),
        # Places that the REAL has no digits for.
        ("DECIMAL(20,12)", 12345.7, "12345.7"),
        ("DECIMAL(20,12)", 99999.9, "99999.9"),
        ("DECIMAL(18,15)", -122.4194, "-122.4194"),
        ("DECIMAL(20,10)", 1234567.1, "1234567.1"),
        ("DECIMAL(20,4)", 1234567890123.1, "1234567890123.1"),
        ("DECIMAL(24,9)", 12345678901234.56, "12345678901234.56"),
        ("DECIMAL(38,20)", 0.07, "0.07"),
        ("DECIMAL(38,20)", -7e-05, "-0.00007"),
        ("DECIMAL(38,20)", 0.1 + 0.2, "0.30000000000000004"),
        ("DECIMAL(38,20)", 1234567890123456.75, "1234567890123456.75"),
        ("DECIMAL(38,38)", 0.5, "0.5"),
        ("DECIMAL(38,38)", -6.1506635218e-09, "-0.0000000061506635218"),
        ("NUMERIC", 12345678901234.56, "12345678901234.56"),
        ("NUMERIC", 9223372036854775808.0, "9223372036854775808"),
        ("NUMERIC", 1 / 3, "0.3333333333"),
        ("TEXT", "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
        ("TEXT", " +0.12345678900000 ", "0.123456789"),
        ("TEXT", "1e-10", "0.0000000001"),
        ("TEXT", "1234567.890123400E-3", "1234.5678901234"),
        ("", 330.00000000000006, "330"),
        ("", "1.5e3", "1500"),
        # A REAL may be the result of a calculation: ten places are kept of it.
        ("NUMERIC", 1e-12, "0"),
    ],
)
def test_a_decimal_arrives_exact(read: Read, declared: str, value: Any, expected: str) -> None:
    assert read(declared, "decimal", [value, None]) == [Decimal(expected), None]


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [
        ("DECIMAL(20,2)", 100.000000000001, "100.000000000001"),
        ("DECIMAL(20,2)", 330.0000000001, "330.0000000001"),
        ("DECIMAL(20,2)", 1234567890123.625, "1234567890123.625"),
        ("DECIMAL(20,2)", 1e18, "1000000000000000000"),
        ("DECIMAL(20,2)", 1e300, "1.0e+300"),
        ("DECIMAL(20,2)", float("inf"), "Inf"),
        ("DECIMAL(9,9)", 1.5, "1.5"),
        ("DECIMAL(20,2)", "1_000", "1_000"),
        ("NUMERIC", 1e30, "1.0e+30"),
        ("TEXT", "1_000", "1_000"),
        ("TEXT", "0x1F", "0x1F"),
        ("TEXT", "1e", "1e"),
        ("TEXT", "0.123456789012345", "0.123456789012345"),
        ("TEXT", "1234567890123456789.01234567891", "1234567890123456789.01234567891"),
        ("TEXT", "1e-11", "1e-11"),
        ("TEXT", "1.5e-10", "1.5e-10"),
        ("BLOB", "123456789012345678.901234567891e1", "123456789012345678.901234567891e1"),
    ],
)
def test_what_is_no_such_decimal_stops(read: Read, declared: str, value: Any, shown: str) -> None:
    error = failure(read, declared, "decimal", [0, value])
    assert error.reason == "value-not-of-type"
    assert f"bookings.cell holds '{shown}', which is no DECIMAL" in error.message
    assert "in the row with id 2" in error.message


def test_every_decimal_of_15_digits_arrives_as_it_was_written(read: Read) -> None:
    chosen = random.Random(5)
    for places in (0, 2, 4, 9, 10, 12, 15, 18, 24, 38):
        width = chosen.randint(max(1, places), 38)
        decimals = [
            Decimal(chosen.randrange(-(10**digits), 10**digits)).scaleb(-chosen.randint(0, places))
            for digits in range(1, 16)
            for _ in range(100)
        ]
        fitting = [decimal for decimal in decimals if abs(decimal) < Decimal(10) ** (width - places)]
        assert read(f"DECIMAL({width},{places})", "decimal", [float(decimal) for decimal in fitting]) == fitting


def test_every_real_arrives(read: Read) -> None:
    chosen = random.Random(5)
    reals = [chosen.uniform(-1, 1) * 10.0 ** chosen.randint(-12, 30) for _ in range(5_000)]
    assert read("DOUBLE", "float", reals) == reals
    # As the decimal of the fewest digits, where there are places enough for them.
    reals = [chosen.uniform(-1, 1) * 10.0 ** chosen.randint(-3, 12) for _ in range(2_000)]
    assert read("DECIMAL(38,22)", "decimal", reals) == [Decimal(repr(real)) for real in reals]


@pytest.mark.parametrize("declared", ["DECIMAL(10,12)", "NUMERIC(0)", "DECIMAL(0,0)", "DECIMAL(39,2)"])
@pytest.mark.parametrize("wanted", ["decimal", "any"])
def test_a_decimal_that_is_none_is_named(read: Read, declared: str, wanted: str) -> None:
    error = failure(read, declared, wanted, [1])
    assert error.reason == "column-type-unusable"
    assert error.message == f"Column bookings.cell is {declared.lower()}, but its contract needs {wanted}."


@pytest.mark.parametrize(
    ("declared", "wanted", "value", "expected"),
    [
        ("", "integer", 5.0, 5),
        ("INT", "integer", "05", 5),
        ("TEXT", "integer", " 05", 5),
        ("BLOB", "integer", 5, 5),
        ("", "integer", -9007199254740992.0, -9007199254740992),
        ("", "boolean", 1.0, True),
        ("REAL", "boolean", 0.0, False),
        ("TEXT", "boolean", "1", True),
        ("", "text", 12345678901234.566, "12345678901234.566"),
        ("", "text", 0.1, "0.1"),
        ("", "float", "15e-1", 1.5),
    ],
)
def test_a_whole_number_arrives_however_it_is_held(
    read: Read, declared: str, wanted: str, value: Any, expected: Any
) -> None:
    assert read(declared, wanted, [value, None]) == [expected, None]


@pytest.mark.parametrize(
    ("declared", "wanted", "value"),
    [
        *(("TEXT", "integer", text) for text in ("15e-1", "25e-1", "1_000", "0x1F", "0b11", "5.0", ".5", "")),
        *(("TEXT", "boolean", text) for text in ("0.4", "1_0", "1e0", "true", "2")),
        *(("INT", wanted, number) for wanted in ("integer", "boolean", "any") for number in (0.4, 1.4, 1e300)),
        ("TINYINT(1)", "any", 0.4),
        ("TINYINT(1)", "any", 32768),
        ("", "integer", 9223372036854775808.0),
        ("", "float", "1_000"),
        ("", "time", "0x1F"),
        *((kind, "timestamp", text) for kind in ("DATETIME", "DATE") for text in ("12024-03-05", "0000-01-01")),
        ("TEXT", "timestamp", "-0044-03-15"),
    ],
)
def test_what_is_no_such_value_stops(read: Read, declared: str, wanted: str, value: Any) -> None:
    error = failure(read, declared, wanted, [None, value])
    assert error.reason == "value-not-of-type"
    shown = f"{value:.1e}".replace("e+18", "") if isinstance(value, float) and value > 1e9 else value
    assert f"bookings.cell holds '{str(shown)[:3]}" in error.message
    assert "in the row with id 2" in error.message


@pytest.mark.parametrize("text", ["05", " 5", "5 ", "+5", "-0", "00", "15e-1"])
def test_a_key_that_would_become_another_stops(read: Read, text: str) -> None:
    for declared, wanted in (("TEXT", "integer"), ("VARCHAR(9)", "decimal")):
        error = failure(read, declared, wanted, ["5", text], key="cell")
        assert error.reason == "value-not-of-type"
        assert f"bookings.cell holds '{text}', which is no " in error.message
        assert f"in plain digits, in the row with cell {text.rstrip()}" in error.message


@pytest.mark.parametrize(
    ("declared", "wanted", "keys"),
    [
        ("", "integer", [5, "5"]),
        ("", "text", [5, "5"]),
        ("", "text", [5.5, b"5.5"]),
        ("", "boolean", [1, "1"]),
        ("BIGINT UNIQUE", "integer", [5, b"5"]),
        ("BIGINT UNIQUE", "text", [5, b"5"]),
        ("BLOB UNIQUE", "integer", [5, "5", b"5"]),
        ("BLOB UNIQUE", "text", ["ab", b"ab"]),
        ("BLOB UNIQUE", "text", [5, b"5"]),
        ("TEXT UNIQUE", "text", ["5", b"5"]),
        ("TEXT UNIQUE", "integer", ["5", b"5"]),
        ("DECIMAL(9,2) UNIQUE", "decimal", [0.5, b"0.5"]),
        ("DOUBLE UNIQUE", "float", [5.0, b"5"]),
        ("DATE UNIQUE", "date", ["2026-01-31", b"2026-01-31"]),
    ],
)
def test_keys_that_only_their_storage_class_tells_apart_stop(
    read: Read, declared: str, wanted: str, keys: list[Any]
) -> None:
    for values in (keys, keys[::-1]):
        error = failure(read, declared, wanted, values, key="cell")
        assert error.reason == "value-not-of-type"
        assert "', which is no key of the storage class that other keys have, in the row with cell " in error.message


@pytest.mark.parametrize(
    ("declared", "wanted", "text"),
    [
        ("", "float", "5.0"),
        ("TEXT", "float", "5e0"),
        ("TEXT", "float", "0.10000000000000001"),
        ("", "float", 2**53 + 1),
        ("", "float", 1e-100),
        ("TEXT", "decimal", "0.00000000001"),
        ("NUMERIC", "decimal", 1e-11),
        ("NUMERIC", "decimal", 330.00000000000006),
        ("DECIMAL(9,2)", "decimal", 330.00000000000006),
        ("BLOB", "decimal", "5.0"),
        ("DATE", "date", "2024-01-01 10:00:00"),
        ("TEXT", "date", "2024-01-01 10:00:00"),
        ("TEXT", "date", "2024-1-1"),
        ("TEXT", "timestamp", "2024-01-01"),
        ("DATETIME", "timestamp", "2024-01-01T10:00:00"),
        ("DATETIME", "timestamp", "2024-01-01 10:00:00Z"),
        ("DATETIME", "timestamp", "2024-01-01 10:00"),
        ("DATETIME", "timestamp", "2024-01-01 10:00:00.5"),
        ("DATETIME", "timestamp", "2024-01-01 10:00:00.000000"),
        ("DATETIME", "timestamp", "2024-01-01 24:00:00"),
    ],
)
def test_a_key_in_another_form_stops(read: Read, declared: str, wanted: str, text: Any) -> None:
    error = failure(read, declared, wanted, [text], key="cell")
    assert error.reason == "value-not-of-type"
    assert "bookings.cell holds '" in error.message and "in the row with cell " in error.message


@pytest.mark.parametrize(
    ("declared", "wanted", "keys"),
    [
        ("", "integer", [5, 6]),
        ("", "integer", ["5", "6"]),
        ("BLOB", "integer", [b"5", b"6"]),
        ("", "integer", [5, None]),
        ("", "text", [5, 6.5]),
        ("", "text", ["a", "\x02", None]),
        ("TEXT", "float", ["5", "0.1", "-1234.5"]),
        ("DOUBLE", "float", [5, 0.1, -1e20, 1e-9]),
        ("NUMERIC", "decimal", [0.1, 12345.6789012345, 5]),
        ("DATE", "date", ["2024-02-29", "2024-03-01"]),
        ("DATETIME", "timestamp", ["2024-02-29 23:59:59", "2024-02-29 23:59:59.500000"]),
    ],
)
def test_keys_of_one_class_and_form_arrive(read: Read, declared: str, wanted: str, keys: list[Any]) -> None:
    arrived = read(declared, wanted, keys, key="cell")
    assert len(set(arrived)) == len(keys)
    if wanted in {"float", "date", "timestamp"}:
        assert [str(value) for value in arrived] == [str(float(key)) if wanted == "float" else key for key in keys]


def test_keys_as_texts_arrive(read: Read) -> None:
    texts = ["0", "5", "-5", "9223372036854775807"]
    assert read("TEXT", "integer", texts, key="cell") == [int(text) for text in texts]
    assert read("TEXT", "decimal", ["0.5", "-0.05", "5"], key="cell") == [Decimal("0.5"), Decimal("-0.05"), 5]
    assert read("DECIMAL(20,0)", "integer", [5, 2.0**63, 2.0**63 + 2048], key="cell") == [5, 2**63, 2**63 + 2048]


def test_the_first_and_the_last_year_arrive(read: Read) -> None:
    moments = ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"]
    assert read("DATETIME", "timestamp", moments) == [datetime.fromisoformat(text) for text in moments]


def test_generated_columns_are_columns_like_any_other(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bookings.db")) as connection:
        connection.execute(
            "CREATE TABLE bookings (nights INT, rate INT, "
            "Total_Price DECIMAL(12,2) GENERATED ALWAYS AS (nights * rate) STORED NOT NULL, "
            "currency TEXT AS ('USD') UNIQUE)"
        )
    found = SqliteDatabase(tmp_path / "bookings.db").catalogue()["bookings"]
    assert [(column.name, column.native, column.nullable) for column in found.columns[2:]] == [
        ("Total_Price", "decimal(12,2)", False),
        ("currency", "text", True),
    ]
    assert found.unique_keys == (frozenset({"currency"}),)


def test_hidden_columns_of_virtual_tables_are_none(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "words.db")) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
    catalogue = SqliteDatabase(tmp_path / "words.db").catalogue()
    assert [column.name for column in catalogue["words"].columns] == ["word"]


KELVIN = "boo\N{KELVIN SIGN}ing_status"


def with_names(file: Path, one: str, other: str) -> ReadPlan:
    """The plan of a table that keeps two columns which its contract does not name."""
    key = "id" if "id" not in (one, other) else "key_id"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f'CREATE VIEW bookings AS SELECT 1 AS {key}, 2 AS "{one}", 3 AS "{other}"')
    columns = {key: {"type": "integer", "description": "A cell"}}
    contract = {"name": "bookings", "description": "Bookings", "key": [key], "columns": columns}
    source = SqliteDatabase(file)
    table = SourceTable.model_validate({**contract, "unknown_columns": "keep"})
    return plan_read(source, table, source.catalogue()["bookings"])


def with_kelvin(file: Path, name: str, **options: str) -> ReadPlan:
    """The plan of a table with two names that differ in a letter which some programs fold to a k."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f'CREATE VIEW bookings AS SELECT 1 AS ID, 2 AS booking_status, 3 AS "{name}"')
    columns = {column: {"type": "integer", "description": "A cell"} for column in ("id", "booking_status")}
    contract = {"name": "bookings", "description": "Bookings", "key": ["id"], "columns": columns, **options}
    source = SqliteDatabase(file)
    return plan_read(source, SourceTable.model_validate(contract), source.catalogue()["bookings"])


def test_names_are_folded_from_a_to_z_only(tmp_path: Path) -> None:
    plan = with_kelvin(tmp_path / "folded.db", KELVIN)
    assert [(column.name, '"booking_status"' in column.select) for column in plan.columns] == [
        ("id", False),
        ("booking_status", True),
    ]
    assert plan.notes == (f"columns ignored: {KELVIN}",)


@pytest.mark.remedy("column-names-alike")
def test_names_that_are_alike_are_not_kept(tmp_path: Path) -> None:
    error = failure(with_kelvin, tmp_path / "alike.db", KELVIN, unknown_columns="keep")
    assert error.reason == "column-names-alike"
    assert error.message == (
        "The columns 'booking_status' and 'boo\\u212aing_status' of table bookings are one name in other case."
    )
    plan = with_kelvin(tmp_path / "renamed.db", "old_status", unknown_columns="keep")
    assert [column.name for column in plan.columns] == ["id", "booking_status", "old_status"]
    assert len(with_kelvin(tmp_path / "ignored.db", KELVIN).columns) == 2


@pytest.mark.parametrize("name", ["a.b", "_row_id", "_First", "_Occurrence", "_occurrences", "_synced"])
def test_a_name_that_the_pipeline_uses_is_not_kept(tmp_path: Path, name: str) -> None:
    error = failure(with_kelvin, tmp_path / "names.db", name, unknown_columns="keep")
    assert error.reason == "column-name-not-usable"
    assert f"Column bookings.{name} cannot be kept" in error.message


@pytest.mark.parametrize(("one", "other"), [("straße", "strasse"), ("ﬁt", "fit"), ("ŉ", "ʼn")])
def test_names_that_differ_in_a_letter_and_two_are_kept(tmp_path: Path, one: str, other: str) -> None:
    plan = with_names(tmp_path / "kept.db", one, other)
    assert [column.name for column in plan.columns] == ["id", one, other]


@pytest.mark.parametrize(("one", "other"), [("ä", "Ä"), ("İd", "id"), ("ıd", "id"), ("ſ", "s"), ("ᾳ", "ᾼ"), ("ǆ", "ǅ")])
def test_letters_that_spark_takes_for_one_are_alike(tmp_path: Path, one: str, other: str) -> None:
    assert failure(with_names, tmp_path / "alike.db", one, other).reason == "column-names-alike"

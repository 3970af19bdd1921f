"""Every MySQL type arrives exact, or as docs/reference/types.md says, or stops the read by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from parity.engines import open_engine
from rental_analytics.contracts.manifest import ExtractedTable, RunParameters
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import ReadPlan, Window
from rental_analytics.databases.mysql import types as mysql_types
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.planning import plan_read
from rental_analytics.engines.base import Engine
from rental_analytics.errors import ContractError, SourceError
from rental_analytics.steps.extract.reading import read_table
from rental_analytics.steps.extract.request import ExtractRequest
from rental_analytics.storage.local import LocalLake
from runs.harness import failure
from servers.mysql import MySqlServer, start_mysql

pytestmark = pytest.mark.service


@dataclass(frozen=True)
class Column:
    """A column of the golden table: its type, what the contract wants, the type it arrives as, and its cells.

    `cells` has the SQL of each value and what arrives; `only` names the one server that has the type, or that writes
    its values so.
    """

    native: str
    wanted: str
    kind: str
    cells: Sequence[tuple[str, Any]]
    only: str = ""


@dataclass(frozen=True)
class Arrived:
    values: Mapping[str, list[Any]]
    table: ExtractedTable

    def kind(self, name: str) -> str:
        return next(column.type for column in self.table.columns if column.name == name)


Read = Callable[[Mapping[str, Column]], Arrived]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def numbers(*values: int | Decimal | str) -> list[tuple[str, Any]]:
    """Numbers that arrive as they are written."""
    return [(f"'{value}'", Decimal(value) if isinstance(value, str) else value) for value in values]


def texts(*values: str) -> list[tuple[str, str]]:
    """Texts that arrive as they are written, whatever the session makes of quotes and backslashes."""
    return [(f"CONVERT(x'{value.encode().hex()}' USING utf8mb4)" if value else "''", value) for value in values]


def integers() -> Iterator[Column]:
    signed = {1: "SMALLINT", 2: "SMALLINT", 3: "INTEGER", 4: "INTEGER", 8: "BIGINT"}
    unsigned = {1: "SMALLINT", 2: "INTEGER", 3: "INTEGER", 4: "BIGINT", 8: "DECIMAL(20,0)"}
    for size, name in {1: "TINYINT", 2: "SMALLINT", 3: "MEDIUMINT", 4: "INT", 8: "BIGINT"}.items():
        half, whole = 2 ** (8 * size - 1), 2 ** (8 * size)
        yield Column(name, "integer", signed[size], numbers(-half, -half + 1, -1, 0, 1, half - 1))
        for further in ("UNSIGNED", "UNSIGNED ZEROFILL"):
            cells = numbers(0, 1, half - 1, half, whole - 1)
            if size == 8:
                cells = [(sql, Decimal(value)) for sql, value in cells]
            yield Column(f"{name} {further}", "integer", unsigned[size], cells)


def bits() -> Iterator[Column]:
    for width in range(1, 65):
        values = sorted({0, 1, 2**width // 3, 2 ** (width - 1), 2**width - 1})
        cells = [(str(value), Decimal(value) if width == 64 else value) for value in values]
        yield Column(f"BIT({width})", "any", "DECIMAL(20,0)" if width == 64 else "BIGINT", cells)


def decimals() -> Iterator[Column]:
    for precision, scale in [(1, 0), (1, 1), (5, 2), (18, 2), (19, 4), (20, 0), (38, 0), (38, 1), (38, 10), (38, 37)]:
        largest = "9" * (precision - scale) + ("." + "9" * scale if scale else "")
        smallest = "0." + "0" * (scale - 1) + "1" if scale else "1"
        kind = f"DECIMAL({precision},{scale})"
        only = "mariadb" if scale > 30 else ""
        yield Column(kind, "decimal", kind, numbers("0", largest, f"-{largest}", smallest, f"-{smallest}"), only=only)
    for further in ("UNSIGNED", "UNSIGNED ZEROFILL"):
        yield Column(f"DECIMAL(9,3) {further}", "decimal", "DECIMAL(9,3)", numbers("0", "0.001", "12.5", "999999.999"))
    fraction = "0." + "9" * 30
    yield Column("DECIMAL(30,30)", "decimal", "DECIMAL(30,30)", numbers("0", fraction, f"-{fraction}"))
    long = "9" * 35 + "." + "9" * 30
    cells = [(f"'{text}'", text) for text in (long, f"-{long}", f"0.{'0' * 29}1", f"0.{'0' * 30}")]
    yield Column("DECIMAL(65,30)", "any", "VARCHAR", cells)
    yield Column("DECIMAL(65,0)", "text", "VARCHAR", [(f"'{text}'", text) for text in ("9" * 65, f"-{'9' * 65}", "0")])
    yield Column("DECIMAL(39,1)", "any", "VARCHAR", [(f"'{text}'", text) for text in ("9" * 38 + ".9", "-0.1")])


def floats() -> Iterator[Column]:
    doubles = [1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 0.1, 1 / 3, 9007199254740993.0, 0.0]
    doubles += [-number for number in doubles]
    # The server stores no negative zero, and a FLOAT arrives as the number it really is.
    yield Column("DOUBLE", "float", "DOUBLE", [(repr(number), number) for number in doubles])
    yield Column("DOUBLE(10,2) UNSIGNED", "decimal", "DOUBLE", [("99999999.99", 99999999.99), ("0.01", 0.01)])
    singles = [3.4028234663852886e38, 1.1754943508222875e-38, 1.401298464324817e-45, 0.10000000149011612, 16777216.0]
    yield Column("FLOAT", "float", "DOUBLE", [(repr(sign * n), sign * n) for n in singles for sign in (1, -1)])
    yield Column("FLOAT(53)", "any", "DOUBLE", [("0.1", 0.1)])


ZERO_DATES = ("0000-00-00", "2024-00-10", "2024-05-00", "2024-00-00", "0000-12-00")


def dates() -> Iterator[Column]:
    real = ("0001-01-02", "1000-01-01", "1582-10-10", "1900-02-28", "2000-02-29", "2024-12-31", "9999-12-31")
    days = [(f"'{text}'", date.fromisoformat(text)) for text in real]
    yield Column("DATE", "date", "DATE", [*days, *((f"'{zero}'", None) for zero in ZERO_DATES)])
    yield Column("DATE", "any", "DATE", days)
    for digits in range(7):
        fraction = f".{'9' * digits}" if digits else ""
        ends = ("0001-01-02 00:00:00", "1000-01-01 00:00:00", "2024-02-29 12:34:56", "9999-12-31 23:59:59")
        cells = [(f"'{end}{fraction}'", moment(end + fraction)) for end in ends]
        zeros = [(f"'{zero} {time}'", None) for zero in ZERO_DATES for time in ("00:00:00", f"23:59:59{fraction}")]
        yield Column(f"DATETIME({digits})", "timestamp", "TIMESTAMP", [*cells, *zeros])
        ends = ("1970-01-01 00:00:01", f"2038-01-19 03:14:07{fraction}")
        cells = [(f"'{end}'", moment(end)) for end in ends]
        yield Column(f"TIMESTAMP({digits}) NULL", "timestamp", "TIMESTAMP", [*cells, ("'0000-00-00 00:00:00'", None)])


def times() -> Iterator[Column]:
    """The last second of the range has fractions on MariaDB only."""
    for digits, server in product(range(7), ("mysql", "mariadb")):
        most = 3_020_399_000_000
        fraction = ""
        if server == "mariadb" and digits:
            most += (10**digits - 1) * 10 ** (6 - digits)
            fraction = f".{'9' * digits}"
        least = f".{'0' * (digits - 1)}1" if digits else ""
        one = 10 ** (6 - digits) if digits else 0
        cells = [
            (f"'838:59:59{fraction}'", most),
            (f"'-838:59:59{fraction}'", -most),
            (f"'00:00:00{least}'", one),
            (f"'-00:00:00{least}'", -one),
            (f"'-00:59:59{fraction}'", -3_599_000_000 - (most - 3_020_399_000_000)),
            (f"'-12:00:00{least}'", -43_200_000_000 - one),
            ("'24:00:00'", 86_400_000_000),
        ]
        yield Column(f"TIME({digits})", "time", "BIGINT", cells, only=server)


AWKWARD = (
    "",
    " ",
    " both sides ",
    "🏠👩‍👩‍👧‍👦",
    "e\u0301 \u0928\u093f u\u0308",
    "שלום \u202eעולם\u202c",
    "a\0b",
    "\0",
    "'",
    '"',
    "\\",
    "\\N",
    "\\'; -- ",
    "`%s%%{}",
    "tab\tnew\r\nline",
    "\x01\x1a\x7f",
    "\ufeffmark",
    "\U0010ffff",
    "NULL",
    "x" * 500,
)
JSON_TEXTS = (
    '{"a": [1, null, true, "\\u00fc\\"🏠"]}',
    '{"big": 123456789012345678901234567890.123456789012345678901234567890, "exp": 1e400}',
    "[" * 30 + "]" * 30,
    '"a text"',
    "18446744073709551615",
    "null",
    "{}",
)

MYSQL_JSON = {JSON_TEXTS[0]: '{"a": [1, null, true, "ü\\"🏠"]}'}


def words() -> Iterator[Column]:
    for native in ("VARCHAR(500)", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"):
        values = AWKWARD if native != "TINYTEXT" else AWKWARD[:-1]
        yield Column(native, "text", "VARCHAR", texts(*values))
    yield Column("VARCHAR(500) COLLATE utf8mb4_bin", "any", "VARCHAR", texts(*AWKWARD))
    yield Column("CHAR(20)", "text", "VARCHAR", texts("", "🏠", " a\0b", "'\"\\"))
    yield Column("NCHAR(5)", "text", "VARCHAR", texts("üß", "€"))
    latin = "".join(chr(code) for code in range(1, 256) if not 0x80 <= code < 0xA0)
    yield Column("VARCHAR(300) CHARACTER SET latin1", "text", "VARCHAR", texts(latin, "Zürich €"))
    undefined = [("_latin1 x'80818D9FFF'", "€\x81\x8dŸÿ")]
    yield Column("VARCHAR(20) CHARACTER SET latin1", "text", "VARCHAR", undefined)
    yield Column("VARCHAR(20) CHARACTER SET ascii", "text", "VARCHAR", texts("plain"))
    for wide in ("utf16", "utf16le", "utf32"):
        yield Column(f"VARCHAR(20) CHARACTER SET {wide}", "text", "VARCHAR", texts("", "Zürich", "🏠e\u0301", "a\0b"))
    for narrow in ("ucs2", "utf8mb3"):
        yield Column(f"VARCHAR(20) CHARACTER SET {narrow}", "text", "VARCHAR", texts("", "Zürich", "北京", "a\0b"))
    yield Column("VARCHAR(20) CHARACTER SET cp1251", "text", "VARCHAR", texts("Привет"))
    yield Column("VARCHAR(20) CHARACTER SET sjis", "text", "VARCHAR", texts("表示ソ"))
    yield Column("VARCHAR(20) CHARACTER SET gbk", "text", "VARCHAR", texts("北京"))
    yield Column("JSON", "text", "VARCHAR", texts(*JSON_TEXTS), only="mariadb")
    # MySQL keeps the value and not the text, and numbers in 64 bits.
    values = [(sql, MYSQL_JSON.get(text, text)) for sql, text in texts(*JSON_TEXTS) if "1e400" not in text]
    yield Column("JSON", "text", "VARCHAR", values, only="mysql")
    members = ("it''s", 'a"b', "C,D", "UPPER", "lower", "ü🏠", "back\\\\slash", "unsigned", "e)f(g")
    shown = ("it's", 'a"b', "C,D", "UPPER", "lower", "ü🏠", "back\\slash", "unsigned", "e)f(g")
    listed = ",".join(f"'{member}'" for member in members)
    numbered = [(str(number), word) for number, word in enumerate(shown, start=1)]
    yield Column(f"ENUM({listed})", "text", "VARCHAR", [*numbered, ("0", ""), ("'no such'", "")])
    yield Column("ENUM('1','0')", "any", "VARCHAR", [("'1'", "1"), ("'0'", "0")])
    letters = [f"{chr(65 + number % 26)}{number}" for number in range(64)]
    cells = [("''", ""), ("1", "A0"), (str(2**63), letters[-1]), (str(2**64 - 1), ",".join(letters))]
    yield Column(f"SET({', '.join(repr(letter) for letter in letters)})", "text", "VARCHAR", cells)


def binaries() -> Iterator[Column]:
    every = bytes(range(256)).hex().upper()
    for native in ("VARBINARY(300)", "BLOB", "MEDIUMBLOB", "LONGBLOB"):
        yield Column(native, "any", "VARCHAR", [(f"x'{every}'", every), ("''", ""), ("x'00'", "00")])
    yield Column("TINYBLOB", "text", "VARCHAR", [("x'00FF'", "00FF")])
    yield Column("BINARY(3)", "any", "VARCHAR", [("x'01'", "010000"), ("x'FFFFFF'", "FFFFFF")])
    yield Column("CHAR(3) CHARACTER SET binary", "any", "VARCHAR", [("'abc'", "616263")])
    yield Column("TEXT CHARACTER SET binary", "any", "VARCHAR", [("'🏠'", "F09F8FA0")])
    addresses = [("'::1'", "::1"), ("'::ffff:192.0.2.1'", "::ffff:192.0.2.1"), ("'2001:db8::ff00:42:8329'",) * 2]
    yield Column("INET6", "text", "VARCHAR", [(sql, value.strip("'")) for sql, value in addresses], only="mariadb")


def flags() -> Iterator[Column]:
    for native in ("TINYINT(1)", "TINYINT UNSIGNED", "BIGINT UNSIGNED", "BIT(1)", "BIT(8)", "INT ZEROFILL"):
        yield Column(native, "boolean", "BOOLEAN", [("0", False), ("1", True)])
    yield Column("TINYINT(1)", "any", "SMALLINT", numbers(-128, 0, 1, 127))
    yield Column("YEAR", "integer", "SMALLINT", [*numbers(1901, 1970, 2155), ("0", 0)])


GOLDEN = {
    f"c{number}": column
    for number, column in enumerate(
        column
        for group in (integers, bits, decimals, floats, dates, times, words, binaries, flags)
        for column in group()
    )
}


def columns_of(server: MySqlServer) -> dict[str, Column]:
    """The columns of the golden table that a server has."""
    return {name: column for name, column in GOLDEN.items() if column.only in {"", server.kind}}


@contextmanager
def session(server: MySqlServer, database: str) -> Iterator[Callable[[str], Any]]:
    """A session that takes any value a server may hold: zero dates, dates that do not exist, wrong ENUM values."""
    with closing(server.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'")
        yield cursor.execute


def contract(columns: Mapping[str, str], **more: Any) -> SourceTable:
    wanted = {"id": "integer", **columns}
    listed = {name: {"type": kind, "description": "A cell"} for name, kind in wanted.items()}
    return SourceTable.model_validate(
        {"name": "golden", "description": "Cells", "key": ["id"], "columns": listed, **more}
    )


def planned(
    server: MySqlServer, database: str, table: SourceTable, user: str = "root"
) -> tuple[MySqlDatabase, ReadPlan]:
    source = MySqlDatabase(server.host, server.port, user, "", database)
    return source, plan_read(source, table, source.catalogue()["golden"])


def extracted(engine: Engine, source: MySqlDatabase, plan: ReadPlan, folder: Path) -> Arrived:
    """Read the table whole; the values of each column by the number in `id`."""
    upper = source.server_time()
    run = RunParameters(run_id="r", sequence=1, started_at=datetime.now(UTC), upper_bound=upper)
    lake = LocalLake(folder)
    request = ExtractRequest(run, plan, Window(None, upper), True, None, timedelta(minutes=15))
    with engine.session(lake) as session:
        table = read_table(session, request, source, lake, lambda _rows: None)
    rows = [
        row
        for file in lake.local_copies(f.path for f in table.files)
        for row in pq.ParquetFile(file).read().to_pylist()
    ]
    rows.sort(key=lambda row: row["id"])
    return Arrived({name: [row[name] for row in rows] for name in (column.name for column in plan.columns)}, table)


def fill(execute: Callable[[str], Any], columns: Mapping[str, Column]) -> None:
    """Make the table; row number n has the cell n of each column, or NULL."""
    listed = ", ".join(f"{name} {column.native}" for name, column in columns.items())
    execute(f"CREATE TABLE golden (id BIGINT PRIMARY KEY, {listed})")
    for number, cells in enumerate(zip_longest(*(column.cells for column in columns.values()))):
        values = ", ".join(cell[0] if cell else "NULL" for cell in cells)
        execute(f"INSERT INTO golden VALUES ({number}, {values})")


@pytest.fixture(scope="module", params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param, request) as engine:
        yield engine


@pytest.fixture
def read(engine: Engine, either_server: MySqlServer, tmp_path: Path) -> Read:
    def extract(columns: Mapping[str, Column]) -> Arrived:
        database = either_server.create_database()
        with session(either_server, database) as execute:
            fill(execute, columns)
        wanted = contract({name: column.wanted for name, column in columns.items()})
        return extracted(engine, *planned(either_server, database, wanted), tmp_path / database)

    return extract


@pytest.fixture(scope="module")
def golden(engine: Engine, either_server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Arrived:
    """Every type that the server has in one table, read once."""
    database, columns = either_server.create_database(), columns_of(either_server)
    with session(either_server, database) as execute:
        fill(execute, columns)
        execute(f"INSERT INTO golden (id) VALUES ({10**6})")
    wanted = contract({name: column.wanted for name, column in columns.items()})
    return extracted(engine, *planned(either_server, database, wanted), tmp_path_factory.mktemp("golden"))


def test_values_arrive_exact(golden: Arrived, either_server: MySqlServer) -> None:
    wrong = {
        f"{name} ({column.native[:40]} as {column.wanted})": problem
        for name, column in columns_of(either_server).items()
        if (problem := difference(golden, name, column))
    }
    assert wrong == {}


def difference(golden: Arrived, name: str, column: Column) -> str | None:
    """What is wrong with a column, rows without a cell included: its values, their Python types, its own type."""
    found = golden.values[name]
    values = [value for _, value in column.cells]
    expected = [*values, *([None] * (len(found) - len(values)))]
    if [(type(value), value) for value in found] != [(type(value), value) for value in expected]:
        return f"{found} instead of {expected}"
    if golden.kind(name) != column.kind:
        return f"it is {golden.kind(name)} instead of {column.kind}"
    return None


def test_zero_dates_are_counted_once_per_column(golden: Arrived) -> None:
    expected = {
        name: f"{name}: {zeros} zero dates read as NULL"
        for name, column in GOLDEN.items()
        if column.kind in {"DATE", "TIMESTAMP"} and (zeros := sum(value is None for _, value in column.cells))
    }
    assert len(expected) == 15
    assert sorted(golden.table.notes) == sorted(expected.values())


def test_every_known_type_is_in_the_golden_table() -> None:
    listed = {column.native.split("(")[0].split()[0].lower() for column in GOLDEN.values()}
    known = mysql_types._INTEGERS.keys() | mysql_types._TEXTS | mysql_types._BINARIES
    assert known - listed == {"uuid", "inet4"}


def test_types_of_newer_servers(either_server: MySqlServer, read: Read) -> None:
    (version,) = either_server.execute("SELECT VERSION()")[0]
    if either_server.kind == "mysql":
        pytest.skip("MySQL has no UUID and INET4")
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < (10, 10):
        pytest.skip("this MariaDB has no UUID and INET4")
    unique = "123e4567-e89b-12d3-a456-426655440000"
    columns = {
        "a": Column("UUID", "text", "VARCHAR", [(f"'{unique}'", unique), ("NULL", None)]),
        "b": Column("INET4", "any", "VARCHAR", [("'255.255.255.255'", "255.255.255.255"), ("'0.0.0.0'", "0.0.0.0")]),
    }
    found = read(columns)
    assert found.values == {"id": [0, 1], **{n: [value for _, value in c.cells] for n, c in columns.items()}}


def test_generated_invisible_and_oddly_named_columns(
    engine: Engine, either_server: MySqlServer, tmp_path: Path
) -> None:
    names = ["With Blank", "select", "it's", 'say "x"', "{key}", "${x}", "a = b", "ünï", "%s", "1st", "x_", "a\\b"]
    quoted = {name: "`" + name.replace("`", "``") + "`" for name in names}
    database = either_server.create_database()
    with session(either_server, database) as execute:
        listed = ", ".join(f"{name} INT" for name in quoted.values())
        execute(
            f"CREATE TABLE golden (id INT PRIMARY KEY, {listed}, `it's {{key}}` DATE, hidden INT INVISIBLE, "
            "shown INT AS (id + 1), kept VARCHAR(20) AS (CONCAT('row ', id)) STORED)"
        )
        values = ", ".join(str(number) for number in range(len(names)))
        execute(
            f"INSERT INTO golden (id, {', '.join(quoted.values())}, `it's {{key}}`, hidden) "
            f"VALUES (1, {values}, '2024-02-29', 7)"
        )
    source, plan = planned(either_server, database, contract({}, unknown_columns="keep"))
    found = extracted(engine, source, plan, tmp_path)
    expected: dict[str, list[Any]] = {name.lower(): [number] for number, name in enumerate(names)}
    expected["it's {key}"] = [date(2024, 2, 29)]
    assert found.values == {"id": [1], **expected, "hidden": [7], "shown": [2], "kept": ["row 1"]}


def test_a_name_with_a_backtick(
    engine: Engine, either_server: MySqlServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine.name == "spark":
        reason = "Spark puts names for MySQL in backticks and does not double those that are in them"
        request.applymarker(pytest.mark.xfail(reason=reason, raises=SourceError, strict=True))
    database = either_server.create_database()
    with session(either_server, database) as execute:
        execute("CREATE TABLE golden (id INT PRIMARY KEY, `back``tick` INT)")
        execute("INSERT INTO golden VALUES (1, 2)")
    source, plan = planned(either_server, database, contract({}, unknown_columns="keep"))
    assert extracted(engine, source, plan, tmp_path).values == {"id": [1], "back`tick": [2]}


NO_DATES = [
    ("DATE", "2024-02-31"),
    ("DATE", "2023-02-29"),
    ("DATE", "1900-02-29"),
    ("DATE", "2024-11-31"),
    ("DATE", "0001-01-01"),
    ("DATE", "0000-02-29"),
    ("DATETIME", "2024-02-31 10:00:00"),
    ("DATETIME(6)", "2024-06-31 23:59:59.999999"),
    ("DATETIME(3)", "0001-01-01 23:59:59.999"),
    ("DATETIME", "0000-01-01 00:00:00"),
]


@pytest.mark.parametrize("wanted", ["timestamp", "any"])
def test_date_that_does_not_exist_travels_as_an_older_one(either_server: MySqlServer, wanted: str) -> None:
    """So it is told from a zero date, whatever engine reads it."""
    columns = {
        f"c{number}": Column(native, wanted, "", [("'2024-01-31'", None), ("'0000-00-00'", None), (f"'{value}'", None)])
        for number, (native, value) in enumerate(NO_DATES)
    }
    database = either_server.create_database()
    with session(either_server, database) as execute:
        fill(execute, columns)
    _, plan = planned(either_server, database, contract({name: column.wanted for name, column in columns.items()}))
    selected = ", ".join(f"CAST({column.select} AS CHAR)" for column in plan.columns if column.name != "id")
    real, zero, none = either_server.execute(f"SELECT {selected} FROM golden ORDER BY id", database)
    assert {text[:10] for text in real} == {"2024-01-31"}
    assert {text[:10] for text in zero} == {"0001-01-01"}
    assert [text for text in none if not text < "0001-01-01"] == []
    assert all(column.zero_dates for column in plan.columns if column.name != "id")


STOPPING_DATES = [
    ("DATE", "2024-02-31", "any"),
    ("DATETIME(6)", "2024-06-31 23:59:59.999999", "timestamp"),
    ("DATETIME", "0000-01-01 00:00:00", "timestamp"),
]


def test_date_that_does_not_exist_stops_by_name(engine: Engine, read: Read) -> None:
    """The two kinds of DATETIME are one to an engine: they travel as the same type, and meet the same SQL."""
    problems = {}
    for native, value, wanted in STOPPING_DATES[: 2 if engine.name == "spark" else None]:
        cells = [("'2024-01-31'", None), ("'0000-00-00'", None), (f"'{value}'", None), (f"'{value}'", None)]
        error = failure(read, {"cell": Column(native, wanted, "", cells)})
        told = "golden.cell holds a date that no calendar has, or one before 0001-01-02, in the row with id 2"
        if not isinstance(error, SourceError) or not str(error).startswith(told):
            problems[native, value] = error
    assert problems == {}


NO_FLAGS = [
    ("TINYINT(1)", "2"),
    ("BIT(64)", str(2**64 - 1)),
    ("TINYINT(1)", "-1"),
    ("BIGINT UNSIGNED", str(2**64 - 1)),
    ("BIT(2)", "3"),
    ("INT(5) ZEROFILL", "12"),
]


def test_boolean_that_is_neither_stops_by_name(engine: Engine, read: Read) -> None:
    """One SQL asks all numbers; to an engine those are whole numbers of 64 bits, or, as the first two, beyond."""
    problems = {}
    for native, value in NO_FLAGS[: 2 if engine.name == "spark" else None]:
        error = failure(read, {"cell": Column(native, "boolean", "", [("0", None), (value, None)])})
        told = f"golden.cell holds '{value}', which is no BOOLEAN, in the row with id 1"
        if not isinstance(error, SourceError) or not str(error).startswith(told):
            problems[native, value] = error
    assert problems == {}


@pytest.mark.parametrize("name", ["a.b", "_row_id", "_Run_ID"])
@pytest.mark.remedy("column-name-not-usable")
def test_name_that_cannot_be_kept_is_told(either_server: MySqlServer, name: str) -> None:
    database = either_server.create_database()
    either_server.execute(f"CREATE TABLE golden (id INT PRIMARY KEY, `{name}` INT)", database)
    error = failure(planned, either_server, database, contract({}, unknown_columns="keep"))
    assert isinstance(error, ContractError)
    assert f"golden.{name} cannot be kept" in str(error)
    assert error.reason == "column-name-not-usable"
    planned(either_server, database, contract({}))
    either_server.execute("RENAME TABLE golden TO kept", database)
    either_server.execute(f"CREATE VIEW golden AS SELECT id, `{name}` AS renamed FROM kept", database)
    planned(either_server, database, contract({}, unknown_columns="keep"))


@pytest.mark.remedy("date-not-in-calendar")
def test_names_with_quotes_are_told_as_they_are(engine: Engine, either_server: MySqlServer, tmp_path: Path) -> None:
    database = either_server.create_database()
    name = "it's {key}"
    with session(either_server, database) as execute:
        execute(f"CREATE TABLE golden (id INT PRIMARY KEY, `{name}` DATE)")
        execute("INSERT INTO golden VALUES (5, '2024-02-30')")
    source, plan = planned(either_server, database, contract({}, unknown_columns="keep"))
    error = failure(extracted, engine, source, plan, tmp_path)
    assert str(error).startswith(f"golden.{name} holds a date that no calendar has")
    assert "in the row with id 5" in str(error)
    assert error.reason == "date-not-in-calendar"
    if engine.name == "spark":
        # That it reads such a date of such a name is seen with the oddly named columns.
        return
    with session(either_server, database) as execute:
        execute(f"UPDATE golden SET `{name}` = '2024-02-29'")
    assert extracted(engine, source, plan, tmp_path / "corrected").values[name] == [date(2024, 2, 29)]


@contextmanager
def short_packets(server: MySqlServer) -> Iterator[None]:
    """New sessions take and make no more than 1 MB at once."""
    ((before,),) = server.execute("SELECT @@GLOBAL.max_allowed_packet")
    server.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        yield
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.parametrize(("native", "size"), [("LONGTEXT", 1_100_000), ("MEDIUMBLOB", 600_000), ("JSON", 1_100_000)])
@pytest.mark.remedy("value-too-long-for-server")
def test_value_the_server_cannot_send_stops_by_name(
    engine: Engine, either_server: MySqlServer, tmp_path: Path, native: str, size: int
) -> None:
    """What is too long is NULL to MariaDB's functions; MySQL makes '' of a JSON, and sends the others."""
    database = either_server.create_database()
    text = '"' + "x" * (size - 2) + '"'
    with session(either_server, database) as execute:
        execute(f"CREATE TABLE golden (id INT PRIMARY KEY, cell {native})")
        execute(f"INSERT INTO golden VALUES (1, '\"\"'), (2, NULL), (3, CONCAT('\"', REPEAT('x', {size - 2}), '\"'))")
    whole = text.encode().hex().upper() if native == "MEDIUMBLOB" else text
    source, plan = planned(either_server, database, contract({"cell": "text"}))
    with short_packets(either_server):
        if either_server.kind == "mysql" and native != "JSON" and engine.name == "spark":
            assert failure(extracted, engine, source, plan, tmp_path).reason == "row-too-long-for-driver"
            return
        if either_server.kind == "mysql" and native != "JSON":
            assert extracted(engine, source, plan, tmp_path).values["cell"][2] == whole
            return
        error = failure(extracted, engine, source, plan, tmp_path)
    assert str(error).startswith(
        "golden.cell holds a value longer than the server can send (its max_allowed_packet), in the row with id 3"
    )
    assert error.reason == "value-too-long-for-server"
    assert "raise max_allowed_packet" in error.remedy
    if native == "JSON":
        assert extracted(engine, source, plan, tmp_path / "raised").values["cell"][2] == whole


@pytest.mark.remedy("row-too-long-for-driver")
def test_row_longer_than_max_allowed_packet_arrives(engine: Engine, either_server: MySqlServer, tmp_path: Path) -> None:
    """Each value can be sent; all of them together need more than one packet, which Connector/J does not take."""
    database = either_server.create_database()
    with session(either_server, database) as execute:
        execute("CREATE TABLE golden (id INT PRIMARY KEY, a LONGTEXT, b LONGTEXT, c LONGTEXT)")
        execute(
            "INSERT INTO golden SELECT 1, long_text, long_text, long_text FROM (SELECT REPEAT('x', 500000) long_text) t"
        )
    with short_packets(either_server):
        source, plan = planned(either_server, database, contract({"a": "text", "b": "text", "c": "text"}))
        if engine.name == "spark":
            error = failure(extracted, engine, source, plan, tmp_path / "short")
            assert error.reason == "row-too-long-for-driver"
            assert "raise max_allowed_packet" in error.remedy
        else:
            assert extracted(engine, source, plan, tmp_path).values["c"] == ["x" * 500_000]
    assert extracted(engine, source, plan, tmp_path / "raised").values["c"] == ["x" * 500_000]


LATIN = {
    # MySQL 9 has no such option any more.
    "mariadb": ("--skip-character-set-client-handshake", "--character-set-server=latin1"),
    "mysql": ("--init-connect=SET NAMES latin1", "--character-set-server=latin1"),
}
UNICODE = {
    "a": Column("VARCHAR(20) CHARACTER SET utf8mb4", "text", "VARCHAR", texts("🏠", "北京", "Zürich")),
    "b": Column("CHAR(5) CHARACTER SET utf8mb4", "text", "VARCHAR", texts("🏠", "", "ü")),
    "c": Column("ENUM('a','ü') CHARACTER SET utf8mb4", "text", "VARCHAR", texts("ü", "a", "ü")),
    "d": Column("JSON", "text", "VARCHAR", texts('"🏠"', "{}", '"ü"')),
}


@pytest.fixture(scope="module")
def latin() -> Iterator[Callable[[str], tuple[MySqlServer, str]]]:
    """By kind, a server that takes clients for latin1, and its database; both engines read the same."""
    with ExitStack() as held:

        @cache
        def start(kind: str) -> tuple[MySqlServer, str]:
            options = [*LATIN[kind], "--sql-mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES"]
            server = held.enter_context(start_mysql(options, kind))
            database = server.create_database()
            with session(server, database) as execute:
                fill(execute, UNICODE)
            # What a server does for each new session it does not do for root.
            server.execute("CREATE USER reader@'%' IDENTIFIED BY ''")
            server.execute(f"GRANT SELECT ON {database}.* TO reader@'%'")
            return server, database

        yield start


@pytest.mark.parametrize("kind", LATIN)
def test_server_that_ignores_the_clients_character_set(
    engine: Engine, latin: Callable[[str], tuple[MySqlServer, str]], tmp_path: Path, kind: str
) -> None:
    wanted = contract({name: column.wanted for name, column in UNICODE.items()})
    found = extracted(engine, *planned(*latin(kind), wanted, "reader"), tmp_path)
    expected = {name: [value for _, value in column.cells] for name, column in UNICODE.items()}
    assert found.values == {"id": [0, 1, 2], **expected}


SPATIAL = ("GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON")


@pytest.mark.parametrize(
    ("native", "wanted"),
    [
        *((native, "any") for native in (*SPATIAL, "GEOMETRYCOLLECTION")),
        ("VARCHAR(20)", "integer"),
        ("INT", "timestamp"),
        ("INT", "date"),
        ("DATETIME", "decimal"),
        ("DATE", "integer"),
        ("TIME", "timestamp"),
        ("TEXT", "boolean"),
        ("DECIMAL(1,0)", "boolean"),
        ("DECIMAL(39,0)", "decimal"),
        ("DOUBLE", "integer"),
        ("BLOB", "decimal"),
    ],
)
def test_type_that_cannot_serve_is_named(either_server: MySqlServer, native: str, wanted: str) -> None:
    database = either_server.create_database()
    either_server.execute(f"CREATE TABLE golden (id INT PRIMARY KEY, cell {native})", database)
    error = failure(planned, either_server, database, contract({"cell": wanted}))
    assert isinstance(error, ContractError)
    shown = {"int": "int(", "geometrycollection": "geom"}.get(native.lower(), native.lower())
    assert f"golden.cell is {shown}" in str(error) or f"golden.cell is {native.lower()}" in str(error)

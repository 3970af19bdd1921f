"""Every MySQL type arrives exact, or as the declared mapping says, or stops the read by name."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.harness import failure
from rental_analytics.contracts.manifest import ExtractedTable, RunParameters
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import Window
from rental_analytics.databases.mysql import MySqlDatabase
from rental_analytics.engines.base import ExtractRequest
from rental_analytics.engines.duckdb import DuckDbEngine
from rental_analytics.errors import ContractError, SourceError
from rental_analytics.storage.local import LocalLake
from servers.mariadb import MariaDB

pytestmark = pytest.mark.service
Read = Callable[[str, str, list[str]], tuple[list[Any], str, ExtractedTable]]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def read(mariadb: MariaDB, tmp_path: Path) -> Iterator[Read]:
    """Make a table with one column of a type, put values in, and read it: the values, the type, the manifest."""
    database = mariadb.create_database()
    engine = DuckDbEngine()

    def extract(native: str, wanted: str, values: list[str]) -> tuple[list[Any], str, ExtractedTable]:
        mariadb.execute(f"CREATE TABLE golden (id BIGINT PRIMARY KEY, cell {native})", database)
        rows = ", ".join(f"({number}, {value})" for number, value in enumerate(values))
        mariadb.execute(f"SET STATEMENT sql_mode='' FOR INSERT INTO golden VALUES {rows}", database)
        contract = SourceTable.model_validate(
            {
                "name": "golden",
                "description": "One cell",
                "key": ["id"],
                "columns": {
                    "id": {"type": "integer", "description": "The key"},
                    "cell": {"type": wanted, "description": "The cell"},
                },
            }
        )
        source = MySqlDatabase(mariadb.host, mariadb.port, "root", "", database)
        upper = source.server_time()
        run = RunParameters(run_id="r", sequence=1, started_at=datetime.now(UTC), upper_bound=upper)
        plan = source.plan(contract, source.catalogue()["golden"], None)
        lake = LocalLake(tmp_path / "lake")
        request = ExtractRequest(run, plan, Window(None, upper), True, None, timedelta(minutes=15))
        table = engine.extract(request, source, lake, lambda _rows: None)
        found: dict[int, Any] = {}
        for file in lake.local_copies(file.path for file in table.files):
            columns = pq.ParquetFile(file).read(columns=["id", "cell"]).to_pydict()
            found |= dict(zip(columns["id"], columns["cell"], strict=True))
        kind = next(column.type for column in table.columns if column.name == "cell")
        return [found[number] for number in range(len(values))], kind, table

    yield extract
    engine.close()


GOLDEN: list[tuple[str, str, list[str], list[Any], str]] = [
    ("TINYINT", "integer", ["-128", "127", "NULL"], [-128, 127, None], "SMALLINT"),
    ("TINYINT UNSIGNED", "integer", ["255"], [255], "SMALLINT"),
    ("TINYINT(1)", "any", ["0", "1", "7"], [0, 1, 7], "SMALLINT"),
    ("TINYINT(1)", "boolean", ["0", "1", "NULL"], [False, True, None], "BOOLEAN"),
    ("BIT(1)", "boolean", ["b'0'", "b'1'", "NULL"], [False, True, None], "BOOLEAN"),
    ("SMALLINT", "integer", ["-32768", "32767"], [-32768, 32767], "SMALLINT"),
    ("SMALLINT UNSIGNED", "integer", ["65535"], [65535], "INTEGER"),
    ("MEDIUMINT UNSIGNED", "integer", ["16777215"], [16777215], "INTEGER"),
    ("INT", "integer", ["-2147483648", "2147483647"], [-(2**31), 2**31 - 1], "INTEGER"),
    ("INT UNSIGNED", "integer", ["4294967295"], [2**32 - 1], "BIGINT"),
    ("BIGINT", "integer", [str(-(2**63)), str(2**63 - 1)], [-(2**63), 2**63 - 1], "BIGINT"),
    ("BIGINT UNSIGNED", "integer", ["0", str(2**64 - 1)], [Decimal(0), Decimal(2**64 - 1)], "DECIMAL(20,0)"),
    ("YEAR", "integer", ["1901", "2155", "NULL"], [1901, 2155, None], "SMALLINT"),
    ("BIT(64)", "any", ["b'0'", str(2**64 - 1)], [Decimal(0), Decimal(2**64 - 1)], "DECIMAL(20,0)"),
    (
        "DECIMAL(12,2)",
        "decimal",
        ["-9999999999.99", "0", "NULL"],
        [Decimal("-9999999999.99"), Decimal(0), None],
        "DECIMAL(12,2)",
    ),
    (
        "DECIMAL(38,10)",
        "decimal",
        ["'1234567890123456789012345678.0123456789'"],
        [Decimal("1234567890123456789012345678.0123456789")],
        "DECIMAL(38,10)",
    ),
    (
        "DECIMAL(65,30)",
        "any",
        ["'12345678901234567890123456789012345.123456789012345678901234567890'"],
        ["12345678901234567890123456789012345.123456789012345678901234567890"],
        "VARCHAR",
    ),
    ("DOUBLE", "float", ["1e300", "-0.1", "NULL"], [1e300, -0.1, None], "DOUBLE"),
    ("FLOAT", "float", ["0.5"], [0.5], "DOUBLE"),
    (
        "DATE",
        "date",
        ["'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2024-00-10'", "NULL"],
        [date(1000, 1, 1), date(9999, 12, 31), None, None, None],
        "DATE",
    ),
    (
        "DATETIME(6)",
        "timestamp",
        ["'1000-01-01'", "'9999-12-31 23:59:59.999999'", "'0000-00-00'", "'2024-02-00 10:00:00'"],
        [moment("1000-01-01"), moment("9999-12-31 23:59:59.999999"), None, None],
        "TIMESTAMP",
    ),
    ("DATETIME", "timestamp", ["'2024-03-10 02:30:00'"], [moment("2024-03-10 02:30:00")], "TIMESTAMP"),
    (
        "TIME(6)",
        "time",
        ["'-838:59:59'", "'838:59:59'", "'-00:00:00.000001'", "'12:00:00.5'", "NULL"],
        [-3_020_399_000_000, 3_020_399_000_000, -1, 43_200_500_000, None],
        "BIGINT",
    ),
    ("VARCHAR(50) CHARACTER SET utf8mb4", "text", ["''", "'🏠\\n\\'x\"'", "NULL"], ["", "🏠\n'x\"", None], "VARCHAR"),
    ("VARCHAR(50) CHARACTER SET latin1", "text", ["'Zürich'"], ["Zürich"], "VARCHAR"),
    ("ENUM('a','b')", "text", ["'b'", "NULL"], ["b", None], "VARCHAR"),
    ("SET('a','b')", "text", ["'a,b'", "''"], ["a,b", ""], "VARCHAR"),
    ("JSON", "text", ["'{\"a\": [1, null]}'"], ['{"a": [1, null]}'], "VARCHAR"),
    ("VARBINARY(4)", "any", ["x'00ff'"], ["00FF"], "VARCHAR"),
]


@pytest.mark.parametrize(("native", "wanted", "given", "expected", "kind"), GOLDEN)
def test_values_arrive_exact(
    read: Read, native: str, wanted: str, given: list[str], expected: list[Any], kind: str
) -> None:
    values, found, _ = read(native, wanted, given)
    assert values == expected
    assert found == kind


def test_zero_dates_are_counted_once_per_column(read: Read) -> None:
    _, _, table = read("DATE", "date", ["'0000-00-00'", "'2024-00-10'", "'2024-01-01'"])
    assert table.notes == ("cell: 2 zero dates read as NULL",)


@pytest.mark.parametrize("value", ["2", "-1"])
def test_boolean_that_is_neither_stops_by_name(read: Read, value: str) -> None:
    error = failure(read, "TINYINT(1)", "boolean", ["0", value])
    assert isinstance(error, SourceError)
    assert f"golden.cell holds '{value}', which is no BOOLEAN, in the row with id 1" in str(error)


@pytest.mark.parametrize(
    ("native", "wanted"),
    [("VARCHAR(20)", "integer"), ("INT", "timestamp"), ("DATETIME", "decimal"), ("POINT", "any"), ("TEXT", "boolean")],
)
def test_type_that_cannot_serve_is_named(read: Read, native: str, wanted: str) -> None:
    error = failure(read, native, wanted, ["NULL"])
    assert isinstance(error, ContractError)
    assert f"golden.cell is {native.lower().replace('int', 'int(11)') if native == 'INT' else native.lower()}" in str(
        error
    )

"""What is noted in schema `ops` of a DuckDB warehouse comes back as it was, and replaces what it should."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.ops import ops_tables
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse

pytestmark = pytest.mark.fast

MOMENT = datetime(2024, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "VARCHAR": ["", "it's \\ 100 % \x00 \x1b é 漢 \U0001f3e0", '{"a": "b"}', None],
    "BIGINT": [0, 2**63 - 1, -(2**63), None],
    "INTEGER": [0, 2**31 - 1, -(2**31), None],
    "DOUBLE": [0.0, 0.1, 1e300, None],
    "BOOLEAN": [True, False, None],
    "DATE": [date(1, 1, 1), date(9999, 12, 31), None],
    "TIMESTAMP": [MOMENT, MOMENT.replace(year=1970), MOMENT.replace(year=9999), None],
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDbWarehouse]:
    opened = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    opened.open()
    yield opened
    opened.close()


def kept(warehouse: DuckDbWarehouse, table: str) -> list[dict[str, Any]]:
    return warehouse.query(f"SELECT * FROM ops.{table} ORDER BY rowid").to_pylist()


def test_values_of_every_type_come_back(warehouse: DuckDbWarehouse) -> None:
    """One at a time, so that no value decides the type of another, and all together."""
    assert {kind for table in ops_tables().values() for kind, _ in table.columns.values()} == VALUES.keys()
    for table, contract in ops_tables().items():
        for column, (kind, _) in contract.columns.items():
            for values in (*([value] for value in VALUES[kind]), VALUES[kind]):
                before = len(kept(warehouse, table))
                warehouse.record({table: [{column: value} for value in values]})
                added = kept(warehouse, table)[before:]
                wanted = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
                assert [row[column] for row in added] == wanted, (table, column)
                assert {row[other] for row in added for other in contract.columns if other != column} <= {None}


def test_records_replace_those_that_agree_in_all_columns_named(warehouse: DuckDbWarehouse) -> None:
    later = MOMENT.replace(year=2025)
    steps = [
        {"run_id": run, "step": step, "started_at": when, "status": "failed"}
        for run in ("first", "it's")
        for step in ("extract", "metrics")
        for when in (MOMENT, later)
    ]
    warehouse.record({"steps": steps})
    again = [{**steps[0], "status": "succeeded"}, {**steps[-1], "status": "skipped"}]
    warehouse.record({"steps": again}, replacing=["run_id", "step", "started_at"])

    found = [(row["run_id"], row["step"], row["status"]) for row in kept(warehouse, "steps")]
    others = [(row["run_id"], row["step"], "failed") for row in steps[1:-1]]
    assert sorted(found) == sorted([*others, ("first", "extract", "succeeded"), ("it's", "metrics", "skipped")])


def test_a_record_that_cannot_be_kept_removes_none(warehouse: DuckDbWarehouse) -> None:
    warehouse.record({"runs": [{"run_id": "first", "status": "running"}]})
    with pytest.raises(Exception, match="refused a statement"):
        warehouse.record({"runs": [{"run_id": "first", "sequence": "many"}]}, replacing=["run_id"])
    assert [row["status"] for row in kept(warehouse, "runs")] == ["running"]

"""The zone of the machine changes no moment in a DuckDB warehouse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast
ELSEWHERE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse

noon = datetime(2024, 3, 5, 12, tzinfo=UTC)
warehouse = DuckDbWarehouse(Path(sys.argv[1]))
warehouse.open()
run = {"run_id": "first", "status": "running", "started_at": noon}
warehouse.record({"runs": [run], "loads": [{"run_id": "first", "loaded_at": noon}]})
warehouse.fail_running(noon, "it died")
warehouse.publish()
warehouse.open(read_only=True)
for sql in (
    "SELECT started_at, finished_at FROM ops.runs",
    "SELECT loaded_at FROM ops.loads",
    "SELECT CAST(TIMESTAMPTZ '2024-03-05 12:00:00+00' AS VARCHAR)",
):
    print(*warehouse.query(sql).to_pylist()[0].values(), sep="\\n")
warehouse.close()
"""


def test_moments_are_utc(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "warehouse.duckdb")]
    there = {**os.environ, "TZ": "America/New_York"}
    done = subprocess.run(command, env=there, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.splitlines() == ["2024-03-05 12:00:00"] * 3 + ["2024-03-05 12:00:00+00"], done.stderr

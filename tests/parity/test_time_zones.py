"""The time zone of the machine and of the Java machine changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity.cells import tables
from parity.engines import open_engine, open_session

pytestmark = pytest.mark.slow

ZONE = "America/New_York"
QUERIES = (
    "SELECT n, moment, CAST(moment AS VARCHAR), CAST(moment AS DATE), EPOCH_US(moment) FROM moments ORDER BY n",
    "SELECT n, DATE_TRUNC('hour', moment), CAST(DATE_TRUNC('week', moment) AS DATE) FROM moments ORDER BY n",
    "SELECT n, DATE_DIFF('day', moment, TIMESTAMP '2024-03-10 02:30:00') FROM moments ORDER BY n",
    "SELECT n FROM moments WHERE moment = TIMESTAMP '2024-03-10 02:30:00' OR moment > DATE '2026-01-04' ORDER BY n",
    "SELECT CAST('2024-03-10 02:30:00' AS TIMESTAMP), CAST(DATE '2024-03-10' AS TIMESTAMP)",
    "SELECT MIN(moment), MAX(moment) FROM moments",
)


def test_a_program_in_another_zone(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    there = {**os.environ, "TZ": ZONE, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "parity.far_zone", ZONE, str(tmp_path)]
    ran = subprocess.run(
        command, input="\n".join(QUERIES), env=there, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    with open_engine("duckdb", request) as engine, open_session(engine, tmp_path) as session:
        session.load("moments", tables()["moments"])
        expected = [str(session.run(query)) for query in QUERIES]
    assert ran.stdout.splitlines() == expected

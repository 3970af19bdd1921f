"""`rental run` while another process holds the lock of the lake, and after that one was killed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import ask_warehouse, assert_refused, committed, rental_process

LOCKED = 4
HOLD = """
import sys
from pathlib import Path
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import RunLock
RunLock(LocalLake(Path(sys.argv[1]))).acquire("nightly")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A live process that holds the lock of the folder's lake."""
    command = [sys.executable, "-c", HOLD, str(folder / "lake")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.slow
def test_a_second_run_is_refused_with_one_line(folder: Path, holder: subprocess.Popen[str]) -> None:
    result = rental_process(folder, "run")
    line = assert_refused(
        result, LOCKED, f"process {holder.pid} on ", "(run nightly)", "since 20", "more seconds unless it is renewed"
    )
    assert result.err == line + "\n"
    assert committed(folder) == {}
    assert not (folder / "warehouse.duckdb").exists()


@pytest.mark.slow
def test_the_lock_of_a_killed_run_keeps_nobody_out(folder: Path, holder: subprocess.Popen[str], rental: Rental) -> None:
    holder.kill()
    holder.wait()
    rental(folder, "run", "--run-id", "next").ok()
    assert ask_warehouse(folder, "SELECT run_id, status FROM ops.runs") == [("next", "succeeded")]

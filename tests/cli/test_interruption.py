"""Ctrl-C, SIGTERM and a reader that leaves: the run ends in order, or goes on, and can be continued."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import PROGRAM, Result, ask_warehouse, committed, environment, result_of, untimed, warehouse_tables
from runs.crash_driver import run_and_interrupt
from support.breadth import sampled


def signalled(folder: Path, place: str, number: signal.Signals, how: str, *arguments: str) -> Result:
    return result_of(run_and_interrupt, place, int(number), how, *arguments, folder=folder)


def assert_put_in_order(folder: Path, run_id: str) -> None:
    assert ask_warehouse(folder, "SELECT run_id, status, error FROM ops.runs") == [(run_id, "failed", "interrupted")]
    claims = [json.loads(path.read_text()) for path in (folder / "lake" / "locks").glob("*.json")]
    assert [claim["released"] for claim in claims] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("place", "run_id"), [("lock-taken", None), ("raw-written", "r1")])
def test_a_log_of_an_interrupted_run_is_json_to_its_end(
    folder: Path, loaded: Path, place: str, run_id: str | None, number: signal.Signals
) -> None:
    stopped = signalled(folder, place, number, "raised", "run", "--run-id", "r1", "--log-json")
    *_, last = [json.loads(line) for line in stopped.err.splitlines()]
    assert stopped.code == last["exit_code"] == 128 + number
    assert (last["event"], last["error"]) == ("failed", "RunInterruptedError")
    assert ("--resume r1" in last["message"]) is (run_id is not None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "number", "how"),
    sampled(
        [
            ("raw-written", signal.SIGINT, "raised"),
            ("curated-written", signal.SIGTERM, "as an error"),
            ("load-curated-filled", signal.SIGINT, "as an error"),
            ("step-recorded", signal.SIGTERM, "swallowed"),
            ("metrics-filled", signal.SIGTERM, "raised"),
        ],
        [
            ("raw-written", signal.SIGINT, "raised"),
            ("load-curated-filled", signal.SIGINT, "as an error"),
            ("step-recorded", signal.SIGTERM, "swallowed"),
        ],
    ),
)
def test_an_interrupted_run_names_itself_and_can_be_continued(
    folder: Path, loaded: Path, rental: Rental, place: str, number: signal.Signals, how: str
) -> None:
    stopped = signalled(folder, place, number, how, "run", "--run-id", "r1")
    assert stopped.code == 128 + number
    assert stopped.err.splitlines()[-1] == "Interrupted; continue with `rental run --resume r1`."
    assert "Error" not in stopped.err + stopped.out
    assert_put_in_order(folder, "r1")
    rental(folder, "run", "--resume", "r1").ok()
    assert warehouse_tables(folder, bookkeeping=False) == warehouse_tables(loaded, bookkeeping=False)


@pytest.mark.slow
def test_before_a_run_began(folder: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        stopped = signalled(folder, "lock-taken", number, "raised", "run")
        assert (stopped.code, stopped.err) == (128 + number, "Interrupted before a run began.\n")
        assert committed(folder) == {}


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled([signal.SIGINT, signal.SIGTERM], [signal.SIGTERM]))
def test_an_impatient_hand_disturbs_nothing(folder: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [PROGRAM, "run", "--run-id", "r1"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert untimed(process.stderr.readline()).startswith("extract: succeeded")
        while process.poll() is None:
            process.send_signal(number)
            time.sleep(0.005)
        shown = untimed(process.stderr.read())
    assert process.returncode == 128 + number
    assert shown.splitlines()[-1] == "Interrupted; continue with `rental run --resume r1`."
    assert_put_in_order(folder, "r1")


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_a_run(folder: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "run", "--run-id", "r1"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=120) == 0
    assert ask_warehouse(folder, "SELECT status FROM ops.runs") == [("succeeded",)]

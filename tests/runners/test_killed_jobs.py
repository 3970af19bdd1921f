"""A job that is killed and repeated leaves what an undisturbed run leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.harness import Pipeline, Source
from rental_analytics.pipeline import STEP_NAMES
from runners.jobs import Jobs, status

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("killed_job.py")
DATA = ("raw_data", "curated", "presentation")
PLACES = {
    "extract": (
        "lock-taken",
        "place-claimed",
        "run-begun",
        "run-recorded",
        "raw-published",
        "extract-manifest-written",
    ),
    "transform": ("run-recorded", "curated-published", "transform-manifest-written", "step-recorded"),
    "load-raw": ("run-recorded", "load-raw-filled", "load-raw-committed", "load-raw-manifest-written"),
    "load-curated": ("load-curated-filled", "load-curated-committed", "load-curated-manifest-written"),
    "metrics": ("metrics-committed", "metrics-manifest-written", "step-recorded"),
}
CASES = [pytest.param(step, place, id=f"{step} at {place}") for step, places in PLACES.items() for place in places]


def kill(jobs: Jobs, step: str, place: str, run_id: str) -> None:
    names = ("PATH", "PYTHONPATH", "HOME", "TMPDIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    command = [sys.executable, str(DRIVER), place, *jobs.argv(step, run_id)]
    killed = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


@pytest.mark.parametrize(("step", "place"), CASES)
def test_job_that_was_killed_is_repeated(
    jobs: Jobs, pipeline: Pipeline, another_pipeline: Callable[..., Pipeline], step: str, place: str
) -> None:
    for before in STEP_NAMES[: STEP_NAMES.index(step)]:
        assert jobs.do(before, "nightly").code == 0
    kill(jobs, step, place, "nightly")
    for after in STEP_NAMES[STEP_NAMES.index(step) :]:
        end = jobs.do(after, "nightly")
        assert end.code == 0, end.errors
    local = another_pipeline("local")
    local.run(run_id="nightly")
    assert pipeline.tables(*DATA) == local.tables(*DATA)
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]
    assert {row[1] for row in status(pipeline)["steps"]} >= {*STEP_NAMES} - {step}


def test_load_that_was_killed_and_not_repeated_costs_the_next_run_only(
    jobs: Jobs, pipeline: Pipeline, another_pipeline: Callable[..., Pipeline], source: Source
) -> None:
    for before in STEP_NAMES[:3]:
        assert jobs.do(before, "killed").code == 0
    kill(jobs, "load-curated", "load-curated-committed", "killed")
    source.insert("user_viewing", {"viewed_at": "2024-05-01 00:00:00.000000"})
    stopped = jobs.do_all("next")
    assert stopped.code == 1 and "also holds rows that another run has loaded since" in stopped.last_error
    assert jobs.do_all("last").code == 0
    local = another_pipeline("local")
    local.run()
    assert pipeline.tables(*DATA) == local.tables(*DATA)

"""A job that is killed and repeated leaves what an undisturbed run leaves."""

import os
import signal
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.failpoints import arm
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.runners.glue import main
from runners.conftest import few_rows
from runners.jobs import Jobs, status
from runs.forked import run_forked
from runs.harness import Pipeline, Source
from support.breadth import sampled

pytestmark = pytest.mark.slow

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
# In each series every job is killed once, at the next of its places, as long as it has some.
SERIES = {places[0]: places for places in zip_longest(*PLACES.values())}
USUAL = {"lock-taken", "place-claimed", "run-begun"}
"""Series that kill each of the jobs; places of the others are those of runs in one process that are killed."""


def kill(jobs: Jobs, pipeline: Pipeline, step: str, place: str, run_id: str) -> None:
    killed = run_forked(job_to_death, place, jobs.argv(step, run_id), folder=pipeline.folder, env={})
    assert killed.code == -signal.SIGKILL, killed.output


def job_to_death(place: str, argv: list[str]) -> None:
    """A job that ends with SIGKILL where a failpoint is reached."""
    arm(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == place else None)
    main(argv)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, dict[str, Any]]:
    """A marketplace, and what readers see of it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = few_rows(folder)
    local = Pipeline(folder / "local", source.url, every_metric=True)
    local.run(run_id="nightly")
    return source, local.tables(*DATA)


@pytest.mark.parametrize("first", sampled(SERIES, USUAL))
def test_jobs_that_were_killed_are_repeated(
    undisturbed: tuple[Source, dict[str, Any]], tmp_path: Path, first: str
) -> None:
    places, (source, tables) = SERIES[first], undisturbed
    pipeline = Pipeline(tmp_path / "run", source.url, every_metric=True)
    jobs = Jobs(pipeline)
    for step, place in zip(PLACES, places, strict=True):
        if place:
            kill(jobs, pipeline, step, place, "nightly")
        end = jobs.do(step, "nightly")
        assert end.code == 0, end.errors
    assert pipeline.tables(*DATA) == tables
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]
    # Who repeats a step that counts already has nothing to record.
    untold = {step for step, place in zip(PLACES, places, strict=True) if place and place.endswith("manifest-written")}
    assert {row[1] for row in status(pipeline)["steps"]} >= {*STEP_NAMES} - untold


def test_load_that_was_killed_and_not_repeated_costs_the_next_run_only(
    jobs: Jobs, pipeline: Pipeline, another_pipeline: Callable[..., Pipeline], source: Source
) -> None:
    for before in STEP_NAMES[:3]:
        assert jobs.do(before, "killed").code == 0
    kill(jobs, pipeline, "load-curated", "load-curated-committed", "killed")
    source.insert("user_viewing", {"viewed_at": "2024-05-01 00:00:00.000000"})
    stopped = jobs.do_all("next")
    assert stopped.code == 1 and "also holds rows that another run has loaded since" in stopped.last_error
    assert jobs.do_all("last").code == 0
    local = another_pipeline("local")
    local.run()
    assert pipeline.tables(*DATA) == local.tables(*DATA)

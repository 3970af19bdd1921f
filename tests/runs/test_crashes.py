"""A run that is killed anywhere, and then repeated or continued, gives what an undisturbed run gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.failpoints import FAILPOINTS, arm
from runs.crashes import (
    Scenario,
    bucket_copier,
    bucket_settings,
    copy_at,
    digest,
    extract_here,
    kill,
    leftovers,
    make_scenario,
    rental,
    rental_program,
    run_here,
)
from runs.harness import Pipeline, Source
from servers.mysql import MySqlServer
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from support.breadth import examples, sampled

pytestmark = [pytest.mark.service, pytest.mark.slow]

ONLY_IN_A_BUCKET = {"object-uploaded"}
ONLY_IN_A_FOLDER = {"draft-written"}
# Where something is done for one table after the other, the process dies when some are done and some are not.
TIMES = {
    "draft-written": 3,
    "state-published": 2,
    "raw-written": 2,
    "raw-published": 2,
    "rejected-written": 2,
    "curated-written": 3,
    "curated-published": 3,
    "load-raw-table-loaded": 2,
    "load-curated-table-loaded": 3,
    "metrics-table-built": 3,
    "object-uploaded": 2,
    "step-recorded": 2,
}
# The first drafts are those of the lock, of the place in the history, and of the run's parameters; then come manifests.
REPEATED = [(name, TIMES.get(name, 1)) for name in FAILPOINTS if name not in ONLY_IN_A_BUCKET]
REPEATED += [("draft-written", times) for times in (1, 4)]
USUAL = {
    ("draft-written", 3),
    ("raw-published", 2),
    ("extract-manifest-written", 1),
    ("curated-written", 3),
    ("load-raw-table-loaded", 2),
    ("load-curated-committed", 1),
    ("metrics-filled", 1),
    ("warehouse-publish-due", 1),
    ("warehouse-published", 1),
}
"""Places tried by each run of the suite: one for each kind of thing that a dead run leaves."""
BEFORE_THE_LEDGER = {"lock-taken", "warehouse-copied", "draft-written", "file-swept", "place-claimed", "run-begun"}
AFTER_THE_RUN = {"warehouse-publish-due", "warehouse-published", "run-succeeded", "lock-released"}
CONTINUED = [
    "run-recorded",
    "raw-published",
    "extract-manifest-written",
    "curated-published",
    "transform-manifest-written",
    "load-raw-committed",
    "load-raw-manifest-due",
    "load-curated-filled",
    "load-curated-committed",
    "metrics-filled",
    "metrics-committed",
    "metrics-manifest-written",
]
IN_A_BUCKET = ["object-uploaded", "raw-published", "extract-manifest-written", "file-swept", "load-curated-committed"]


@pytest.fixture(scope="module")
def in_a_folder(mysql: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return make_scenario(tmp_path_factory.mktemp("template") / "run", Source.mysql(mysql))


@pytest.fixture(scope="module")
def in_a_bucket(mysql: MySqlServer, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        bucket = s3.create_bucket()
        yield make_scenario(
            tmp_path_factory.mktemp("template") / "run",
            Source.mysql(mysql),
            *bucket_settings(s3, bucket, "template"),
            copy_lake=bucket_copier(s3, bucket),
        )


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture(scope="module")
def undisturbed(in_a_folder: Scenario, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pipeline = in_a_folder.copy(tmp_path_factory.mktemp("undisturbed") / "run")
    _end_well(pipeline)
    assert leftovers(pipeline) == []
    return in_a_folder.outcome(pipeline)


def _end_well(pipeline: Pipeline, *arguments: str) -> str:
    code, said = rental(pipeline, *arguments)
    assert code == 0, said
    return said


def _assert_ledger_is_closed(pipeline: Pipeline, *dead: str) -> None:
    """No run is said to be running; between the runs of the template and the last one are the dead ones."""
    assert statuses(pipeline) == ["succeeded", "succeeded", *dead, "succeeded"]


def statuses(pipeline: Pipeline) -> list[str]:
    """How the runs in the ledger ended, the oldest first."""
    return [status for (status,) in pipeline.rows("SELECT status FROM ops.runs ORDER BY sequence")]


def _end_of(failpoint: str, times: int = 1) -> list[str]:
    """How a run that died there ends in the ledger, if it is there."""
    if failpoint in BEFORE_THE_LEDGER and times <= 3:
        return []
    return ["succeeded" if failpoint in AFTER_THE_RUN else "failed"]


@dataclass(frozen=True)
class Repeated:
    """What there is after a run that repeats one that died."""

    outcome: dict[str, Any]
    leftovers: list[str]
    statuses: list[str]


@dataclass(frozen=True)
class Dead:
    """What a run leaves that dies, for each place that is tried; where two leave the same, one is repeated for both."""

    scenario: Scenario
    copies: Path
    reached: set[str]
    _repeated: dict[str, Repeated] = field(default_factory=dict)

    def repeated(self, failpoint: str, times: int) -> Repeated:
        folder = self.copies / f"{failpoint}-{times}"
        left = digest(folder)
        if left not in self._repeated:
            pipeline = self.scenario.within(folder)
            run_here(pipeline)
            self._repeated[left] = Repeated(self.scenario.outcome(pipeline), leftovers(pipeline), statuses(pipeline))
        return self._repeated[left]


@pytest.fixture(scope="module")
def dead(in_a_folder: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Dead:
    copies = tmp_path_factory.mktemp("dead")
    pipeline = in_a_folder.copy(tmp_path_factory.mktemp("copied") / "run")
    return Dead(in_a_folder, copies, copy_at(pipeline, examples(USUAL, {*REPEATED}), copies))


@pytest.mark.parametrize(("failpoint", "times"), sampled(REPEATED, USUAL))
def test_killed_and_repeated(dead: Dead, undisturbed: dict[str, Any], failpoint: str, times: int) -> None:
    repeated = dead.repeated(failpoint, times)
    assert repeated.outcome == undisturbed
    assert repeated.leftovers == []
    assert repeated.statuses == ["succeeded", "succeeded", *_end_of(failpoint, times), "succeeded"]


@pytest.mark.parametrize("failpoint", sampled(CONTINUED, CONTINUED[2::4]))
def test_killed_and_continued(
    in_a_folder: Scenario, undisturbed: dict[str, Any], tmp_path: Path, failpoint: str
) -> None:
    pipeline = in_a_folder.copy(tmp_path / "killed")
    kill(pipeline, failpoint, TIMES.get(failpoint, 1), "--run-id", "dead")
    run_here(pipeline, resume="dead")
    assert in_a_folder.outcome(pipeline) == undisturbed
    _assert_ledger_is_closed(pipeline)
    extract_here(pipeline)
    assert leftovers(pipeline) == []


@pytest.mark.parametrize("failpoint", sampled(IN_A_BUCKET, ["raw-published"]))
def test_killed_with_the_lake_in_a_bucket(
    in_a_bucket: Scenario, undisturbed: dict[str, Any], tmp_path: Path, failpoint: str
) -> None:
    pipeline = in_a_bucket.copy(tmp_path / failpoint)
    kill(pipeline, failpoint, TIMES.get(failpoint, 1), "--run-id", "dead")
    run_here(pipeline)
    assert in_a_bucket.outcome(pipeline) == undisturbed
    assert leftovers(pipeline) == []
    _assert_ledger_is_closed(pipeline, *_end_of(failpoint))


def test_killed_again_and_again(in_a_folder: Scenario, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    pipeline = in_a_folder.copy(tmp_path / "killed")
    for number, failpoint in enumerate(["raw-published", "file-swept", "curated-published", "load-curated-committed"]):
        kill(pipeline, failpoint, 1, "--run-id", f"dead-{number}")
    code, said = rental_program(pipeline)
    assert code == 0, said
    assert in_a_folder.outcome(pipeline) == undisturbed
    assert leftovers(pipeline) == []
    # The one that died while it swept had not begun.
    _assert_ledger_is_closed(pipeline, "failed", "failed", "failed")


def test_what_was_swept_is_told(in_a_folder: Scenario, tmp_path: Path) -> None:
    pipeline = in_a_folder.copy(tmp_path / "killed")
    kill(pipeline, "raw-published", 2)
    assert "of a run that did not finish" in _end_well(pipeline, "--step", "extract")
    assert "swept" not in _end_well(pipeline, "--step", "extract")


def test_every_failpoint_is_reached(dead: Dead, in_a_bucket: Scenario, tmp_path: Path) -> None:
    bucket = set[str]()
    try:
        arm(bucket.add)
        in_a_bucket.copy(tmp_path / "every-failpoint").run()
    finally:
        arm(None)
    assert dead.reached == FAILPOINTS.keys() - ONLY_IN_A_BUCKET
    assert bucket == FAILPOINTS.keys() - ONLY_IN_A_FOLDER

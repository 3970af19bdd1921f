"""A process that lost the lock while it was suspended wakes up and goes on: what others committed stays as it is."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.settings import load_settings
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.wiring import make_lake
from runs.crash_driver import run_and_stop
from runs.crashes import SETTINGS, bucket_copier, bucket_settings, fill, leftovers, pass_a_day
from runs.forked import Forked, forked
from runs.harness import Pipeline, Source
from servers.s3 import S3Server
from support.breadth import sampled

pytestmark = [pytest.mark.service, pytest.mark.slow]

Rows = dict[str, list[tuple[Any, ...]]]

LOADED = ("raw_data", "curated")
"""Schemas that the steps fill at which a process stands still here, and that metrics read."""
EXPIRY = 1
# A warehouse file belongs to one process: who takes over here works on a copy of it, as another machine would.
COPY = "warehouse.url=duckdb:///copy.duckdb"
# Drafts of a run: the claim of the lock, the place in the history, the parameters, then the manifests, each after the
# last look at the lock.
PLACES = [
    ("state-written", 1, 1),
    ("raw-written", 2, 1),
    ("raw-published", 1, 1),
    ("raw-published", 3, 1),
    ("extract-manifest-due", 1, 1),
    ("draft-written", 4, 1),
    ("curated-written", 2, 2),
    ("curated-published", 2, 2),
    ("rejected-published", 2, 2),
    ("draft-written", 5, 2),
]
USUAL = {("raw-published", 1, 1), ("extract-manifest-due", 1, 1), ("curated-written", 2, 2)}


@dataclass(frozen=True)
class Begun:
    """A marketplace and a pipeline after a first run, with a change to read; what becomes of it undisturbed."""

    folder: Path
    began: datetime
    _outcomes: dict[int, Rows] = field(default_factory=dict)

    def copy(self, folder: Path, *settings: str) -> tuple[Source, Pipeline]:
        """As it was, in another folder, with settings for its lake if that is elsewhere."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        source = Source.sqlite(folder / "marketplace.db")
        return source, Pipeline(folder / "run", source.url, *SETTINGS, *settings)

    def outcome(self, steps: int, folder: Path) -> Rows:
        """What readers see after a second run that nobody disturbed."""
        if steps not in self._outcomes:
            source, pipeline = self.copy(folder)
            pass_another_day(source, steps)
            pipeline.load(run_id="second")
            self._outcomes[steps] = rows(pipeline, self.began)
        return self._outcomes[steps]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    return begin(tmp_path_factory.mktemp("begun"))


def begin(folder: Path, *settings: str) -> Begun:
    began = datetime.now(UTC).replace(tzinfo=None)
    source = Source.sqlite(folder / "marketplace.db")
    fill(source)
    pipeline = Pipeline(folder / "run", source.url, *SETTINGS, *settings)
    pipeline.load(run_id="first")
    (pipeline.folder / "tmp").mkdir()
    pass_a_day(source, "2024-03-05", 10)
    shutil.copy(pipeline.folder / "warehouse.duckdb", pipeline.folder / "copy.duckdb")
    return Begun(folder, began)


@pytest.fixture(scope="module")
def bucket(s3: S3Server) -> str:
    return s3.create_bucket()


@pytest.fixture(scope="module")
def copy_lake(s3: S3Server, bucket: str) -> Callable[[str], Sequence[str]]:
    return bucket_copier(s3, bucket)


@pytest.fixture(scope="module")
def begun_in_a_bucket(s3: S3Server, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment().items():
            patch.setenv(name, value)
        return begin(tmp_path_factory.mktemp("begun"), *bucket_settings(s3, bucket, "template"))


@pytest.fixture
def environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)


@contextmanager
def suspended(pipeline: Pipeline, failpoint: str, times: int) -> Iterator[Forked]:
    """A run `second` in a process of its own that stands still at a failpoint, its lock expired."""
    settings = [part for setting in pipeline.settings for part in ("--set", setting)]
    command = ["run", "--quiet", "--run-id", "second", *settings, "--set", f"lake.lock_expiry={EXPIRY}"]
    env = {"TMPDIR": str(pipeline.folder / "tmp")}
    with forked(run_and_stop, failpoint, times, *command, folder=pipeline.folder, env=env) as process:
        until = time.monotonic() + 60
        while _state(process) != "T":
            assert time.monotonic() < until and process.is_alive(), process.output
            time.sleep(0.02)
        time.sleep(EXPIRY)
        yield process


def _state(process: Forked) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def wake(process: Forked) -> None:
    os.kill(process.pid, signal.SIGCONT)
    ended = process.ended(60)
    assert ended.code == 4, ended.output
    assert "Traceback" not in ended.output


def pass_another_day(source: Source, steps: int) -> None:
    """Who repeats the extract reads what has changed meanwhile."""
    if steps == 1:
        pass_a_day(source, "2024-03-06", 11)


def take_over(pipeline: Pipeline, source: Source, steps: int) -> None:
    """Continue the suspended run; what it reads before, now and later differs."""
    pass_another_day(source, steps)
    pipeline.run(COPY, resume="second", steps=tuple(STEP_NAMES[:steps]))
    pass_a_day(source, "2024-03-07", 12)


def rows(pipeline: Pipeline, began: datetime) -> Rows:
    """What readers see; the moments at which runs noticed something are left out."""

    def seen(value: Any) -> bool:
        return not (isinstance(value, datetime) and value >= began)

    tables = pipeline.tables(*LOADED)
    return {name: [tuple(filter(seen, row)) for row in found] for name, found in tables.items()}


def check_committed_files(pipeline: Pipeline) -> None:
    """All files that manifests name are in the lake, as they were written."""
    import pyarrow.parquet as pq

    with closing(make_lake(load_settings(pipeline.folder / "rental.toml", pipeline.settings))) as lake:
        manifests = ManifestStore(lake)
        found = [step(run.run_id) for run in manifests.history() for step in (manifests.extract, manifests.transform)]
        tables = [table for manifest in found if manifest for table in manifest.tables.values()]
        values = [value for table in tables for value in vars(table).values() if isinstance(value, tuple)]
        files = [item for value in values for item in value if isinstance(item, LakeFile)]
        # The state of the run before is swept.
        files = [file for file in files if not file.path.startswith("state/") or "run_id=first" not in file.path]
        assert files
        for file, path in zip(files, lake.local_copies(file.path for file in files), strict=True):
            assert path.stat().st_size == file.bytes
            assert pq.read_metadata(path).num_rows == file.rows


@pytest.mark.parametrize(("failpoint", "times", "steps"), sampled(PLACES, USUAL))
def test_run_that_another_process_continued(
    begun: Begun, tmp_path: Path, failpoint: str, times: int, steps: int
) -> None:
    source, pipeline = begun.copy(tmp_path)
    with suspended(pipeline, failpoint, times) as process:
        take_over(pipeline, source, steps)
        wake(process)
    check_committed_files(pipeline)
    pipeline.load(resume="second")
    assert rows(pipeline, begun.began) == begun.outcome(steps, tmp_path / "undisturbed")
    pipeline.extract()
    assert leftovers(pipeline) == []


@pytest.mark.parametrize(
    ("failpoint", "times"), sampled([("raw-published", 2), ("object-uploaded", 3)], [("raw-published", 2)])
)
def test_run_in_a_bucket_that_another_process_continued(
    tmp_path: Path,
    begun: Begun,
    begun_in_a_bucket: Begun,
    environment: None,
    copy_lake: Callable[[str], Sequence[str]],
    failpoint: str,
    times: int,
) -> None:
    source, pipeline = begun_in_a_bucket.copy(tmp_path, *copy_lake(failpoint))
    with suspended(pipeline, failpoint, times) as process:
        take_over(pipeline, source, 1)
        wake(process)
    check_committed_files(pipeline)
    pipeline.load(resume="second")
    assert rows(pipeline, begun.began) == begun.outcome(1, tmp_path / "undisturbed")
    pipeline.extract()
    assert leftovers(pipeline) == []


@pytest.mark.parametrize(
    ("failpoint", "times"), sampled([("lock-taken", 1), ("file-swept", 1), ("run-begun", 1)], [("run-begun", 1)])
)
def test_run_that_wakes_up_before_it_began_to_read(begun: Begun, tmp_path: Path, failpoint: str, times: int) -> None:
    """Another run finished meanwhile; its files, and those of the one after it, are not swept away."""
    _, pipeline = begun.copy(tmp_path)
    left = pipeline.folder / "lake" / "raw" / "bookings" / "run_id=first" / "part-dead-0.parquet"
    left.write_bytes(b"")
    with suspended(pipeline, failpoint, times) as process:
        pipeline.run(COPY, run_id="third", steps=STEP_NAMES[:2])
        wake(process)
    check_committed_files(pipeline)
    pipeline.load(resume="third")
    pipeline.extract()
    assert leftovers(pipeline) == []

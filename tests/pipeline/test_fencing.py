"""A process that lost the lock while it was suspended wakes up and goes on: what others committed stays as it is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.crashes import DATA, SETTINGS, bucket_settings, fill, leftovers, pass_a_day
from pipeline.harness import Pipeline, Source
from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.settings import load_settings
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.wiring import make_lake
from servers.s3 import S3Server

pytestmark = [pytest.mark.service, pytest.mark.slow]

EXPIRY = 1
# A warehouse file belongs to one process: who takes over here works on a copy of it, as another machine would.
COPY = "warehouse.url=duckdb:///copy.duckdb"
STOP = """
import os, signal, sys
from rental_analytics import cli
from rental_analytics.failpoints import arm
name, left = sys.argv[1], int(sys.argv[2])
def stop(place):
    global left
    left -= place == name
    if left == 0:
        left = -1
        os.kill(os.getpid(), signal.SIGSTOP)
arm(stop)
sys.argv = ["rental", *sys.argv[3:]]
cli.main()
"""
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


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    fill(source)
    return source


@pytest.fixture
def environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)


def begin(source: Source, folder: Path, *settings: str) -> tuple[Pipeline, Pipeline]:
    """A pipeline after a first run, with a change to read, and one like it that nobody will disturb."""
    pipelines = (
        Pipeline(folder / "run", source.url, *SETTINGS, *settings),
        Pipeline(folder / "undisturbed", source.url, *SETTINGS),
    )
    for pipeline in pipelines:
        pipeline.run(run_id="first")
        (pipeline.folder / "tmp").mkdir()
    pass_a_day(source, "2024-03-05", 10)
    shutil.copy(pipelines[0].folder / "warehouse.duckdb", pipelines[0].folder / "copy.duckdb")
    return pipelines


@contextmanager
def suspended(pipeline: Pipeline, failpoint: str, times: int) -> Iterator[subprocess.Popen[str]]:
    """A run `second` in a process of its own that stands still at a failpoint, its lock expired."""
    settings = [part for setting in pipeline.settings for part in ("--set", setting)]
    command = [sys.executable, "-c", STOP, failpoint, str(times), "run", "--quiet", "--run-id", "second"]
    process = subprocess.Popen(
        [*command, *settings, "--set", f"lake.lock_expiry={EXPIRY}"],
        cwd=pipeline.folder,
        env=os.environ | {"TMPDIR": str(pipeline.folder / "tmp")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while _state(process) != "T":
            assert time.monotonic() < until and process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        time.sleep(EXPIRY)
        yield process
    finally:
        process.kill()
        process.communicate()


def _state(process: subprocess.Popen[str]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def wake(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 4, said
    assert "Traceback" not in said


def take_over(pipeline: Pipeline, undisturbed: Pipeline, source: Source, steps: Sequence[str]) -> None:
    """Continue the suspended run; what it reads before, now and later differs."""
    if steps == STEP_NAMES[:1]:
        pass_a_day(source, "2024-03-06", 11)
    undisturbed.run(run_id="second")
    pipeline.run(COPY, resume="second", steps=tuple(steps))
    pass_a_day(source, "2024-03-07", 12)


def rows(pipeline: Pipeline, began: datetime) -> dict[str, list[tuple[Any, ...]]]:
    """What readers see; the moments at which runs noticed something are left out."""

    def seen(value: Any) -> bool:
        return not (isinstance(value, datetime) and value >= began)

    tables = pipeline.tables(*DATA)
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


@pytest.mark.parametrize(("failpoint", "times", "steps"), PLACES)
def test_run_that_another_process_continued(
    source: Source, tmp_path: Path, failpoint: str, times: int, steps: int
) -> None:
    began = datetime.now(UTC).replace(tzinfo=None)
    pipeline, undisturbed = begin(source, tmp_path)
    with suspended(pipeline, failpoint, times) as process:
        take_over(pipeline, undisturbed, source, STEP_NAMES[:steps])
        wake(process)
    check_committed_files(pipeline)
    pipeline.run(resume="second")
    assert rows(pipeline, began) == rows(undisturbed, began)
    pipeline.run()
    assert leftovers(pipeline) == []


@pytest.mark.parametrize(("failpoint", "times"), [("raw-published", 2), ("object-uploaded", 3)])
def test_run_in_a_bucket_that_another_process_continued(
    source: Source, tmp_path: Path, s3: S3Server, environment: None, failpoint: str, times: int
) -> None:
    began = datetime.now(UTC).replace(tzinfo=None)
    pipeline, undisturbed = begin(source, tmp_path, *bucket_settings(s3, s3.create_bucket(), "lake"))
    with suspended(pipeline, failpoint, times) as process:
        take_over(pipeline, undisturbed, source, STEP_NAMES[:1])
        wake(process)
    check_committed_files(pipeline)
    pipeline.run(resume="second")
    assert rows(pipeline, began) == rows(undisturbed, began)
    pipeline.run()
    assert leftovers(pipeline) == []


@pytest.mark.parametrize(("failpoint", "times"), [("lock-taken", 1), ("file-swept", 1), ("run-begun", 1)])
def test_run_that_wakes_up_before_it_began_to_read(source: Source, tmp_path: Path, failpoint: str, times: int) -> None:
    """Another run finished meanwhile; its files, and those of the one after it, are not swept away."""
    pipeline, _ = begin(source, tmp_path)
    left = pipeline.folder / "lake" / "raw" / "bookings" / "run_id=first" / "part-dead-0.parquet"
    left.write_bytes(b"")
    with suspended(pipeline, failpoint, times) as process:
        pipeline.run(COPY, run_id="third", steps=STEP_NAMES[:2])
        wake(process)
    check_committed_files(pipeline)
    pipeline.run(resume="third")
    pipeline.run()
    assert leftovers(pipeline) == []

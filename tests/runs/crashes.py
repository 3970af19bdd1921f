"""A pipeline that can be copied after some runs, killed at a failpoint, and compared with one that was not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.settings import load_settings
from rental_analytics.storage.base import Lake
from rental_analytics.wiring import make_lake
from runs.crash_driver import run, run_and_copy, run_to_death
from runs.forked import run_forked
from runs.harness import Pipeline, Source
from servers.s3 import S3Server

DATA = ("raw_data", "curated", "presentation")
RENTAL = Path(sys.executable).with_name("rental")
# With a snapshot beside the others all ways to read are there.
SETTINGS = ("tables.apartment_attributes.mode=snapshot",)
_FILE_FOLDERS = ("raw/", "curated/", "rejected/", "state/")


def fill(source: Source) -> None:
    """A marketplace of a few rows."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00", "currency": "eur "}, {"id": 3}, {"id": 4})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"}, {"id": 2}, {"id": 3})
    source.insert(
        "bookings",
        {"booking_id": 1},
        {"booking_id": 2, "apartment_id": 99, "currency": "CHF", "updated_at": "2024-03-02"},
        {"booking_id": 3, "user_id": 8, "apartment_id": 2, "updated_at": "2024-03-02"},
        {"booking_id": 4, "user_id": 8, "updated_at": "2024-03-03"},
    )
    source.insert("user_viewing", {}, {}, {"user_id": 8, "viewed_at": "2024-03-02 11:00:00.000000"})


def pass_a_day(source: Source, day: str, number: int) -> None:
    """Changes of every kind; `number` makes keys that are new, `number - 1` those of the day before."""
    source.insert("apartments", {"id": number, "last_modified_timestamp": day})
    source.insert("apartments", {"id": number + 50, "price": "-1.00", "last_modified_timestamp": day})
    source.execute(f"UPDATE apartments SET price = price + 7, last_modified_timestamp = '{day}' WHERE id = 1")
    source.execute(f"DELETE FROM apartments WHERE id = {number - 6}")
    source.insert("apartment_attributes", {"id": number, "cityname": "Basel", "state": "BS"})
    source.execute(f"UPDATE apartment_attributes SET cityname = 'Thun {number}' WHERE id = 1")
    source.execute(f"DELETE FROM apartment_attributes WHERE id = {number - 7}")
    source.insert(
        "bookings",
        {"booking_id": number, "booking_date": day, "updated_at": day},
        {"booking_id": number + 100, "booking_date": day, "updated_at": None},
        {"booking_id": number + 200, "booking_status": "maybe", "booking_date": day, "updated_at": day},
    )
    source.execute(f"UPDATE bookings SET booking_status = 'canceled', updated_at = '{day}' WHERE booking_id = 3")
    source.execute(f"DELETE FROM bookings WHERE booking_id = {number - 8}")
    event = {"user_id": number, "viewed_at": f"{day} 08:00:00.000000"}
    source.insert("user_viewing", event, event, {"user_id": number, "viewed_at": None})


@dataclass(frozen=True)
class Scenario:
    """Two runs in a folder, and a source that has changed since; copies share the source."""

    pipeline: Pipeline
    began: datetime
    copy_lake: Callable[[str], Sequence[str]] | None = None

    def copy(self, folder: Path) -> Pipeline:
        """The same lake, warehouse and source, in another folder, with a folder `tmp` beside them."""
        shutil.copytree(self.pipeline.folder, folder)
        (folder / "tmp").mkdir()
        return self.within(folder)

    def within(self, folder: Path) -> Pipeline:
        """The pipeline in a folder that is a copy."""
        settings = self.copy_lake(folder.name) if self.copy_lake else ()
        url = load_settings(folder / "rental.toml", ()).source.url
        return Pipeline(folder, url, *SETTINGS, *settings, every_metric=True)

    def outcome(self, pipeline: Pipeline) -> dict[str, Any]:
        """All that readers see, and the account of the run that loaded what changed.

        Moments of the runs themselves, such as a deleted listing's last version, differ and are masked. Rows without a
        cursor are read by every run: that they are superseded by themselves is no difference.
        """
        found: dict[str, Any] = {name: self._all_masked(rows) for name, rows in pipeline.tables(*DATA).items()}
        loaded = (
            "(SELECT run_id FROM ops.row_accounting JOIN ops.runs USING (run_id) "
            "WHERE sequence > 2 ORDER BY sequence LIMIT 1)"
        )
        with pipeline._asking() as ask:
            found["accounting"] = ask(
                "SELECT table_name, curated, rejected, extracted - superseded FROM ops.row_accounting "
                f"WHERE run_id = {loaded} ORDER BY ALL"
            )
            found["rejected"] = ask(
                "SELECT table_name, row_key, rules, row_json FROM ops.rejected_rows "
                f"WHERE run_id = {loaded} ORDER BY ALL"
            )
            found["unbalanced"] = ask(
                "SELECT * FROM ops.row_accounting WHERE extracted <> curated + superseded + rejected"
            )
        return found

    def _all_masked(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        masked = [tuple(self._masked(value) for value in row) for row in rows]
        # They come in order, and stay so where nothing is masked.
        return masked if masked == rows else sorted(masked, key=repr)

    def _masked(self, value: object) -> object:
        return None if isinstance(value, datetime) and value >= self.began else value


def make_scenario(folder: Path, source: Source, *settings: str, **options: Any) -> Scenario:
    fill(source)
    began = datetime.now(UTC).replace(tzinfo=None)
    pipeline = Pipeline(folder, source.url, *SETTINGS, *settings, every_metric=True)
    pipeline.load(run_id="first")
    pass_a_day(source, "2024-03-05", 10)
    pipeline.run(run_id="second")
    pass_a_day(source, "2024-03-06", 11)
    return Scenario(pipeline, began, **options)


def rental(pipeline: Pipeline, *arguments: str, die_at: tuple[str, int] | None = None) -> tuple[int, str]:
    """`rental run` in a process of its own, that dies at a failpoint or does not; its exit code and what it said."""
    settings = [part for setting in pipeline.settings for part in ("--set", setting)]
    command = ["run", "--quiet", *settings, *arguments]
    act, given = (run_to_death, [*die_at, *command]) if die_at else (run, command)
    ended = run_forked(act, *given, folder=pipeline.folder, env={"TMPDIR": str(pipeline.folder / "tmp")})
    return ended.code, ended.output


def rental_program(pipeline: Pipeline, *arguments: str) -> tuple[int, str]:
    """As `rental`, by the program that users call."""
    settings = [part for setting in pipeline.settings for part in ("--set", setting)]
    done = subprocess.run(
        [RENTAL, "run", "--quiet", *settings, *arguments],
        cwd=pipeline.folder,
        env={**os.environ, "TMPDIR": str(pipeline.folder / "tmp")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def run_here(pipeline: Pipeline, **options: Any) -> None:
    """A run in this process, which is quicker to begin."""
    with _temporary_folders_of(pipeline):
        pipeline.run(**options)


def extract_here(pipeline: Pipeline) -> None:
    """The first step of another run, which removes what dead ones left in the lake."""
    with _temporary_folders_of(pipeline):
        pipeline.extract()


@contextmanager
def _temporary_folders_of(pipeline: Pipeline) -> Iterator[None]:
    """Temporary folders are where those of `rental` would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(pipeline.folder / "tmp"))
        yield


def kill(pipeline: Pipeline, failpoint: str, times: int = 1, *arguments: str) -> None:
    """A run that dies at a failpoint, with nothing cleaned up."""
    code, said = rental(pipeline, *arguments, die_at=(failpoint, times))
    assert code == -signal.SIGKILL, f"{failpoint} was not reached: exit code {code}\n{said}"


def copy_at(pipeline: Pipeline, places: Collection[tuple[str, int]], copies: Path) -> set[str]:
    """What a run would leave that is killed, for each of these places; gives the failpoints that it reached."""
    settings = [part for setting in pipeline.settings for part in ("--set", setting)]
    # Nothing is renewed while a copy is made.
    command = ["run", "--quiet", *settings, "--set", "lake.lock_expiry=1 day", "--run-id", "dead"]
    env = {"TMPDIR": str(pipeline.folder / "tmp")}
    ended = run_forked(run_and_copy, places, copies, *command, folder=pipeline.folder, env=env)
    assert ended.code == 0, ended.output
    return set(json.loads((copies / "reached.json").read_text()))


def digest(folder: Path) -> str:
    """The same for two folders with the same folders and files in them."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found.update(f"{path.relative_to(folder)} {path.is_file()} {len(content)}\n".encode() + content)
    return found.hexdigest()


def leftovers(pipeline: Pipeline) -> list[str]:
    """Files of the lake that no committed manifest names, drafts, temporary folders, and copies of the warehouse."""
    with closing(make_lake(load_settings(pipeline.folder / "rental.toml", pipeline.settings))) as lake:
        named = set(_named(lake))
        files = {path for folder in _FILE_FOLDERS for path in lake.paths(folder)}
        drafts = lake.paths("drafts/")
    folders = [path.name for path in (pipeline.folder / "tmp").glob("*rental-*")]
    copies = [path.name for path in pipeline.folder.glob("*.work")]
    return sorted(files - named) + drafts + folders + copies


def _named(lake: Lake) -> Iterator[str]:
    def paths(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if "path" in value:
                yield value["path"]
            value = list(value.values())
        for item in value if isinstance(value, list) else ():
            yield from paths(item)

    for path in lake.paths("runs/"):
        yield from paths(json.loads(lake.read(path) or b"{}"))


def bucket_copier(server: S3Server, bucket: str) -> Callable[[str], Sequence[str]]:
    """Copies the lake at the prefix `template` to another, and tells the settings to find it there."""

    def copy(name: str) -> Sequence[str]:
        with closing(server.client()) as client:
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="template/"):
                for key in (item["Key"] for item in page["Contents"]):
                    target = name + key.removeprefix("template")
                    client.copy_object(Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": key})
        return bucket_settings(server, bucket, name)

    return copy


def bucket_settings(server: S3Server, bucket: str, prefix: str) -> list[str]:
    return [f"lake.url=s3://{bucket}/{prefix}", f"lake.endpoint={server.endpoint_url}", "lake.region=us-east-1"]

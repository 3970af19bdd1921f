"""A file of the lake that is not the one its manifest names: nothing of it is used, whatever it holds instead."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rental_analytics.errors import LakeError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.s3 import S3Lake
from runs.harness import Pipeline, Source, failure
from servers.s3 import S3Server
from support.breadth import examples

Spoil = Callable[[bytes], bytes | None]
TABLES = ("raw_data", "curated", "presentation")


def other_rows(content: bytes) -> bytes:
    """A valid file with as many rows, all of them the first one."""
    return _file(content, lambda table: table.take([0] * table.num_rows))


def _file(content: bytes, change: Callable[..., object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(change(pq.read_table(io.BytesIO(content))), sink)
    return sink.getvalue()


SPOILS: dict[str, Spoil] = {
    "other rows": other_rows,
    "truncated": lambda content: content[:-20],
    "gone": lambda _: None,
}
# Which file, of which run's manifest, which step reads it, and what that step needs.
KINDS = {
    "raw, transformed": ("extract", "bookings", "files", "transform"),
    "raw, loaded": ("extract", "bookings", "files", "load-raw"),
    "deletes, transformed": ("extract", "apartments", "deletes", "transform"),
    "deletes, loaded": ("extract", "apartments", "deletes", "load-raw"),
    "state": ("extract", "bookings", "state", "extract"),
    "curated": ("transform", "bookings", "files", "load-curated"),
    "curated deletes": ("transform", "listings", "deletes", "load-curated"),
    "withdrawn": ("transform", "bookings", "withdrawn", "load-curated"),
    "rejected": ("transform", "bookings", "rejected_files", "load-curated"),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, Pipeline]:
    """A source, and a pipeline on it whose second run is extracted, and transformed, and not loaded."""
    folder = tmp_path_factory.mktemp("scene")
    source = Source.sqlite(folder / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", *({"id": number} for number in range(1, 5)))
    source.insert("bookings", *({"booking_id": number} for number in range(1, 9)))
    pipeline = Pipeline(folder / "run", source.url, "quality.max_deleted_share=1")
    pipeline.run(run_id="first")
    source.execute("DELETE FROM apartments WHERE id = 4")
    source.execute("UPDATE bookings SET total_price = -1, updated_at = '2024-03-05' WHERE booking_id = 3")
    source.execute("UPDATE bookings SET total_price = 120, updated_at = '2024-03-05' WHERE booking_id < 3")
    pipeline.run(run_id="second", steps=("extract", "transform"))
    return source, pipeline


@pytest.fixture(
    params=[pytest.param("folder", marks=pytest.mark.slow), pytest.param("bucket", marks=pytest.mark.service)]
)
def due(
    request: pytest.FixtureRequest, scene: tuple[Source, Pipeline], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Pipeline, Lake]]:
    """A copy of the pipeline in which the loads of the second run are due, and its lake."""
    source, first = scene
    shutil.copytree(first.folder, tmp_path / "run")
    if request.param == "folder":
        yield Pipeline(tmp_path / "run", source.url, *first.settings), LocalLake(tmp_path / "run" / "lake")
        return
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    bucket = server.create_bucket()
    with closing(S3Lake(bucket, "lake")) as lake:
        for path in (tmp_path / "run" / "lake").rglob("*"):
            if path.is_file():
                lake.write(path.relative_to(tmp_path / "run" / "lake").as_posix(), path.read_bytes())
        yield Pipeline(tmp_path / "run", source.url, *first.settings, f"lake.url=s3://{bucket}/lake"), lake


IN_A_FOLDER = pytest.mark.parametrize("due", [pytest.param("folder", marks=pytest.mark.slow)], indirect=True)


def named(lake: Lake, step: str, table: str, kind: str) -> list[str]:
    """Paths of files that the manifest of a step of the second run names."""
    manifest = json.loads(lake.read(f"runs/second/{step}.json") or b"")
    return [file["path"] for file in manifest["tables"][table][kind]]


def spoiled(lake: Lake, path: str, spoil: Spoil) -> None:
    content = spoil(lake.read(path) or b"")
    if content is None:
        lake.delete([path])
    else:
        lake.write(path, content)


# Which file, and how it is spoiled. Once a transform failed, the next run does not go on from what was extracted.
CASES = [
    ("state", "other rows"),
    *((kind, "other rows") for kind, (*_, reader) in KINDS.items() if reader.startswith("load")),
    *(("curated", spoil) for spoil in ("truncated", "gone")),
    ("raw, loaded", "gone"),
    *((kind, "other rows") for kind, (*_, reader) in KINDS.items() if reader == "transform"),
]
IN_A_BUCKET = examples(
    [("state", "other rows"), ("raw, loaded", "gone"), ("curated", "truncated"), ("raw, transformed", "other rows")],
    CASES,
)
"""One of each step that reads, and each way to spoil a file; where the lake is makes no other difference."""


def test_file_that_was_changed_is_not_used(due: tuple[Pipeline, Lake]) -> None:
    pipeline, lake = due
    assert {kind for kind, _ in CASES} == set(KINDS)
    before = pipeline.tables(*TABLES)
    transformed = lake.read("runs/second/transform.json") or b""
    for kind, spoil in CASES if isinstance(lake, LocalLake) else IN_A_BUCKET:
        step, table, files, reader = KINDS[kind]
        path = named(lake, step, table, files)[0]
        if reader == "transform":
            lake.delete(["runs/second/transform.json"])
        content = lake.read(path) or b""
        spoiled(lake, path, SPOILS[spoil])
        if reader == "extract":
            error = failure(pipeline.extract, run_id="third")
        else:
            error = failure(pipeline.run, resume="second", steps=(reader,))
        assert isinstance(error, LakeError), (kind, spoil, error)
        assert error.exit_code == 1
        assert error.reason == ("lake-file-missing" if spoil == "gone" else "lake-file-changed"), (kind, spoil)
        assert path in error.message
        assert pipeline.rows("SELECT DISTINCT run_id FROM ops.loads") == [("first",)], (kind, spoil)
        lake.write(path, content)
        lake.write("runs/second/transform.json", transformed)
    assert pipeline.tables(*TABLES) == before


@pytest.mark.remedy("lake-file-changed")
@pytest.mark.remedy("lake-file-missing")
@pytest.mark.parametrize(
    ("due", "cases"),
    [
        pytest.param(
            "folder", [("curated", "gone"), ("state", "gone"), ("raw, loaded", "gone")], marks=pytest.mark.slow
        ),
        pytest.param("folder", [("raw, transformed", "other rows")], marks=pytest.mark.slow),
        pytest.param("bucket", [("curated", "gone")], marks=pytest.mark.service),
    ],
    indirect=["due"],
)
def test_full_refresh_or_the_file_as_it_was(due: tuple[Pipeline, Lake], cases: list[tuple[str, str]]) -> None:
    pipeline, lake = due
    counted = "SELECT COUNT(*), COUNT(*) FILTER (WHERE total_price = 120) FROM curated.bookings"
    paths = [named(lake, step, table, files)[0] for step, table, files, _ in (KINDS[kind] for kind, _ in cases)]
    transformed = lake.read("runs/second/transform.json") or b""
    for number, ((kind, spoil), path) in enumerate(zip(cases, paths, strict=True)):
        content = lake.read(path) or b""
        if KINDS[kind][-1] == "transform":
            lake.delete(["runs/second/transform.json"])
        spoiled(lake, path, SPOILS[spoil])
        again = {"resume": "second"} if kind == "curated" else {"run_id": f"third-{number}"}
        assert failure(pipeline.load, **again).reason in {"lake-file-changed", "lake-file-missing"}
        lake.write(path, content)
        lake.write("runs/second/transform.json", transformed)
    pipeline.load(run_id="fourth")
    assert pipeline.rows(counted) == [(7, 2)]
    for (_, spoil), path in zip(cases, paths, strict=True):
        if lake.read(path) is not None:
            spoiled(lake, path, SPOILS[spoil])
    pipeline.load(run_id="fifth", full_refresh=True)
    assert pipeline.rows(counted) == [(7, 2)]


def test_manifest_with_other_numbers_is_refused(due: tuple[Pipeline, Lake]) -> None:
    """Also one that has no checksum of itself, as manifests had none before."""
    pipeline, lake = due
    before = pipeline.tables(*TABLES)
    for kind in ("raw, loaded", "curated") if isinstance(lake, LocalLake) else ("curated",):
        step, table, files, reader = KINDS[kind]
        content = lake.read(f"runs/second/{step}.json") or b""
        for number in ("bytes", "rows"):
            manifest = json.loads(content)
            manifest["tables"][table][files][0][number] += 1
            for without in ((), ("checksum",)):
                for name in without:
                    del manifest[name]
                lake.write(f"runs/second/{step}.json", json.dumps(manifest).encode())
                error = failure(pipeline.run, resume="second", steps=(reader,))
                assert isinstance(error, LakeError)
                assert error.reason == ("lake-file-changed" if without else "lake-record-invalid"), (kind, number)
        lake.write(f"runs/second/{step}.json", content)
    assert pipeline.rows("SELECT DISTINCT run_id FROM ops.loads") == [("first",)]
    assert pipeline.tables(*TABLES) == before


def test_lake_whose_manifests_have_no_checksums_goes_on(due: tuple[Pipeline, Lake]) -> None:
    pipeline, lake = due
    # The warehouse knows the first run's manifest by its content.
    for path in sorted({*lake.paths("runs/")} - {"runs/first/transform.json"}):
        record = json.loads(lake.read(path) or b"")
        record.pop("checksum", None)
        for table in record.get("tables", {}).values():
            for files in table.values():
                for file in files if isinstance(files, list) else ():
                    if isinstance(file, dict):
                        file.pop("checksum", None)
                        file.pop("version", None)
        lake.write(path, json.dumps(record).encode())
    pipeline.load(resume="second")
    pipeline.load()
    assert pipeline.rows("SELECT COUNT(*), COUNT(*) FILTER (WHERE total_price = 120) FROM curated.bookings") == [(7, 2)]


@IN_A_FOLDER
@pytest.mark.remedy("lake-record-invalid")
def test_manifest_runs_no_sql(due: tuple[Pipeline, Lake], tmp_path: Path) -> None:
    """Its remedies: the file as it was, or another lake."""
    pipeline, lake = due
    owned, path = tmp_path / "owned.csv", "runs/second/transform.json"
    content = lake.read(path) or b""
    manifest = json.loads(content)
    del manifest["checksum"]
    statement = f"BIGINT); COPY (SELECT 42) TO '{owned}'; CREATE TABLE x (y BIGINT"
    manifest["tables"]["bookings"]["columns"][0]["type"] = statement
    lake.write(path, json.dumps(manifest).encode())
    error = failure(pipeline.load, resume="second")
    assert isinstance(error, LakeError)
    assert (error.reason, error.exit_code) == ("lake-record-invalid", 1)
    assert f"{path} is not what a run wrote: tables.bookings.columns.0.type: " in error.message
    assert not owned.exists()
    pipeline.load("lake.url=another", full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(7,)]
    lake.write(path, content)
    pipeline.load(full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(7,)]

"""A file of the lake that is not the one its manifest names: nothing of it is used, whatever it holds instead."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.harness import Pipeline, Source, failure
from rental_analytics.errors import LakeError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.s3 import S3Lake
from servers.s3 import S3Server

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


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [*((kind, "other rows") for kind in KINDS), *(("curated", spoil) for spoil in SPOILS), ("raw, loaded", "gone")],
)
def test_file_that_was_changed_is_not_used(due: tuple[Pipeline, Lake], kind: str, spoil: str) -> None:
    pipeline, lake = due
    step, table, files, reader = KINDS[kind]
    path = named(lake, step, table, files)[0]
    if reader == "transform":
        lake.delete(["runs/second/transform.json"])
    before = pipeline.tables(*TABLES)
    spoiled(lake, path, SPOILS[spoil])
    if reader == "extract":
        error = failure(pipeline.run, run_id="third")
    else:
        error = failure(pipeline.run, resume="second", steps=(reader,))
    assert isinstance(error, LakeError)
    assert error.exit_code == 1
    assert error.reason == ("lake-file-missing" if spoil == "gone" else "lake-file-changed")
    assert path in error.message
    assert pipeline.tables(*TABLES) == before


@pytest.mark.remedy("lake-file-changed")
@pytest.mark.remedy("lake-file-missing")
@pytest.mark.parametrize(
    ("kind", "spoil"),
    [("raw, transformed", "other rows"), ("raw, loaded", "gone"), ("state", "gone"), ("curated", "gone")],
)
def test_full_refresh_or_the_file_as_it_was(due: tuple[Pipeline, Lake], kind: str, spoil: str) -> None:
    pipeline, lake = due
    step, table, files, reader = KINDS[kind]
    path = named(lake, step, table, files)[0]
    content = lake.read(path) or b""
    if reader == "transform":
        lake.delete(["runs/second/transform.json"])
    spoiled(lake, path, SPOILS[spoil])
    if kind == "curated":
        failure(pipeline.run, resume="second")
    else:
        failure(pipeline.run, run_id="third")
    lake.write(path, content)
    pipeline.run(run_id="fourth")
    spoiled_again = named(lake, step, table, files)[0]
    if lake.read(spoiled_again) is not None:
        spoiled(lake, spoiled_again, SPOILS[spoil])
    pipeline.run(run_id="fifth", full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*), COUNT(*) FILTER (WHERE total_price = 120) FROM curated.bookings") == [(7, 2)]


@pytest.mark.parametrize("kind", ["raw, loaded", "curated"])
@pytest.mark.parametrize("number", ["bytes", "rows"])
def test_manifest_with_other_numbers_is_refused(due: tuple[Pipeline, Lake], kind: str, number: str) -> None:
    """Also one that has no checksum of itself, as manifests had none before."""
    pipeline, lake = due
    step, table, files, reader = KINDS[kind]
    manifest = json.loads(lake.read(f"runs/second/{step}.json") or b"")
    before = pipeline.tables(*TABLES)
    manifest["tables"][table][files][0][number] += 1
    for without in ((), ("checksum",)):
        for name in without:
            del manifest[name]
        lake.write(f"runs/second/{step}.json", json.dumps(manifest).encode())
        error = failure(pipeline.run, resume="second", steps=(reader,))
        assert isinstance(error, LakeError)
        assert error.reason == ("lake-file-changed" if without else "lake-record-invalid")
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
    pipeline.run(resume="second")
    pipeline.run()
    assert pipeline.rows("SELECT COUNT(*), COUNT(*) FILTER (WHERE total_price = 120) FROM curated.bookings") == [(7, 2)]


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
    error = failure(pipeline.run, resume="second")
    assert isinstance(error, LakeError)
    assert (error.reason, error.exit_code) == ("lake-record-invalid", 1)
    assert f"{path} is not what a run wrote: tables.bookings.columns.0.type: " in error.message
    assert not owned.exists()
    pipeline.run("lake.url=another", full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(7,)]
    lake.write(path, content)
    pipeline.run(full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(7,)]

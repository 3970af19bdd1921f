"""Files are compared with what was noted when they were written, and read for it no more often than is needed."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.errors import LakeError
from rental_analytics.storage import verification
from rental_analytics.storage.base import Lake, Stored
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.s3 import S3Lake
from rental_analytics.storage.verification import (
    check_all_stored,
    check_still,
    check_stored,
    sealed,
    sealed_in_place,
    verified_copies,
)
from servers.s3 import S3Server

PLACE = "raw/bookings/run_id=a/"


def parquet(*numbers: int, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": list(numbers)}), sink, **options)
    return sink.getvalue()


CONTENT = parquet(1, 2, 3)
SPOILS: dict[str, bytes | None] = {
    "other rows": parquet(3, 2, 1),
    "fewer rows": parquet(1),
    "the same rows in another file": parquet(1, 2, 3, compression="none"),
    "one byte": CONTENT[:10] + bytes([CONTENT[10] ^ 1]) + CONTENT[11:],
    "truncated": CONTENT[:-7],
    "empty": b"",
    "gone": None,
}


@pytest.fixture(
    params=[pytest.param("folder", marks=pytest.mark.fast), pytest.param("bucket", marks=pytest.mark.service)]
)
def again(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Lake]]:
    """The same lake, as another process opens it."""
    if request.param == "folder":
        yield lambda: LocalLake(tmp_path / "lake")
        return
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    bucket, opened = server.create_bucket(), list[S3Lake]()

    def another() -> Lake:
        opened.append(S3Lake(bucket, "lake"))
        return opened[-1]

    yield another
    for lake in opened:
        lake.close()


def written(lake: Lake, *contents: bytes) -> tuple[LakeFile, ...]:
    """Files as a manifest names them."""
    with lake.writing(PLACE) as folder:
        for number, content in enumerate(contents):
            (folder / f"part-{number}.parquet").write_bytes(content)
    plain = [
        LakeFile(path=f"{PLACE}part-{number}.parquet", bytes=len(content), rows=3)
        for number, content in enumerate(contents)
    ]
    return sealed(lake, plain)


def spoil(lake: Lake, file: LakeFile, content: bytes | None) -> None:
    if content is None:
        lake.delete([file.path])
    else:
        lake.write(file.path, content)


@pytest.mark.parametrize("name", SPOILS)
def test_another_file_is_refused(again: Callable[[], Lake], name: str) -> None:
    (file,) = written(again(), CONTENT)
    assert verified_copies(again(), [file])[0].read_bytes() == CONTENT
    check_all_stored(again(), [file])
    spoil(again(), file, SPOILS[name])
    reason = "lake-file-missing" if name == "gone" else "lake-file-changed"
    for look in (verified_copies, check_all_stored):
        with pytest.raises(LakeError, match=file.path) as caught:
            look(again(), [file])
        assert caught.value.reason == reason


def test_object_that_was_copied_is_compared_by_its_content(again: Callable[[], Lake]) -> None:
    """Its version is another one then."""
    (file,) = written(again(), CONTENT)
    moved = file.model_copy(update={"version": '"another"'})
    check_all_stored(again(), [moved])
    spoil(again(), file, SPOILS["other rows"])
    with pytest.raises(LakeError, match="its sha256 is"):
        check_all_stored(again(), [moved.model_copy(update={"bytes": len(SPOILS["other rows"] or b"")})])


def test_without_a_checksum_bytes_and_rows_are_compared(again: Callable[[], Lake]) -> None:
    (noted,) = written(again(), CONTENT)
    file = LakeFile(path=noted.path, bytes=noted.bytes, rows=3)
    assert verified_copies(again(), [file])
    check_all_stored(again(), [file])
    for other in (file.model_copy(update={"rows": 4}), file.model_copy(update={"bytes": 1})):
        for look in (verified_copies, check_all_stored):
            with pytest.raises(LakeError, match="is not the file its manifest names: it has"):
                look(again(), [other])


def test_object_that_other_machines_wrote_is_known_by_its_version(again: Callable[[], Lake]) -> None:
    (whole,) = written(again(), CONTENT)
    (file,) = sealed_in_place(again(), [LakeFile(path=whole.path, bytes=whole.bytes, rows=3)])
    assert file.version == whole.version
    assert verified_copies(again(), [file])
    check_all_stored(again(), [file])
    if file.version:
        again().write(file.path, parquet(3, 2, 1))
        other = file.model_copy(update={"bytes": len(parquet(3, 2, 1))})
        for look in (verified_copies, check_all_stored):
            with pytest.raises(LakeError, match="is not the file its manifest names"):
                look(again(), [other])


@pytest.mark.service
@pytest.mark.parametrize("again", ["bucket"], indirect=True)
def test_object_replaced_while_it_is_read_elsewhere(again: Callable[[], Lake]) -> None:
    lake = again()
    files = written(lake, CONTENT, CONTENT)
    for file in files:
        check_stored(lake, file)
    check_still(lake, files)
    again().write(files[1].path, SPOILS["other rows"] or b"")
    with pytest.raises(LakeError, match=r"part-1\.parquet is not the file its manifest names: it was replaced while"):
        check_still(lake, files)


@pytest.mark.fast
def test_a_file_is_read_once_by_the_process_that_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = list[Path]()
    digest = verification._digest
    monkeypatch.setattr(verification, "_digest", lambda path: digests.append(path) or digest(path))
    lake = LocalLake(tmp_path)
    files = written(lake, CONTENT, CONTENT)
    assert len(digests) == 2
    for _ in range(3):
        verified_copies(lake, files)
    assert len(digests) == 2
    os.utime(tmp_path / files[0].path, (0, 0))
    verified_copies(lake, files)
    assert len(digests) == 3


@pytest.mark.fast
@pytest.mark.parametrize(
    ("checksum", "told"),
    [
        ("crc64nvme:AAAAAAAAAAA=", None),
        ("crc64nvme:BBBBBBBBBBB=", "its crc64nvme is AAAAAAAAAAA= and not BBBBBBBBBBB="),
    ],
)
def test_checksum_that_the_service_knows_needs_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checksum: str, told: str | None
) -> None:
    lake = LocalLake(tmp_path)
    (file,) = written(lake, CONTENT)
    monkeypatch.setattr(lake, "stored", lambda _: Stored(len(CONTENT), '"copy"', {"crc64nvme": "AAAAAAAAAAA="}))
    monkeypatch.setattr(lake, "digest", lambda _: pytest.fail("it was read"))
    noted = file.model_copy(update={"checksum": checksum, "version": '"first"'})
    if told is None:
        check_stored(lake, noted)
        return
    with pytest.raises(LakeError, match=told):
        check_stored(lake, noted)

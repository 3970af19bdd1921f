"""A lake in a bucket believes the bucket, not the copy at hand."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError, LakeError, LakeUnavailableError, RentalError
from rental_analytics.storage.s3 import S3Lake
from runs.harness import failure
from servers.s3 import S3Server

pytestmark = pytest.mark.service

PREFIX = "raw/t/run_id=a/"


@pytest.fixture
def lake(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Lake]:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    with closing(S3Lake(s3.create_bucket(), "lake", endpoint=s3.endpoint_url)) as lake:
        yield lake


def test_an_object_too_large_for_a_record_is_not_read(lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.create("runs/a/run.json", b"{  }")
    with monkeypatch.context() as patch:
        patch.setattr("rental_analytics.storage.s3.LARGEST_RECORD", 3)
        error = failure(lake.read, "runs/a/run.json")
    assert error.reason == "lake-record-invalid"
    assert "runs/a/run.json is not what a run wrote: it has 4 bytes" in error.message
    assert lake.read("runs/a/run.json") == b"{  }"


def write(lake: S3Lake, name: str) -> None:
    with lake.writing(PREFIX) as folder:
        (folder / name).write_bytes(b"rows")


def test_attempts_at_one_step_leave_each_other_alone(lake: S3Lake) -> None:
    write(lake, "first")
    write(lake, "second")
    assert lake.paths(PREFIX) == [f"{PREFIX}first", f"{PREFIX}second"]


@pytest.mark.remedy("s3-upload-incomplete")
@pytest.mark.parametrize(("uploaded", "found"), [(b"ro", "2"), (None, "none")])
def test_upload_that_did_not_arrive_whole_is_seen(
    lake: S3Lake, monkeypatch: pytest.MonkeyPatch, uploaded: bytes | None, found: str
) -> None:
    def upload(_file: str, bucket: str, key: str) -> None:
        if uploaded is not None:
            lake._client.put_object(Bucket=bucket, Key=key, Body=uploaded)

    with monkeypatch.context() as patch:
        patch.setattr(lake._client, "upload_file", upload)
        with pytest.raises(
            LakeUnavailableError, match=rf"Of the 4 bytes of .*/part-0 the lake has {found}\."
        ) as caught:
            write(lake, "part-0")
    assert "run again; nothing of this upload counts" in caught.value.remedy
    write(lake, "part-0")
    assert lake.read(f"{PREFIX}part-0") == b"rows"


@pytest.mark.remedy("s3-objects-kept")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", ConfigurationError),
        ("InvalidRequest", LakeError),
        ("InternalError", LakeUnavailableError),
        ("NoSuchKey", None),
    ],
)
def test_object_that_the_bucket_keeps_is_told(
    lake: S3Lake, monkeypatch: pytest.MonkeyPatch, code: str, kind: type[RentalError] | None
) -> None:
    def answer(Delete: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 the client's own name
        return {"Errors": [{"Key": item["Key"], "Code": code, "Message": ""} for item in Delete["Objects"]]}

    write(lake, "part-0")
    with monkeypatch.context() as patch:
        patch.setattr(lake._client, "delete_objects", answer)
        if kind is None:
            lake.delete(lake.paths(PREFIX))
            return
        with pytest.raises(RentalError, match=rf"1 of the objects .* {lake.url}/{PREFIX}part-0: {code}") as caught:
            lake.delete(lake.paths(PREFIX))
    assert type(caught.value) is kind
    assert (caught.value.reason, caught.value.remedy.partition(",")[0]) == {
        ConfigurationError: (
            "s3-denied",
            f"allow these credentials s3:DeleteObject on arn:aws:s3:::{lake.url.removeprefix('s3://')}/{PREFIX}part-0",
        ),
        LakeError: (
            "s3-objects-kept",
            "check that these credentials have s3:DeleteObject on "
            f"arn:aws:s3:::{lake.url.removeprefix('s3://')}/{PREFIX}part-0.",
        ),
        LakeUnavailableError: ("s3-busy", "run again"),
    }[kind]
    # The credentials may now.
    lake.delete(lake.paths(PREFIX))
    assert lake.paths(PREFIX) == []


def test_local_copy_of_what_another_process_wrote(lake: S3Lake, s3: S3Server) -> None:
    write(lake, "part-0")
    bucket = lake.url.split("/")[2]
    with closing(S3Lake(bucket, "lake", endpoint=s3.endpoint_url)) as other:
        (path,) = other.local_copies([f"{PREFIX}part-0"])
        assert Path(path).read_bytes() == b"rows"


def test_only_the_ranges_that_are_read_are_fetched(lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(number % 251 for number in range(1_000_000))
    lake.create("raw/t/part", content)
    asked: list[str] = []
    get = lake._client.get_object

    def get_object(Range: str, **options: Any) -> Any:  # noqa: N803 the client's own name
        asked.append(Range)
        return get(Range=Range, **options)

    monkeypatch.setattr(lake._client, "get_object", get_object)
    assert lake.size("raw/t/part") == len(content)
    with lake.open("raw/t/part") as opened:
        assert opened.seek(-8, os.SEEK_END) == len(content) - 8
        assert opened.read(20) == content[-8:]
        assert opened.read() == b""
        assert opened.seek(500_000) == 500_000
        assert opened.read(10) == content[500_000:500_010]
        assert opened.read(10) == content[500_010:500_020]
    assert asked == ["bytes=999992-999999", "bytes=500000-762143"]


def test_an_empty_object_is_not_fetched(lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.create("raw/t/part", b"")
    monkeypatch.setattr(lake._client, "get_object", None)
    assert lake.size("raw/t/part") == 0
    with lake.open("raw/t/part") as opened:
        assert opened.read() == b""


def test_an_absent_object_has_no_size_and_cannot_be_opened(lake: S3Lake) -> None:
    write(lake, "part-0")
    for path in (f"{PREFIX}part-1", PREFIX.rstrip("/")):
        assert lake.size(path) is None
        with pytest.raises(LakeError, match=f"There is no object {lake.url}/{path}"):
            lake.open(path)


def test_an_object_that_goes_while_it_is_read_is_told(lake: S3Lake) -> None:
    lake.create("raw/t/part", b"rows")
    with lake.open("raw/t/part") as opened:
        lake.delete(["raw/t/part"])
        with pytest.raises(LakeError, match=f"{lake.url}/raw/t/part: NoSuchKey"):
            opened.read()


@pytest.mark.remedy("s3-no-bucket")
@pytest.mark.remedy("s3-bucket-name-invalid")
@pytest.mark.remedy("s3-unreachable")
@pytest.mark.remedy("s3-not-configured")
@pytest.mark.remedy("aws-not-configured")
def test_settings_of_the_lake_are_corrected(lake: S3Lake, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(reason: str, remedy: str, bucket: str, endpoint: str | None = s3.endpoint_url) -> None:
        error = failure(works, bucket, endpoint)
        assert error.reason == reason, str(error)
        assert remedy in error.remedy

    def works(bucket: str, endpoint: str | None = s3.endpoint_url) -> bool:
        with closing(S3Lake(bucket, "lake", endpoint=endpoint)) as made:
            return made.create("a", b"") and made.read("a") == b""

    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    missing = f"{lake._bucket}-missing"
    refused("s3-no-bucket", "make the bucket, or correct its name", missing)
    with closing(s3.client()) as client:
        client.create_bucket(Bucket=missing)
    assert works(missing)
    refused("s3-bucket-name-invalid", "correct the bucket's name in lake.url", "no name!")
    refused("s3-unreachable", "check lake.url, lake.endpoint and the network", lake._bucket, "http://127.0.0.1:1")
    refused("aws-not-configured", "check lake.endpoint and lake.region", lake._bucket, "no url")
    with monkeypatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name)
        refused("s3-not-configured", "give this process AWS credentials", lake._bucket)
    assert works(lake._bucket)

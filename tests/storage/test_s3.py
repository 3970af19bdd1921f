"""A lake in a bucket believes the bucket, not the copy at hand."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import LakeError, LakeUnavailableError
from rental_analytics.storage.s3 import S3Lake
from servers.s3 import S3Server

pytestmark = pytest.mark.service

PREFIX = "raw/t/run_id=a/"


@pytest.fixture
def lake(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Lake]:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    with closing(S3Lake(s3.create_bucket(), "lake", endpoint=s3.endpoint_url)) as lake:
        yield lake


def write(lake: S3Lake, name: str) -> None:
    with lake.writing(PREFIX) as folder:
        (folder / name).write_bytes(b"rows")


def test_attempts_at_one_step_leave_each_other_alone(lake: S3Lake) -> None:
    write(lake, "first")
    write(lake, "second")
    assert lake.paths(PREFIX) == [f"{PREFIX}first", f"{PREFIX}second"]


@pytest.mark.parametrize(("uploaded", "found"), [(b"ro", "2"), (None, "none")])
def test_upload_that_did_not_arrive_whole_is_seen(
    lake: S3Lake, monkeypatch: pytest.MonkeyPatch, uploaded: bytes | None, found: str
) -> None:
    def upload(_file: str, bucket: str, key: str) -> None:
        if uploaded is not None:
            lake._client.put_object(Bucket=bucket, Key=key, Body=uploaded)

    monkeypatch.setattr(lake._client, "upload_file", upload)
    with pytest.raises(LakeUnavailableError, match=rf"Of the 4 bytes of .*/part-0 the lake has {found}\."):
        write(lake, "part-0")


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDenied", LakeError), ("InternalError", LakeUnavailableError), ("NoSuchKey", None)]
)
def test_object_that_the_bucket_keeps_is_told(
    lake: S3Lake, monkeypatch: pytest.MonkeyPatch, code: str, kind: type[LakeError] | None
) -> None:
    def answer(Delete: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 the client's own name
        return {"Errors": [{"Key": item["Key"], "Code": code, "Message": ""} for item in Delete["Objects"]]}

    write(lake, "part-0")
    monkeypatch.setattr(lake._client, "delete_objects", answer)
    if kind is None:
        lake.delete(lake.paths(PREFIX))
        return
    with pytest.raises(LakeError, match=rf"1 of the objects .* {lake.url}/{PREFIX}part-0: {code}") as caught:
        lake.delete(lake.paths(PREFIX))
    assert type(caught.value) is kind


def test_local_copy_of_what_another_process_wrote(lake: S3Lake, s3: S3Server) -> None:
    write(lake, "part-0")
    bucket = lake.url.split("/")[2]
    with closing(S3Lake(bucket, "lake", endpoint=s3.endpoint_url)) as other:
        (path,) = other.local_copies([f"{PREFIX}part-0"])
        assert Path(path).read_bytes() == b"rows"

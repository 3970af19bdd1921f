"""The lake in an S3 bucket, or any service that speaks its API."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from rental_analytics.aws import remedy_of
from rental_analytics.errors import ConfigurationError, LakeError, LakeUnavailableError, RentalError
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import DRAFTS, Lake
from rental_analytics.storage.ranges import RangedObject
from rental_analytics.storage.scratch import ScratchFolder

_CREATE_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict"}
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_NOT_ALLOWED = {"AccessDenied", "NotImplemented", "MethodNotAllowed"}
_FILE_FOLDERS = (DRAFTS, "raw/", "curated/", "rejected/", "state/")
_TRANSIENT = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "OperationAborted",
    "Throttling",
    "ThrottlingException",
}
_TRANSIENT_STATUS = {429, 500, 502, 503, 504}
_READ_AHEAD = 256 * 1024


class S3Lake(Lake):
    """Objects are keys below `s3://bucket/prefix`; creation is conditional (`If-None-Match: *`).

    Files are written and read through a local folder, since DuckDB's own S3 client is an extension that is downloaded
    at run time.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, region: str | None = None, endpoint: str | None = None
    ) -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ConfigurationError(
                "A lake in S3 needs the package boto3, which is not installed.",
                remedy="run `make setup`, or `pip install '.[s3]'`, in the folder of the project.",
            ) from error

        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        config = Config(retries={"mode": "adaptive", "max_attempts": 5}, connect_timeout=5, read_timeout=60)
        try:
            self._client: Any = boto3.client("s3", region_name=region, endpoint_url=endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(
                f"The lake {self.url} cannot be set up: {str(error).rstrip('.')}.",
                remedy=remedy_of(error, "lake.endpoint and lake.region"),
            ) from error
        self._scratch = ScratchFolder("rental-lake")
        self._folder = self._scratch.path

    def create(self, path: str, content: bytes) -> bool:
        with self._translated(path, tolerate=_CREATE_REFUSED) as outcome:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content, IfNoneMatch="*")
        return not outcome

    def write(self, path: str, content: bytes) -> None:
        with self._translated(path):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content)

    def read(self, path: str) -> bytes | None:
        content: bytes | None = None
        with self._translated(path, tolerate=_ABSENT):
            response = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)
            content = response["Body"].read()
        return content  # noqa: RET504 None where the error was tolerated

    def paths(self, prefix: str) -> list[str]:
        keys: list[str] = []
        with self._translated(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                keys += [item["Key"].removeprefix(self._prefix) for item in page.get("Contents", [])]
        return sorted(keys)

    def folders(self, prefix: str) -> list[str]:
        found: list[str] = []
        with self._translated(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, Delimiter="/"):
                found += [item["Prefix"].removeprefix(self._prefix) for item in page.get("CommonPrefixes", [])]
        return sorted(found)

    def remove_drafts(self) -> int:
        """Parts of uploads that never ended are kept, and paid for, until they are aborted."""
        probes = self.paths(DRAFTS)
        self.delete(probes)
        begun = [upload for folder in _FILE_FOLDERS for upload in self._begun_uploads(self._prefix + folder)]
        for upload in begun:
            with self._translated(upload["Key"], tolerate=_NOT_ALLOWED | {"NoSuchUpload"}):
                self._client.abort_multipart_upload(Bucket=self._bucket, **upload)
        return len(probes) + len(begun)

    def _begun_uploads(self, prefix: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        with self._translated(prefix, tolerate=_NOT_ALLOWED):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                found += [{name: item[name] for name in ("Key", "UploadId")} for item in page.get("Uploads", [])]
        return found

    def delete(self, paths: Iterable[str]) -> None:
        keys = [{"Key": self._prefix + path} for path in paths]
        for start in range(0, len(keys), 1000):
            refused: list[dict[str, str]] = []
            with self._translated("objects to remove"):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": keys[start : start + 1000], "Quiet": True}
                )
                refused = [error for error in answer.get("Errors", []) if error.get("Code") not in _ABSENT]
            if refused:
                raise self._not_removed(refused)

    def _not_removed(self, refused: Sequence[Mapping[str, str]]) -> LakeError:
        """The error for an answer that is fine as a whole but tells of objects that stay."""
        code, key = refused[0].get("Code", ""), refused[0].get("Key", "").removeprefix(self._prefix)
        kind = LakeUnavailableError if code in _TRANSIENT else LakeError
        return kind(
            f"The lake kept {len(refused):,} of the objects to be removed, such as {self.url}/{key}: {code}.",
            remedy="check that the credentials may delete there, and that no retention rule holds the objects.",
        )

    def local_copies(self, paths: Iterable[str]) -> list[Path]:
        return [self._local_copy(path) for path in paths]

    def _local_copy(self, path: str) -> Path:
        target = self._folder / path
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
            with self._translated(path, tolerate=_ABSENT) as absent:
                self._client.download_file(self._bucket, self._prefix + path, str(draft))
            if absent:
                raise LakeError(
                    f"A committed manifest names {self.url}/{path}, but the object is gone.",
                    remedy="restore the object, or run `rental run --full-refresh`.",
                )
            draft.rename(target)
        return target

    def size(self, path: str) -> int | None:
        with self._translated(path, tolerate=_ABSENT) as absent:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path)
        return None if absent else int(answer["ContentLength"])

    def open(self, path: str) -> BinaryIO:
        size = self.size(path)
        if size is None:
            raise LakeError(
                f"There is no object {self.url}/{path}.",
                remedy="restore the object, or run `rental run --full-refresh`.",
            )

        def fetch(start: int, length: int) -> bytes:
            with self._translated(path):
                wanted = f"bytes={start}-{start + length - 1}"
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path, Range=wanted)
                content: bytes = answer["Body"].read()
                return content

        return BufferedReader(RangedObject(fetch, size), buffer_size=_READ_AHEAD)

    def location(self, path: str) -> str:
        return f"{self.url}/{path}"

    def check_writable(self) -> None:
        probe = f"{DRAFTS}probe-{uuid.uuid4().hex}"
        try:
            self.create(probe, b"")
            self.paths(probe)
            self.delete([probe])
        except LakeUnavailableError:
            raise
        except RentalError as error:
            raise ConfigurationError(error.message, remedy=error.remedy) from error

    @contextmanager
    def _output_folder(self, prefix: str) -> Iterator[Path]:
        folder = self._folder / prefix
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                path = prefix + file.relative_to(folder).as_posix()
                with self._translated(path):
                    self._client.upload_file(str(file), self._bucket, self._prefix + path)
                self._check_uploaded(path, file.stat().st_size)
                reach("object-uploaded")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _check_uploaded(self, path: str, size: int) -> None:
        """What is read back later is the copy at hand, so the bucket is asked what it has."""
        found = "none"
        with self._translated(path, tolerate=_ABSENT):
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path)
            found = f"{answer['ContentLength']:,}"
        if found != f"{size:,}":
            raise LakeUnavailableError(
                f"Of the {size:,} bytes of {self.url}/{path} the lake has {found}.",
                remedy="run again; nothing of this upload counts. If it comes again, look at what is between this "
                "machine and the bucket.",
            )

    def close(self) -> None:
        self._scratch.close()

    @contextmanager
    def _translated(self, path: str, tolerate: Iterable[str] = ()) -> Iterator[list[str]]:
        """Turn the client's errors into ours; a tolerated one is noted in the list that is given."""
        from boto3.exceptions import RetriesExceededError, S3UploadFailedError
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectionError,
            FlexibleChecksumError,
            HTTPClientError,
            IncompleteReadError,
            ParamValidationError,
        )
        from urllib3.exceptions import HTTPError  # what comes of an answer whose body breaks off

        noted: list[str] = []
        place = f"{self.url}/{path}"
        try:
            yield noted
        except (ClientError, S3UploadFailedError) as error:
            # An upload's error says only in words what the bucket answered.
            refusal: Any = error if isinstance(error, ClientError) else error.__context__
            code = str(refusal.response.get("Error", {}).get("Code", ""))
            if code in set(tolerate):
                noted.append(code)
                return
            status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            kind = LakeUnavailableError if code in _TRANSIENT or status in _TRANSIENT_STATUS else LakeError
            raise kind(
                f"The lake refused {refusal.operation_name} on {place}: {code}.",
                remedy="check that the bucket exists and that the credentials may read, write and delete there.",
            ) from error
        except (
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
            RetriesExceededError,
            FlexibleChecksumError,
            HTTPError,
        ) as error:
            raise LakeUnavailableError(
                f"The lake {self.url} cannot be reached: {error}.",
                remedy="check lake.url, lake.endpoint and the network.",
            ) from error
        except ParamValidationError as error:
            raise LakeError(
                f"The lake cannot be used at {place}: {error}.", remedy="correct the bucket's name in lake.url."
            ) from error
        except BotoCoreError as error:
            raise LakeError(
                f"The lake cannot be used at {place}: {str(error).rstrip('.')}.",
                remedy=remedy_of(error, "lake.region"),
            ) from error

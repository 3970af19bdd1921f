"""The lake in an S3 bucket, or any service that speaks its API."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from rental_analytics.aws.errors import TRANSIENT_CODES, error_code, setup_remedy
from rental_analytics.aws.sessions import make_client
from rental_analytics.disk import full_disk_remedy, is_full
from rental_analytics.errors import ConfigurationError, LakeError, LakeUnavailableError, RentalError
from rental_analytics.failpoints import reach
from rental_analytics.storage.base import DRAFTS, LARGEST_RECORD, OLD_DRAFTS, Lake, Stored
from rental_analytics.storage.ranges import RangedObject
from rental_analytics.storage.records import too_large
from rental_analytics.storage.s3_errors import DENIED_CODES, needed_right, refused
from rental_analytics.storage.scratch import ScratchFolder

_TAKEN = {"PreconditionFailed"}
_CONFLICT = {"ConditionalRequestConflict"}
_CONFLICT_WAITS = (0.05, 0.2, 0.8, 2.0)
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_NOT_ALLOWED = {"AccessDenied", "NotImplemented", "MethodNotAllowed"}
_FILE_FOLDERS = (DRAFTS, OLD_DRAFTS, "raw/", "curated/", "rejected/", "state/")
_READ_AHEAD = 256 * 1024
_REPLACED = {"PreconditionFailed", "412"}
_RESTORE = "restore the file as the run wrote it, or run `rental run --full-refresh`."


class S3Lake(Lake):
    """Objects are keys below `s3://bucket/prefix`; creation is conditional (`If-None-Match: *`).

    Files are written and read through a local folder, since DuckDB's own S3 client is an extension that is downloaded
    at run time.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, region: str | None = None, endpoint: str | None = None
    ) -> None:
        super().__init__()
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = make_client(
            "s3",
            f"The lake {self.url}",
            "lake.endpoint and lake.region",
            region=region,
            endpoint=endpoint,
            retry_mode="adaptive",
            attempts=5,
            read_timeout=60,
        )
        self._scratch = ScratchFolder("rental-lake")
        self._folder = self._scratch.path

    def create(self, path: str, content: bytes) -> bool:
        for wait in (*_CONFLICT_WAITS, None):
            with self._translated(path, tolerate=_TAKEN | _CONFLICT) as refused:
                self._client.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content, IfNoneMatch="*")
            if not _CONFLICT.intersection(refused):
                return not refused
            # Another request for the name was at work, and may have failed: only asking again tells.
            if wait is not None:
                time.sleep(wait)
        raise LakeUnavailableError(
            f"Other requests to write {self.url}/{path} are still in progress.",
            remedy="run again, once no other process writes to this lake.",
            reason="lake-write-conflict",
        )

    def write(self, path: str, content: bytes) -> None:
        with self._translated(path):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content)

    def read(self, path: str) -> bytes | None:
        content: bytes | None = None
        with self._translated(path, tolerate=_ABSENT):
            response = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)
            if response["ContentLength"] > LARGEST_RECORD:
                response["Body"].close()
                raise too_large(f"{self.url}/{path}", response["ContentLength"])
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
        probes = self.paths(DRAFTS) + self._old_drafts()
        self.delete(probes)
        begun = [upload for folder in _FILE_FOLDERS for upload in self._begun_uploads(self._prefix + folder)]
        for upload in begun:
            with self._translated(upload["Key"], tolerate=_NOT_ALLOWED | {"NoSuchUpload"}):
                self._client.abort_multipart_upload(Bucket=self._bucket, **upload)
        return len(probes) + len(begun)

    def _old_drafts(self) -> list[str]:
        """Those of earlier versions, where the credentials still reach them."""
        found: list[str] = []
        with self._translated(OLD_DRAFTS, tolerate=_NOT_ALLOWED):
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix + OLD_DRAFTS)
            found += [item["Key"].removeprefix(self._prefix) for item in answer.get("Contents", [])]
        return found

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
            with self._translated(keys[start]["Key"].removeprefix(self._prefix)):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": keys[start : start + 1000], "Quiet": True}
                )
                refused = [error for error in answer.get("Errors", []) if error.get("Code") not in _ABSENT]
            if refused:
                raise self._not_removed(refused)

    def _not_removed(self, refused: Sequence[Mapping[str, str]]) -> RentalError:
        """The error for an answer that is fine as a whole but tells of objects that stay."""
        code, key = refused[0].get("Code", ""), refused[0].get("Key", "").removeprefix(self._prefix)
        told = f"The lake kept {len(refused):,} of the objects to be removed, such as {self.url}/{key}: {code}."
        if code in TRANSIENT_CODES:
            return LakeUnavailableError(told, remedy="run again, a little later.", reason="s3-busy")
        right = needed_right("DeleteObjects", f"{self.url}/{key}")
        if code in DENIED_CODES:
            return ConfigurationError(
                told,
                remedy=f"allow these credentials {right}, and take off the retention rule that holds the objects, if "
                "there is one.",
                reason="s3-denied",
            )
        return LakeError(told, remedy=f"check that these credentials have {right}.", reason="s3-objects-kept")

    def local_copies(self, paths: Iterable[str]) -> list[Path]:
        return [self._local_copy(path) for path in paths]

    def _local_copy(self, path: str) -> Path:
        target = self._folder / path
        if self._folder.absolute() not in Path(os.path.normpath(target.absolute())).parents:
            raise LakeError(f"{path!r} points outside the lake.", remedy=_RESTORE, reason="lake-link")
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
            with self._translated(path, tolerate=_ABSENT) as absent:
                self._client.download_file(self._bucket, self._prefix + path, str(draft))
            if absent:
                raise LakeError(
                    f"A committed manifest names {self.url}/{path}, but the file is gone.",
                    remedy=_RESTORE,
                    reason="lake-file-missing",
                )
            draft.rename(target)
        return target

    def stored(self, path: str) -> Stored | None:
        answer = self._head(path)
        if answer is None:
            return None
        checksums: dict[str, str] = {}
        if answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            if crc := answer.get("ChecksumCRC64NVME"):
                checksums["crc64nvme"] = crc
            if sha := answer.get("ChecksumSHA256"):
                checksums["sha256"] = base64.b64decode(sha).hex()
        return Stored(int(answer["ContentLength"]), str(answer["ETag"]), checksums)

    def _head(self, path: str) -> dict[str, Any] | None:
        answer: dict[str, Any] | None = None
        with self._translated(path, tolerate=_ABSENT):
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path, ChecksumMode="ENABLED")
        return answer  # noqa: RET504 None where the error was tolerated

    def idle(self, path: str) -> timedelta | None:
        """The bucket says when the object was written, and what time it is."""
        answer = self._head(path)
        if answer is None:
            return None
        dated = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = parsedate_to_datetime(dated) if dated else datetime.now(UTC)
        written: datetime = answer["LastModified"]
        return now - written

    def open(self, path: str, version: str | None = None) -> BinaryIO:
        stored = self.stored(path)
        if stored is None:
            raise LakeError(f"There is no object {self.url}/{path}.", remedy=_RESTORE, reason="lake-file-missing")
        wanted = version or stored.version

        def fetch(start: int, length: int) -> bytes:
            content: bytes = b""
            with self._translated(path, tolerate=_REPLACED) as replaced:
                answer = self._client.get_object(
                    Bucket=self._bucket,
                    Key=self._prefix + path,
                    Range=f"bytes={start}-{start + length - 1}",
                    IfMatch=wanted,
                )
                content = answer["Body"].read()
            if replaced:
                raise LakeError(
                    f"{self.url}/{path} was replaced while it was read.", remedy=_RESTORE, reason="lake-file-changed"
                )
            return content

        return BufferedReader(RangedObject(fetch, stored.bytes), buffer_size=_READ_AHEAD)

    def digest(self, path: str) -> str:
        content = hashlib.sha256()
        with self._translated(path, tolerate=_ABSENT) as absent:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)
            for part in answer["Body"].iter_chunks(1024 * 1024):
                content.update(part)
        if absent:
            raise LakeError(f"There is no object {self.url}/{path}.", remedy=_RESTORE, reason="lake-file-missing")
        return content.hexdigest()

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
            raise ConfigurationError(error.message, remedy=error.remedy, reason=error.reason) from error

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
                reason="s3-upload-incomplete",
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
            code = error_code(refusal.response)
            if code in set(tolerate):
                noted.append(code)
                return
            raise refused(place, refusal) from error
        except FlexibleChecksumError as error:
            raise LakeUnavailableError(
                f"What arrived of {place} does not have the checksum that the bucket sent with it: {error}.",
                remedy="run again; if it comes again, look for what changes answers on their way, such as a proxy.",
                reason="s3-answer-damaged",
            ) from error
        except (
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
            RetriesExceededError,
            HTTPError,
        ) as error:
            raise LakeUnavailableError(
                f"The lake {self.url} cannot be reached: {error}.",
                remedy="check lake.url, lake.endpoint and the network.",
                reason="s3-unreachable",
            ) from error
        except ParamValidationError as error:
            raise LakeError(
                f"The lake cannot be used at {place}: {error}.",
                remedy="correct the bucket's name in lake.url.",
                reason="s3-bucket-name-invalid",
            ) from error
        except BotoCoreError as error:
            raise LakeError(
                f"The lake cannot be used at {place}: {str(error).rstrip('.')}.",
                remedy=setup_remedy(error, "lake.region"),
                reason="s3-not-configured",
            ) from error
        except OSError as error:
            if not is_full(error):
                raise
            raise LakeError(
                f"The copy of {place} cannot be written to {self._folder}: {error.strerror or error}.",
                remedy=full_disk_remedy(error, self._folder),
                reason="disk-full",
            ) from error

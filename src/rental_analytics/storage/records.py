"""Records of the lake as bytes: written with a checksum of themselves, and believed in nothing when they are read."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rental_analytics.errors import LakeError
from rental_analytics.storage.base import LARGEST_RECORD

_CHECKSUM = "checksum"
_LONGEST = 400
_KEPT_BYTES = 2**20
"""Larger records are parsed each time."""
Model = TypeVar("Model", bound=BaseModel)


def encode_record(record: BaseModel) -> bytes:
    """A record as JSON, with the SHA-256 of all it says as its last member.

    Raises:
        LakeError: it would have more than `LARGEST_RECORD` bytes, and no run would read it.
    """
    body = record.model_dump(mode="json", exclude_none=True)
    content = json.dumps(body | {_CHECKSUM: _digest(body)}, indent=2).encode()
    if len(content) > LARGEST_RECORD:
        raise LakeError(
            f"The record of this step would have {len(content):,} bytes, and a record has at most {LARGEST_RECORD:,}.",
            remedy="let the source have fewer columns, shorter column types or fewer rows, by a view in the place of a "
            "table, or with engine.kind = spark let it write fewer files; then `rental run --full-refresh`.",
            reason="lake-record-too-large",
        )
    return content


def parse_record(content: bytes, kind: type[Model], place: str, *, remedy: str) -> Model:
    """A record from JSON; one that was written before records had a checksum is validated all the same.

    Args:
        place: the file, as messages name it.

    Raises:
        LakeError: it is not what `encode_record` wrote, or says what no run could mean.
    """
    try:
        parsed = _parsed if len(content) <= _KEPT_BYTES else _parsed.__wrapped__
        record = parsed(content, kind)
    except _WrongChecksumError as error:
        raise invalid(place, "it does not have the checksum it was written with", remedy) from error
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, found["loc"]))
        told = f"{where}: {found['msg']}" if where else str(found["msg"])
        raise invalid(place, told, remedy) from error
    except (ValueError, RecursionError) as error:
        raise invalid(place, str(error), remedy) from error
    assert isinstance(record, kind)
    return record


class _WrongChecksumError(Exception):
    """A record says something else than it said when it was written."""


@lru_cache(maxsize=8)
def _parsed(content: bytes, kind: type[BaseModel]) -> BaseModel:
    """Steps read the same few records again and again."""
    body: Any = json.loads(content)
    noted = body.pop(_CHECKSUM, None) if isinstance(body, dict) else None
    if noted is not None and noted != _digest(body):
        raise _WrongChecksumError
    return kind.model_validate_json(json.dumps(body))


def invalid(place: str, told: str, remedy: str) -> LakeError:
    """The error for a record that is not what a run wrote."""
    shown = " ".join(told.removeprefix("Value error, ").split())
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."
    return LakeError(
        f"{place} is not what a run wrote: {shown.rstrip('.')}.", remedy=remedy, reason="lake-record-invalid"
    )


def not_a_record(place: str, told: str) -> LakeError:
    """The error for what stands in the place of a record and is not even read."""
    return invalid(
        place,
        told,
        "remove it, and unless it is one of locks/, restore the file as the run wrote it; if that cannot be done, let "
        "lake.url name an empty folder or prefix and do `rental run --full-refresh`.",
    )


def too_large(place: str, size: int) -> LakeError:
    """The error for a record that would not fit into memory beside the rest."""
    return not_a_record(place, f"it has {size:,} bytes, and a record has at most {LARGEST_RECORD:,}")


def not_readable(place: object, error: OSError) -> LakeError:
    """The error for a file or folder of the lake that the system does not let us look into."""
    return LakeError(
        f"{place} cannot be read: {error.strerror or error}.",
        remedy="let the user of this process read the files of the lake, and check the disk it is on; then run again.",
        reason="lake-not-readable",
    )


def _digest(body: dict[str, Any]) -> str:
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()

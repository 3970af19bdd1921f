"""What tells a lake from all others, wherever it is moved to."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated

from pydantic import StringConstraints

from rental_analytics.contracts.base import Contract, Instant
from rental_analytics.storage.base import Lake
from rental_analytics.storage.records import encode_record, parse_record

_PATH = "lake.json"


class LakeIdentity(Contract):
    """Content of `lake.json`, created with the lake's first run and never changed."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    created_at: Instant


def lake_identity(lake: Lake) -> LakeIdentity | None:
    """Identity of a lake; None where no run has begun yet.

    Raises:
        LakeError: `lake.json` cannot be understood.
    """
    content = lake.read(_PATH)
    remedy = "restore the file; if it is lost, remove it and do `rental run --full-refresh`."
    return None if content is None else parse_record(content, LakeIdentity, f"{lake.url}/{_PATH}", remedy=remedy)


def identified(lake: Lake) -> LakeIdentity:
    """Identity of a lake, which gets one where it has none."""
    if identity := lake_identity(lake):
        return identity
    made = LakeIdentity(id=str(uuid.uuid4()), created_at=datetime.now(UTC))
    lake.create(_PATH, encode_record(made))
    return lake_identity(lake) or made

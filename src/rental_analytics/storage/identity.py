"""What tells a lake from all others, wherever it is moved to."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from pydantic import AwareDatetime, ValidationError

from rental_analytics.contracts.base import Contract
from rental_analytics.errors import LakeError
from rental_analytics.storage.base import Lake

_PATH = "lake.json"


class LakeIdentity(Contract):
    """Content of `lake.json`, created with the lake's first run and never changed."""

    id: str
    created_at: AwareDatetime


def lake_identity(lake: Lake) -> LakeIdentity | None:
    """Identity of a lake; None where no run has begun yet.

    Raises:
        LakeError: `lake.json` cannot be understood.
    """
    content = lake.read(_PATH)
    try:
        return None if content is None else LakeIdentity.model_validate_json(content)
    except ValidationError as error:
        raise LakeError(
            f"{lake.url}/{_PATH} does not tell which lake this is.",
            remedy="restore the file; if it is lost, remove it and do `rental run --full-refresh`.",
        ) from error


def identified(lake: Lake) -> LakeIdentity:
    """Identity of a lake, which gets one where it has none."""
    if identity := lake_identity(lake):
        return identity
    made = LakeIdentity(id=str(uuid.uuid4()), created_at=datetime.now(UTC))
    lake.create(_PATH, made.model_dump_json(indent=2).encode())
    return lake_identity(lake) or made

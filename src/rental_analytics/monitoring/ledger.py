"""Where runs and steps are noted: in `ops` where the warehouse is at hand, else in the lake until it is."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from rental_analytics.contracts.ledger import LedgerRecord, RunRecord, StepRecord
from rental_analytics.errors import LakeError, RentalError
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import Warehouse

_ADAPTER: TypeAdapter[RunRecord | StepRecord] = TypeAdapter(LedgerRecord)


class Ledger(Protocol):
    """Takes note of runs and steps."""

    def note_run(self, record: RunRecord) -> None:
        """Put a run's state in place of the one it had."""

    def note_step(self, record: StepRecord) -> None:
        """Add an attempt at a step; one that was added before stays one."""


class WarehouseLedger:
    """`ops.runs` and `ops.steps`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def note_run(self, record: RunRecord) -> None:
        """Put a run's state in place of the one it had."""
        row = _row(record, without={"kind", "at"})
        self._warehouse.record({"runs": [row]}, replacing=["run_id"])

    def note_step(self, record: StepRecord) -> None:
        """Add an attempt at a step; attempts are counted in the order they are noted.

        One is known by the moment it began, since it may have been added by a call whose answer was lost.
        """
        row = _row(record, without={"kind", "stopped"})
        row["attempt"] = self._warehouse.attempts(record.run_id, record.step, row["started_at"]) + 1
        self._warehouse.record({"steps": [row]}, replacing=["run_id", "step", "started_at"])


class LakeLedger:
    """Records `runs/<run>/records/<moment>-<token>.json`, created once and never changed.

    A failure is told whether or not the lake, which may be why, takes note of it.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def note_run(self, record: RunRecord) -> None:
        """Add a state of the run."""
        self._note(record)

    def note_step(self, record: StepRecord) -> None:
        """Add an attempt at a step."""
        self._note(record)

    def _note(self, record: RunRecord | StepRecord) -> None:
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        path = f"{_folder(record.run_id)}{moment}-{secrets.token_hex(4)}.json"
        content = record.model_dump_json(indent=2, exclude_none=True).encode()
        with suppress(*([RentalError] if record.status == "failed" else [])):
            self._lake.create(path, content)


def lake_records(lake: Lake, run_id: str) -> list[RunRecord | StepRecord]:
    """What jobs without the warehouse noted of a run, oldest first.

    Raises:
        LakeError: a record cannot be understood.
    """
    return [record for path in lake.paths(_folder(run_id)) if (record := _read(lake, path)) is not None]


def _read(lake: Lake, path: str) -> RunRecord | StepRecord | None:
    content = lake.read(path)
    try:
        return None if content is None else _ADAPTER.validate_json(content)
    except ValidationError as error:
        raise LakeError(
            f"{lake.url}/{path} is not a valid record of a run: {error.errors()[0]['msg']}.",
            remedy="remove the file; the run or step it told of will be missing in ops.",
        ) from error


def _folder(run_id: str) -> str:
    return f"runs/{run_id}/records/"


def _row(record: RunRecord | StepRecord, without: set[str]) -> dict[str, Any]:
    return {name: _naive(value) for name, value in record.model_dump(exclude=without).items()}


def _naive(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value

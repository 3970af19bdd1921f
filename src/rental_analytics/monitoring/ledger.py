"""Where runs and steps are noted: in `ops` where the warehouse is at hand, else in the lake until it is."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from rental_analytics.contracts.events import Event, RunChanged, StepEnded
from rental_analytics.contracts.ledger import LedgerRecord, RunRecord, StartRecord, StepRecord
from rental_analytics.errors import LakeError, RentalError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import Warehouse

_NUMBER = re.compile(r"([0-9]{6})-[0-9a-f]{8}\.json$")
AnyRecord = RunRecord | StartRecord | StepRecord
_ADAPTER: TypeAdapter[AnyRecord] = TypeAdapter(LedgerRecord)


class Ledger(Protocol):
    """Takes note of runs and steps."""

    def publish(self) -> None:
        """Let readers see what was noted."""

    def note_run(self, record: RunRecord) -> None:
        """Put a run's state in place of the one it had."""

    def note_step(self, record: StepRecord) -> None:
        """Add an attempt at a step; one that was added before stays one."""


class WarehouseLedger:
    """`ops.runs` and `ops.steps`; what is noted here is newer than all records of the run in the lake."""

    def __init__(self, warehouse: Warehouse, lake: Lake) -> None:
        self._warehouse = warehouse
        self._lake = lake

    def publish(self) -> None:
        """Let readers see the warehouse as the run leaves it."""
        self._warehouse.publish()

    def note_run(self, record: RunRecord) -> None:
        """Put a run's state in place of the one it had."""
        row = _row(record, without={"kind", "at"}) | {"lake_records": newest_record(self._lake, record.run_id)}
        self._warehouse.record({"runs": [row]}, replacing=["run_id"])

    def note_step(self, record: StepRecord) -> None:
        """Add an attempt at a step; attempts are counted in the order they are noted.

        One is known by the moment it began, since it may have been added by a call whose answer was lost.
        """
        row = _row(record, without={"kind", "stopped"})
        row["attempt"] = self._warehouse.attempts(record.run_id, record.step, row["started_at"]) + 1
        self._warehouse.record({"steps": [row]}, replacing=["run_id", "step", "started_at"])

    def note_starts(self, records: Sequence[StartRecord]) -> None:
        """Add starts that failed, as runs of their own without a place in the history."""
        rows = [
            _row(record, without={"kind", "start_id", "asked", "exit_code"})
            | {"run_id": record.start_id, "status": "failed"}
            for record in records
        ]
        if rows:
            self._warehouse.record({"runs": rows}, replacing=["run_id"])


class LakeLedger:
    """Records `runs/<run>/records/<number>-<token>.json`, created once and never changed.

    They are numbered from 1 in the order they are noted, which the clocks of jobs do not tell.

    A failure is told whether or not the lake, which may be why, takes note of it.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def publish(self) -> None:
        """Nothing to do: readers look into the lake."""

    def note_run(self, record: RunRecord) -> None:
        """Add a state of the run."""
        self._note(record)

    def note_step(self, record: StepRecord) -> None:
        """Add an attempt at a step."""
        self._note(record)

    def _note(self, record: RunRecord | StepRecord) -> None:
        content = record.model_dump_json(indent=2, exclude_none=True).encode()
        with suppress(*([RentalError] if record.status == "failed" else [])):
            number = newest_record(self._lake, record.run_id) + 1
            self._lake.create(f"{_folder(record.run_id)}{number:06d}-{secrets.token_hex(4)}.json", content)


class LedgerListener:
    """Notes runs and attempts at steps in a ledger.

    A failure is noted where that can be done, and whatever goes wrong then does not hide why the run failed.

    Args:
        lake: takes note as long as no other ledger is named, and of a failure that another one cannot take.
        retried: calls what may fail as often as the settings say.
    """

    def __init__(self, lake: Lake, events: EventStream, retried: Callable[[Callable[[], None]], None]) -> None:
        self._events = events
        self._retried = retried
        self._ledger: Ledger = LakeLedger(lake)
        self._spare = LakeLedger(lake)

    def use(self, ledger: Ledger) -> None:
        """Note in this ledger from now on."""
        self._ledger = ledger

    def hear(self, event: Event) -> None:
        """Note what became of a run or of an attempt."""
        match event:
            case RunChanged(record):
                self._note_run(record)
            case StepEnded(record):
                self._note_step(record)

    def _note_step(self, record: StepRecord) -> None:
        try:
            self._retried(lambda: self._ledger.note_step(record))
        except RentalError as problem:
            if record.status != "failed":
                raise
            self._events.note(str(problem), topic="ledger")

    def _note_run(self, record: RunRecord) -> None:
        try:
            self._retried(lambda: self._ledger.note_run(record))
            if record.status != "running":
                self._retried(self._ledger.publish)
        except RentalError:
            if record.status != "failed":
                raise
            with suppress(RentalError):
                self._spare.note_run(record)


def lake_records(lake: Lake, run_id: str) -> list[RunRecord | StepRecord]:
    """What jobs without the warehouse noted of a run, oldest first.

    Raises:
        LakeError: a record cannot be understood.
    """
    found = (_read(lake, path) for _, path in _numbered(lake, run_id))
    return [record for record in found if isinstance(record, RunRecord | StepRecord)]


def newest_record(lake: Lake, run_id: str) -> int:
    """Number of the newest record of a run in the lake, 0 where there is none."""
    return max((number for number, _ in _numbered(lake, run_id)), default=0)


def _numbered(lake: Lake, run_id: str) -> list[tuple[int, str]]:
    """Numbers and paths of records, oldest first; those of earlier versions are named by moments, and come before 1."""
    numbered = [(_NUMBER.match(path.rpartition("/")[2]), path) for path in lake.paths(_folder(run_id))]
    return sorted((int(match[1]) if match else 0, path) for match, path in numbered)


def note_failed_start(lake: Lake, record: StartRecord) -> None:
    """Add `runs/after-<sequence>/records/<start>.json`, beside the records of the runs that jobs leave there.

    So a reader looks behind the runs it knows of, and nothing has to be removed.
    """
    content = record.model_dump_json(indent=2, exclude_none=True).encode()
    lake.create(f"{_starts_folder(record.follows)}{record.start_id}.json", content)


def failed_starts(lake: Lake, follows: Iterable[int], known: Collection[str] = ()) -> list[StartRecord]:
    """Starts that failed when the last run had one of these places in the history, oldest first.

    Args:
        known: ids of starts that are not read again.

    Raises:
        LakeError: a record cannot be understood.
    """
    paths = [path for sequence in sorted(set(follows)) for path in lake.paths(_starts_folder(sequence))]
    found = (_read(lake, path) for path in paths if path.rpartition("/")[2].removesuffix(".json") not in known)
    records = [record for record in found if isinstance(record, StartRecord)]
    return sorted(records, key=lambda record: (record.follows, record.started_at))


def _starts_folder(follows: int) -> str:
    return _folder(f"after-{follows:010d}")


def _read(lake: Lake, path: str) -> AnyRecord | None:
    content = lake.read(path)
    try:
        return None if content is None else _ADAPTER.validate_json(content)
    except ValidationError as error:
        raise LakeError(
            f"{lake.url}/{path} is not a valid record of a run: {error.errors()[0]['msg']}.",
            remedy="remove the file; the run or step that it records will be missing in ops.",
            reason="lake-record-unreadable",
        ) from error


def _folder(run_id: str) -> str:
    return f"runs/{run_id}/records/"


def _row(record: AnyRecord, without: set[str]) -> dict[str, Any]:
    return {name: _naive(value) for name, value in record.model_dump(exclude=without).items()}


def _naive(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value

"""What every step gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from rental_analytics.contracts.configuration import Configuration
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.steps import Part
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Engine
from rental_analytics.errors import LakeError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.storage.base import Lake
from rental_analytics.storage.lock import RunLock
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.warehouses.base import Warehouse


class AbsentPart:
    """Stands where a step's process has no part: any use of it is a defect, and is told as one."""

    def __init__(self, part: Part) -> None:
        self.__part = part

    def __getattr__(self, name: str) -> Never:
        raise AssertionError(f"This process has no {self.__part}, and {name} of it was asked for.")


@dataclass(frozen=True)
class Parts:
    """The parts a pipeline works with, as the configuration names them; nothing is committed without the lock.

    Args:
        present: the parts this process has; in the place of each other one is an `AbsentPart`.
    """

    contracts: Contracts
    database: Database
    lake: Lake
    engine: Engine
    warehouse: Warehouse
    settings: Configuration
    lock: RunLock
    present: frozenset[Part]

    @property
    def manifests(self) -> ManifestStore:
        """The lake's commit records."""
        return ManifestStore(self.lake, guard=self.lock.check)


@dataclass(frozen=True)
class StepContext(Parts):
    """The parts, and the run a step belongs to."""

    run: RunParameters
    events: EventStream


@dataclass(frozen=True)
class StepResult:
    """What a step did: rows it read and wrote, and bytes it wrote to the lake."""

    rows_in: int = 0
    rows_out: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class StepWork:
    """What does a step.

    Args:
        run: does it.
        check: made after it, and again when a run is resumed behind it; raises to stop the run.
        account: lets the warehouse tell of a run that the check stopped; done by whoever has the warehouse.
        remark: tells what is worth knowing of what it did; not made again for a step that was done before.
    """

    run: Callable[[StepContext], StepResult]
    check: Callable[[StepContext], None] | None = None
    account: Callable[[Parts, RunParameters], None] | None = None
    remark: Callable[[StepContext], None] | None = None


def command_of(run: RunParameters) -> str:
    """The command that reads once more what a run has read."""
    if run.backfill_from and run.backfill_to:
        return f"rental backfill --from {run.backfill_from} --to {run.backfill_to}"
    return "rental run --full-refresh" if run.full_refresh else "rental run"


def out_of_order(context: StepContext, reason: str) -> LakeError:
    """The error for a step that was asked for before the one it builds on."""
    return LakeError(
        f"Run {context.run.run_id} cannot do this step: {reason}.",
        remedy="run the steps in order: extract, transform, load-raw, load-curated, metrics; or leave out --step.",
        reason="step-out-of-order",
    )

"""What every step gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Never, Protocol

from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.source_table import DriftPolicy, ReadMode
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Engine, Progress
from rental_analytics.errors import LakeError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.lock import RunLock
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.warehouses.base import Warehouse


class Part(StrEnum):
    """What a step may use besides the lake, which all of them do."""

    DATABASE = "database"
    ENGINE = "engine"
    WAREHOUSE = "warehouse"


class AbsentPart:
    """Stands where a step's process has no part: any use of it is a defect, and is told as one."""

    def __init__(self, part: Part) -> None:
        self.__part = part

    def __getattr__(self, name: str) -> Never:
        raise AssertionError(f"This process has no {self.__part}, and {name} of it was asked for.")


class Reporter(Protocol):
    """Where a run tells what it does."""

    def task(self, label: str) -> AbstractContextManager[Progress]:
        """Show a piece of work while it lasts; what is given takes the rows that pass."""

    def note(self, text: str) -> None:
        """Show one line."""


@dataclass(frozen=True)
class StepSettings:
    """What the configuration says about the steps.

    Args:
        overlap: how far a window reaches back over the last one.
        modes: read modes set by hand, by source table.
        schema_drift: what a run does when a source table's columns changed, by source table; else it goes on.
        max_rejected_share: share of the rows a run read of a table that may be set aside before it stops, 0 to 1.
        min_rejected_rows: as long as fewer rows are set aside, their share stops nothing.
        max_deleted_share: share of a table's rows that may vanish from the source between two runs, 0 to 1.
        min_deleted_rows: as long as fewer rows vanish, their share stops nothing.
        exchange_rates: a company's own rates; None for those of the European Central Bank.
    """

    overlap: timedelta = timedelta(minutes=15)
    modes: Mapping[str, ReadMode] = field(default_factory=dict)
    schema_drift: Mapping[str, DriftPolicy] = field(default_factory=dict)
    max_rejected_share: float = 0.20
    min_rejected_rows: int = 1
    max_deleted_share: float = 0.20
    min_deleted_rows: int = 10
    exchange_rates: Path | None = None


@dataclass(frozen=True)
class RetrySettings:
    """How often a step whose error may pass is tried, and how long is waited in between.

    The wait before attempt n + 1 is a random part of `first_wait` * 2 ** (n - 1), or of `longest_wait` if that is less.

    Args:
        attempts: tries in all; 1 for none but the first.
    """

    attempts: int = 4
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=1)


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
    settings: StepSettings
    lock: RunLock
    retries: RetrySettings
    present: frozenset[Part]

    @property
    def manifests(self) -> ManifestStore:
        """The lake's commit records."""
        return ManifestStore(self.lake, guard=self.lock.check)


@dataclass(frozen=True)
class StepContext(Parts):
    """The parts, and the run a step belongs to."""

    run: RunParameters
    reporter: Reporter


@dataclass(frozen=True)
class StepResult:
    """What a step did: rows it read and wrote, and bytes it wrote to the lake."""

    rows_in: int = 0
    rows_out: int = 0
    bytes: int = 0


def out_of_order(context: StepContext, reason: str) -> LakeError:
    """The error for a step that was asked for before the one it builds on."""
    return LakeError(
        f"Run {context.run.run_id} cannot do this step: {reason}.",
        remedy="do a run's steps in order: extract, transform, load-raw, load-curated, metrics; or leave out --step.",
    )

"""What every step gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.manifest import RunParameters
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import Database
from rental_analytics.engines.base import Engine, Progress
from rental_analytics.errors import LakeError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.manifests import ManifestStore
from rental_analytics.warehouses.base import Warehouse


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
        max_rejected_share: share of the rows a run read of a table that may be set aside before it stops, 0 to 1.
        min_rejected_rows: as long as fewer rows are set aside, their share stops nothing.
        exchange_rates: a company's own rates; None for those of the European Central Bank.
    """

    overlap: timedelta = timedelta(minutes=15)
    modes: Mapping[str, ReadMode] = field(default_factory=dict)
    max_rejected_share: float = 0.20
    min_rejected_rows: int = 1
    exchange_rates: Path | None = None


@dataclass(frozen=True)
class Parts:
    """The parts a pipeline works with, as the configuration names them."""

    contracts: Contracts
    database: Database
    lake: Lake
    engine: Engine
    warehouse: Warehouse
    settings: StepSettings

    @property
    def manifests(self) -> ManifestStore:
        """The lake's commit records."""
        return ManifestStore(self.lake)


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

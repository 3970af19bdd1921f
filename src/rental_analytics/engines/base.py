"""What extracts and transforms: the interface the steps speak to, whichever engine stands behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from rental_analytics.contracts.manifest import (
    RUN_ID_BYTES,
    ExtractedTable,
    FileColumn,
    RunParameters,
    TransformedTable,
)
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import Database, ReadPlan, Window
from rental_analytics.reference.data import ReferenceData
from rental_analytics.storage.base import Lake

ROW_ID_BITS = 40
"""A raw row's `_row_id` is the run's place in the history, shifted by this, plus the row's place in the run's read."""

DELETES_OFFSET = 1 << (ROW_ID_BITS - 1)
"""Vanished keys are numbered from here, so that bit 39 of `_row_id` tells them from rows."""

FETCHED_OFFSET = 1 << (ROW_ID_BITS - 3)
"""Rows that were asked for by their keys are numbered from here; engines may leave gaps between numbers."""

RAW_COLUMNS = (
    ("_row_id", "BIGINT"),
    ("_run_id", "VARCHAR"),
    ("_extracted_at", "TIMESTAMP"),
    ("_is_deleted", "BOOLEAN"),
)
"""Columns every raw file has behind those of its source table."""


def raw_columns(plan: ReadPlan) -> tuple[FileColumn, ...]:
    """Columns of a source table's raw files, in file order."""
    bounds = {"_run_id": RUN_ID_BYTES}
    return (
        *(FileColumn(name=column.name, type=column.type, max_bytes=column.max_bytes) for column in plan.columns),
        *(FileColumn(name=name, type=kind, max_bytes=bounds.get(name)) for name, kind in RAW_COLUMNS),
    )


Progress = Callable[[int], None]
"""Told how many more rows have passed."""


@dataclass(frozen=True)
class ExtractRequest:
    """One table to read.

    `previous` is what the last run left; `complete` asks for the whole table; `overlap` is how far the next run will
    read back over this one; `backfill` is a range of cursors or event times to read anew, in place of the window.
    """

    run: RunParameters
    plan: ReadPlan
    window: Window
    complete: bool
    previous: ExtractedTable | None
    overlap: timedelta
    backfill: Window | None = None


@dataclass(frozen=True)
class TransformRequest:
    """Models to build, in this order, from the extracts of one or more runs, oldest first.

    `earlier` has extracts that a later one, which holds the whole table, has replaced: their row versions are kept.
    `emit_reference` asks for the files of reference models too; without it they only serve the other models.
    """

    run: RunParameters
    models: tuple[CuratedModel, ...]
    sources: Mapping[str, SourceTable]
    extracts: Mapping[str, tuple[ExtractedTable, ...]]
    reference: ReferenceData
    emit_reference: bool
    earlier: Mapping[str, tuple[ExtractedTable, ...]] = field(default_factory=dict)


class Engine(ABC):
    """Extracts tables to `raw/` and transforms them to `curated/` and `rejected/`."""

    name: str
    version: str

    @abstractmethod
    def extract(self, request: ExtractRequest, database: Database, lake: Lake, progress: Progress) -> ExtractedTable:
        """Read a table into Parquet files of the lake.

        Raises:
            SourceError: the database cannot be read, or holds a value that cannot be represented.
            ProofError: rows that the source held did not arrive.
        """

    @abstractmethod
    def transform(self, request: TransformRequest, lake: Lake, progress: Progress) -> dict[str, TransformedTable]:
        """Build the curated models.

        Raises:
            RentalError: a row was neither kept nor accounted for.
        """

    @abstractmethod
    def close(self) -> None:
        """Release memory, connections and temporary files."""

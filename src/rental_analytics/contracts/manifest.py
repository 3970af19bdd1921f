"""What a step commits to the lake: the files it wrote and what it can say about them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from rental_analytics.contracts.base import Contract
from rental_analytics.contracts.source_table import ReadMode

RUN_ID_BYTES = 100
"""The longest a run's name may be; it has no characters beyond ASCII."""


class RunParameters(Contract):
    """What a run fixes before its first step; the clock enters a run here and nowhere else.

    Args:
        sequence: place of the run in the lake's history, counted from 1 without gaps.
        upper_bound: the database server's time, UTC, when the run started; the watermark the run leaves.
        as_of: last day the metrics include, or None for the newest day seen in curated.
        backfill_from: first day to read anew, or None for a run that reads what changed.
        backfill_to: last day to read anew, that day included.
        source: the database the run reads, without user and password; empty in lakes of before it was noted.
    """

    run_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    sequence: int = Field(ge=1)
    started_at: AwareDatetime
    upper_bound: datetime
    as_of: date | None = None
    full_refresh: bool = False
    backfill_from: date | None = None
    backfill_to: date | None = None
    source: str = ""


class LakeFile(Contract):
    """A Parquet file; `path` is relative to the root of the lake."""

    path: str
    bytes: int
    rows: int


class FileColumn(Contract):
    """A column of a table's Parquet files, in file order, typed as in the warehouse.

    `max_bytes` bounds a text in UTF-8; None where nothing is known of its length.
    """

    name: str
    type: str
    max_bytes: int | None = None


class SeenColumn(Contract):
    """A column as the source's catalogue described it, in the database's own words; None where it does not say."""

    name: str
    type: str
    nullable: bool | None = None


class Proof(Contract):
    """What was checked against the source once a table was read.

    `rows` are the rows the source held when the read began, `window_rows` those of the window, its upper bound
    excluded. Each is in the lake, with the cursor it had or a newer one, unless it was deleted during the read.
    `key_hash` is an order-independent hash of their keys and cursors, or of days and their number of events where there
    is no key: the same on every engine.
    """

    window_lower: datetime | None = None
    window_upper: datetime
    rows: int
    window_rows: int
    key_hash: str


class ExtractedTable(Contract):
    """One source table as a run read it.

    `files` hold rows, `deletes` the keys that vanished from the source, `state` what the next run compares with.
    `complete` says that the rows are the whole table, not a change to it. `newest_cursor` is the newest cursor value
    seen so far that does not lie in the future of the run; rows at or after `overlap_start` are in the state. `present`
    names the columns the source had; the others are NULL, and `catalogue` has all of them, those the contract does not
    name included. `held_types` are, by column, the types that hold all that was read of it since the last full refresh.
    `replaced_from` and `replaced_to` bound the event times, the upper one excluded, that the rows of a backfill stand
    for: the `replaced_rows` that were there go. `held` counts the rows of the table in the lake, or its
    keys where it has one.
    """

    mode: ReadMode
    complete: bool
    key: tuple[str, ...]
    columns: tuple[FileColumn, ...]
    files: tuple[LakeFile, ...] = ()
    deletes: tuple[LakeFile, ...] = ()
    state: tuple[LakeFile, ...] = ()
    state_method: str | None = None
    window_lower: datetime | None = None
    window_upper: datetime
    replaced_from: datetime | None = None
    replaced_to: datetime | None = None
    replaced_rows: int = 0
    present: tuple[str, ...] = ()
    catalogue: tuple[SeenColumn, ...] = ()
    held_types: dict[str, str] = Field(default_factory=dict)
    proof: Proof | None = None
    held: int = 0
    newest_cursor: datetime | None = None
    overlap_start: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows extracted, vanished keys not counted."""
        return sum(file.rows for file in self.files)


class CheckResult(Contract):
    """How many rows of a run broke a rule or check; `sample` is the key of one of them."""

    table_name: str
    check_name: str
    severity: str
    failed_rows: int
    sample: str | None = None


class TransformedTable(Contract):
    """One curated table as a run made it.

    `files` hold accepted rows, `deletes` keys to flag as deleted, `withdrawn` keys whose newest row was rejected and
    which therefore leave the table. For tables made of a source table: extracted = curated + superseded + rejected.
    `replaced_from` and `replaced_to` are those of the extract.
    """

    complete: bool
    columns: tuple[FileColumn, ...]
    files: tuple[LakeFile, ...] = ()
    deletes: tuple[LakeFile, ...] = ()
    withdrawn: tuple[LakeFile, ...] = ()
    rejected_files: tuple[LakeFile, ...] = ()
    replaced_from: datetime | None = None
    replaced_to: datetime | None = None
    extracted: int | None = None
    curated: int = 0
    superseded: int = 0
    rejected: int = 0
    checks: tuple[CheckResult, ...] = ()


class LoadedTable(Contract):
    """How a load changed one warehouse table."""

    inserted: int
    deleted: int = 0


class _StepManifest(Contract):
    format: Literal[1] = 1
    run_id: str
    sequence: int
    engine: str = ""
    covers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ExtractManifest(_StepManifest):
    """Commit record of `extract`."""

    step: Literal["extract"] = "extract"
    upper_bound: datetime
    tables: dict[str, ExtractedTable]


class TransformManifest(_StepManifest):
    """Commit record of `transform`; `covers` names the runs whose extracts it took in, oldest first."""

    step: Literal["transform"] = "transform"
    tables: dict[str, TransformedTable]
    reference_fingerprint: str = ""
    fixings_fingerprint: str = ""


class LoadManifest(_StepManifest):
    """Commit record of `load-raw` and `load-curated`."""

    step: Literal["load-raw", "load-curated"]
    tables: dict[str, LoadedTable]


class MetricsManifest(_StepManifest):
    """Commit record of `metrics`."""

    step: Literal["metrics"] = "metrics"
    as_of: date | None = None
    tables: dict[str, LoadedTable]


StepManifest = Annotated[
    ExtractManifest | TransformManifest | LoadManifest | MetricsManifest, Field(discriminator="step")
]

"""What a step commits to the lake: the files it wrote and what it can say about them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from rental_analytics.contracts.base import ColumnType, Contract, Count, Day, Instant, LakePath, Moment, RunId, Severity
from rental_analytics.contracts.marketplace import MarketplaceFacts
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.contracts.steps import StepName

RUN_ID_BYTES = 100
"""The longest a run's name may be; it has no characters beyond ASCII."""

RAW, CURATED, REJECTED = "raw", "curated", "rejected"
LOADED = (RAW, CURATED, REJECTED)
"""Folders of the lake in which every file lies that a load may hand to the warehouse."""

TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Relation = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=127)]
# What a source table may call a column that is kept; it is quoted wherever it stands in SQL.
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f.]+$", max_length=127)]
TypeName = Annotated[str, AfterValidator(ColumnType)]


class RunParameters(Contract):
    """What a run fixes before its first step; the clock enters a run here and nowhere else.

    Args:
        sequence: place of the run in the lake's history, counted from 1 without gaps.
        upper_bound: the database server's time, UTC, when the run started; the watermark the run leaves.
        as_of: last day the metrics include, or None for the newest day seen in curated up to that of `upper_bound`.
        backfill_from: first day to read anew, or None for a run that reads what changed.
        backfill_to: last day to read anew, that day included.
        source: the database the run reads, without user and password; empty in lakes of before it was noted.
        marketplace: what the settings of `[marketplace]` said; before it was noted all was in US dollars.
    """

    run_id: RunId
    sequence: Annotated[Count, Field(ge=1)]
    started_at: Instant
    upper_bound: Moment
    as_of: Day | None = None
    full_refresh: bool = False
    backfill_from: Day | None = None
    backfill_to: Day | None = None
    source: str = ""
    marketplace: MarketplaceFacts = MarketplaceFacts()


class LakeFile(Contract):
    """A Parquet file; `path` is relative to the root of the lake.

    Args:
        checksum: algorithm and value of a checksum of its content, such as `sha256:9f86...`.
        version: what the lake's service calls this very object (its ETag), so that an object that replaced it is
            told from it without reading; None in a folder.

    Files of manifests from before these were noted have neither.
    """

    path: LakePath
    bytes: Count
    rows: Count
    checksum: Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64}|crc64nvme:[A-Za-z0-9+/=]+)$")] | None = (
        None
    )
    version: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")] | None = None


class FileColumn(Contract):
    """A column of a table's Parquet files, in file order, typed as in the warehouse.

    `max_bytes` bounds a text in UTF-8; None where nothing is known of its length.
    """

    name: ColumnName
    type: TypeName
    max_bytes: Count | None = None


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

    window_lower: Moment | None = None
    window_upper: Moment
    rows: Count
    window_rows: Count
    key_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,16}$")]


class ValueCount(Contract):
    """How many rows have a value that is to blame for their rejection; None where they have none."""

    value: str | None = None
    rows: Count


class CheckResult(Contract):
    """How many rows of a run broke a rule or check; `sample` is the key of one of them, or the value that breaks it.

    `values` are the commonest of the values that are to blame, where one is, and `settings` would accept them. A check
    that `is_of_table` is broken by the table, which counts as one row, and its sample says how the table is.
    """

    table_name: Relation
    check_name: TableName
    severity: Severity
    failed_rows: Count
    sample: str | None = None
    values: tuple[ValueCount, ...] = ()
    settings: tuple[str, ...] = ()
    is_of_table: bool = False

    @property
    def record(self) -> dict[str, object]:
        """What `ops.check_results` has of it."""
        return self.model_dump(exclude={"values", "settings", "is_of_table"})


class ExtractedTable(Contract):
    """One source table as a run read it.

    `files` hold rows, `deletes` the keys that vanished from the source, `state` what the next run compares with.
    `relation` is what the source calls the table, `sources` what it calls columns that have another name than ours, and
    `constants` the values of columns that it lacks and the configuration gives. `absent` says that the source had no
    such table, which was optional.

    `complete` says that the rows are the whole table, not a change to it. `newest_cursor` is the newest cursor value
    seen so far that does not lie in the future of the run; rows at or after `overlap_start` are in the state. `present`
    names the columns that had values, constants included; the others are NULL. `catalogue` has all columns of the
    source, those the contract does not name included. `held_types` are, by column, the types that hold all that was
    read of it since the last full refresh.
    `replaced_from` and `replaced_to` bound the event times, the upper one excluded, that the rows of a backfill stand
    for: the `replaced_rows` that were there go. `held` counts the rows of the table in the lake, or its
    keys where it has one.
    """

    mode: ReadMode
    complete: bool
    key: tuple[ColumnName, ...]
    columns: tuple[FileColumn, ...]
    files: tuple[LakeFile, ...] = ()
    deletes: tuple[LakeFile, ...] = ()
    state: tuple[LakeFile, ...] = ()
    state_method: str | None = None
    window_lower: Moment | None = None
    window_upper: Moment
    replaced_from: Moment | None = None
    replaced_to: Moment | None = None
    replaced_rows: Count = 0
    relation: str = ""
    sources: dict[ColumnName, str] = Field(default_factory=dict)
    constants: dict[ColumnName, str] = Field(default_factory=dict)
    absent: bool = False
    present: tuple[ColumnName, ...] = ()
    catalogue: tuple[SeenColumn, ...] = ()
    held_types: dict[ColumnName, TypeName] = Field(default_factory=dict)
    proof: Proof | None = None
    held: Count = 0
    newest_cursor: Moment | None = None
    overlap_start: Moment | None = None
    notes: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()

    @property
    def rows(self) -> int:
        """Rows extracted, vanished keys not counted."""
        return sum(file.rows for file in self.files)


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
    replaced_from: Moment | None = None
    replaced_to: Moment | None = None
    extracted: Count | None = None
    curated: Count = 0
    superseded: Count = 0
    rejected: Count = 0
    checks: tuple[CheckResult, ...] = ()


class LoadedTable(Contract):
    """How a load changed one warehouse table."""

    inserted: Count
    deleted: Count = 0


class _StepManifest(Contract):
    format: Literal[1] = 1
    run_id: RunId
    sequence: Annotated[Count, Field(ge=1)]
    engine: str = ""
    covers: tuple[RunId, ...] = ()
    notes: tuple[str, ...] = ()

    def _check_place(self, files: tuple[LakeFile, ...], folder: str, *, any_run: bool = False) -> None:
        """Files lie where their step writes: no manifest makes a run read, load or sweep anything else."""
        for file in files:
            run = file.path.removeprefix(f"{folder}/run_id=").partition("/")[0] if any_run else self.run_id
            if not file.path.startswith(f"{folder}/run_id={run}/"):
                raise ValueError(f"{file.path!r} does not lie below {folder}/run_id={run}/")


class ExtractManifest(_StepManifest):
    """Commit record of `extract`.

    `replaces` names runs whose extracts count no more: they could not be loaded, and what they read was read again.
    """

    step: Literal[StepName.EXTRACT] = StepName.EXTRACT
    upper_bound: Moment
    replaces: tuple[RunId, ...] = ()
    tables: dict[TableName, ExtractedTable]

    @property
    def check_results(self) -> tuple[CheckResult, ...]:
        """What the checks of all tables found."""
        return tuple(check for table in self.tables.values() for check in table.checks)

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        for name, table in self.tables.items():
            self._check_place((*table.files, *table.deletes), f"{RAW}/{name}")
            self._check_place(table.state, f"state/{name}", any_run=True)
            if unknown := {*table.key, *table.present} - {column.name for column in table.columns}:
                raise ValueError(f"{min(unknown)!r} is not a column of {name}")
        return self


class StoppedTransform(Contract):
    """Says that a transform failed, or that a check stopped a run before or behind it.

    `covers` names the runs whose extracts it took in, or the run itself where it came to no transform.
    """

    run_id: RunId
    covers: tuple[RunId, ...]


class TransformManifest(_StepManifest):
    """Commit record of `transform`; `covers` names the runs whose extracts it took in, oldest first."""

    step: Literal[StepName.TRANSFORM] = StepName.TRANSFORM
    tables: dict[TableName, TransformedTable]
    reference_fingerprint: str = ""
    fixings_fingerprint: str = ""

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        for name, table in self.tables.items():
            self._check_place((*table.files, *table.deletes, *table.withdrawn), f"{CURATED}/{name}")
            self._check_place(table.rejected_files, f"{REJECTED}/{name}")
        return self


class LoadManifest(_StepManifest):
    """Commit record of `load-raw` and `load-curated`."""

    step: Literal[StepName.LOAD_RAW, StepName.LOAD_CURATED]
    tables: dict[Relation, LoadedTable]


class MetricsManifest(_StepManifest):
    """Commit record of `metrics`."""

    step: Literal[StepName.METRICS] = StepName.METRICS
    as_of: Day | None = None
    tables: dict[Relation, LoadedTable]


StepManifest = Annotated[
    ExtractManifest | TransformManifest | LoadManifest | MetricsManifest, Field(discriminator="step")
]

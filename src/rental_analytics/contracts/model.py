"""What we keep and what we report: the contracts of the curated and the presentation tables."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from rental_analytics.contracts.base import (
    Check,
    ColumnType,
    Contract,
    Identifier,
    Sentence,
    Severity,
)
from rental_analytics.contracts.manifest import FileColumn


class Layer(StrEnum):
    """The warehouse schema a model is built in."""

    CURATED = "curated"
    PRESENTATION = "presentation"


MAX_TEXT_BYTES = 65_535
"""Bytes of UTF-8 that a text may have in any warehouse: what Redshift's longest VARCHAR takes."""


class ModelColumn(Contract):
    """A column of a warehouse table.

    `max_bytes` is the room a text gets where the warehouse sizes its columns, in bytes of UTF-8.
    """

    type: Annotated[str, AfterValidator(ColumnType)]
    description: Sentence
    nullable: bool = True
    max_bytes: int | None = Field(default=None, ge=1, le=MAX_TEXT_BYTES)

    @model_validator(mode="after")
    def _sized_text(self) -> Self:
        if self.max_bytes and self.type != "VARCHAR":
            raise ValueError(f"max_bytes is for VARCHAR, and this column is {self.type}")
        return self


class Layout(Contract):
    """How a warehouse of several machines lays out a table's rows; one that is a single file has no use for it.

    `distribution` is a column whose equal values stay together, `all` for a copy on every machine, or `auto` and
    `even`; `sort` are the columns rows are ordered by on disk.
    """

    distribution: Identifier = "auto"
    sort: tuple[Identifier, ...] = ()
    reason: Sentence

    @property
    def distribution_key(self) -> str | None:
        """The column rows are distributed by, None where no column decides."""
        return None if self.distribution in {"all", "auto", "even"} else self.distribution


class Reference(Contract):
    """A column that should point to a row of another curated table."""

    name: Identifier
    severity: Severity
    column: Identifier
    model: Identifier


class Model(Contract):
    """What curated and presentation models share; name, layer and query come from the folder."""

    name: Identifier
    layer: Layer
    description: Sentence
    grain: Sentence
    key: tuple[Identifier, ...] = ()
    columns: dict[Identifier, ModelColumn] = Field(min_length=1)
    layout: Layout | None = None
    checks: tuple[Check, ...] = ()
    query: str = Field(repr=False, min_length=1)

    @property
    def relation(self) -> str:
        """Qualified name in the warehouse, such as `curated.bookings`."""
        return f"{self.layer}.{self.name}"

    @property
    def file_columns(self) -> tuple[FileColumn, ...]:
        """Columns in order, typed."""
        return tuple(
            FileColumn(name=name, type=column.type, max_bytes=column.max_bytes) for name, column in self.columns.items()
        )

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never NULL."""
        return tuple(name for name, column in self.columns.items() if not column.nullable)

    @model_validator(mode="after")
    def _key_exists(self) -> Self:
        for name in self.key:
            if name not in self.columns:
                raise ValueError(f"key column {name!r} is not listed under columns")
        laid_out = [self.layout.distribution_key, *self.layout.sort] if self.layout else []
        for name in filter(None, laid_out):
            if name not in self.columns:
                raise ValueError(f"layout column {name!r} is not listed under columns")
        for check in self.checks:
            if check.severity is Severity.REJECT:
                raise ValueError(f"check {check.name!r} cannot reject; use a rule, or severity fail or warn")
        return self


class CuratedModel(Model):
    """A curated table, 1:1 with the source table it is made of.

    Exactly one of `source` (a table of `sources/`), `versions_of` (another curated model, all of whose valid row
    versions are kept) and `reference` (a data set the pipeline brings along) says what the query reads.
    `version` is the column that tells the newer of two rows with one key; `event_time` the one with the moment of a row
    that has no key, by which a backfill replaces rows.
    """

    source: Identifier | None = None
    versions_of: Identifier | None = None
    reference: Identifier | None = None
    version: str | None = Field(default=None, pattern=r"^_?[a-z][a-z0-9_]*$")
    event_time: Identifier | None = None
    rules: tuple[Check, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def soft_delete(self) -> bool:
        """Whether the table has `is_deleted`: rows of a keyed source table are flagged, not removed."""
        return bool(self.key) and self.source is not None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        inputs = [name for name in (self.source, self.versions_of, self.reference) if name]
        if len(inputs) != 1:
            raise ValueError("name exactly one of source, versions_of and reference")
        if self.version and self.version not in self.columns and not self.version.startswith("_"):
            raise ValueError(f"version column {self.version!r} is not listed under columns")
        if self.event_time and (self.key or self.event_time not in self.columns):
            raise ValueError(f"event_time {self.event_time!r} is a column of a table without a key")
        for rule in self.rules:
            if rule.severity is Severity.FAIL:
                raise ValueError(f"rule {rule.name!r} is about one row: use severity reject or warn")
        names = [rule.name for rule in (*self.rules, *self.checks)] + [rule.name for rule in self.references]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"two rules are named {doubled[0]!r}")
        for reference in self.references:
            if reference.column not in self.columns:
                raise ValueError(f"reference column {reference.column!r} is not listed under columns")
            if reference.severity is not Severity.WARN:
                raise ValueError(f"reference {reference.name!r} is checked after loading: its severity is warn")
        return self


class PresentationModel(Model):
    """A metric: a presentation table rebuilt whole from curated tables, with its published definition."""

    definition: Sentence

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if not self.key:
            raise ValueError("a presentation table needs a key: the columns of its grain")
        return self

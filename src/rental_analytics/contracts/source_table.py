"""What we read: the contract of one table of the marketplace's database."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from rental_analytics.contracts.base import Contract, Identifier, Sentence, wrong_at
from rental_analytics.contracts.checks import (
    ColumnCheck,
    DeclaredCheck,
    Freshness,
    Relationships,
    TableCheck,
    Values,
    check_columns,
    check_none_rejects,
    declared_checks,
)


class SourceType(StrEnum):
    """The kind of value the pipeline needs; the exact type comes from the database catalogue."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"
    ANY = "any"
    ID = "id"
    TEXT_ID = "text id"
    """What `id` becomes where `marketplace.ids` is "text"; no contract says so itself."""

    @property
    def is_id(self) -> bool:
        """Whether the values tell things of the marketplace apart."""
        return self in {SourceType.ID, SourceType.TEXT_ID}


_VALUES: Mapping[SourceType, Values] = {
    SourceType.INTEGER: Values.NUMBER,
    SourceType.DECIMAL: Values.NUMBER,
    SourceType.FLOAT: Values.REAL,
    SourceType.TEXT: Values.TEXT,
    SourceType.DATE: Values.DATE,
    SourceType.TIMESTAMP: Values.TIMESTAMP,
}


class ReadMode(StrEnum):
    """How a table is read; docs/reference/read-modes.md."""

    INCREMENTAL = "incremental"
    APPEND = "append"
    SNAPSHOT = "snapshot"


class DriftPolicy(StrEnum):
    """What a run does when a table's columns are not those of the last run; docs/reference/schema-drift.md."""

    EVOLVE = "evolve"
    FREEZE = "freeze"


class UnknownColumns(StrEnum):
    """What happens to columns the contract does not name."""

    IGNORE = "ignore"
    KEEP = "keep"


class SourceColumn(Contract):
    """A column of a source table; an optional one that is missing arrives as NULL.

    `setting` is a key of the configuration that stands in for the values of a column; where it is set, the column is
    optional.
    """

    type: SourceType
    description: Sentence
    required: bool = True
    setting: str | None = Field(default=None, pattern=r"^marketplace\.[a-z_]+$")
    checks: tuple[ColumnCheck, ...] = ()

    @property
    def values(self) -> Values:
        """What it holds, as far as it decides which checks it can have."""
        return _VALUES.get(self.type, Values.OTHER)

    @field_validator("type")
    @classmethod
    def _is_no_setting(cls, kind: SourceType) -> SourceType:
        if kind is SourceType.TEXT_ID:
            raise ValueError("whether ids are texts is said by marketplace.ids; use id")
        return kind


class SourceTable(Contract):
    """One table of the source database, from `sources/<name>.yaml`.

    `key` identifies a row; `change_cursor` is the timestamp that moves whenever a row changes; `event_time` is the
    moment a row records. `references` maps a column to the parent table it points to. `synonyms` are other names of the
    table, and `column_synonyms` of its columns, that `rental init --from URL` takes for them.
    """

    name: Identifier
    description: Sentence
    key: tuple[Identifier, ...] = ()
    change_cursor: Identifier | None = None
    event_time: Identifier | None = None
    references: dict[Identifier, Identifier] = Field(default_factory=dict)
    unknown_columns: UnknownColumns = UnknownColumns.IGNORE
    columns: dict[Identifier, SourceColumn] = Field(min_length=1)
    checks: tuple[TableCheck, ...] = ()
    synonyms: tuple[Identifier, ...] = ()
    column_synonyms: dict[Identifier, tuple[Identifier, ...]] = Field(default_factory=dict)

    @property
    def declared_checks(self) -> tuple[DeclaredCheck, ...]:
        """The checks of its columns and its own."""
        columns = {name: (column.values, column.checks) for name, column in self.columns.items()}
        return declared_checks(columns, self.checks)

    @property
    def ids(self) -> tuple[str, ...]:
        """The columns that hold ids of the marketplace."""
        return tuple(name for name, column in self.columns.items() if column.type.is_id)

    def with_text_ids(self) -> Self:
        """The same, where the ids of the marketplace are texts."""
        columns = {
            name: column.model_copy(update={"type": SourceType.TEXT_ID}) if column.type.is_id else column
            for name, column in self.columns.items()
        }
        return self.model_copy(update={"columns": columns})

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        named = [*self.key, *self.references, *self.column_synonyms]
        named += filter(None, (self.change_cursor, self.event_time))
        for name in named:
            if name not in self.columns:
                raise ValueError(f"column {name!r} is used but not listed under columns")
        for name in self.key:
            if not self.columns[name].required:
                raise ValueError(f"key column {name!r} cannot be optional")
        for name in filter(None, (self.change_cursor, self.event_time)):
            if self.columns[name].type is not SourceType.TIMESTAMP:
                raise ValueError(f"column {name!r} orders changes, so its type must be timestamp")
        return self

    @model_validator(mode="after")
    def _has_checks_that_can_be_made(self) -> Self:
        checks = self.declared_checks
        check_columns(checks, {name: column.values for name, column in self.columns.items()}, ())
        check_none_rejects(checks, "declare it in the curated model, which rejects rows, or use fail or warn.")
        for check in checks:
            if isinstance(check.kind, Relationships):
                raise wrong_at(
                    f"{check.key}.relationships",
                    "a table is read before those it refers to",
                    "declare it in the curated model, which is checked when all tables are loaded.",
                )
            noted = self.change_cursor if self.key else self.event_time
            if isinstance(check.kind, Freshness) and check.kind.column != noted:
                raise wrong_at(
                    f"{check.key}.freshness.column",
                    f"a run notes the newest value of {noted or 'no column'} of this table",
                    f"{f'name {noted}, or ' if noted else ''}declare it in the curated model.",
                )
        return self

"""The columns of our tables: their types, and that of ids, which the marketplace decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from rental_analytics.contracts.base import QUERY_COLUMN, ColumnType, Contract, Sentence
from rental_analytics.contracts.checks import ColumnCheck, Values
from rental_analytics.contracts.marketplace import MAX_ID_BYTES, IdKind

ID = "ID"
"""What contracts call the type of ids; BIGINT, or VARCHAR where the ids of the marketplace are texts."""
_ID_TYPES: Mapping[IdKind, str] = {"integer": "BIGINT", "text": "VARCHAR"}
_VALUES: Mapping[str, Values] = {
    "VARCHAR": Values.TEXT,
    "DOUBLE": Values.REAL,
    "DATE": Values.DATE,
    "TIMESTAMP": Values.TIMESTAMP,
    "BOOLEAN": Values.OTHER,
    ID: Values.OTHER,
}
NO_NUMBERS = {"VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", ID}
MOST_PLACES = 6
"""Of a ratio: with more, the quotients that are exact on every engine become small."""


def decimal_places(kind: str) -> int:
    """Digits behind the point of a DECIMAL."""
    return int(kind.rstrip(")").rpartition(",")[2])


MAX_TEXT_BYTES = 65_535
"""Bytes of UTF-8 that a text may have in any warehouse: what Redshift's longest VARCHAR takes."""


class Ratio(Contract):
    """Two columns of the query, of which one is divided by the other; their names may begin with `_`."""

    of: str = Field(pattern=QUERY_COLUMN)
    to: str = Field(pattern=QUERY_COLUMN)


class ModelColumn(Contract):
    """A column of a warehouse table.

    An `ID` is a BIGINT until `with_ids` says otherwise. `max_bytes` is the room a text gets where the warehouse sizes
    its columns, in bytes of UTF-8. The pipeline adds the columns with a `ratio`; the query leaves them out.
    """

    type: Annotated[str, AfterValidator(ColumnType)]
    description: Sentence
    nullable: bool = True
    max_bytes: int | None = Field(default=None, ge=1, le=MAX_TEXT_BYTES)
    ratio: Ratio | None = None
    checks: tuple[ColumnCheck, ...] = ()
    is_id: bool = False

    @model_validator(mode="before")
    @classmethod
    def _has_type_of_ids(cls, given: Any) -> Any:
        is_id = isinstance(given, dict) and given.get("type") == ID
        return {**given, "type": _ID_TYPES["integer"], "is_id": True} if is_id else given

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.is_id and self.type not in _ID_TYPES.values():
            raise ValueError(f"is_id is for the type ID, and this column is {self.type}")
        if self.max_bytes and self.type != "VARCHAR":
            raise ValueError(f"max_bytes is for VARCHAR, and this column is {self.declared_type}")
        if self.ratio and not self.type.startswith("DECIMAL"):
            raise ValueError(f"a ratio is a DECIMAL, and this column is {self.declared_type}")
        return self

    @property
    def declared_type(self) -> str:
        """The type as the contract has it."""
        return ID if self.is_id else self.type

    @property
    def values(self) -> Values:
        """What it holds, as far as it decides which checks it can have."""
        return _VALUES.get(self.declared_type, Values.NUMBER)

    def with_ids(self, ids: IdKind) -> Self:
        """The column where the ids of the marketplace are of this kind."""
        bound = MAX_ID_BYTES if ids == "text" else None
        return self.model_copy(update={"type": _ID_TYPES[ids], "max_bytes": bound}) if self.is_id else self

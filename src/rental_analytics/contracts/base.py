"""What all contracts share: strict pydantic models, columns, checks."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NaiveDatetime,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

MOST_LETTERS = 63
"""Of a name: what every warehouse takes."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=MOST_LETTERS)]
Sentence = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
SqlPredicate = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
QUERY_COLUMN = r"^_?[a-z][a-z0-9_]*$"
"""A column that a query returns; those that begin with `_` help the pipeline, and no table has them."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
RunId = Annotated[str, StringConstraints(pattern=f"^{RUN_ID.pattern}$")]
Count = Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)]


def _written_out(value: object) -> object:
    """Not a number, which would be taken for seconds or milliseconds."""
    if isinstance(value, date) or (isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise ValueError("it is not a date or moment such as 2026-03-05 or 2026-03-05T12:00:00")


Day = Annotated[date, BeforeValidator(_written_out)]
Moment = Annotated[NaiveDatetime, BeforeValidator(_written_out)]
"""Of a database's clock, in UTC."""
Instant = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""Of a runner's clock: told to readers, and never what anything is ordered by."""

_LAKE_NAME = re.compile(r"[A-Za-z0-9_.=-]+")


def _lake_path(path: str) -> str:
    """A path relative to the root of a lake, which leads nowhere else."""
    names = path.split("/")
    if len(path) > 1000 or not all(_LAKE_NAME.fullmatch(name) and name.strip(".") for name in names):
        raise ValueError(f"{path[:200]!r} is not a path inside the lake")
    return path


LakePath = Annotated[str, AfterValidator(_lake_path)]


class Contract(BaseModel):
    """A part of a contract file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def wrong_at(key: str, message: str, remedy: str) -> PydanticCustomError:
    """The error for a key that does not fit another one of its file.

    Args:
        key: its path from the part that is validated on, such as `columns.0.title`; empty for that part itself.
    """
    path = tuple(int(part) if part.isdigit() else part for part in key.split(".") if part)
    return PydanticCustomError("wrong_at", "{message}", {"message": message, "path": path, "remedy": remedy})


def both_names(ours: str, theirs: str) -> str:
    """What a message calls a table or a column: our name, and behind it the source's where that is another one."""
    return ours if ours.lower() == theirs.lower() else f"{ours} ({theirs})"


class Severity(StrEnum):
    """What a broken check or rule does: reject the row, stop the run, or only count."""

    REJECT = "reject"
    FAIL = "fail"
    WARN = "warn"


class Check(Contract):
    """A predicate that is true for the rows that break the check."""

    name: Identifier
    severity: Severity
    when: SqlPredicate
    description: Sentence | None = None


class Rule(Check):
    """A check of one row of a source table.

    `value` is the column with the value that is to blame, which may be one of the query's own, `setting` the key of the
    configuration that would accept it, and `setting_for_null` the one for rows without a value.
    """

    value: str | None = Field(default=None, pattern=QUERY_COLUMN)
    setting: str | None = None
    setting_for_null: str | None = None


_TYPE = re.compile(
    r"(?:(SMALLINT|INTEGER|BIGINT|DOUBLE|BOOLEAN|VARCHAR|DATE|TIMESTAMP)|DECIMAL\(([0-9]{1,2}), ?([0-9]{1,2})\))"
)


class ColumnType(str):
    """A warehouse column type, such as `BIGINT` or `DECIMAL(18,2)`, spelled as DuckDB spells it."""

    __slots__ = ()

    def __new__(cls, text: str) -> ColumnType:
        """Check the spelling; raises ValueError naming the types there are."""
        match = _TYPE.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text[:200]!r} is not a column type; use SMALLINT, INTEGER, BIGINT, DECIMAL(precision,scale), "
                "DOUBLE, BOOLEAN, VARCHAR, DATE or TIMESTAMP"
            )
        if match[2] is not None and not (1 <= int(match[2]) <= 38 and int(match[3]) <= int(match[2])):
            raise ValueError(f"{text!r}: precision is at most 38 and scale at most the precision")
        return super().__new__(cls, text.replace(", ", ","))


_WHOLE_DIGITS = {"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
_LADDERS = (("SMALLINT", "INTEGER", "BIGINT"), ("DATE", "TIMESTAMP"))


def common_type(first: str, second: str) -> str | None:
    """Narrowest column type of the same kind that holds every value of both, or None where there is none."""
    if first == second:
        return first
    for ladder in _LADDERS:
        if first in ladder and second in ladder:
            return max(first, second, key=ladder.index)
    one, other = _digits(first), _digits(second)
    if one is None or other is None:
        return None
    whole, scale = max(one[0], other[0]), max(one[1], other[1])
    return f"DECIMAL({whole + scale},{scale})" if whole + scale <= 38 else None


def _digits(kind: str) -> tuple[int, int] | None:
    """Digits before and behind the point that an exact number may have."""
    if kind in _WHOLE_DIGITS:
        return _WHOLE_DIGITS[kind], 0
    match = _TYPE.fullmatch(kind)
    return (int(match[2]) - int(match[3]), int(match[3])) if match and match[2] else None

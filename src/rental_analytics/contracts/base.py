"""What all contracts share: strict pydantic models, columns, checks."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Sentence = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
SqlPredicate = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Contract(BaseModel):
    """A part of a contract file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Severity(StrEnum):
    """What a broken check or rule does: set the row aside, stop the run, or only count."""

    REJECT = "reject"
    FAIL = "fail"
    WARN = "warn"


class Check(Contract):
    """A predicate that is true for the rows that break the check."""

    name: Identifier
    severity: Severity
    when: SqlPredicate
    description: Sentence | None = None


_TYPE = re.compile(r"^(?:(SMALLINT|INTEGER|BIGINT|DOUBLE|BOOLEAN|VARCHAR|DATE|TIMESTAMP)|DECIMAL\((\d+),\s?(\d+)\))$")


class ColumnType(str):
    """A warehouse column type, such as `BIGINT` or `DECIMAL(18,2)`, spelled as DuckDB spells it."""

    __slots__ = ()

    def __new__(cls, text: str) -> ColumnType:
        """Check the spelling; raises ValueError naming the types there are."""
        match = _TYPE.match(text)
        if match is None:
            raise ValueError(
                f"{text!r} is not a column type; use SMALLINT, INTEGER, BIGINT, DECIMAL(precision,scale), "
                "DOUBLE, BOOLEAN, VARCHAR, DATE or TIMESTAMP"
            )
        if match[2] is not None and not int(match[3]) <= int(match[2]) <= 38:
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
    match = _TYPE.match(kind)
    return (int(match[2]) - int(match[3]), int(match[3])) if match and match[2] else None

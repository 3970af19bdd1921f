"""Test cases of a model: given these rows, expect those."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from rental_analytics.contracts.base import Contract, Identifier, Sentence

Row = dict[str, Any]


class Case(Contract):
    """Rows per input relation, and the rows the model makes of them; omitted columns are NULL.

    A case of a curated model gives raw rows. Those of `_run: 2` are read by a later run than the others, those with
    `_is_deleted: true` are keys that vanished from the source. Beside the accepted rows in `expect` it tells all that
    the model does with the others: what is left over is superseded.

    Args:
        example: whether the catalogue shows it, as an example computed by hand.
        calculation: how the rows of an example come about, for readers of the catalogue.
        known_from: the day up to which the first loaded run had read; left out it is `as_of`.
        rejected: per rejected row its key columns and `rules`, the broken rules as they are stored; where the whole
            source row matters also `row_json`, its columns that are not NULL as text.
        deleted: keys to flag as deleted.
        warned: rows that broke a rule of severity warn, per rule that any row broke.
    """

    name: Sentence
    example: bool = False
    calculation: Sentence | None = None
    as_of: date | None = None
    known_from: date | None = None
    given: dict[str, tuple[Row, ...]] = Field(default_factory=dict)
    expect: tuple[Row, ...]
    rejected: tuple[Row, ...] = ()
    deleted: tuple[Row, ...] = ()
    warned: dict[Identifier, int] = Field(default_factory=dict)

"""What the catalogue says of a metric beyond its definition: who answers for it, units, formulas, caveats."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from rental_analytics.contracts.base import Contract, Identifier, Sentence, wrong_at
from rental_analytics.contracts.columns import NO_NUMBERS, ModelColumn, Ratio

Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Additivity(StrEnum):
    """Which values of a measure may be summed.

    Those of all rows, those of the other keys within one period alone (active listings over cities, not over weeks), or
    none: rates, averages, medians and ranks.
    """

    ALL = "all"
    KEYS = "keys"
    NONE = "none"


class Measure(Contract):
    """A column that is a number to be read.

    Of a ratio only the unit is said: it is its numerator divided by its denominator, and never adds. One that no column
    of the table holds, and whose name begins with `_`, is told in words.

    Args:
        unit: what one of it is: `nights`, `reporting currency per night`.
        formula: how it is computed, in words or arithmetic.
        adds_over: which of its values may be summed.
    """

    unit: Words
    formula: Sentence | None = None
    numerator: Sentence | None = None
    denominator: Words | None = None
    adds_over: Additivity = Additivity.NONE


class OtherDefinition(Contract):
    """How others define a number of this name; `source` is where they say so."""

    by: Words
    definition: Sentence
    source: Sentence


class Catalogue(Contract):
    """A metric's entry in the catalogue.

    Args:
        owner: the role that answers for the number.
        attribution: the date that decides in which period a row counts.
        caveats: what the number does not know, when it still changes, and what misleads.
        elsewhere: where professionals define it otherwise.
    """

    owner: Sentence
    attribution: Sentence
    measures: dict[Identifier, Measure] = Field(min_length=1)
    caveats: tuple[Sentence, ...] = ()
    elsewhere: tuple[OtherDefinition, ...] = ()


def measured_columns(columns: Mapping[str, ModelColumn], key: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that are numbers to be read: no part of the key, no id and no text."""
    return tuple(name for name, column in columns.items() if name not in key and column.declared_type not in NO_NUMBERS)


def check_measures(catalogue: Catalogue, columns: Mapping[str, ModelColumn], key: tuple[str, ...]) -> None:
    """See that each number is explained, once, and nothing else is.

    Raises:
        PydanticCustomError: a measure is missing, is of no number, or says too much or too little; names the key.
    """
    measured = measured_columns(columns, key)
    for name, measure in catalogue.measures.items():
        place = f"catalogue.measures.{name}"
        if name not in measured:
            raise wrong_at(
                place, f"{name!r} is no number of the table", f"name one that is: {', '.join(measured) or 'none is'}."
            )
        ratio = columns[name].ratio
        if ratio:
            _check_ratio(place, measure, ratio)
        else:
            _check_formula(place, measure)
    if missing := [name for name in measured if name not in catalogue.measures]:
        raise wrong_at("catalogue.measures", f"{missing[0]!r} is not explained", "add it, with unit and formula.")


def _check_ratio(place: str, measure: Measure, ratio: Ratio) -> None:
    for key in ("formula", "adds_over"):
        if key in measure.model_fields_set:
            raise wrong_at(f"{place}.{key}", "it follows from the column's ratio", "remove it.")
    for key, part in (("numerator", ratio.of), ("denominator", ratio.to)):
        is_hidden, is_told = part.startswith("_"), getattr(measure, key) is not None
        if is_told and not is_hidden:
            raise wrong_at(f"{place}.{key}", f"it is the column {part!r}, which says it", "remove it.")
        if is_hidden and not is_told:
            raise wrong_at(
                place, f"its {key} {part!r} is in no column that would explain it", f"say in {key} what it is."
            )


def _check_formula(place: str, measure: Measure) -> None:
    for key in ("numerator", "denominator"):
        if getattr(measure, key) is not None:
            raise wrong_at(f"{place}.{key}", "it has a column's ratio alone", "say how it is computed in formula.")
    for key in ("formula", "adds_over"):
        if key not in measure.model_fields_set:
            raise wrong_at(place, f"its {key} is missing", f"add {key}.")

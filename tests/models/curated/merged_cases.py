"""Cases put together, so that an engine that is slow to start builds many of them at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from curated.curated_cases import contracts
from curated.raw_rows import column_types, reference_data
from rental_analytics.contracts.cases import Case, Row
from rental_analytics.contracts.loader import load_cases
from rental_analytics.contracts.model import CuratedModel

_STEP = 1_000_000
"""Between the keys of one case and those of the next; keys that are larger stay as they are."""
USUAL = {
    "attributes with a value that their column cannot hold are rejected",
    "a view with a value that its column cannot hold is rejected",
}
"""Cases that each run of the suite builds on Spark, beside the largest ones."""


def merged_cases(model: CuratedModel, cases: Sequence[Case]) -> list[Case]:
    """The same cases in as few as possible: each one's keys are moved out of the way of the others'.

    Together go cases whose columns have the same types, and which give no rates or days of their own.
    """
    origin = contracts().curated[model.versions_of] if model.versions_of else model
    if origin.source is None:
        return list(cases)
    source = contracts().sources[origin.source]
    relation = f"raw_data.{origin.source}"
    groups = defaultdict[Any, list[Case]](list)
    kept = defaultdict[Any, set[int]](set)
    for number, case in enumerate(cases):
        types = tuple(column_types(source, case.given.get(relation, ())).items())
        large = _large_keys(case, relation, source.key)
        alone = case.given.keys() - {relation} or large & kept[types]
        kept[types] |= large
        groups[types, number if alone else None].append(case)
    return [_merged(group, relation, source.key, model.key) for group in groups.values()]


def is_usual(model: CuratedModel, case: Case) -> bool:
    """Whether Spark builds a case each time: the one made of the most cases of its model, and a few others."""
    return case.name in {*USUAL, _largest(model.name)}


def short_id(model: CuratedModel, case: Case) -> str:
    """A name for a test of the case, which has those of many."""
    return f"{model.name}: {case.name[:60]}"


@cache
def _largest(model: str) -> str:
    cases = merged_cases(contracts().curated[model], load_cases(contracts().curated[model]))
    return max(cases, key=lambda case: (case.name.count(" | "), sum(map(len, case.given.values())))).name


def batches(cases: Sequence[tuple[CuratedModel, Case]]) -> list[dict[str, Case]]:
    """Cases by the names of their models, together where one transformation can build them.

    No two are of one source table, all have the same rates, and reference data stands apart.
    """
    made = list[dict[str, Case]]()
    places = list[tuple[Any, set[str]]]()
    for model, case in cases:
        origin = contracts().curated[model.versions_of] if model.versions_of else model
        relations = reference_data({}).relations
        rates = {name: rows for name, rows in case.given.items() if name in relations}
        common, place = (rates, model.reference is None), origin.source or model.name
        fitting = (number for number, (other, taken) in enumerate(places) if other == common and place not in taken)
        number = next(fitting, len(made))
        if number == len(made):
            made.append({})
            places.append((common, set()))
        made[number][model.name] = case
        places[number][1].add(place)
    return made


def _large_keys(case: Case, relation: str, key: Collection[str]) -> set[int]:
    keys = [row.get(name) for row in case.given.get(relation, ()) for name in key]
    return {value for value in keys if isinstance(value, int) and not 0 <= value < _STEP}


def _merged(cases: Sequence[Case], relation: str, source_key: Sequence[str], key: Sequence[str]) -> Case:
    if len(cases) == 1:
        return cases[0]
    given, expect, rejected, deleted = list[Row](), list[Row](), list[Row](), list[Row]()
    warned = Counter[str]()
    for number, case in enumerate(cases):
        given += _moved(case.given.get(relation, ()), source_key, number)
        expect += _moved(case.expect, key, number)
        deleted += _moved(case.deleted, key, number)
        for row in _moved(case.rejected, key, number):
            (whole,) = _moved([row["row_json"]], source_key, number) if "row_json" in row else (None,)
            rejected.append(row if whole is None else {**row, "row_json": whole})
        warned.update(case.warned)
    name = " | ".join(case.name for case in cases)
    return Case(
        name=name,
        given={relation: tuple(given)},
        expect=tuple(expect),
        rejected=tuple(rejected),
        deleted=tuple(deleted),
        warned=dict(warned),
    )


def _moved(rows: Iterable[Mapping[str, Any]], key: Collection[str], number: int) -> list[Row]:
    return [
        {name: _moved_value(value, number) if name in key else value for name, value in row.items()} for row in rows
    ]


def _moved_value(value: Any, number: int) -> Any:
    """A key's number as it is, or as text; one that is large stays where it is."""
    if isinstance(value, str) and value.isdecimal():
        return str(_moved_value(int(value), number))
    return value + number * _STEP if isinstance(value, int) and 0 <= value < _STEP else value

"""The metric catalogue: what each metric is, how its numbers are computed, and an example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rental_analytics.contracts.cases import Case, Row
from rental_analytics.contracts.catalogue import Additivity, Catalogue, Measure, measured_columns
from rental_analytics.contracts.columns import Ratio, decimal_places
from rental_analytics.contracts.display import Period
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import number_of

NULL = "NULL"


@dataclass(frozen=True)
class MeasureEntry:
    """A number of a metric, explained; a text that is not known is empty."""

    name: str
    type: str
    description: str
    unit: str
    formula: str
    numerator: str
    denominator: str
    adds: str


@dataclass(frozen=True)
class Grid:
    """Rows of a relation as texts."""

    relation: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Example:
    """A case computed by hand: from the given rows the expected ones follow."""

    name: str
    calculation: str
    parameters: Mapping[str, str]
    given: tuple[Grid, ...]
    expected: Grid


@dataclass(frozen=True)
class Metric:
    """An entry of the catalogue; a metric that has no catalogue of its own has no owner and no attribution.

    Args:
        sql: its query as it stands in its folder.
        added: what the pipeline adds to the columns of the query, in sentences.
        reads: the tables its query reads, and behind them those that these rest on.
    """

    model: PresentationModel
    measures: tuple[MeasureEntry, ...]
    example: Example | None
    sql: str
    added: tuple[str, ...]
    reads: tuple[str, ...]
    rests_on: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its table in schema `presentation`."""
        return self.model.name

    @property
    def catalogue(self) -> Catalogue | None:
        """What its `model.yaml` says beyond its definition."""
        return self.model.catalogue


def metric_catalogue(contracts: Contracts, cases: Mapping[str, Iterable[Case]]) -> tuple[Metric, ...]:
    """Every metric, in the order of names.

    Args:
        cases: the cases of each metric, by its name; the one that is an example is shown.
    """
    return tuple(
        _metric(contracts, model, next((case for case in cases.get(name, ()) if case.example), None))
        for name, model in contracts.presentation.items()
    )


def _metric(contracts: Contracts, model: PresentationModel, example: Case | None) -> Metric:
    reads = tuple(sorted(model.reads))
    behind = {relation for other in contracts.read_by(model) for relation in (other.relation, *other.reads)}
    told = model.catalogue.measures if model.catalogue else {}
    return Metric(
        model=model,
        measures=tuple(_measure(model, name, told.get(name)) for name in measured_columns(model.columns, model.key)),
        example=_example(model, example) if example else None,
        sql=model.query.strip(),
        added=tuple(_added(model, name, ratio) for name, ratio in model.ratios.items()),
        reads=reads,
        rests_on=tuple(sorted(behind - {*reads})),
    )


def _measure(model: PresentationModel, name: str, measure: Measure | None) -> MeasureEntry:
    column = model.columns[name]
    numerator = denominator = ""
    formula = (measure and measure.formula) or ""
    if column.ratio:
        numerator = (measure and measure.numerator) or column.ratio.of
        denominator = (measure and measure.denominator) or column.ratio.to
        formula = f"{_term(numerator)} / {_term(denominator)}"
    return MeasureEntry(
        name=name,
        type=column.type,
        description=column.description,
        unit=measure.unit if measure else "",
        formula=formula,
        numerator=numerator,
        denominator=denominator,
        adds=_adds(model, measure) if measure else "",
    )


def _term(words: str) -> str:
    return f"({words})" if " " in words else words


def _adds(model: PresentationModel, measure: Measure) -> str:
    """How its values may be summed, in words."""
    if measure.adds_over is Additivity.NONE:
        return "not at all"
    others = [name for name in model.key if not model.period or name != model.period.column]
    if measure.adds_over is Additivity.ALL:
        return "over all rows"
    length = model.period.length if model.period else Period.DAY
    return f"over {' and '.join(others)} within one {length}" if others else "not at all"


def _added(model: PresentationModel, name: str, ratio: Ratio) -> str:
    places = decimal_places(model.columns[name].type)
    rounded = f"rounded to {number_of(places, 'decimal')}, half away from zero"
    return f"{name} = {ratio.of} / {ratio.to}, {rounded}; NULL where {ratio.to} is 0"


def _example(model: PresentationModel, case: Case) -> Example:
    parameters = {"as_of": case.as_of, "known_from": case.known_from}
    return Example(
        name=case.name,
        calculation=case.calculation or "",
        parameters={name: str(value) for name, value in parameters.items() if value},
        given=tuple(_grid(relation, rows) for relation, rows in case.given.items()),
        expected=_grid(model.relation, case.expect, tuple(model.columns)),
    )


def _grid(relation: str, rows: tuple[Row, ...], columns: tuple[str, ...] = ()) -> Grid:
    names = columns or tuple(dict.fromkeys(name for row in rows for name in row))
    return Grid(relation, names, tuple(tuple(_text(row.get(name)) for name in names) for row in rows))


def _text(value: Any) -> str:
    if value is None:
        return NULL
    return str(value).lower() if isinstance(value, bool) else str(value)

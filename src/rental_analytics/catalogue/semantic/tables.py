"""The presentation tables as semantic layers see them, whatever format they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rental_analytics.contracts.catalogue import Additivity, Catalogue, Measure
from rental_analytics.contracts.display import Period, PeriodColumn
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import PresentationModel


class Taking(StrEnum):
    """How a metric takes several rows of a table together.

    sum: it adds up their values. sum_of_last: it adds up those of the last period alone. last: it takes the value of
    the last period, which has one row. ratio: it divides two sums of one of these kinds.
    """

    SUM = "sum"
    SUM_OF_LAST = "sum_of_last"
    LAST = "last"
    RATIO = "ratio"


@dataclass(frozen=True)
class Metric:
    """A number of a presentation table.

    Args:
        name: the table's name and the column's, so that it is unique.
        label: the same for people.
        numerator, denominator: of a ratio, names of metrics.
    """

    name: str
    label: str
    column: str
    description: str
    unit: str
    taking: Taking
    numerator: str = ""
    denominator: str = ""


@dataclass(frozen=True)
class Dimension:
    """A column that rows are grouped and filtered by; `granularity` of one that holds days, as its rows have it."""

    column: str
    description: str
    granularity: Period | None = None


@dataclass(frozen=True)
class SemanticTable:
    """A presentation table with the metrics that can be asked of it.

    Args:
        period: the dimension that time goes by.
        ids: columns that name things of the marketplace.
        left_out: numbers that are no metrics, since they can be taken together in no way.
    """

    model: PresentationModel
    catalogue: Catalogue
    period: PeriodColumn
    dimensions: tuple[Dimension, ...]
    ids: tuple[str, ...]
    metrics: tuple[Metric, ...]
    left_out: tuple[str, ...]


def semantic_tables(contracts: Contracts) -> tuple[SemanticTable, ...]:
    """The tables that have periods and numbers that can be asked for, in the order of names."""
    found = (_table(model) for model in contracts.presentation.values())
    return tuple(table for table in found if table and table.metrics)


def without_metrics(contracts: Contracts) -> tuple[str, ...]:
    """Names of the other tables."""
    there = {table.model.name for table in semantic_tables(contracts)}
    return tuple(name for name in contracts.presentation if name not in there)


def _table(model: PresentationModel) -> SemanticTable | None:
    if model.period is None or model.catalogue is None:
        return None
    metrics = tuple(_metrics(model, model.catalogue))
    known = {metric.column for metric in metrics}
    return SemanticTable(
        model=model,
        catalogue=model.catalogue,
        period=model.period,
        dimensions=tuple(_dimensions(model, model.period)),
        ids=tuple(name for name, column in model.columns.items() if column.is_id),
        metrics=metrics,
        left_out=tuple(name for name in model.catalogue.measures if name not in known),
    )


def _dimensions(model: PresentationModel, period: PeriodColumn) -> Iterator[Dimension]:
    for name, column in model.columns.items():
        if name == period.column:
            yield Dimension(name, column.description, period.length)
        elif column.type in {"DATE", "TIMESTAMP"}:
            yield Dimension(name, column.description, Period.DAY)
        elif not column.is_id and (name in model.key or column.type in {"VARCHAR", "BOOLEAN"}):
            yield Dimension(name, column.description)


def _metrics(model: PresentationModel, catalogue: Catalogue) -> Iterator[Metric]:
    """Sums and last values first: a ratio is one of theirs."""
    found = {name: _taking(model, name, catalogue.measures) for name in catalogue.measures}
    takings = {name: taking for name, taking in found.items() if taking}
    for name, taking in takings.items():
        yield _metric(model, name, catalogue.measures[name], taking)
    for name, ratio in model.ratios.items():
        parts = {takings.get(ratio.of), takings.get(ratio.to)}
        if name in catalogue.measures and name not in takings and parts in ({Taking.SUM}, {Taking.SUM_OF_LAST}):
            yield _metric(model, name, catalogue.measures[name], Taking.RATIO)


def _taking(model: PresentationModel, name: str, measures: Mapping[str, Measure]) -> Taking | None:
    """How rows are taken together, of a number that is not the ratio of two sums."""
    adds_over = measures[name].adds_over
    if adds_over is not Additivity.NONE:
        return Taking.SUM if adds_over is Additivity.ALL else Taking.SUM_OF_LAST
    ratio = model.columns[name].ratio
    parts = [measures.get(part) for part in (ratio.of, ratio.to)] if ratio else [None]
    is_ratio_of_sums = all(part and part.adds_over is not Additivity.NONE for part in parts)
    return Taking.LAST if len(model.key) == 1 and not is_ratio_of_sums else None


def _metric(model: PresentationModel, name: str, measure: Measure, taking: Taking) -> Metric:
    column = model.columns[name]
    formula = measure.formula or (f"{column.ratio.of} / {column.ratio.to}" if column.ratio else "")
    told = [
        column.description,
        f"Formula: {formula}" if formula else "",
        f"Unit: {measure.unit}",
        _together(model, taking),
    ]
    parts = (column.ratio.of, column.ratio.to) if column.ratio and taking is Taking.RATIO else ("", "")
    return Metric(
        name=f"{model.name}_{name}",
        label=f"{_words(name).capitalize()} ({_words(model.name)})",
        column=name,
        description=" ".join(f"{sentence.rstrip('.')}." for sentence in told if sentence),
        unit=measure.unit,
        taking=taking,
        numerator=parts[0] and f"{model.name}_{parts[0]}",
        denominator=parts[1] and f"{model.name}_{parts[1]}",
    )


def _together(model: PresentationModel, taking: Taking) -> str:
    length = model.shown_period.length
    return {
        Taking.SUM: "",
        Taking.SUM_OF_LAST: f"Of several {length}s it is that of the last one",
        Taking.LAST: f"Of several {length}s it is that of the last one",
        Taking.RATIO: "",
    }[taking]


def _words(name: str) -> str:
    return name.replace("_", " ")

"""A semantic model in the format of Apache Ossie, formerly Open Semantic Interchange."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from rental_analytics.catalogue.semantic.tables import Metric, SemanticTable, Taking, semantic_tables
from rental_analytics.catalogue.semantic.yaml_text import yaml_text
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import Layer

VERSION = "0.1.1"
"""Of the specification: the last one that was released."""
FILE = PurePosixPath("rental_metrics.ossie.yaml")


class _Model(NamedTuple):
    """The keys of a semantic model."""

    name: str
    description: str
    datasets: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


def ossie_model(contracts: Contracts) -> dict[PurePosixPath, str]:
    """The file by its path.

    It has the metrics that add up over all rows, and the ratios of such: the specification has no others.
    """
    tables = semantic_tables(contracts)
    model = _Model(
        name="rental_metrics",
        description="The metrics of a rental marketplace: the tables of schema presentation.",
        datasets=[_dataset(table) for table in tables],
        metrics=[found for table in tables for found in _metrics(table)],
    )
    return {FILE: yaml_text({"version": VERSION, "semantic_model": [model._asdict()]}, _ABOUT)}


_ABOUT = (
    f"In version {VERSION} of the specification of Apache Ossie. Numbers without a metric are fields of their dataset."
)


def _dataset(table: SemanticTable) -> dict[str, Any]:
    model = table.model
    return {
        "name": model.name,
        "source": f"{Layer.PRESENTATION}.{model.name}",
        "primary_key": list(model.key),
        "description": model.definition,
        "fields": [_field(table, name) for name in model.columns],
    }


def _field(table: SemanticTable, name: str) -> dict[str, Any]:
    dimensions = {dimension.column: dimension for dimension in table.dimensions}
    field: dict[str, Any] = {
        "name": name,
        "expression": _expression(name),
        "description": table.model.columns[name].description,
    }
    if name in dimensions or name in table.ids:
        is_time = name in dimensions and dimensions[name].granularity is not None
        field["dimension"] = {"is_time": is_time}
    return field


def _metrics(table: SemanticTable) -> list[dict[str, Any]]:
    sums = {metric.name: metric for metric in table.metrics if metric.taking is Taking.SUM}
    ratios = [
        metric
        for metric in table.metrics
        if metric.taking is Taking.RATIO and {metric.numerator, metric.denominator} <= sums.keys()
    ]
    return [_metric(metric, table, sums) for metric in (*sums.values(), *ratios)]


def _metric(metric: Metric, table: SemanticTable, sums: Mapping[str, Metric]) -> dict[str, Any]:
    def total(name: str) -> str:
        return f"SUM({table.model.name}.{sums[name].column})"

    is_sum = metric.taking is Taking.SUM
    taken = total(metric.name) if is_sum else f"{total(metric.numerator)} / NULLIF({total(metric.denominator)}, 0)"
    return {"name": metric.name, "expression": _expression(taken), "description": metric.description}


def _expression(sql: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": sql}]}

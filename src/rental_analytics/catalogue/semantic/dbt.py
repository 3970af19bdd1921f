"""A dbt project with semantic models and metrics, which dbt and MetricFlow read.

A semantic model of dbt stands on a model of dbt, so that each presentation table has one: a view of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from rental_analytics.catalogue.semantic.marks import SQL_MARK
from rental_analytics.catalogue.semantic.tables import Dimension, Metric, SemanticTable, Taking, semantic_tables
from rental_analytics.catalogue.semantic.yaml_text import yaml_text
from rental_analytics.contracts.loader import Contracts
from rental_analytics.contracts.model import Layer
from rental_analytics.sql.render import render

PROJECT = "rental_metrics"
_MODELS = PurePosixPath("models")
_DAYS = "rental_days"
_DAY = "date_day"


class _Properties(NamedTuple):
    """The keys of a file with properties of models."""

    models: list[dict[str, Any]]
    semantic_models: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


def dbt_project(contracts: Contracts) -> dict[PurePosixPath, str]:
    """Every file of the project by its path.

    Metrics take the name of their table and column, such as `TABLE_revpar`.
    """
    tables = semantic_tables(contracts)
    files = {
        PurePosixPath("dbt_project.yml"): yaml_text(_PROJECT, _ABOUT),
        _MODELS / "sources.yml": yaml_text(_sources(tables)),
        _MODELS / f"{_DAYS}.yml": yaml_text(_TIME_SPINE),
        _MODELS / f"{_DAYS}.sql": _sql("days"),
    }
    for table in tables:
        name = table.model.name
        files[_MODELS / f"{name}.yml"] = yaml_text(_properties(table), _left_out(table))
        files[_MODELS / f"{name}.sql"] = _sql("view", source=Layer.PRESENTATION, table=name)
    return files


_ABOUT = """Semantic models and metrics of the presentation tables. The models are views of these tables: `dbt run`
makes them in the schema of your profile, and changes nothing else. The variable rental_database names the database
of the tables, where that is another one than the profile's."""
_PROJECT = {
    "name": PROJECT,
    "version": "1.0.0",
    "config-version": 2,
    "profile": PROJECT,
    "model-paths": [str(_MODELS)],
    "models": {PROJECT: {"+materialized": "view"}},
}
_TIME_SPINE = {
    "models": [
        {
            "name": _DAYS,
            "description": "Days, for metrics that are compared over time.",
            "time_spine": {"standard_granularity_column": _DAY},
            "columns": [{"name": _DAY, "description": "The day", "granularity": "day"}],
        }
    ]
}


def _sql(template: str, **values: str) -> str:
    return render(f"catalogue/semantic/{template}", mark=SQL_MARK, **values) + "\n"


def _sources(tables: Iterable[SemanticTable]) -> dict[str, Any]:
    source = {
        "name": str(Layer.PRESENTATION),
        "description": "The metrics, which each run of the pipeline rebuilds.",
        "database": "{{ var('rental_database', target.database) }}",
        "schema": str(Layer.PRESENTATION),
        "tables": [{"name": table.model.name, "description": _plain(table.model.description)} for table in tables],
    }
    return {"sources": [source]}


def _properties(table: SemanticTable) -> dict[str, Any]:
    model = table.model
    columns = [{"name": name, "description": _plain(column.description)} for name, column in model.columns.items()]
    return _Properties(
        models=[{"name": model.name, "description": _plain(model.definition), "columns": columns}],
        semantic_models=[_semantic_model(table)],
        metrics=[_metric(metric, table) for metric in table.metrics],
    )._asdict()


def _semantic_model(table: SemanticTable) -> dict[str, Any]:
    model = table.model
    return {
        "name": model.name,
        "label": model.name.replace("_", " ").capitalize(),
        "description": _plain(model.definition),
        "model": f"ref('{model.name}')",
        "defaults": {"agg_time_dimension": table.period.column},
        "primary_entity": model.name,
        "entities": [{"name": name.removesuffix("_id"), "type": "foreign", "expr": name} for name in table.ids],
        "dimensions": [_dimension(dimension) for dimension in table.dimensions],
        "measures": [_measure(metric, table) for metric in table.metrics if metric.taking is not Taking.RATIO],
    }


def _dimension(dimension: Dimension) -> dict[str, Any]:
    found: dict[str, Any] = {"name": dimension.column, "description": _plain(dimension.description)}
    if dimension.granularity:
        return found | {"type": "time", "type_params": {"time_granularity": str(dimension.granularity)}}
    return found | {"type": "categorical"}


def _measure(metric: Metric, table: SemanticTable) -> dict[str, Any]:
    """What a metric without a formula of its own takes from the rows; it has the metric's name."""
    measure = {
        "name": metric.name,
        "description": _plain(metric.description),
        "expr": metric.column,
        "agg": "max" if metric.taking is Taking.LAST else "sum",
    }
    if metric.taking is Taking.SUM:
        return measure
    return measure | {"non_additive_dimension": {"name": table.period.column, "window_choice": "max"}}


def _metric(metric: Metric, table: SemanticTable) -> dict[str, Any]:
    ratio = {"numerator": {"name": metric.numerator}, "denominator": {"name": metric.denominator}}
    is_ratio = metric.taking is Taking.RATIO
    return {
        "name": metric.name,
        "label": metric.label,
        "description": _plain(metric.description),
        "type": "ratio" if is_ratio else "simple",
        "type_params": ratio if is_ratio else {"measure": metric.name},
        "config": {"meta": {"unit": _plain(metric.unit), "owner": _plain(table.catalogue.owner)}},
    }


def _plain(words: str) -> str:
    """Words that dbt does not take for Jinja."""
    return re.sub(r"\{(?=[{%#])", "{ ", words)


def _left_out(table: SemanticTable) -> str:
    if not table.left_out:
        return ""
    names = ", ".join(table.left_out)
    return f"No metrics, since rows cannot be taken together: {names}."

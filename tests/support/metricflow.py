"""MetricFlow over the semantic models of `rental docs --format dbt`, without dbt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantic_interfaces.parsing.dir_to_model import (
    parse_yaml_files_to_validation_ready_semantic_manifest,
)
from metricflow_semantic_interfaces.parsing.objects import YamlConfigFile
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def manifest_of(files: Mapping[PurePosixPath, str]) -> Any:
    """What MetricFlow reads in a dbt project, checked against its JSON schema; raises where it is wrong.

    It takes an object per document, and the table in place of dbt's model of it.
    """
    read = {path: yaml.safe_load(text) for path, text in files.items() if path.suffix == ".yml"}
    documents = [document for path, held in read.items() for document in _documents(path, held)]
    texts = [
        YamlConfigFile(filepath=f"{number}.yml", contents=yaml.safe_dump(document))
        for number, document in enumerate(documents)
    ]
    return parse_yaml_files_to_validation_ready_semantic_manifest(texts).semantic_manifest


def _documents(path: PurePosixPath, held: Any) -> Iterator[dict[str, Any]]:
    for model in held.get("semantic_models", ()):
        name = model.pop("model").removeprefix("ref('").removesuffix("')")
        yield {"semantic_model": model | {"node_relation": {"schema_name": "presentation", "alias": name}}}
    yield from ({"metric": metric} for metric in held.get("metrics", ()))
    for model in held.get("models", ()) if path.parent.name else ():
        if spine := model.get("time_spine"):
            days = {"name": spine["standard_granularity_column"], "time_granularity": "day"}
            place = {"schema_name": "main", "alias": model["name"]}
            yield {"project_configuration": {"time_spines": [{"node_relation": place, "primary_column": days}]}}


class _Client:
    """What MetricFlow asks of a database it writes SQL for, and does not send any to."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        return f"${bind_parameter_key}"


class MetricFlow:
    """Answers for metrics, from a DuckDB warehouse."""

    def __init__(self, manifest: Any, connection: DuckDBPyConnection) -> None:
        client: Any = _Client()
        self._engine = MetricFlowEngine(SemanticManifestLookup(manifest), client)
        self._connection = connection

    def ask(self, metric: str, *grouped_by: str) -> dict[tuple[Any, ...], Any]:
        """The values of a metric by what it is grouped by; a moment as its day."""
        request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=grouped_by)
        rows = self._connection.execute(self._engine.explain(request).sql_statement.sql).fetchall()
        return {tuple(key.date() if hasattr(key, "date") else key for key in row[:-1]): row[-1] for row in rows}

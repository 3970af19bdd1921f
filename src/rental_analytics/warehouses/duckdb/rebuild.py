"""Computes and checks the intermediate and presentation tables of a DuckDB file, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rental_analytics.contracts.manifest import CheckResult, LoadedTable
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.errors import WarehouseError
from rental_analytics.failpoints import reach
from rental_analytics.quality.asked import found
from rental_analytics.quality.rebuilt import Comparisons, asked_of, stop_if_broken
from rental_analytics.sql.ratios import whole_query
from rental_analytics.sql.render import render
from rental_analytics.warehouses.base import QueryParameters, TableDetails
from rental_analytics.warehouses.duckdb.comments import comment
from rental_analytics.warehouses.duckdb.connection import Connection, Rows
from rental_analytics.warehouses.duckdb.tables import create_table
from rental_analytics.warehouses.refused_metric import metric_failed


def rebuild(
    connection: Connection, models: Sequence[DerivedModel], parameters: QueryParameters, comparisons: Comparisons
) -> tuple[dict[str, LoadedTable], list[CheckResult]]:
    """Put new tables in place of the old ones.

    Raises:
        WarehouseError: a query does not run.
        QualityError: a check that stops the run was broken.
    """
    built = dict[str, LoadedTable]()
    connection.run("DELETE FROM ops.run_parameters")
    connection.append("run_parameters", [asdict(parameters)])
    reach("metrics-begun")
    for model in models:
        built[model.name] = _build(connection, model)
        reach("metrics-table-built")
    asked = [asked_of(model, model.relation, comparisons) for model in models]
    results = found(asked, lambda queries: [connection.row(query) for query in queries]).results
    stop_if_broken(models, results)
    return built, list(results)


def _build(connection: Connection, model: DerivedModel) -> LoadedTable:
    columns = model.file_columns
    connection.run(create_table(model.relation, columns, replace=True))
    text = render(
        "warehouses/build",
        relation=model.relation,
        columns=columns,
        names=list(model.columns),
        order=model.row_order,
        query=whole_query(model),
    )
    ((inserted,),) = _run_query_of(connection, model, text)
    details = TableDetails(model.definition, {name: column.description for name, column in model.columns.items()})
    comment(connection, model.relation, model.columns, details, {})
    return LoadedTable(inserted=inserted)


def _run_query_of(connection: Connection, model: DerivedModel, sql: str) -> Rows:
    try:
        return connection.run(sql)
    except WarehouseError as error:
        import duckdb

        is_misfit = isinstance(error.__cause__, duckdb.ConversionException | duckdb.OutOfRangeException)
        reason = error.message.partition("refused a statement: ")[2]
        raise metric_failed(model, reason, is_misfit=is_misfit) from error

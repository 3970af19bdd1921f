"""How intermediate and presentation tables are computed beside the old ones, checked, and swapped in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from rental_analytics.contracts.manifest import RUN_ID_BYTES
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.errors import WarehouseError
from rental_analytics.quality.asked import AskedTable
from rental_analytics.quality.rebuilt import Comparisons, asked_of
from rental_analytics.sql.ratios import whole_query
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, identifiers, render
from rental_analytics.warehouses.base import QueryParameters, TableDetails
from rental_analytics.warehouses.redshift.data_api import StatementError
from rental_analytics.warehouses.redshift.ops import insertions
from rental_analytics.warehouses.redshift.procedures import as_procedures
from rental_analytics.warehouses.redshift.tables import (
    STAGING,
    Catalogue,
    Column,
    TableShape,
    create_table,
    is_other_key,
    sql_type,
)
from rental_analytics.warehouses.refused_metric import metric_failed

_PARAMETERS = "run_parameters"
_COLUMNS = (
    Column("run_id", f"VARCHAR({RUN_ID_BYTES})"),
    Column("as_of", "DATE"),
    Column("reporting_currency", "VARCHAR(16)"),
    Column("known_from", "DATE"),
)


class Rebuild:
    """The statements of one rebuild; nothing here speaks to the warehouse.

    Args:
        parameters: the row of `ops.run_parameters`.
        token: sets the names of its staging tables apart from those of any other attempt.
        held: what the warehouse has.
    """

    def __init__(
        self,
        models: Sequence[DerivedModel],
        parameters: QueryParameters,
        token: str,
        held: Catalogue,
    ) -> None:
        self._models = list(models)
        self._row = asdict(parameters)
        self._held = held
        self._parameters = f"{STAGING}{token}_p"
        self._swaps = f"{STAGING}{token}_s"
        self._stages = {model.name: f"{STAGING}{token}_{number}" for number, model in enumerate(self._models)}
        self._builds: dict[str, DerivedModel] = {}

    def shape(self, model: DerivedModel) -> TableShape:
        """A table as its contract wants it."""
        details = TableDetails(
            description=model.definition,
            descriptions={name: column.description for name, column in model.columns.items()},
            required=model.required,
            layout=model.layout,
        )
        # A key may hold NULL here, such as the state of a city, and Redshift's may not.
        key = model.key if set(model.key) <= set(model.required) else ()
        return TableShape(model.relation, model.file_columns, key, details)

    def build(self) -> list[str]:
        """Statements that compute every table beside the one that is read."""
        statements = [create_table(self._parameters, _COLUMNS, keep=False)]
        statements += insertions(_PARAMETERS, [self._row], self._parameters)
        for model in self._models:
            stage = self._stages[model.name]
            plain = [Column(column.name, sql_type(column)) for column in model.file_columns]
            statements.append(create_table(stage, plain, keep=False))
            self._builds[self._filling(model, stage)] = model
            statements.append(next(reversed(self._builds)))
        return statements

    def _filling(self, model: DerivedModel, stage: str) -> str:
        text = render(
            "warehouses/build",
            relation=stage,
            columns=model.file_columns,
            names=list(model.columns),
            order=model.row_order,
            query=self._from_stages(model),
        )
        return redshift(text, f"models/{model.layer}/{model.name}/query.sql")

    def _from_stages(self, model: DerivedModel) -> str:
        """The query, reading parameters and tables of this run instead of those that readers see still."""
        staged = {f"ops.{_PARAMETERS}": self._parameters}
        staged |= {other.relation: self._stages[other.name] for other in self._models}
        return _reading(whole_query(model), tuple(staged.items()))

    def checks(self, comparisons: Comparisons) -> list[AskedTable]:
        """What the checks of each table ask, in the order of the models."""
        stages = {model.relation: self._stages[model.name] for model in self._models}
        return [asked_of(model, self._stages[model.name], comparisons, stages) for model in self._models]

    def changes(self) -> list[str]:
        """What puts the new rows in place of the old ones.

        Rows are deleted and inserted, since TRUNCATE would commit; a table that is not what its contract says, which
        cannot be wrong to lose, is made anew.
        """
        changes = list[str]()
        for model in self._models:
            names = identifiers(model.columns)
            stage = identifier(self._stages[model.name])
            changes += self._emptied(model)
            changes.append(f"INSERT INTO {identifier(model.relation)} ({names}) SELECT {names} FROM {stage}")
        return changes

    def swap(self) -> list[str]:
        """The transaction after which readers see the new rows; until then they see the old ones."""
        return [
            f"DELETE FROM {identifier(f'ops.{_PARAMETERS}')}",
            *insertions(_PARAMETERS, [self._row]),
            *as_procedures(self.changes(), self._swaps),
        ]

    def _emptied(self, model: DerivedModel) -> list[str]:
        held = self._held.tables.get(model.relation)
        other_key = is_other_key(self._held.keys.get(model.relation, ()), self.shape(model).key)
        wanted = [(column.name, sql_type(column), column.name in model.required) for column in model.file_columns]
        if held is None:
            return [self.shape(model).create(keep=False)]
        if not other_key and [(name, column.sql_type, column.required) for name, column in held.items()] == wanted:
            return [f"DELETE FROM {identifier(model.relation)}"]
        return [f"DROP TABLE {identifier(model.relation)}", self.shape(model).create(keep=False)]

    def removals(self) -> list[str]:
        """What removes the staging tables."""
        return [f"DROP TABLE IF EXISTS {identifier(name)}" for name in (self._parameters, *self._stages.values())]

    def not_run(self, error: StatementError) -> WarehouseError:
        """The error for a model's query that was refused."""
        model = self._builds.get(error.statement)
        if model is None:
            return error
        reason = error.message.partition("refused a statement: ")[2]
        return metric_failed(model, reason, is_misfit=False)


@lru_cache(maxsize=256)
def _reading(text: str, staged: tuple[tuple[str, str], ...]) -> str:
    """A query in DuckDB's dialect that reads other tables in place of some."""
    query: Any = sqlglot.parse_one(text, read="duckdb")
    others = dict(staged)
    for table in query.find_all(exp.Table):
        if other := others.get(f"{table.db}.{table.name}"):
            table.replace(exp.alias_(exp.to_table(other), table.alias or table.name, table=True))
    return str(query.sql("duckdb"))

"""Plans for statements that a test writes itself."""

from __future__ import annotations

from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.databases.base import ReadPlan


def plan_of(table: str) -> ReadPlan:
    """A plan that knows what the table is called, for errors to name it."""
    columns = {"id": {"type": "any", "description": "A number", "required": False}}
    contract = SourceTable.model_validate({"name": table, "description": "A table", "columns": columns})
    return ReadPlan(contract, ReadMode.SNAPSHOT, (), (), None, unique_key=False, relation=table)

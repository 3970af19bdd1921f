"""Names of columns that the lake and the warehouse can hold."""

from __future__ import annotations

from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.databases.base import CatalogueColumn
from rental_analytics.errors import ContractError


def check_name(table: SourceTable, column: CatalogueColumn, name: str) -> None:
    """Stop at a name that a column cannot have in the lake: columns of the pipeline itself begin with an underscore.

    Args:
        name: the column's name as it arrives.
    """
    if "." in name or name.startswith("_"):
        raise ContractError(
            f"Column {table.name}.{column.name} cannot be kept: its name "
            + ("has a dot." if "." in name else "begins with an underscore, as those of the pipeline itself do."),
            remedy=f"rename it in a view, or remove `unknown_columns: keep` from sources/{table.name}.yaml.",
            reason="column-name-not-usable",
            table=table.name,
        )

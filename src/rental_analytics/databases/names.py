"""Names of columns that the lake and the warehouse can hold."""

from __future__ import annotations

from rental_analytics.databases.base import ColumnOrigin
from rental_analytics.errors import ContractError


def check_name(origin: ColumnOrigin) -> None:
    """Stop at a name that a column cannot have in the lake: columns of the pipeline itself begin with an underscore."""
    name, table = origin.name, origin.table.name
    if "." in name or name.startswith("_"):
        raise ContractError(
            f"Column {table}.{origin.column.name} cannot be kept: its name "
            + ("has a dot." if "." in name else "begins with an underscore, as those of the pipeline itself do."),
            remedy=f"rename it in a view, or remove `unknown_columns: keep` from sources/{table}.yaml.",
            reason="column-name-not-usable",
            table=table,
        )

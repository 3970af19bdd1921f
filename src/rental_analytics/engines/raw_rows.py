"""Raw rows as the curated models read them, whatever runs and types they came with."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import ExtractedTable
from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.engines.session import Session, empty_relation
from rental_analytics.sql.render import identifier
from rental_analytics.storage.base import Lake


def raw_rows(session: Session, lake: Lake, source: SourceTable | None, extracts: Sequence[ExtractedTable]) -> str:
    """A query for the rows of extracts, oldest first; a column has the type that holds those of all of them.

    Numbers are rounded as the source's contract wants them, where one is given.
    """
    types = common_types(extracts)
    wanted = {name: column.type for name, column in source.columns.items()} if source else {}
    parts = []
    for extract in extracts:
        files = session.input(lake, [file.path for file in (*extract.files, *extract.deletes)])
        if files:
            had = {column.name: column.type for column in extract.columns}
            listed = ", ".join(
                f"{_value(session, name, had.get(name), kind, wanted.get(name))} AS {identifier(name)}"
                for name, kind in types.items()
            )
            parts.append(f"SELECT {listed} FROM {session.parquet(files)} AS extracted_rows")
    return " UNION ALL ".join(parts) or empty_relation(list(types.items()))


def common_types(extracts: Sequence[ExtractedTable]) -> dict[str, str]:
    """The types of the columns of extracts: those that hold the values of all of them."""
    types: dict[str, str] = {}
    for extract in extracts:
        for column in extract.columns:
            known = types.get(column.name, column.type)
            types[column.name] = common_type(known, column.type) or column.type
    return types


def _value(session: Session, name: str, had: str | None, kind: str, wanted: SourceType | None) -> str:
    """A column in the type asked for.

    Engines differ in how a cast rounds: so what a contract wants as a whole number or as a decimal is rounded here, to
    the nearest, half away from zero, and a DOUBLE by the digits it is written with.
    """
    value = identifier(name)
    if had is None:
        return f"CAST(NULL AS {kind})"
    if wanted is SourceType.INTEGER and kind.startswith(("DECIMAL", "DOUBLE")):
        return f"ROUND({value}, 0)"
    if wanted is SourceType.DECIMAL and kind == "DOUBLE":
        return f"CAST({session.text(value, kind)} AS DECIMAL(38,10))"
    if had == kind:
        return value
    return session.text(value, had) if kind == "VARCHAR" else f"CAST({value} AS {kind})"

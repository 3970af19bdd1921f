"""Raw rows as checks and curated models read them, whatever runs and types they came with."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import ExtractedTable
from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.engines.base import Session, empty_relation
from rental_analytics.quality.rules import TOO_LARGE
from rental_analytics.sql.render import identifier, render
from rental_analytics.storage.base import Lake


def raw_rows(session: Session, lake: Lake, source: SourceTable | None, extracts: Sequence[ExtractedTable]) -> str:
    """A query for the rows of extracts, oldest first; a column has the type that holds those of all of them.

    Numbers are exact where the source's contract, if one is given, wants them so.
    """
    types = common_types(extracts)
    wanted = {name: column.type for name, column in source.columns.items()} if source else {}
    parts = []
    for extract in extracts:
        files = session.input(lake, (*extract.files, *extract.deletes))
        if files:
            had = {column.name: column.type for column in extract.columns}
            columns = {
                name: _value(session, name, had.get(name), kind, wanted.get(name)) for name, kind in types.items()
            }
            parts.append((session.parquet(files), columns))
    return render("steps/raw_rows", parts=parts) if parts else empty_relation(list(types.items()))


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

    Engines differ in how a cast rounds: so a DOUBLE that a contract wants as a decimal is rounded here, to the nearest,
    half away from zero, by the digits it is written with. One that is too large for that, or has a fraction where a
    whole number is wanted, becomes a number that no model's column holds, so that its row is rejected.
    """
    value = identifier(name)
    if had is None:
        return f"CAST(NULL AS {kind})"
    if wanted is SourceType.TEXT_ID:
        # An empty text names nothing.
        return f"NULLIF({value if had == kind else session.text(value, had)}, '')"
    if wanted is SourceType.ID and had == "VARCHAR" and kind != had:
        # Of a run from before the ids were whole numbers.
        return f"TRY_CAST({value} AS {kind})"
    if wanted in {SourceType.INTEGER, SourceType.ID} and kind == "DOUBLE":
        return _whole(value)
    if wanted is SourceType.DECIMAL and kind == "DOUBLE":
        return _exact(value, session.text(value, kind))
    if had == kind:
        return value
    return session.text(value, had) if kind == "VARCHAR" else f"CAST({value} AS {kind})"


def _whole(value: str) -> str:
    """A DOUBLE as a whole number."""
    fits = f"{value} > -9223372036854774784e0 AND {value} < 9223372036854774784e0 AND ROUND({value}, 0) = {value}"
    whole = f"CAST(CAST({value} AS BIGINT) AS DECIMAL(38,0))"
    return f"CASE WHEN {value} IS NULL THEN NULL WHEN {fits} THEN {whole} ELSE CAST('{TOO_LARGE}' AS DECIMAL(38,0)) END"


def _exact(value: str, text: str) -> str:
    """A DOUBLE, which `text` has the digits of, as a decimal."""
    too_large = f"CAST('{TOO_LARGE[:28]}.{TOO_LARGE[28:]}' AS DECIMAL(38,10))"
    return f"CASE WHEN {value} IS NOT NULL THEN COALESCE(TRY_CAST({text} AS DECIMAL(38,10)), {too_large}) END"

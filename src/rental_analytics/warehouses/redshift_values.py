"""Rows of schema `ops` as Redshift's SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.redshift import STATEMENT_BYTES
from rental_analytics.sql.render import identifier, identifiers, redshift_literal

_MAX_BYTES = STATEMENT_BYTES // 5
"""Of a text, whose every character may become two."""


def value(item: Any) -> str:
    """A value as Redshift writes it; a text that with others would make a statement too long is cut."""
    if item is None:
        return "NULL"
    if isinstance(item, bool):
        return "TRUE" if item else "FALSE"
    if isinstance(item, datetime):
        return f"TIMESTAMP '{item:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(item, date):
        return f"DATE '{item:%Y-%m-%d}'"
    if isinstance(item, str):
        return redshift_literal(item.encode()[:_MAX_BYTES].decode(errors="ignore"))
    return str(item)


def deletion(name: str, rows: Sequence[Mapping[str, Any]], agreeing: Sequence[str]) -> str:
    """The statement that removes what agrees with one of the rows in columns without NULL."""
    same = dict.fromkeys(
        " AND ".join(f"{identifier(column)} = {value(row[column])}" for column in agreeing) for row in rows
    )
    return f"DELETE FROM {identifier(f'ops.{name}')} WHERE {' OR '.join(f'({one})' for one in same)}"


def insertions(name: str, rows: Sequence[Mapping[str, Any]], relation: str | None = None) -> Iterator[str]:
    """Statements that add rows, none longer than the Data API takes."""
    columns = list(ops_tables()[name].columns)
    opening = f"INSERT INTO {identifier(relation or f'ops.{name}')} ({identifiers(columns)}) VALUES "
    held, size = list[str](), len(opening)
    for row in rows:
        text = f"({', '.join(value(row.get(column)) for column in columns)})"
        if held and size + len(text.encode()) > STATEMENT_BYTES - 1000:
            yield opening + ", ".join(held)
            held, size = [], len(opening)
        held.append(text)
        size += len(text.encode()) + 2
    if held:
        yield opening + ", ".join(held)

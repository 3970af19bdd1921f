"""What the kinds of checks that look at single rows ask, as predicates that are true for the rows that break them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from rental_analytics.contracts.checks import AcceptedValues, Constant, DeclaredCheck, Expression, NotNull, Range
from rental_analytics.sql.render import identifier, literal, timestamp_text

_BROKEN_BY = {"min": "<", "above": "<=", "max": ">", "below": ">="}
"""How a value compares with a bound that it breaks."""


def condition(check: DeclaredCheck, value: str | None = None) -> str:
    """A predicate in DuckDB's dialect; where it is NULL, the row does not break the check.

    Args:
        check: of a kind that looks at single rows.
        value: SQL for the column's value; None for the column itself.
    """
    if isinstance(check.kind, Expression):
        return check.kind.when
    shown = value or identifier(check.columns[0])
    match check.kind:
        case NotNull():
            return f"{shown} IS NULL"
        case AcceptedValues(values=values):
            return _not_among(shown, values)
        case Range() as asked:
            return " OR ".join(f"{shown} {_BROKEN_BY[name]} {constant(bound)}" for name, bound in asked.bounds.items())
    raise AssertionError(check)


def constant(value: Constant) -> str:
    """A value of a contract in SQL."""
    if isinstance(value, datetime):
        return f"TIMESTAMP {literal(timestamp_text(value))}"
    if isinstance(value, date):
        return f"DATE {literal(value.isoformat())}"
    return literal(value) if isinstance(value, str) else str(value)


def key_text(columns: Sequence[str]) -> str:
    """What names a row: its key, whose columns have commas in between."""
    if len(columns) == 1:
        return identifier(columns[0])
    return " || ',' || ".join(f"COALESCE(CAST({identifier(name)} AS VARCHAR), 'NULL')" for name in columns)


def _not_among(shown: str, values: Sequence[Constant]) -> str:
    if all(isinstance(value, str) for value in values):
        # Redshift sees no blanks at the end of a text; with a point behind them they count.
        return f"{shown} || '.' NOT IN ({', '.join(constant(f'{value}.') for value in values)})"
    return f"{shown} NOT IN ({', '.join(map(constant, values))})"

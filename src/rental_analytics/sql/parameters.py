"""Values of a user's statement: `:name` stands for one, and becomes a literal of the warehouse's SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from rental_analytics.errors import ConfigurationError
from rental_analytics.sql.render import literal, redshift_literal, timestamp_text

_VALUES = {"VAR", "IDENTIFIER", "NUMBER", "STRING", "R_PAREN", "R_BRACKET", "R_BRACE"}
"""Tokens behind which a colon cuts a list or names a part of a struct, as in `prices[1:n]` and `{'a':n}`."""


def bound(sql: str, parameters: Mapping[str, Any], dialect: str) -> str:
    """A statement with its values in place.

    Args:
        parameters: values by name. A list, tuple or set stands for a list in parentheses, as behind IN.
        dialect: the statement's, as sqlglot calls it.

    Raises:
        ConfigurationError: a value is missing, is not asked for, or is of a type that SQL does not have.
    """
    places = list(_places(sql, dialect))
    named = {name for _, _, name in places}
    for name in parameters.keys() - named:
        raise ConfigurationError(
            f"A value for :{name} is given, and the query does not ask for it.",
            remedy=f"write :{name} where it belongs, outside of quotation marks, or leave the value out.",
            reason="parameter-not-used",
        )
    for start, end, name in reversed(places):
        if name not in parameters:
            raise ConfigurationError(
                f"The query asks for :{name}, and there is no value for it.",
                remedy=f'give it with the others, as in query(sql, {{"{name}": ...}}).',
                reason="parameter-missing",
            )
        sql = sql[:start] + _literal(name, parameters[name], dialect) + sql[end:]
    return sql


def _places(sql: str, dialect: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of each `:name` that is no part of a text, a comment or a cast."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tokens: list[Any] = list(sqlglot.tokenize(sql, read=dialect))
    except SqlglotError:
        # What is wrong with it the warehouse tells better.
        return
    for place, (colon, name) in enumerate(pairwise(tokens)):
        before = tokens[place - 1] if place else None
        adjoins = before and before.end + 1 == colon.start and before.token_type.name in _VALUES
        named = name.start == colon.end + 1 and name.text.isidentifier() and sql[name.start] not in "\"'"
        if colon.token_type.name == "COLON" and named and not adjoins:
            yield colon.start, name.end + 1, name.text


def _literal(name: str, value: Any, dialect: str) -> str:
    """One value in SQL; those of numpy and pandas are taken for Python's."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return f"({', '.join(_literal(name, one, dialect) for one in value) or 'NULL'})"
    # Not a number, and pandas' moment that is none, are what is not equal to itself.
    if value is None or value != value:  # noqa: PLR0124
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
        # Two signs in a row would begin a comment.
        return f"({value:f})" if isinstance(value, Decimal) else f"({value})"
    quoted = redshift_literal if dialect == "redshift" else literal
    if isinstance(value, str | UUID):
        return quoted(value)
    if isinstance(value, float):
        return f"CAST({literal(repr(value))} AS DOUBLE PRECISION)"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return f"CAST({literal(timestamp_text(moment))} AS TIMESTAMP)"
    if isinstance(value, date):
        return f"CAST({literal(value.isoformat())} AS DATE)"
    raise ConfigurationError(
        f"The value of :{name} is a {type(value).__name__}, for which SQL has no literal.",
        remedy="give a number, a text, a date, a moment, a truth value or None, or a list of these.",
        reason="parameter-type-unknown",
    )

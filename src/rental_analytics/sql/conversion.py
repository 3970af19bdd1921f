"""Conversions, in DuckDB's SQL, from the values that travel to the exact types of the lake.

A value that does not fit stops the run by name; `{key}` in a template is where the row's key is spliced in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def quoted(name: str) -> str:
    """A column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def passed(name: str) -> str:
    """A value that arrives with its type."""
    return quoted(name)


def cast(name: str, kind: str) -> str:
    """A value that always fits the type."""
    return f"CAST({quoted(name)} AS {kind})"


def zero_date(name: str, kind: str) -> str:
    """A date or timestamp whose zero date becomes NULL."""
    return f"CAST(NULLIF({quoted(name)}, {kind} '0001-01-01') AS {kind})"


def strict(name: str, kind: str, table: str, expression: str | None = None) -> str:
    """A text that must read as `kind`; otherwise the run stops naming table, column and key."""
    value = expression or f"TRY_CAST({quoted(name)} AS {kind})"
    return (
        f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {value} IS NOT NULL THEN {value} "
        f"ELSE {_stop(name, kind, table)} END"
    )


def boolean(name: str, table: str) -> str:
    """0, 1 or NULL; anything else stops the run."""
    value = f"TRY_CAST({quoted(name)} AS BIGINT)"
    return (
        f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {value} = 1 THEN TRUE WHEN {value} = 0 THEN FALSE "
        f"ELSE {_stop(name, 'BOOLEAN', table)} END"
    )


def with_key(conversions: Iterable[str], key: Sequence[str]) -> list[str]:
    """The conversions, with the row's key in the messages that stop a run."""
    parts = [f"COALESCE(CAST({quoted(name)} AS VARCHAR), 'NULL')" for name in key]
    spliced = " || ', ' || ".join(parts) if parts else "'?'"
    names = ", ".join(key) or "no key"
    return [text.replace("{key_names}", names).replace("{key}", spliced) for text in conversions]


STOP_MARK = "rental-value:"
"""Begins the message of a value that stopped a read, so that the engine can tell it from its own errors."""


def _stop(name: str, kind: str, table: str) -> str:
    article = f"{STOP_MARK} {table}.{name} holds ''"
    return (
        f"error('{article}' || CAST({quoted(name)} AS VARCHAR) || ''', which is no {kind}, "
        f"in the row with {{key_names}} ' || {{key}})"
    )


def time_of_day(name: str) -> str:
    """A MySQL TIME, such as -838:59:59.000000, in microseconds."""
    text = quoted(name)
    hours, minutes = (
        f"CAST(SPLIT_PART({text}, ':', 1) AS BIGINT)",
        f"CAST(SPLIT_PART({text}, ':', 2) AS BIGINT)",
    )
    micros = f"CAST(CAST(SPLIT_PART({text}, ':', 3) AS DECIMAL(12,6)) * 1000000 AS BIGINT)"
    total = f"(ABS({hours}) * 3600 + {minutes} * 60) * 1000000 + {micros}"
    return f"CASE WHEN {text} LIKE '-%' THEN -({total}) ELSE {total} END"

"""Conversions, in DuckDB's SQL, from the values that travel to the exact types of the lake.

A value that does not fit stops the run by name; `with_key` splices the row's key into the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rental_analytics.errors import SourceError

if TYPE_CHECKING:
    from rental_analytics.databases.base import RawColumn

STOP_MARK = "rental-value:"
"""Begins the message of a value that stopped a read, so that the engine can tell it from its own errors.

Behind it stands the reason, a colon, and the message.
"""

ID_NOT_INTEGER = "id-not-integer"
NOT_OF_TYPE = "value-not-of-type"
"""Reasons for which a value stops a read."""

# No column's name can hold a NUL.
_KEY = "\0key\0"
_KEY_NAMES = "\0key names\0"
_NO_SUCH_DATE = "a date that no calendar has, or one before 0001-01-02,"
_TOO_LONG = "a value longer than the server can send (its max_allowed_packet),"


def value_error(stopped: str) -> SourceError:
    """The error for a value that stopped a read; `stopped` is what stands behind `STOP_MARK`."""
    reason, _, message = stopped.strip().partition(": ")
    if reason == ID_NOT_INTEGER:
        return SourceError(
            f"{message}.",
            remedy='set marketplace.ids = "text" if the ids of the marketplace are texts, or correct the value in the '
            "source.",
            reason="id-not-integer",
        )
    if reason == "value-too-long-for-server":
        return SourceError(
            f"{message}.",
            remedy="raise max_allowed_packet on the server, then run again.",
            reason="value-too-long-for-server",
        )
    if reason == "date-not-in-calendar":
        return SourceError(
            f"{message}.", remedy="correct the date in the source, then run again.", reason="date-not-in-calendar"
        )
    return SourceError(
        f"{message}.",
        remedy="correct the value in the source, or the column's type in its contract.",
        reason="value-not-of-type",
    )


def quoted(name: str) -> str:
    """A column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def passed(name: str) -> str:
    """A value that arrives with its type."""
    return quoted(name)


def cast(name: str, kind: str) -> str:
    """A value that always fits the type."""
    return f"CAST({quoted(name)} AS {kind})"


def zero_date(name: str, kind: str, place: str) -> str:
    """A date or timestamp whose zero date, `0001-01-01`, becomes NULL; an older one stands for what is no date."""
    stop = _stop("date-not-in-calendar", f"{place} holds {_NO_SUCH_DATE} ")
    return (
        f"CASE WHEN {quoted(name)} < {kind} '0001-01-01' THEN {stop} "
        f"ELSE CAST(NULLIF({quoted(name)}, {kind} '0001-01-01') AS {kind}) END"
    )


def whole_text(name: str, place: str, cut: str) -> str:
    """A text for which `cut` travels where the server could not send it."""
    stop = _stop("value-too-long-for-server", f"{place} holds {_TOO_LONG} ")
    return f"CASE WHEN {quoted(name)} = {_literal(cut)} THEN {stop} ELSE CAST({quoted(name)} AS VARCHAR) END"


def strict(
    name: str, kind: str, place: str, expression: str, shown: str | None = None, reason: str = NOT_OF_TYPE
) -> str:
    """A value that must read as `kind`; otherwise the run stops naming table, column and key.

    Args:
        place: the column as messages name it.
        expression: the value in its type, or NULL where it has none.
        shown: the value in the message; by default what travels.
        reason: of the error.
    """
    return (
        f"CASE WHEN {quoted(name)} IS NOT NULL "
        f"THEN COALESCE({expression}, {stop_at_value(name, kind, place, shown, reason)}) END"
    )


def stop_at_value(name: str, kind: str, place: str, shown: str | None = None, reason: str = NOT_OF_TYPE) -> str:
    """What stops the run at a value, as `strict` does."""
    value = shown or f"CAST({quoted(name)} AS VARCHAR)"
    return _stop(reason, f"{place} holds '", value, f"', which is no {kind}, ")


def matched(name: str, pattern: str, value: str) -> str:
    """A value where the text has the form of a regular expression, else NULL.

    DuckDB's casts read more than that: 1_000 is a thousand to them, 0x1F is 31, and 15e-1 as a whole number 2.
    """
    return f"CASE WHEN REGEXP_MATCHES({quoted(name)}, {_literal(pattern)}) THEN {value} END"


def boolean(name: str, place: str) -> str:
    """0, 1 or NULL; anything else stops the run."""
    value = f"TRY_CAST({quoted(name)} AS BIGINT)"
    return (
        f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {value} = 1 THEN TRUE WHEN {value} = 0 THEN FALSE "
        f"ELSE {stop_at_value(name, 'BOOLEAN', place)} END"
    )


def with_key(conversions: Iterable[str], key: Sequence[str]) -> list[str]:
    """The conversions, with the row's key in the messages that stop a run."""
    parts = [f"COALESCE(CAST({quoted(name)} AS VARCHAR), 'NULL')" for name in key]
    spliced = " || ', ' || ".join(parts) if parts else "'?'"
    names = _literal(", ".join(key) or "no key")
    return [text.replace(_KEY_NAMES, names).replace(_KEY, spliced) for text in conversions]


def conversions(columns: Sequence[RawColumn], key: Sequence[str]) -> list[str]:
    """A select list that brings columns from the types that travel to those of the lake."""
    converts = with_key((column.convert for column in columns), key)
    return [f"{convert} AS {quoted(column.name)}" for convert, column in zip(converts, columns, strict=True)]


def _stop(reason: str, before: str, value: str = "''", after: str = "") -> str:
    message = f"{_literal(f'{STOP_MARK} {reason}: {before}')} || {value} || {_literal(f'{after}in the row with ')}"
    return f"error({message} || {_KEY_NAMES} || ' ' || {_KEY})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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

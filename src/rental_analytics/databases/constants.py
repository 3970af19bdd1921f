"""Columns that have one value in every row, as the configuration gives it: `[tables.<table>] constants`."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from rental_analytics.contracts.marketplace import is_id
from rental_analytics.contracts.source_table import SourceType
from rental_analytics.databases.base import DEFAULT_TYPES, RawColumn, quoted_text
from rental_analytics.errors import ConfigurationError
from rental_analytics.sql.render import timestamp_text

_LARGEST = 2**63
_PLACES, _WHOLE_DIGITS = 10, 28
_MOST_DIGITS = 60
_FLAGS = {"1": "true", "true": "true", "0": "false", "false": "false"}
_MICROSECONDS = 1_000_000


def constant_column(table: str, name: str, wanted: SourceType, value: object) -> RawColumn:
    """A column that has one value in every row: nothing travels, and the value arrives in the type of its contract.

    Raises:
        ConfigurationError: the value is not of the kind that the contract wants.
    """
    to_text, example = _KINDS[wanted]
    try:
        text = to_text(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise ConfigurationError(
            f"tables.{table}.constants.{name} is not of the kind that {table}.{name} needs: {wanted.value}.",
            remedy=f"write a value such as {example}.",
            reason="constant-not-of-kind",
            table=table,
        ) from None
    kind = DEFAULT_TYPES[wanted]
    bound = len(text.encode()) or 1 if kind == "VARCHAR" else None
    return RawColumn(name, kind, "", f"CAST({quoted_text(text)} AS {kind})", max_bytes=bound, constant=text)


def _decimal(value: Any) -> Decimal:
    """The number that a value says, a text included; true and false say none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    # The digits that a floating-point number is written with, as it stands in the file.
    number = Decimal(str(value).strip())
    if not number.is_finite():
        raise ValueError(value)
    return number


def _whole(value: Any) -> str:
    number = _decimal(value)
    if number != number.to_integral_value() or not -_LARGEST <= number < _LARGEST:
        raise ValueError(value)
    return str(int(number))


def _exact(value: Any) -> str:
    number = _decimal(value)
    with localcontext(prec=_MOST_DIGITS):
        if abs(number) >= 10**_WHOLE_DIGITS or number != round(number, _PLACES):
            raise ValueError(value)
    return f"{number:f}"


def _float(value: Any) -> str:
    number = float(_decimal(value))
    if not math.isfinite(number):
        raise ValueError(value)
    return repr(number)


def _flag(value: Any) -> str:
    text = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    if text not in _FLAGS:
        raise ValueError(value)
    return _FLAGS[text]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _text_id(value: Any) -> str:
    """A whole number is the text of its digits."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if not is_id(text):
        raise ValueError(value)
    return text


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        raise TypeError(value)
    return (value if isinstance(value, date) else date.fromisoformat(_text(value).strip())).isoformat()


def _moment(value: Any) -> str:
    """In UTC; a moment with an offset is brought there."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value).strip())
    return timestamp_text(moment.astimezone(UTC) if moment.tzinfo else moment)


def _time_of_day(value: Any) -> str:
    """In microseconds."""
    moment = value if isinstance(value, time) else time.fromisoformat(_text(value).strip())
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return str(seconds * _MICROSECONDS + moment.microsecond)


_KINDS: dict[SourceType, tuple[Callable[[Any], str], str]] = {
    SourceType.INTEGER: (_whole, "2"),
    SourceType.DECIMAL: (_exact, "19.90"),
    SourceType.FLOAT: (_float, "52.5"),
    SourceType.TEXT: (_text, '"EUR", in quotes'),
    SourceType.BOOLEAN: (_flag, "true or false"),
    SourceType.DATE: (_date, "2024-01-31"),
    SourceType.TIMESTAMP: (_moment, "2024-01-31 10:00:00"),
    SourceType.TIME: (_time_of_day, "10:00:00"),
    SourceType.ANY: (_text, '"yes", in quotes'),
    SourceType.ID: (_whole, "2"),
    SourceType.TEXT_ID: (_text_id, '"a1", in quotes'),
}

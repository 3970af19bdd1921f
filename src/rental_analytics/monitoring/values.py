"""Values of Arrow columns as Python's, and as the texts of tables, CSV and JSON.

A value Python has no place for, such as a date of the year 294247, is a text from the start.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400
_ENDLESS_DAYS, _ENDLESS = 2**31 - 1, 2**63 - 1
"""What DuckDB calls infinity, in days and in a timestamp's unit."""


def column_values(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Values of a column, in order; NULL is None."""
    import pyarrow as pa

    # Of times, Python has no 24:00:00 and makes midnight of it; of nanoseconds, pandas makes values of its own.
    if not re.search(r"\btime(32|64)\b|\[ns\b", str(column.type)):
        try:
            return column.to_pylist()  # type: ignore[no-any-return]
        except (OverflowError, ValueError, pa.ArrowException):
            pass
    return [_value(scalar) for scalar in column]


def table_records(table: pa.Table | pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as dictionaries; of two columns with one name the later counts."""
    columns = [column_values(column) for column in table.columns]
    names = table.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _value(scalar: pa.Scalar) -> Any:
    import pyarrow as pa

    kind = scalar.type
    if not scalar.is_valid:
        return None
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return _moment(scalar, kind)
    if pa.types.is_map(kind):
        return [(_value(entry["key"]), _value(entry["value"])) for entry in scalar.values]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [_value(part) for part in scalar.values]
    if pa.types.is_struct(kind):
        return {kind[place].name: _value(scalar[place]) for place in range(kind.num_fields)}
    return scalar.as_py()


def _key(value: Any) -> str:
    return value if isinstance(value, str) else plain(value)


def _moment(scalar: pa.Scalar, kind: Any) -> Any:
    """A date, time or timestamp: Python's where it has it, else DuckDB's text."""
    import pyarrow as pa

    try:
        # Where pandas is installed, Arrow would give a moment of pandas for one with nanoseconds.
        value = scalar.cast(pa.timestamp("us", kind.tz)).as_py() if _has_nanoseconds(kind) else scalar.as_py()
        if not pa.types.is_time(kind) or scalar.value < _DAY * _PER_SECOND[kind.unit]:
            return value
    except (OverflowError, ValueError, pa.ArrowException):
        pass
    number = scalar.value
    endless = _ENDLESS_DAYS if pa.types.is_date32(kind) else _ENDLESS
    if abs(number) >= endless:
        return "infinity" if number > 0 else "-infinity"
    if pa.types.is_date32(kind):
        return _day(number)
    if pa.types.is_date64(kind):
        return _day(number // (_DAY * 1000))
    if pa.types.is_time(kind):
        return _clock(number, kind.unit)
    if pa.types.is_timestamp(kind):
        days, rest = divmod(number, _DAY * _PER_SECOND[kind.unit])
        return f"{_day(days)} {_clock(rest, kind.unit)}{'+00' if kind.tz else ''}"
    return str(number)


def _has_nanoseconds(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_timestamp(kind)) and kind.unit == "ns"


def _day(days: int) -> str:
    """A day since 1970-01-01 of the proleptic Gregorian calendar, of any year.

    The computation is Howard Hinnant's `civil_from_days`: years begin in March, eras have 400 years.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    return f"{year:04d}-{month:02d}-{day:02d}" if year > 0 else f"{1 - year:04d}-{month:02d}-{day:02d} (BC)"


def _clock(number: int, unit: str) -> str:
    """A time since midnight, which 24:00:00 is too."""
    seconds, fraction = divmod(number, _PER_SECOND[unit])
    digits = len(str(_PER_SECOND[unit])) - 1
    behind = f".{fraction:0{digits}d}".rstrip("0") if fraction else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{behind}"


def _interval(value: Any) -> str:
    parts = [(value.months, "month"), (value.days, "day")]
    told = [f"{count} {unit}{'' if abs(count) == 1 else 's'}" for count, unit in parts if count]
    if value.nanoseconds or not told:
        sign = "-" if value.nanoseconds < 0 else ""
        told.append(sign + _clock(abs(value.nanoseconds), "ns"))
    return " ".join(told)


def plain(value: Any) -> str:
    """A value as an exact text: decimals with all digits, moments as ISO 8601, bytes in hexadecimal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, dict | list):
        return json.dumps(finite(value), default=plain, ensure_ascii=False)
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return _interval(value) if hasattr(value, "nanoseconds") else str(value)


def cell(value: Any) -> str:
    """A value as a table shows it: NULL as nothing, moments to the second."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return str(value) if isinstance(value, bool | float) else plain(value)


def finite(value: Any) -> Any:
    """A value for JSON, which knows neither NaN nor infinity: they become null."""
    if hasattr(value, "nanoseconds"):
        return _interval(value)
    if isinstance(value, dict):
        return {_key(name): finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def json_text(record: Any) -> str:
    """A record as indented JSON; what JSON has no type for is a text."""
    return json.dumps(finite(record), default=plain, indent=2, ensure_ascii=False)


def json_line(record: Any) -> str:
    """A record as JSON on one line."""
    return json.dumps(finite(record), default=plain, ensure_ascii=False)

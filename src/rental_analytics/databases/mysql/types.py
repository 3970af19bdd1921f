"""How a MySQL type travels, and what it becomes: one raw column from what the catalogue says."""

from __future__ import annotations

import re
from typing import Any

from rental_analytics.contracts.source_table import SourceType
from rental_analytics.databases import conversion
from rental_analytics.databases.base import ColumnOrigin, RawColumn, absent_column

SMALLEST_REAL_DATE = "0001-01-02"

_INTEGERS = {
    "tinyint": ("SMALLINT", "SMALLINT"),
    "smallint": ("SMALLINT", "INTEGER"),
    "mediumint": ("INTEGER", "INTEGER"),
    "int": ("INTEGER", "BIGINT"),
    "bigint": ("BIGINT", "DECIMAL(20,0)"),
}
_TEXTS = {
    "char",
    "varchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "enum",
    "set",
    "json",
    "uuid",
    "inet4",
    "inet6",
}
_LONG = {"text", "mediumtext", "longtext", "json", "blob", "mediumblob", "longblob"}
_UUID_BYTES = 36
_CUT = "\x02longer than max_allowed_packet\x03"
_BINARIES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
_NUMBERS = {SourceType.INTEGER, SourceType.DECIMAL, SourceType.FLOAT}
_LONGEST_NUMBER = 66
"""Digits of a DECIMAL, and its sign."""
_FREE = {SourceType.ANY, SourceType.TEXT}


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def literal(value: Any) -> str:
    if isinstance(value, str):
        # Hexadecimal, since what a backslash means depends on the session; a literal gives way to a column's collation.
        return f"_utf8mb4 x'{value.encode().hex()}'" if value else "''"
    return str(value)


def mysql_column(origin: ColumnOrigin, wanted: SourceType) -> RawColumn | None:
    """How a MySQL column travels and arrives, or None where its type cannot serve as what is wanted."""
    name, source, native = origin.name, quoted(origin.column.name), origin.column.native
    base = native.split("(", maxsplit=1)[0].split(maxsplit=1)[0]
    if base in {"binary", "varbinary"} and wanted not in _FREE and native.endswith("(0)"):
        # What `NULL AS name` in a view is to the catalogue.
        return absent_column(name, wanted)
    if wanted is SourceType.TEXT_ID:
        return _id(origin, source, base, native)
    return _mysql_column(origin, base, SourceType.INTEGER if wanted is SourceType.ID else wanted)


def _mysql_column(origin: ColumnOrigin, base: str, wanted: SourceType) -> RawColumn | None:
    """The column of a value that is no id, or of an id that is a whole number; `base` is its type's name."""
    name, source, native = origin.name, quoted(origin.column.name), origin.column.native
    if wanted is SourceType.BOOLEAN:
        if base in _INTEGERS or base == "bit":
            # What does not fit 64 bits with a sign is told as it is only as text.
            wide = base == "bit" or "unsigned" in native
            selected = f"CAST({source} + 0 AS CHAR)" if wide else f"CAST({source} AS SIGNED)"
            return RawColumn(name, "BOOLEAN", selected, conversion.boolean(name, origin.place))
        return None
    if base in _INTEGERS and wanted in _NUMBERS | _FREE:
        kind = _INTEGERS[base]["unsigned" in native]
        return RawColumn(name, kind, source, conversion.cast(name, kind))
    if base == "year" and wanted in _NUMBERS | _FREE:
        return RawColumn(name, "SMALLINT", source, conversion.cast(name, "SMALLINT"))
    if base == "bit" and wanted in _NUMBERS | _FREE:
        kind = "DECIMAL(20,0)" if _arguments(native)[0] == 64 else "BIGINT"
        return RawColumn(name, kind, f"CAST({source} AS UNSIGNED)", conversion.cast(name, kind))
    if base == "decimal" and wanted in _NUMBERS | _FREE:
        precision, scale = _arguments(native)
        kind = f"DECIMAL({precision},{scale})" if precision <= 38 else "VARCHAR"
        if kind == "VARCHAR" and wanted in _NUMBERS:
            return None
        return RawColumn(name, kind, f"CAST({source} AS CHAR)", conversion.cast(name, kind))
    if base in {"float", "double"} and wanted in {SourceType.DECIMAL, SourceType.FLOAT} | _FREE:
        return RawColumn(name, "DOUBLE", source, conversion.cast(name, "DOUBLE"))
    if base in {"date", "datetime", "timestamp"}:
        return _moment(origin.place, name, source, base, wanted)
    if base == "time" and wanted in {SourceType.TIME} | _FREE:
        return RawColumn(name, "BIGINT", f"CAST({source} AS CHAR)", conversion.time_of_day(name))
    if base in _TEXTS | _BINARIES and wanted in _FREE:
        return _text(origin.place, name, source, base, native)
    return None


def _id(origin: ColumnOrigin, source: str, base: str, native: str) -> RawColumn | None:
    """A text as it is, and a whole number as its digits."""
    name = origin.name
    if base in _TEXTS | _BINARIES:
        return _text(origin.place, name, source, base, native)
    if base in {*_INTEGERS, "year", "bit"} or (base == "decimal" and not _arguments(native)[1]):
        return RawColumn(name, "VARCHAR", digits(source), conversion.cast(name, "VARCHAR"), max_bytes=_LONGEST_NUMBER)
    return None


def digits(source: str) -> str:
    """A whole number as a text: without the zeros that ZEROFILL puts before it, and of a BIT its number."""
    return f"CAST({source} + 0 AS CHAR)"


def as_text(source: str) -> str:
    return f"CAST({source} AS CHAR CHARACTER SET utf8mb4)"


def _text(place: str, name: str, source: str, base: str, native: str) -> RawColumn:
    """The server makes NULL of what it cannot convert at once, and MySQL '' of a JSON, so a mark travels for it."""
    selected = f"HEX({source})" if base in _BINARIES else as_text(source)
    if base == "json":
        # No JSON is written as an empty text.
        selected = f"NULLIF({selected}, '')"
    if base not in _LONG:
        bound = _text_bytes(native, base)
        return RawColumn(name, "VARCHAR", selected, conversion.cast(name, "VARCHAR"), max_bytes=bound)
    selected = f"COALESCE({selected}, IF({source} IS NULL, NULL, {literal(_CUT)}))"
    return RawColumn(name, "VARCHAR", selected, conversion.whole_text(name, place, _CUT))


def _text_bytes(native: str, base: str) -> int | None:
    """Bytes that a value may have once it is UTF-8, four for a character; bytes travel as two digits each."""
    if base in {"enum", "set"}:
        return len(native.encode())
    if base == "uuid":
        return _UUID_BYTES
    if base not in {"char", "varchar", "binary", "varbinary", "tinytext", "tinyblob"}:
        return None
    length = 255 if base.startswith("tiny") else _arguments(native)[0]
    return max(1, length * (2 if base in _BINARIES else 4))


def _moment(place: str, name: str, source: str, base: str, wanted: SourceType) -> RawColumn | None:
    """Dates with a zero month or day, which MySQL may hold, travel as `ZERO_DATE`; what is no date as an older one."""
    if wanted not in {SourceType.DATE, SourceType.TIMESTAMP} | _FREE:
        return None
    kind, time = ("DATE", "") if base == "date" else ("TIMESTAMP", " 00:00:00")
    month, day = f"MONTH({source})", f"DAYOFMONTH({source})"
    impossible = (
        f"{source} < {kind} '{SMALLEST_REAL_DATE}{time}' "
        f"OR {day} > 28 AND {day} > COALESCE(DAYOFMONTH(LAST_DAY({source})), 0)"
    )
    selected = (
        f"CASE WHEN {month} = 0 OR {day} = 0 THEN {kind} '0001-01-01{time}' "
        f"WHEN {impossible} THEN {kind} '0000-01-01{time}' ELSE {source} END"
    )
    return RawColumn(name, kind, selected, conversion.zero_date(name, kind, place), zero_dates=True)


def lower_case_type(column_type: str) -> str:
    """In lower case, but the values of ENUM and SET as they are."""
    kind, opening, values = column_type.partition("(")
    return f"{kind.lower()}{opening}{values}" if kind.lower() in {"enum", "set"} else column_type.lower()


def _arguments(native: str) -> tuple[int, int]:
    numbers = [int(number) for number in re.findall(r"\d+", native.split(")", maxsplit=1)[0])]
    first = numbers[0] if numbers else 10
    return first, numbers[1] if len(numbers) > 1 else 0

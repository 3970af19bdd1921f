"""Rows as CSV (RFC 4180), a column at a time: NULL is an empty field, an empty text is `""`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from rental_analytics.monitoring.values import column_values, plain

if TYPE_CHECKING:
    import pyarrow as pa

END = "\r\n"
_EPOCH = date(1970, 1, 1)
_QUOTED = r'[,"\r\n]|^ | $|^$'
"""Texts that stand in quotes: those with a mark of CSV's, with a blank at an end, and the empty one."""


def csv_header(names: Iterable[str]) -> str:
    """The line with the columns' names."""
    return ",".join(map(_field, names)) + END


def csv_rows(batch: pa.RecordBatch) -> str:
    """The rows of a batch."""
    import pyarrow.compute as pc

    if not batch.num_rows:
        return ""
    columns = [_texts(column) for column in batch.columns]
    lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    return END.join(lines.to_pylist()) + END


def _texts(column: pa.Array) -> pa.Array:
    """The fields of a column, NULL where they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _quoted(pc.cast(column, pa.string()))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_floating(kind) and pc.all(pc.is_finite(column)).as_py() is not False:
        return pc.cast(column, pa.string())
    if pa.types.is_decimal(kind):
        texts = pc.cast(column, pa.string())
        return _one_by_one(column) if pc.any(pc.match_substring(texts, "E")).as_py() else texts
    if (pa.types.is_date32(kind) or _is_plain_timestamp(kind)) and _fits_python(column):
        # Of a timestamp the blank becomes a T, and a fraction that is nothing goes.
        texts = pc.replace_substring(pc.cast(column, pa.string()), " ", "T")
        return pc.replace_substring_regex(texts, r"\.0+$", "")
    return _one_by_one(column)


def _is_plain_timestamp(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_timestamp(kind)) and kind.tz is None and kind.unit == "us"


def _fits_python(column: pa.Array) -> bool:
    """Whether all are of the years 1 to 9999, which Arrow writes with four digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = (date.min - _EPOCH).days, (date.max - _EPOCH).days + 1
    first, last = days if pa.types.is_date32(column.type) else (day * 86_400 * 10**6 for day in days)
    column = column.view(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    inside = pc.and_(pc.greater_equal(column, first), pc.less(column, last))
    return pc.all(inside).as_py() is not False


def _quoted(texts: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    special = pc.match_substring_regex(texts, _QUOTED)
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def _one_by_one(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if value is None else _field(value) for value in column_values(column)], pa.string())


def _field(value: Any) -> str:
    text = value if isinstance(value, str) else plain(value)
    if not text or any(mark in text for mark in ',"\r\n') or text[0] == " " or text[-1] == " ":
        return '"' + text.replace('"', '""') + '"'
    return text

"""Rows as text for MySQL, made with string kernels: no loop over rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rental_marketplace import arrow

_FILE_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0"))
_SQL_ESCAPES = (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0"))


def file_text(rows: arrow.Table) -> memoryview:
    """All rows in the format of LOAD DATA: tabs between, backslash escapes, \\N for NULL."""
    columns = [_fields(column, _FILE_ESCAPES, "", "\\N") for column in rows.columns]
    return _buffer(_lines(columns, "", "\t", "\n"))


def value_lists(rows: arrow.Table, most_bytes: int) -> Iterator[bytes]:
    """`(value, ...),(value, ...)` for INSERT, in pieces of at most `most_bytes` unless one row is longer."""
    columns = [_fields(column, _SQL_ESCAPES, "'", "NULL") for column in rows.columns]
    lines = _lines(columns, "(", ",", "),")
    text = _buffer(lines)
    ends = _ends(lines)
    low, start = 0, 0
    while low < len(ends):
        high = max(low + 1, int(np.searchsorted(ends, start + most_bytes, side="right")))
        yield bytes(text[start : ends[high - 1] - 1])
        low, start = high, int(ends[high - 1])


def _fields(column: pa.ChunkedArray, escapes: Sequence[tuple[str, str]], quote: str, null: str) -> pa.ChunkedArray:
    if pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
        return column.cast(pa.string()).fill_null(null)
    text = column.cast(pa.string())
    if pa.types.is_string(column.type):
        for character, escaped in escapes:
            text = pc.replace_substring(text, character, escaped)
    if quote:
        text = arrow.join(quote, text, quote)
    return text.fill_null(null)


def _lines(columns: Sequence[pa.ChunkedArray], opening: str, separator: str, closing: str) -> pa.Array:
    parts: list[pa.Array | str] = [opening] if opening else []
    for column in columns:
        parts += [_whole(column), separator]
    parts[-1] = closing
    return arrow.join(*parts)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _buffer(lines: pa.Array) -> memoryview:
    """The texts of an array one after the other, as Arrow stores them."""
    return memoryview(lines.buffers()[2])[: int(_ends(lines)[-1])] if len(lines) else memoryview(b"")


def _ends(lines: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.frombuffer(lines.buffers()[1], dtype=np.int32)[1 : len(lines) + 1]

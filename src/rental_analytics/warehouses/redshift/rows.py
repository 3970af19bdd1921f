"""Rows that the Data API answers, as Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = 38
"""Most that a DECIMAL has, in Redshift as in Arrow."""


def arrow_table(pages: Iterable[Mapping[str, Any]], limit: int | None = None) -> pa.Table:
    """Rows of a result, typed as its columns are; what a column's type cannot hold makes it a column of texts.

    Args:
        pages: answers of `get_statement_result`, of which one at a time is held.
        limit: rows wanted; no page is asked for behind them.
    """
    import pyarrow as pa

    columns: list[_Column] = []
    rows = 0
    for page in pages:
        columns = columns or [_column(described) for described in page["ColumnMetadata"]]
        records = page["Records"]
        for place, column in enumerate(columns):
            column.add([record[place] for record in records])
        rows += len(records)
        if limit is not None and rows >= limit:
            break
    table = pa.table([column.typed() for column in columns], names=[column.name for column in columns])
    return table.slice(0, limit)


@dataclass
class _Column:
    """A column as far as it has come: texts that are to be read otherwise stay texts until all are there."""

    name: str
    kind: Any
    take: Callable[[Any], Any]
    read: Callable[[str], Any] | None = None
    chunks: list[Any] = field(default_factory=list)

    def add(self, fields: Sequence[Mapping[str, Any]]) -> None:
        """Take a page's fields, such as `{"longValue": 1}` or `{"isNull": True}`."""
        import pyarrow as pa

        values = [None if one.get("isNull") else self.take(*one.values()) for one in fields]
        self.chunks.append(pa.array(values, type=pa.string() if self.read else self.kind))

    def typed(self) -> pa.ChunkedArray:
        """The whole column."""
        import pyarrow as pa

        if self.read is None:
            return pa.chunked_array(self.chunks, type=self.kind)
        try:
            kind = _roomy(self.kind, self.chunks) if self.read is Decimal else self.kind
            return pa.chunked_array([_read(chunk, kind, self.read) for chunk in self.chunks], type=kind)
        except (ValueError, ArithmeticError):
            # Such as the year 10000, a year BC, infinity, or NUMERIC of more digits than any type has.
            return pa.chunked_array(self.chunks, type=pa.string())


def _column(described: Mapping[str, Any]) -> _Column:
    import pyarrow as pa

    name, kind = str(described.get("label") or described["name"]), str(described["typeName"])
    taken: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        "bool": (pa.bool_(), bool),
        "int2": (pa.int16(), int),
        "int4": (pa.int32(), int),
        "int8": (pa.int64(), int),
        "oid": (pa.int64(), int),
        "float4": (pa.float64(), float),
        "float8": (pa.float64(), float),
    }
    read: dict[str, tuple[Any, Callable[[str], Any]]] = {
        "date": (pa.date32(), date.fromisoformat),
        "time": (pa.time64("us"), time.fromisoformat),
        "timestamp": (pa.timestamp("us"), datetime.fromisoformat),
        "timestamptz": (pa.timestamp("us", tz="UTC"), _utc),
    }
    if kind in taken:
        return _Column(name, *taken[kind])
    if kind in read:
        return _Column(name, read[kind][0], str, read[kind][1])
    if kind in {"numeric", "decimal"}:
        precision, scale = int(described.get("precision") or _DIGITS), int(described.get("scale") or 0)
        return _Column(name, pa.decimal128(min(max(precision, 1), _DIGITS), scale), str, Decimal)
    return _Column(name, pa.string(), str)


def _read(chunk: pa.Array, kind: Any, read: Callable[[str], Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if text is None else read(text) for text in chunk.to_pylist()], type=kind)


def _roomy(told: Any, chunks: Sequence[pa.Array]) -> Any:
    """The type told, with room for every value: what an expression gives may have more digits than it tells."""
    import pyarrow as pa

    scale, whole = told.scale, 0
    for chunk in chunks:
        for value in (Decimal(text) for text in chunk.to_pylist() if text is not None):
            if value:
                scale, whole = max(scale, _scale(value)), max(whole, value.adjusted() + 1)
    return pa.decimal128(told.precision if whole + scale <= told.precision else _DIGITS, scale)


def _scale(value: Decimal) -> int:
    """Digits behind the point."""
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _utc(text: str) -> datetime:
    """Redshift writes an offset as `+00`, which Python reads from 3.11 on."""
    return datetime.fromisoformat(text).astimezone(UTC)

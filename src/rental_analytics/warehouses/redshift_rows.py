"""Rows that the Data API answers, as Arrow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_table(metadata: Sequence[Mapping[str, Any]], records: Sequence[Sequence[Mapping[str, Any]]]) -> pa.Table:
    """Rows of a result, typed as its columns are.

    Args:
        metadata: `ColumnMetadata` of the answer.
        records: rows of fields such as `{"longValue": 1}` or `{"isNull": True}`.
    """
    import pyarrow as pa

    arrays, names = [], []
    for place, column in enumerate(metadata):
        kind, read = _type(column)
        values = [_value(record[place], read) for record in records]
        if read is Decimal:
            kind = pa.decimal128(kind.precision, max([kind.scale, *(_scale(value) for value in values if value)]))
        arrays.append(pa.array(values, type=kind))
        names.append(str(column.get("label") or column["name"]))
    return pa.table(arrays, names=names)


def _value(field: Mapping[str, Any], read: Callable[[Any], Any] | None) -> Any:
    if field.get("isNull"):
        return None
    (value,) = field.values()
    return read(value) if read else value


def _type(column: Mapping[str, Any]) -> tuple[Any, Callable[[Any], Any] | None]:
    import pyarrow as pa

    plain: dict[str, tuple[Any, Callable[[Any], Any] | None]] = {
        "bool": (pa.bool_(), None),
        "int2": (pa.int16(), int),
        "int4": (pa.int32(), int),
        "int8": (pa.int64(), int),
        "oid": (pa.int64(), int),
        "float4": (pa.float64(), float),
        "float8": (pa.float64(), float),
        "date": (pa.date32(), date.fromisoformat),
        "time": (pa.time64("us"), time.fromisoformat),
        "timestamp": (pa.timestamp("us"), datetime.fromisoformat),
        "timestamptz": (pa.timestamp("us", tz="UTC"), _utc),
    }
    name = str(column["typeName"])
    if name in {"numeric", "decimal"}:
        precision, scale = int(column.get("precision") or 38), int(column.get("scale") or 0)
        return pa.decimal128(min(max(precision, 1), 38), scale), Decimal
    return plain.get(name, (pa.string(), str))


def _scale(value: Decimal) -> int:
    """Digits behind the point; what an expression gives may have more than its column tells."""
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _utc(text: str) -> datetime:
    """Redshift writes an offset as `+00`, which Python reads from 3.11 on."""
    return datetime.fromisoformat(text).astimezone(UTC)

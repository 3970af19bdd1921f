"""From numpy arrays to Arrow columns of exact type, without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rental_marketplace.sampling import Flags, Ints

Table: TypeAlias = pa.Table
Column: TypeAlias = pa.Array


def decimals(unscaled: Ints, precision: int, scale: int) -> Column:
    """Exact decimals from integers: 1250 at scale 2 is 12.50."""
    words = np.empty((len(unscaled), 2), dtype=np.int64)
    words[:, 0] = unscaled
    words[:, 1] = unscaled >> 63
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, len(unscaled), [None, pa.py_buffer(words)])


def money(cents: Ints) -> Column:
    """DECIMAL(12,2) from hundredths."""
    return decimals(cents, 12, 2)


def timestamps(microseconds: Ints) -> Column:
    """UTC moments."""
    return pa.array(microseconds).cast(pa.timestamp("us"))


def dates(days: Ints) -> Column:
    """Calendar dates."""
    return pa.array(days.astype(np.int32)).cast(pa.date32())


def integers(values: Ints) -> Column:
    """64-bit integers."""
    return pa.array(np.ascontiguousarray(values, dtype=np.int64))


def flags(values: Flags) -> Column:
    """Booleans as 0 and 1, as TINYINT(1) holds them."""
    return pa.array(values.astype(np.int8))


def words(vocabulary: Sequence[str | None], index: Ints) -> Column:
    """Text by index into a vocabulary; None is NULL."""
    return pa.array(vocabulary, pa.string()).take(pa.array(index))


def text(values: Ints) -> Column:
    """Integers as text."""
    return pa.array(values).cast(pa.string())


def join(*parts: Column | str) -> Column:
    """Texts put together row by row; NULL where any part is."""
    return pc.binary_join_element_wise(*parts, "")


def null_where(mask: Flags, column: Column) -> Column:
    """The column with NULL where the mask holds."""
    return choose(mask, pa.scalar(None, column.type), column)


def choose(mask: Flags, yes: Column | pa.Scalar, no: Column) -> Column:
    """`yes` where the mask holds, else `no`."""
    return pc.if_else(pa.array(mask), yes, no)

"""Texts of schema `ops` that are longer than the Data API gives back: copies of files with such texts cut."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.storage.base import Lake

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 1024
"""Rows of a file in memory at once, whose texts may be long."""

_LONGEST_JSON, _LONGEST_OTHER = 48_000, 4_000
"""Bytes of a text of schema `ops`: all of a row together stay below 64 KB."""


def most_bytes(column: str) -> int:
    """How long a text of schema `ops` may be, so that a whole row has less than the 64 KB the Data API gives."""
    return _LONGEST_JSON if column.endswith("_json") else _LONGEST_OTHER


def shortened(lake: Lake, scratch: str, file: LakeFile, limits: Mapping[str, int]) -> LakeFile:
    """A file as it is, or a copy with long texts cut and marked as cut; the lake keeps them whole.

    Args:
        limits: the most bytes of a text, by column, for those that may have longer ones.
    """
    names = list(limits)
    import pyarrow as pa
    import pyarrow.parquet as pq

    with lake.open(file.path) as content, pq.ParquetFile(content) as parquet:
        batches = parquet.iter_batches(_AT_ONCE, columns=names)
        if not any(_is_long(batch, name, limits[name]) for batch in batches for name in names):
            return file
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, parquet.schema_arrow) as writer:
            for batch in parquet.iter_batches(_AT_ONCE):
                writer.write_batch(_cut(batch, limits))
    path, body = f"{scratch}short-{secrets.token_hex(4)}.parquet", sink.getvalue().to_pybytes()
    lake.create(path, body)
    return LakeFile(path=path, bytes=len(body), rows=file.rows)


def _is_long(batch: pa.RecordBatch, name: str, most: int) -> bool:
    import pyarrow.compute as pc

    return bool((pc.max(pc.binary_length(batch[name])).as_py() or 0) > most)


def _cut(batch: pa.RecordBatch, limits: Mapping[str, int]) -> pa.RecordBatch:
    import pyarrow as pa

    for name, most in limits.items():
        if _is_long(batch, name, most):
            place = batch.schema.get_field_index(name)
            texts = pa.array([cut_text(text, most) for text in batch[name].to_pylist()], batch.schema.field(name).type)
            batch = batch.set_column(place, batch.schema.field(name), texts)
    return batch


def cut_text(text: str | None, most: int) -> str | None:
    """A text as it is, or as many of its bytes as fit, and how many it had."""
    content = (text or "").encode()
    if len(content) <= most:
        return text
    mark = f" ... (cut: {len(content):,} bytes)"
    return content[: most - len(mark)].decode(errors="ignore") + mark

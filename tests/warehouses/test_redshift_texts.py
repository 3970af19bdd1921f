"""Rejected rows with texts that the Data API would not give: cut on their way, a part of the file at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.redshift.texts import cut_text, most_bytes, shortened

pytestmark = pytest.mark.fast

HOUSE = "\N{HOUSE BUILDING}"
LIMITS = {"row_json": most_bytes("row_json")}
LONGEST = "x" * LIMITS["row_json"]


def put(folder: Path, **columns: list[str | None]) -> LakeFile:
    path = folder / "a.parquet"
    pq.write_table(pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()}), path)
    return LakeFile(path=path.name, bytes=path.stat().st_size, rows=len(next(iter(columns.values()))))


@contextmanager
def peak() -> Iterator[Any]:
    """Arrow's memory while the block lasts; `max_memory` has its peak."""
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    try:
        yield pool
    finally:
        pa.set_memory_pool(usual)


def test_long_texts_are_cut_and_all_else_stays(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path)
    keys = [str(number) for number in range(3000)]
    rows: list[str | None] = [*keys[:-4], None, LONGEST, LONGEST + "x", HOUSE * 20_000]
    file = put(tmp_path, row_key=keys, row_json=rows)
    short = shortened(lake, "drafts/", file, LIMITS)
    assert short.path.startswith("drafts/short-")
    assert (short.bytes, short.rows) == ((tmp_path / short.path).stat().st_size, 3000)
    found = pq.read_table(tmp_path / short.path)
    assert found.schema == pq.read_schema(tmp_path / file.path)
    assert found.column("row_key").to_pylist() == keys
    assert found.column("row_json").to_pylist() == [*rows[:-2], *(cut_text(text, len(LONGEST)) for text in rows[-2:])]


@pytest.mark.parametrize("text", [LONGEST + "x", HOUSE * 20_000, "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 40_000])
def test_what_is_cut_says_so_and_fits(text: str) -> None:
    short = cut_text(text, len(LONGEST)) or ""
    kept, mark, told = short.partition(" ... (cut: ")
    assert text.startswith(kept)
    assert mark + told == f" ... (cut: {len(text.encode()):,} bytes)"
    assert len(LONGEST) - 4 <= len(short.encode()) <= len(LONGEST)
    assert cut_text(LONGEST, len(LONGEST)) == LONGEST
    assert cut_text(None, 1) is None


def test_a_whole_row_fits() -> None:
    columns = ops_tables()["rejected_rows"].columns
    assert sum(most_bytes(name) for name in columns) < 64 * 1024


def test_a_file_without_them_is_taken_as_it_is(tmp_path: Path) -> None:
    file = put(tmp_path, row_key=["1", "2"], row_json=[LONGEST, None])
    assert shortened(LocalLake(tmp_path), "drafts/", file, LIMITS) is file
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    rows: list[str | None] = [f"{number:08}" + "x" * 5000 for number in range(16_000)]
    size = sum(len(text or "") for text in rows)
    for longer in (False, True):
        file = put(tmp_path, row_json=[*rows, LONGEST + "x"] if longer else rows)
        with peak() as pool:
            short = shortened(LocalLake(tmp_path), "drafts/", file, LIMITS)
        assert (short is not file) == longer
        assert pool.max_memory() < size / 2

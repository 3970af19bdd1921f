"""The look at files before COPY: several at once, in any form that Parquet has."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rental_analytics.contracts.manifest import FileColumn, LakeFile
from rental_analytics.errors import LakeError, WarehouseError
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.redshift.files import Facts, Room, check_files

pytestmark = pytest.mark.fast

ROOM = Room(
    "curated.things",
    (FileColumn(name="id", type="BIGINT"), FileColumn(name="note", type="VARCHAR", max_bytes=20)),
    required=("id",),
)
ROWS = 1000


def notes(longest: int = 20) -> list[str | None]:
    """Texts without one that comes twice; one of them is the longest, in two-byte characters."""
    return [None, *(str(number) for number in range(ROWS - 2)), "é" * (longest // 2)]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., LakeFile]:
    """Write a file to the lake `tmp_path`."""

    def write(name: str, texts: list[str | None], **options: Any) -> LakeFile:
        table = pa.table({"id": pa.array(range(len(texts)), pa.int64()), "note": pa.array(texts, pa.string())})
        pq.write_table(table, tmp_path / name, **options)
        return LakeFile(path=name, bytes=(tmp_path / name).stat().st_size, rows=len(texts))

    return write


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": True},
        {"use_dictionary": False},
        {"use_dictionary": True, "dictionary_pagesize_limit": 512, "data_page_size": 256},
        {"use_dictionary": False, "column_encoding": {"note": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"note": "DELTA_BYTE_ARRAY"}},
        {"row_group_size": 100},
        {"write_statistics": False},
        {"data_page_version": "2.0"},
        {"compression": "zstd"},
    ],
    ids=str,
)
def test_texts_are_measured_in_any_form(tmp_path: Path, put: Callable[..., LakeFile], options: dict[str, Any]) -> None:
    lake = LocalLake(tmp_path)
    file = put("a.parquet", notes(), **options)
    assert check_files(lake, {"one": (ROOM, [file])}) == {"one": Facts(frozenset(), {"note": 20})}
    longer = put("b.parquet", notes(22), **options)
    with pytest.raises(WarehouseError, match=r"Column note of .*b.parquet has a text of 22 bytes, .* takes 20;"):
        check_files(lake, {"one": (ROOM, [file, longer])})


def test_what_files_hold_is_told_of_all_together(tmp_path: Path, put: Callable[..., LakeFile]) -> None:
    lake = LocalLake(tmp_path)
    empty, nulls, some = put("a.parquet", []), put("b.parquet", [None] * 3), put("c.parquet", ["a", None, "bcd"])
    found = check_files(lake, {"nothing": (ROOM, []), "nulls": (ROOM, [empty, nulls]), "some": (ROOM, [nulls, some])})
    assert found["nothing"] == Facts(frozenset({"id", "note"}), {})
    assert found["nulls"] == Facts(frozenset({"note"}), {"note": 0})
    assert found["some"] == Facts(frozenset(), {"note": 3})


def test_of_several_errors_the_first_files_is_told(tmp_path: Path, put: Callable[..., LakeFile]) -> None:
    good = [put(f"{number}.parquet", notes()) for number in range(20)]
    for first in (3, 11):
        files = list(good)
        for number in range(first, 20):
            files[number] = files[number].model_copy(update={"bytes": 1})
        with pytest.raises(
            LakeError, match=rf"/{first}\.parquet is not the file its manifest names: it has .* bytes and not 1; "
        ):
            check_files(LocalLake(tmp_path), {"one": (ROOM, files[:10]), "two": (ROOM, files[10:])})


TYPES = {
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}
NO_TYPES = [
    *(pa.decimal128(14, 2), pa.decimal128(18, 0), pa.decimal128(18, 6), pa.decimal256(18, 2)),
    *(pa.int8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float32()),
    *(pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("us", tz="UTC"), pa.time64("us")),
    *(pa.binary(), pa.binary(3), pa.large_string(), pa.list_(pa.field("element", pa.string()))),
]
"""Of no column that a table may have."""


def written(folder: Path, *columns: tuple[str, pa.DataType]) -> LakeFile:
    """A file with these columns, and no value in them."""
    schema = pa.schema(columns)
    pq.write_table(
        pa.Table.from_arrays([pa.nulls(2, kind) for kind in schema.types], schema=schema), folder / "a.parquet"
    )
    return LakeFile(path="a.parquet", bytes=(folder / "a.parquet").stat().st_size, rows=2)


@pytest.mark.parametrize("kind", TYPES)
def test_one_type_fits_a_column_and_no_other(tmp_path: Path, kind: str) -> None:
    lake, room = LocalLake(tmp_path), Room("curated.things", (FileColumn(name="one", type=kind),))
    for other in (*TYPES.values(), *NO_TYPES):
        file = written(tmp_path, ("one", other))
        if other == TYPES[kind]:
            assert check_files(lake, {"a": (room, [file])})["a"].empty == {"one"}
        else:
            told = re.escape(f"a.parquet is {other}, and {kind} in curated.things;")
            with pytest.raises(WarehouseError, match=told):
                check_files(lake, {"a": (room, [file])})


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["id"], "it lacks note;"),
        (["id", "note", "more"], "it adds more;"),
        (["id", "note", "note"], "it adds note;"),
        (["id", "Note"], "it lacks note and it adds Note;"),
        (["id", "text"], "it lacks note and it adds text;"),
        (["note", "id"], "is note, and column 1 of curated.things is id;"),
    ],
)
def test_names_are_those_of_the_table_in_its_order(tmp_path: Path, names: list[str], told: str) -> None:
    kinds = {"id": pa.int64(), "more": pa.int64()}
    file = written(tmp_path, *((name, kinds.get(name, pa.string())) for name in names))
    with pytest.raises(WarehouseError, match=told):
        check_files(LocalLake(tmp_path), {"one": (ROOM, [file])})


class SlowLake(LocalLake):
    """Takes its time to open files, and knows how many were open at once."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened = self.at_once = self.most = 0
        self._lock = threading.Lock()

    def open(self, path: str, version: str | None = None) -> BinaryIO:
        with self._lock:
            self.opened += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.05)
        with self._lock:
            self.at_once -= 1
        return super().open(path, version)


def test_files_are_looked_at_beside_each_other(tmp_path: Path, put: Callable[..., LakeFile]) -> None:
    lake = SlowLake(tmp_path)
    check_files(lake, {"one": (ROOM, [put(f"{number}.parquet", notes()) for number in range(12)])})
    assert (lake.opened, lake.most) == (12, 4)


def test_an_error_leaves_the_files_behind_it_alone(tmp_path: Path, put: Callable[..., LakeFile]) -> None:
    lake = SlowLake(tmp_path)
    files = [put(f"{number}.parquet", notes()) for number in range(60)]
    files[0] = files[0].model_copy(update={"rows": 1})
    with pytest.raises(LakeError, match="it has 1,000 rows and not 1;"):
        check_files(lake, {"one": (ROOM, files)})
    assert lake.opened < 20


def test_keys_that_end_in_a_blank_are_refused(tmp_path: Path, put: Callable[..., LakeFile]) -> None:
    """Redshift compares texts without the blanks at their end: 'a' and 'a ' would be one key."""
    lake, keyed = LocalLake(tmp_path), replace(ROOM, key=("note",))
    fine = put("a.parquet", ["a", " a", "a\t", "a\u00a0", "", None])
    assert check_files(lake, {"one": (keyed, [fine])})["one"].longest == {"note": 3}
    blank = put("b.parquet", ["a", "b "])
    assert check_files(lake, {"one": (ROOM, [blank])})
    with pytest.raises(WarehouseError, match=r"Column note of .*b.parquet has keys that end in a blank") as caught:
        check_files(lake, {"one": (keyed, [fine, blank])})
    assert "take the blanks off the end of note" in caught.value.remedy

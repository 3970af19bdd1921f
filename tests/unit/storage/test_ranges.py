"""An object that is read in parts: only what is asked for is fetched."""

import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from rental_analytics.errors import LakeUnavailableError
from rental_analytics.storage.ranges import RangedObject

pytestmark = pytest.mark.fast

CONTENT = bytes(range(100))


class Fetches:
    """Ranges that were asked for."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, length: int) -> bytes:
        self.asked.append((start, length))
        return self.content[start : start + length]


@pytest.fixture
def fetches() -> Fetches:
    return Fetches()


@pytest.fixture
def opened(fetches: Fetches) -> Iterator[RangedObject]:
    with RangedObject(fetches, len(CONTENT)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("seek", "place"),
    [
        ((0,), 0),
        ((7,), 7),
        ((5, os.SEEK_CUR), 15),
        ((-5, os.SEEK_CUR), 5),
        ((-20, os.SEEK_CUR), 0),
        ((0, os.SEEK_END), 100),
        ((-8, os.SEEK_END), 92),
        ((-200, os.SEEK_END), 0),
        ((300,), 300),
    ],
)
def test_seek(opened: RangedObject, fetches: Fetches, seek: tuple[int, ...], place: int) -> None:
    opened.seek(10)
    assert opened.seek(*seek) == opened.tell() == place
    assert fetches.asked == []
    assert opened.read(4) == CONTENT[place : place + 4]
    assert opened.tell() == place + len(CONTENT[place : place + 4])


def test_reads_end_with_the_object(opened: RangedObject, fetches: Fetches) -> None:
    opened.seek(-3, os.SEEK_END)
    assert opened.read(10) == CONTENT[-3:]
    assert opened.read(10) == opened.read() == b""
    assert fetches.asked == [(97, 3)]


def test_whole_object(opened: RangedObject) -> None:
    assert opened.readable()
    assert opened.seekable()
    assert not opened.writable()
    assert opened.readall() == CONTENT
    assert opened.read(0) == b""


def test_fetch_that_gives_less_is_gone_on_with() -> None:
    with RangedObject(lambda start, length: CONTENT[start : start + min(length, 7)], len(CONTENT)) as opened:
        assert opened.read(10) == CONTENT[:7]
        assert opened.tell() == 7
        assert opened.readall() == CONTENT[7:]


def test_empty_object() -> None:
    with RangedObject(Fetches(b""), 0) as opened:
        assert opened.seek(0, os.SEEK_END) == 0
        assert opened.read() == b""


def test_column_of_a_parquet_file_is_fetched_alone() -> None:
    sink, rows = BytesIO(), 20_000
    table = pa.table({"wide": [os.urandom(16).hex() for _ in range(rows)], "narrow": list(range(rows))})
    pq.write_table(table, sink, use_dictionary=False, compression="none")
    fetches = Fetches(sink.getvalue())
    with RangedObject(fetches, len(fetches.content)) as opened, pq.ParquetFile(opened) as parquet:
        assert parquet.read(columns=["narrow"]).column("narrow").to_pylist() == list(range(rows))
    assert sum(length for _, length in fetches.asked) < len(fetches.content) / 2


def test_error_of_a_fetch_arrives_as_it_is() -> None:
    def fetch(*_: Any) -> bytes:
        raise LakeUnavailableError("It is away.", remedy="wait.")

    with RangedObject(fetch, 100) as opened, pytest.raises(LakeUnavailableError, match="It is away"):
        pq.ParquetFile(opened)

"""Rows of the Data API as Arrow: page by page, and of any value that Redshift can have."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from rental_analytics.warehouses.redshift.rows import arrow_table

pytestmark = pytest.mark.fast

NULL = {"isNull": True}


class Page(dict[str, Any]):
    """An answer that tells whether somebody still holds it."""


def described(type_name: str, precision: int = 0, scale: int = 0, name: str = "a") -> dict[str, Any]:
    return {"name": name, "label": name, "typeName": type_name, "precision": precision, "scale": scale}


def page(column: dict[str, Any], *fields: Any) -> Page:
    """One column; texts stand for fields with a text, None for NULL."""
    told = [NULL if one is None else {"stringValue": one} if isinstance(one, str) else one for one in fields]
    return Page(ColumnMetadata=[column], Records=[[one] for one in told])


def of_texts(column: dict[str, Any], *texts: str | None) -> pa.ChunkedArray:
    return arrow_table([page(column, *texts)]).column("a")


@pytest.mark.parametrize(
    ("column", "field", "kind", "value"),
    [
        (described("bool"), {"booleanValue": False}, pa.bool_(), False),
        (described("int2"), {"longValue": 7}, pa.int16(), 7),
        (described("int4"), {"longValue": -7}, pa.int32(), -7),
        (described("int8"), {"longValue": 2**62}, pa.int64(), 2**62),
        (described("oid"), {"longValue": 7}, pa.int64(), 7),
        (described("float4"), {"doubleValue": 1.5}, pa.float64(), 1.5),
        (described("float8"), {"stringValue": "Infinity"}, pa.float64(), float("inf")),
        (described("numeric", 12, 2), {"stringValue": "1.50"}, pa.decimal128(12, 2), Decimal("1.50")),
        (described("numeric", 12, 2), {"stringValue": "1.2345"}, pa.decimal128(12, 4), Decimal("1.2345")),
        (described("numeric"), {"stringValue": "7"}, pa.decimal128(38, 0), Decimal(7)),
        (described("date"), {"stringValue": "2024-02-29"}, pa.date32(), date(2024, 2, 29)),
        (described("time"), {"stringValue": "01:02:03.5"}, pa.time64("us"), time(1, 2, 3, 500_000)),
        (
            described("timestamp"),
            {"stringValue": "2024-02-29 01:02:03.456789"},
            pa.timestamp("us"),
            datetime.fromisoformat("2024-02-29 01:02:03.456789"),
        ),
        (
            described("timestamptz"),
            {"stringValue": "2024-02-29 01:02:03+02"},
            pa.timestamp("us", tz="UTC"),
            datetime(2024, 2, 28, 23, 2, 3, tzinfo=UTC),
        ),
        (described("varchar"), {"stringValue": "1"}, pa.string(), "1"),
        (described("super"), {"stringValue": "[1]"}, pa.string(), "[1]"),
    ],
)
def test_types(column: dict[str, Any], field: dict[str, Any], kind: pa.DataType, value: Any) -> None:
    table = arrow_table([page(column, NULL, field)])
    assert table.schema == pa.schema({"a": kind})
    assert table.to_pylist() == [{"a": None}, {"a": value}]


def test_a_result_without_rows_has_its_types() -> None:
    empty = Page(ColumnMetadata=[described("date", name="a"), described("numeric", 9, 3, name="b")], Records=[])
    assert arrow_table([empty]).schema == pa.schema({"a": pa.date32(), "b": pa.decimal128(9, 3)})


def test_pages_give_what_one_page_gives() -> None:
    price, texts = described("numeric", 10, 0), ["7", "1.5", None, "2.125", "0.000000"]
    whole = arrow_table([page(price, *texts)])
    assert arrow_table([page(price, text) for text in texts]).equals(whole)
    assert whole.column("a").type == pa.decimal128(10, 3)


def test_one_page_is_held_at_a_time() -> None:
    given: list[weakref.ref[Page]] = []
    most = 0

    def pages() -> Iterator[Page]:
        nonlocal most
        for number in range(20):
            one = page(described("varchar"), *(str(number) for _ in range(100)))
            given.append(weakref.ref(one))
            most = max(most, sum(known() is not None for known in given))
            yield one
            del one

    assert arrow_table(pages()).num_rows == 2000
    assert most <= 2


def test_no_page_is_asked_for_behind_the_limit() -> None:
    asked: list[int] = []

    def pages() -> Iterator[Page]:
        for number in range(100):
            asked.append(number)
            yield page(described("int4"), *({"longValue": number} for _ in range(10)))

    assert arrow_table(pages(), 25).column("a").to_pylist() == [*[0] * 10, *[1] * 10, *[2] * 5]
    assert asked == [0, 1, 2]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["12345.67"], pa.decimal128(38, 2)),
        (["999", "1.2345"], pa.decimal128(38, 4)),
        (["0.00001"], pa.decimal128(38, 5)),
        (["9" * 38], pa.string()),
        (["9" * 36, "0.001"], pa.string()),
        (["NaN", "1.50"], pa.string()),
    ],
)
def test_more_digits_than_told(texts: list[str], kind: pa.DataType) -> None:
    found = of_texts(described("numeric", 4, 2), None, *texts)
    assert found.type == kind
    assert found.to_pylist() == [None, *(texts if kind == pa.string() else map(Decimal, texts))]


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("date", "10000-01-01"),
        ("date", "0044-03-15 BC"),
        ("date", "infinity"),
        ("timestamp", "10000-01-01 00:00:00"),
        ("timestamp", "-infinity"),
        ("timestamptz", "9999-12-31 23:59:59-05"),
        ("timestamptz", "0001-01-01 00:00:00+05"),
        ("time", "24:00:00"),
    ],
)
def test_moments_that_python_lacks_are_texts(type_name: str, text: str) -> None:
    """All of the column, as Redshift wrote it, whichever page has them."""
    usual = {"date": "2024-02-29", "time": "01:02:03"}.get(type_name, "2024-02-29 01:02:03")
    column = described(type_name)
    found = arrow_table([page(column, usual), page(column, text), page(column, None)]).column("a")
    assert found.type == pa.string()
    assert found.to_pylist() == [usual, text, None]

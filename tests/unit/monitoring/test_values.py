"""Values of every kind as tables, CSV and JSON show them: exact, and none that ends the program."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rental_analytics.monitoring.csv_text import csv_header, csv_rows
from rental_analytics.monitoring.values import cell, column_values, json_line, plain, table_records

pytestmark = pytest.mark.fast

KINDS = [
    ("DATE '294247-01-10'", "294247-01-10"),
    ("DATE 'infinity'", "infinity"),
    ("DATE '-infinity'", "-infinity"),
    ("DATE '0044-03-15 (BC)'", "0044-03-15 (BC)"),
    ("DATE '0001-01-01'", "0001-01-01"),
    ("DATE '10000-02-29'", "10000-02-29"),
    ("DATE '5877642-06-25 (BC)'", "5877642-06-25 (BC)"),
    ("TIMESTAMP '294247-01-10 04:00:54'", "294247-01-10 04:00:54"),
    ("TIMESTAMP '2024-01-01 12:30:00.5' - INTERVAL 3000 YEARS", "0977-01-01 (BC) 12:30:00.5"),
    ("TIMESTAMP 'infinity'", "infinity"),
    ("TIMESTAMP '-infinity'", "-infinity"),
    ("TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", "2024-01-01 00:00:00.123456789"),
    ("TIMESTAMPTZ '200000-01-01 00:00:00+00'", "200000-01-01 00:00:00+00"),
    ("TIME '24:00:00'", "24:00:00"),
    ("TIME '12:30:00.5'", "12:30:00.500000"),
    ("INTERVAL '1 month 3 days 04:05:06'", "1 month 3 days 04:05:06"),
    ("INTERVAL '-2 months'", "-2 months"),
    ("INTERVAL '0 days'", "00:00:00"),
    ("99999999999999999999999999999999999999::DECIMAL(38,0)", "9" * 38),
    ("170141183460469231731687303715884105727::HUGEINT", str(2**127 - 1)),
    ("0.00000001::DECIMAL(18,8)", "0.00000001"),
    ("'\\xAA\\x00'::BLOB", "\\xaa00"),
    ("'inf'::DOUBLE", "Infinity"),
    ("[DATE 'infinity', NULL]", '["infinity", null]'),
    ("{'a': DATE '20000-01-01', 'b': 1.50}", '{"a": "20000-01-01", "b": "1.50"}'),
    ("MAP {'k': DATE '20000-01-01'}", '[["k", "20000-01-01"]]'),
    ("[TIME '24:00:00']", '["24:00:00"]'),
    ("true", "true"),
    ("'a'::ENUM('a','b')", "a"),
]


def answer(sql: str) -> pa.Table:
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(sql).to_arrow_table()


@pytest.mark.parametrize(("expression", "text"), KINDS, ids=[expression for expression, _ in KINDS])
def test_every_kind_of_value_has_an_exact_text(expression: str, text: str) -> None:
    table = answer(f"SELECT {expression} AS value UNION ALL SELECT NULL ORDER BY 1 NULLS LAST")
    value, nothing = column_values(table.column("value"))
    assert plain(value) == text
    assert nothing is None
    assert cell(nothing) == ""
    assert cell(value)
    assert json.loads(json_line(table_records(table)[0])).keys() == {"value"}
    ((field,), (empty,)) = read_csv(table)
    assert (field, empty) == (text, "")


def read_csv(table: pa.Table) -> list[list[str]]:
    text = "".join(csv_rows(batch) for batch in table.to_batches())
    # A row with one NULL is an empty line, which the reader of Python passes over.
    lines = [line if line else '""' for line in text.split("\r\n")[:-1]] if table.num_columns == 1 else None
    return list(csv.reader(io.StringIO("\r\n".join(lines) if lines else text, newline="")))


def test_csv_is_that_of_rfc_4180() -> None:
    table = pa.table({'a "b"': ["x,y", 'q"', "", None, " b", "l\nm"], "n": [1, None, 3, 4, 5, 6]})
    text = csv_header(table.column_names) + "".join(csv_rows(batch) for batch in table.to_batches())
    assert text == '"a ""b""",n\r\n"x,y",1\r\n"q""",\r\n"",3\r\n,4\r\n" b",5\r\n"l\nm",6\r\n'


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_texts_come_back_from_csv(rows: list[tuple[str, str]]) -> None:
    kept = [[text.encode(errors="ignore").decode() for text in row] for row in rows]
    table = pa.table([pa.array([row[place] for row in kept], pa.string()) for place in (0, 1)], names=["a", "b"])
    assert read_csv(table) == kept


MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001
SPECIAL: dict[Any, Any] = {
    pa.date32(): st.dates(),
    pa.timestamp("us"): MOMENTS,
    pa.decimal128(38, 10): st.decimals(-(10**20), 10**20, places=10, allow_nan=False, allow_infinity=False),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
}


@given(st.sampled_from(list(SPECIAL)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(SPECIAL[kind]))))
def test_csv_of_columns_is_that_of_their_values(case: tuple[Any, list[Any]]) -> None:
    kind, values = case
    rows = read_csv(pa.table({"a": pa.array(values, kind), "b": pa.array([1] * len(values), pa.int8())}))
    assert [back(kind, row[0]) for row in rows] == values


def back(kind: Any, text: str) -> Any:
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text)
    if pa.types.is_decimal(kind):
        assert "E" not in text
        return Decimal(text)
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}[text]
    return float(text) if pa.types.is_floating(kind) else int(text)


@given(st.integers(-2_147_483_646, 2_147_483_646))
def test_a_day_of_any_year_is_written_as_duckdb_writes_it(days: int) -> None:
    import duckdb

    (value,) = column_values(pa.array([days], pa.int32()).cast(pa.date32()))
    if not isinstance(value, date):
        with duckdb.connect() as connection:
            told = connection.execute(
                "SELECT CAST(DATE '1970-01-01' + CAST(? AS INTEGER) AS VARCHAR)", [days]
            ).fetchone()
        assert told == (value,)
    else:
        assert value == date(1970, 1, 1) + timedelta(days=days)

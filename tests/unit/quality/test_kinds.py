"""What each kind of check finds in random rows is what it is said to find, told row by row in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rental_analytics.contracts.manifest import CheckResult, ExtractedTable
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.quality.asked import AskedTable, found
from rental_analytics.quality.rebuilt import Comparisons, asked_of
from rental_analytics.quality.sources import asked_of_read, with_staleness
from rental_analytics.quality.usual import unusual, usual_range
from support.breadth import examples

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.fast

MOMENT = datetime(2024, 3, 10, 12)  # noqa: DTZ001 moments are UTC
Row = dict[str, Any]
Finding = tuple[int, str | None]
COLUMNS = {
    "seat": ("BIGINT", "id", []),
    "code": (
        "VARCHAR",
        "text",
        ["not_null", "unique", {"accepted_values": ["a", "it's", "\\", ""]}],
    ),
    "price": (
        "DECIMAL(6,2)",
        "decimal",
        [
            {"accepted_values": [0, 1.5, -2], "name": "price_listed"},
            {"range": {"min": 0, "below": 2.5}, "name": "price_from"},
            {"range": {"above": 0, "max": 2.5}, "name": "price_above"},
        ],
    ),
    "share": ("DOUBLE", "float", [{"range": {"min": 0.1, "max": 1}}]),
    "day": (
        "DATE",
        "date",
        [{"accepted_values": [date(2024, 3, 9)]}, {"range": {"min": date(2024, 3, 8)}}],
    ),
    "moment": (
        "TIMESTAMP",
        "timestamp",
        [{"range": {"above": datetime(2024, 3, 9, 11), "below": date(2024, 3, 10)}}],  # noqa: DTZ001
    ),
}
TABLE = [{"unique": ["code", "price"]}, {"name": "dear", "when": "price > 1 AND code IS NOT NULL"}]
FRESH = {"day": {"column": "day", "within": "2 days"}, "moment": {"column": "moment", "within": "1d 1h"}}
RELATED = {"to": "curated.seats", "column": "seat"}
METRIC = DerivedModel.model_validate(
    {
        "name": "seats",
        "layer": "presentation",
        "description": "Seats",
        "definition": "Seats",
        "grain": "one row per seat and row",
        "key": ["seat", "code"],
        "query": "SELECT 1",
        "columns": {
            **{
                name: {"type": "ID" if kind == "id" else sql_type, "description": name, "checks": checks}
                for name, (sql_type, kind, checks) in COLUMNS.items()
            },
            "next_seat": {"type": "ID", "description": "next", "checks": [{"relationships": RELATED}]},
        },
        "checks": [
            *TABLE,
            *({"freshness": freshness} for freshness in FRESH.values()),
            {"row_count_near_usual": {"within": 0.5}},
        ],
    }
)
SOURCE = SourceTable.model_validate(
    {
        "name": "seats",
        "description": "Seats",
        "key": ["seat"],
        "change_cursor": "moment",
        "columns": {
            name: {"type": kind, "description": name, "checks": checks} for name, (_, kind, checks) in COLUMNS.items()
        },
        "checks": [*TABLE, {"freshness": FRESH["moment"]}, {"row_count_near_usual": {"within": 0.5}}],
    }
)


def to_the_second(moment: datetime) -> datetime:
    """Texts have as many digits behind the second as the warehouse writes."""
    return moment.replace(microsecond=0)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "seat": st.integers(1, 30) | st.none(),
            "code": st.sampled_from(["a", "it's", "\\", "", "b", "a ", "A"]) | st.none(),
            "price": st.sampled_from([Decimal(text) for text in ("0.00", "1.50", "-2.00", "2.50", "2.49", "7.00")])
            | st.none(),
            "share": st.sampled_from([0.1, 0.09, 1.0, 1.01, 0.5]) | st.none(),
            "day": st.dates(date(2024, 3, 6), date(2024, 3, 10)) | st.none(),
            "moment": st.datetimes(datetime(2024, 3, 9), datetime(2024, 3, 10, 1)).map(to_the_second)  # noqa: DTZ001
            | st.sampled_from([datetime(2024, 3, 9, 11), datetime(2024, 3, 10)])  # noqa: DTZ001
            | st.none(),
            "next_seat": st.integers(1, 30) | st.none(),
        }
    ),
    max_size=12,
)
Rows = Sequence[Row]


def key(row: Row, columns: Sequence[str]) -> Any:
    """What names a row: a key of one column as it is, one of several as a text."""
    if len(columns) == 1:
        return row[columns[0]]
    return ",".join("NULL" if row[name] is None else str(row[name]) for name in columns)


def smallest(values: Sequence[Any]) -> str | None:
    known = [value for value in values if value is not None]
    return str(min(known)) if known else None


def of_rows(rows: Rows, columns: Sequence[str], breaks: Callable[[Row], bool]) -> Finding:
    broken = [row for row in rows if breaks(row)]
    return len(broken), smallest([key(row, columns) for row in broken])


def doubled(rows: Rows, columns: Sequence[str], *, nulls_agree: bool = False) -> Finding:
    counted = Counter(
        tuple(row[name] for name in columns)
        for row in rows
        if nulls_agree or all(row[name] is not None for name in columns)
    )
    found = [dict(zip(columns, values, strict=True)) for values, count in counted.items() if count > 1]
    return len(found), smallest([key(row, columns) for row in found])


def within(value: Any, breaks: Callable[[Any], bool]) -> bool:
    """NULL breaks nothing."""
    return value is not None and breaks(value)


def reference(rows: Rows, named_by: Sequence[str]) -> dict[str, Finding]:
    """What the checks of rows and the unique ones find, in both tables."""

    def broken(column: str, breaks: Callable[[Any], bool]) -> Finding:
        return of_rows(rows, named_by, lambda row: within(row[column], breaks))

    moment = broken("moment", lambda v: not datetime(2024, 3, 9, 11) < v < datetime(2024, 3, 10))  # noqa: DTZ001
    return {
        "code_not_null": of_rows(rows, named_by, lambda row: row["code"] is None),
        "code_unique": doubled(rows, ["code"]),
        "code_accepted_values": broken("code", lambda value: value not in {"a", "it's", "\\", ""}),
        "price_listed": broken("price", lambda value: value not in {0, Decimal("1.5"), -2}),
        "price_from": broken("price", lambda value: not 0 <= value < Decimal("2.5")),
        "price_above": broken("price", lambda value: not 0 < value <= Decimal("2.5")),
        "share_range": broken("share", lambda value: not 0.1 <= value <= 1),
        "day_accepted_values": broken("day", lambda value: value != date(2024, 3, 9)),
        "day_range": broken("day", lambda value: value < date(2024, 3, 8)),
        "moment_range": moment,
        "code_price_unique": doubled(rows, ["code", "price"]),
        "dear": of_rows(rows, named_by, lambda row: within(row["price"], lambda v: v > 1) and row["code"] is not None),
    }


def newest(values: Sequence[Any], ends: Callable[[Any], datetime], longest: timedelta) -> Finding:
    """A value is new enough if no more than so long lies between its end and the moment."""
    known = [value for value in values if value is not None]
    if not known:
        return 1, "there is none"
    return (0, None) if MOMENT - ends(max(known)) <= longest else (1, f"the newest is {max(known)}")


def midnight_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(days=1)  # noqa: DTZ001


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with closing(duckdb.connect(config={"threads": 1})) as connection:
        connection.execute("CREATE SCHEMA curated; CREATE SCHEMA presentation; CREATE SCHEMA raw_data")
        yield connection


def hold(database: duckdb.DuckDBPyConnection, relation: str, rows: Rows) -> None:
    names = [*COLUMNS, "next_seat"]
    kinds = [*(kind for kind, _, _ in COLUMNS.values()), "BIGINT"]
    listed = ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True))
    database.execute(f"CREATE OR REPLACE TABLE {relation} ({listed})")
    if rows:
        marks = ", ".join("?" for _ in names)
        values = ", ".join(f"({marks})" for _ in rows)
        database.execute(f"INSERT INTO {relation} VALUES {values}", [row[name] for row in rows for name in names])


def row_of(database: duckdb.DuckDBPyConnection, sql: str) -> Row:
    found = database.execute(sql)
    (values,) = found.fetchall()
    return dict(zip((column[0] for column in found.description), values, strict=True))


def made(database: duckdb.DuckDBPyConnection, asked: AskedTable) -> tuple[CheckResult, ...]:
    return found([asked], lambda queries: [row_of(database, query) for query in queries]).results


def findings(results: Sequence[CheckResult]) -> dict[str, Finding]:
    return {result.check_name: (result.failed_rows, result.sample) for result in results}


EACH = settings(
    max_examples=examples(40, 1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@EACH
@given(rows=ROWS, parents=ROWS, counts=st.lists(st.integers(0, 12), max_size=5))
def test_a_rebuilt_table(
    database: duckdb.DuckDBPyConnection, rows: list[Row], parents: list[Row], counts: list[int]
) -> None:
    hold(database, "curated.seats", parents)
    hold(database, "presentation.seats", rows)
    known = {row["seat"] for row in parents}
    lost = [row["next_seat"] for row in rows if row["next_seat"] is not None and row["next_seat"] not in known]
    expected = reference(rows, ["seat", "code"]) | {
        "unique_key": doubled(rows, ["seat", "code"], nulls_agree=True),
        "next_seat_relationships": (len(lost), smallest(lost)),
        "day_freshness": newest([row["day"] for row in rows], midnight_after, timedelta(days=2)),
        "moment_freshness": newest([row["moment"] for row in rows], lambda value: value, timedelta(hours=25)),
        "row_count_near_usual": near(len(rows), counts),
    }
    asked = asked_of(METRIC, "presentation.seats", Comparisons(MOMENT, {"seats": counts}))
    assert findings(made(database, asked)) == expected


@EACH
@given(
    rows=ROWS,
    newest_cursor=st.datetimes(MOMENT - timedelta(days=2), MOMENT) | st.none(),
    counts=st.lists(st.integers(0, 12)),
)
def test_rows_that_are_read(
    database: duckdb.DuckDBPyConnection, rows: list[Row], newest_cursor: datetime | None, counts: list[int]
) -> None:
    hold(database, "raw_data.seats", rows)
    asked = asked_of_read(SOURCE, "raw_data.seats", counts)
    results = made(database, asked)
    table = read_table(newest_cursor)
    stale = newest([newest_cursor], lambda value: value, timedelta(hours=25))
    if newest_cursor is None:
        stale = (1, "none is known of a table that is read as incremental")
    assert findings(with_staleness(SOURCE, table, MOMENT, results)) == reference(rows, ["seat"]) | {
        "moment_freshness": stale,
        "row_count_near_usual": near(len(rows), counts),
    }
    assert {result.table_name for result in results} == {"raw_data.seats"}


def near(rows: int, counts: Sequence[int]) -> Finding:
    """Half as many and one and a half times as many as the median are near it, of three counts at least."""
    if len(counts) < 3 or median(counts) / 2 <= rows <= median(counts) * 1.5:
        return 0, None
    told = unusual(rows, usual_range(counts, 0.5))
    assert told
    return 1, told


def read_table(newest_cursor: datetime | None, *, absent: bool = False) -> ExtractedTable:
    return ExtractedTable(
        mode=ReadMode.INCREMENTAL,
        complete=False,
        key=(),
        columns=(),
        window_upper=MOMENT,
        newest_cursor=newest_cursor,
        absent=absent,
    )


def test_a_table_that_is_optional_and_not_there_has_no_age() -> None:
    results = asked_of_read(SOURCE, "raw_data.seats", ()).results({}, {}, 0)
    assert {check.failed_rows for check in with_staleness(SOURCE, read_table(None, absent=True), MOMENT, results)} == {
        0
    }


@pytest.mark.parametrize(
    ("counts", "within", "usual"),
    [
        ([], 0.5, None),
        ([4, 4], 0.5, None),
        ([4, 4, 4], 0.5, (2, 6)),
        ([9, 1, 5], 0.5, (3, 7)),
        ([3, 4, 5, 6], 0.5, (3, 6)),
        ([10, 10, 10], 0.1, (9, 11)),
        ([10, 10, 10], 0.25, (8, 12)),
        ([4, 4, 4], 2, (0, 12)),
        ([0, 0, 0, 100], 0.5, (0, 0)),
    ],
)
def test_what_is_usual(counts: list[int], within: float, usual: tuple[int, int] | None) -> None:
    assert usual_range(counts, within) == usual


def test_what_is_told_of_an_unusual_number_of_rows() -> None:
    assert unusual(1, (1_200, 3_600)) == "1 row, 1,200 to 3,600 are usual"
    assert unusual(1_200, (1_200, 3_600)) is unusual(3_600, (1_200, 3_600)) is unusual(5, None) is None

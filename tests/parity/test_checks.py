"""The checks of a source table find the same on both engines, and so do those of the rows of a curated one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from parity.engines import open_engine, open_session
from rental_analytics.contracts.model import CuratedModel
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.engines.base import Session
from rental_analytics.quality.asked import Ask, found
from rental_analytics.quality.results import model_counts, model_results
from rental_analytics.quality.sources import asked_of_read

pytestmark = pytest.mark.slow

SCHEMA = pa.schema(
    {
        "hall": pa.string(),
        "seat": pa.int64(),
        "code": pa.string(),
        "price": pa.decimal128(6, 2),
        "share": pa.float64(),
        "day": pa.timestamp("us"),
        "moved_at": pa.timestamp("us"),
        "_broken_rules": pa.string(),
        "_is_deleted": pa.bool_(),
    }
)
DAY, MOMENT = datetime(2024, 3, 9), datetime(2024, 3, 9, 10, 11, 12, 345000)  # noqa: DTZ001 UTC
ROWS: list[tuple[Any, ...]] = [
    ("a", 1, "it's", Decimal("1.50"), 0.1, DAY, MOMENT, "", False),
    ("a", 2, "\\", Decimal("2.50"), 1.0, DAY, None, "", False),
    ("b", 2, "\\", Decimal("2.50"), 1.01, None, MOMENT, "", False),
    ("b", None, None, None, None, None, None, "", False),
    (None, 5, "a ", Decimal("-7.00"), 0.09, datetime(2024, 3, 7), MOMENT, "", False),  # noqa: DTZ001
    (None, 6, "", Decimal("0.00"), 0.5, datetime(2024, 3, 8), datetime(2024, 3, 10), "dear", False),  # noqa: DTZ001
]
CHECKS: dict[str, list[Any]] = {
    "code": ["not_null", "unique", {"accepted_values": ["it's", "\\", ""]}],
    "price": [{"accepted_values": [0, 1.5]}, {"range": {"min": 0, "below": 2.5}}],
    "share": [{"range": {"min": 0.1, "max": 1}}],
    "day": [{"accepted_values": [date(2024, 3, 9)]}, {"range": {"min": date(2024, 3, 8)}}],
    "moved_at": [{"range": {"above": datetime(2024, 3, 9, 10), "below": date(2024, 3, 10)}}],  # noqa: DTZ001
}
TABLE = [{"unique": ["code", "price"]}, {"name": "dear", "when": "price > 1"}]


@pytest.fixture(scope="module")
def sessions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Session]]:
    with (
        open_engine("duckdb", request) as one,
        open_engine("spark", request) as other,
        open_session(one, tmp_path_factory.mktemp("duckdb")) as duckdb,
        open_session(other, tmp_path_factory.mktemp("spark")) as spark,
    ):
        columns = [pa.array([row[place] for row in ROWS], field.type) for place, field in enumerate(SCHEMA)]
        rows = pa.table(columns, schema=SCHEMA)
        for session in (duckdb, spark):
            session.load("seats", rows)
            session.load("no_seats", rows.slice(0, 0))
        yield [duckdb, spark]


def asking(session: Session) -> Ask:
    return lambda queries: [session.row(query) for query in queries]


def columns(kinds: dict[str, str]) -> dict[str, Any]:
    return {name: {"type": kind, "description": name, "checks": CHECKS.get(name, [])} for name, kind in kinds.items()}


@pytest.mark.parametrize("relation", ["seats", "no_seats"])
@pytest.mark.parametrize("key", [["seat"], ["hall", "seat"]], ids=len)
def test_rows_that_are_read(sessions: list[Session], relation: str, key: list[str]) -> None:
    kinds = {"hall": "text", "seat": "integer", "code": "text", "price": "decimal", "share": "float"}
    kinds |= {"day": "date", "moved_at": "timestamp"}
    source = SourceTable.model_validate(
        {"name": "seats", "description": "Seats", "key": key, "columns": columns(kinds), "checks": TABLE}
    )
    asked = asked_of_read(source, relation, ())
    duckdb, spark = (found([asked], asking(session)) for session in sessions)
    assert duckdb == spark
    broken = {result.check_name for result in duckdb.results if result.failed_rows}
    assert broken == ({check.name for check in asked.checks} if relation == "seats" else set())


@pytest.mark.parametrize("key", [["seat"], ["seat", "moved_at"]], ids=len)
def test_rows_that_are_kept(sessions: list[Session], key: list[str]) -> None:
    kinds = {"seat": "BIGINT", "code": "VARCHAR", "price": "DECIMAL(6,2)", "share": "DOUBLE"}
    kinds |= {"day": "DATE", "moved_at": "TIMESTAMP"}
    model = CuratedModel.model_validate(
        {
            "name": "seats",
            "layer": "curated",
            "description": "Seats",
            "grain": "one row per seat",
            "key": key,
            "source": "seats",
            "query": "SELECT 1",
            "columns": columns(kinds),
            "checks": TABLE,
        }
    )
    results = []
    for session in sessions:
        session.view("current_rows", "SELECT * FROM seats")
        results.append(model_results(model, session.row(model_counts(model))))
    assert results[0] == results[1]
    assert sum(result.failed_rows for result in results[0]) > 10

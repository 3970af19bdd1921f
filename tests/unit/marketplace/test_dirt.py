from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from marketplace.conftest import DIRTY, END_DATE, arrow_tables
from marketplace.rules import BROKEN
from rental_marketplace import MarketplaceOptions
from rental_marketplace.dirt import NULLED_COLUMNS, RULES
from rental_marketplace.plan import MarketplacePlan

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.fast

EVERY_RULE = [(table, rule) for table, rules in BROKEN.items() for rule in rules]


def broken(connection: "duckdb.DuckDBPyConnection", table: str, rule: str) -> int:
    found = connection.sql(f"SELECT count(*) FROM {table} WHERE {BROKEN[table][rule]}").fetchone()
    assert found is not None
    return int(found[0])


def test_rules_are_those_of_the_design() -> None:
    assert {table: set(rules) for table, rules in RULES.items()} == {
        table: set(rules) for table, rules in BROKEN.items()
    }


@pytest.mark.parametrize(("table", "rule"), EVERY_RULE)
def test_no_rule_is_broken_without_dirt(clean: "duckdb.DuckDBPyConnection", table: str, rule: str) -> None:
    assert broken(clean, table, rule) == 0


@pytest.mark.parametrize(("table", "rule"), EVERY_RULE)
def test_each_rule_is_broken_as_often_as_told(dirty: "duckdb.DuckDBPyConnection", table: str, rule: str) -> None:
    planted = MarketplacePlan(DIRTY).planted[table][rule]
    assert planted > 0
    assert broken(dirty, table, rule) == planted


@pytest.mark.parametrize("table", BROKEN)
def test_share_of_bad_rows(dirty: "duckdb.DuckDBPyConnection", table: str) -> None:
    rows = dirty.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    assert sum(MarketplacePlan(DIRTY).planted[table].values()) / rows == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("table", BROKEN)
def test_planting_leaves_good_rows_as_they_are(table: str) -> None:
    good = arrow_tables(replace(DIRTY, dirty_rate=0.0))[table]
    assert arrow_tables(DIRTY)[table].slice(0, len(good)).equals(good)


@pytest.mark.parametrize("table", BROKEN)
def test_planted_nulls_are_declared(table: str) -> None:
    good = len(arrow_tables(replace(DIRTY, dirty_rate=0.0))[table])
    rows = arrow_tables(DIRTY)[table]
    nulled = {name for name in rows.column_names if _only_bad_rows_lack(rows[name], good)}
    assert nulled == set(NULLED_COLUMNS[table])


def _only_bad_rows_lack(column: pa.ChunkedArray, good: int) -> bool:
    return column.slice(0, good).null_count == 0 and column.slice(good).null_count > 0


def test_tiny_tables_get_one_row_of_each_kind() -> None:
    options = MarketplaceOptions(listings=1, bookings=1, viewings=0, end_date=END_DATE, dirty_rate=0.01)
    planted = MarketplacePlan(options).planted
    assert set(planted["bookings"].values()) == {1}
    assert set(planted["apartments"].values()) == {1}
    assert set(planted["user_viewing"].values()) == {0}
    assert len(arrow_tables(options)["bookings"]) == 1 + len(BROKEN["bookings"])

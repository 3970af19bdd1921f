"""Marketplaces held in DuckDB, to be asked in SQL."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from rental_marketplace import MarketplaceOptions
from rental_marketplace.plan import MarketplacePlan

if TYPE_CHECKING:
    import duckdb

END_DATE = date(2026, 10, 31)
CLEAN = MarketplaceOptions(listings=1_500, bookings=20_000, viewings=60_000, end_date=END_DATE)
DIRTY = MarketplaceOptions(listings=300, bookings=3_000, viewings=6_000, end_date=END_DATE, dirty_rate=0.05, seed=7)


def arrow_tables(options: MarketplaceOptions) -> dict[str, pa.Table]:
    """All rows per table; a table without rows is left out."""
    found = {name: list(chunks) for name, chunks in MarketplacePlan(options).tables()}
    return {name: pa.concat_tables(chunks) for name, chunks in found.items() if chunks}


def in_duckdb(options: MarketplaceOptions) -> "duckdb.DuckDBPyConnection":
    import duckdb

    connection = duckdb.connect()
    for name, table in arrow_tables(options).items():
        connection.register("rows", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
        connection.unregister("rows")
    return connection


@pytest.fixture(scope="session")
def clean() -> Iterator["duckdb.DuckDBPyConnection"]:
    with in_duckdb(CLEAN) as connection:
        yield connection


@pytest.fixture(scope="session")
def dirty() -> Iterator["duckdb.DuckDBPyConnection"]:
    with in_duckdb(DIRTY) as connection:
        yield connection

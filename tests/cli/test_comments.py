"""Every table and column of a DuckDB warehouse says what it means, and says it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Rental
from rental_analytics.catalogue.lineage import column_lineage
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.lineage import ROWS
from rental_analytics.warehouses.duckdb.connection import Connection

pytestmark = pytest.mark.slow
REBUILT = ("intermediate.", "presentation.")
"""Schemas whose tables are made anew by each run."""


def comments(folder: Path) -> dict[str, str | None]:
    """What each table and column says of itself."""
    import duckdb

    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as connection:
        return dict(
            connection.execute(
                "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() UNION ALL "
                "SELECT schema_name || '.' || table_name || '.' || column_name, comment FROM duckdb_columns() "
                "WHERE NOT internal"
            ).fetchall()
        )


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The comments that are written."""
    written: list[str] = []
    run = Connection.run

    def noting(connection: Connection, sql: str) -> Any:
        if sql.startswith("COMMENT ON"):
            written.append(sql.split()[3].replace('"', ""))
        return run(connection, sql)

    monkeypatch.setattr(Connection, "run", noting)
    return written


def test_all_that_is_there_says_what_it_means(loaded: Path) -> None:
    held = comments(loaded)

    assert [place for place, comment in held.items() if not comment] == []
    assert held["curated.bookings.stay_nights"] == "Nights from check-in to check-out"
    assert held["curated.bookings._loaded_at"] == "Start of the run that loaded the row, or flagged it, in UTC"
    assert held["ops.runs"] == ops_tables()["runs"].description


def test_all_columns_that_are_there_have_a_lineage(loaded: Path) -> None:
    columns = {place for place in comments(loaded) if place.count(".") == 2 and not place.startswith("ops.")}
    lineage = {f"{name.relation}.{name.column}" for name in column_lineage(load_contracts()) if name.column != ROWS}

    assert columns == {name for name in lineage if not name.startswith("ops.")}


def test_a_later_run_says_nothing_again(loaded: Path, rental: Rental, said: list[str]) -> None:
    rental(loaded, "run").ok()

    assert [place for place in said if not place.startswith(REBUILT)] == []


def test_a_warehouse_of_before_gets_what_it_lacks(loaded: Path, rental: Rental, said: list[str]) -> None:
    """Of tables, too, that the run changes nothing of; what was said otherwise is corrected."""
    import duckdb

    wanted = comments(loaded)
    lacking = ["ops.runs", "ops.steps.seconds", "raw_data.bookings.user_id", "curated.calendar.week_start"]
    with duckdb.connect(loaded / "warehouse.duckdb") as connection:
        for place in lacking:
            kind = "COLUMN" if place.count(".") == 2 else "TABLE"
            connection.execute(f"COMMENT ON {kind} {place} IS NULL")
        connection.execute("COMMENT ON COLUMN curated.bookings.status IS 'said otherwise'")
    rental(loaded, "run").ok()

    assert comments(loaded) == wanted
    assert sorted(place for place in said if not place.startswith(REBUILT)) == sorted(
        [*lacking, "curated.bookings.status"]
    )

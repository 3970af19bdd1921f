"""Spark as the engine of runs: the same tables as with DuckDB, in turns with it.

From MySQL, which Spark reads itself. A file's rows come by way of DuckDB: test_spark_marketplaces.py compares what
either engine leaves of them, the state that the next run begins with included.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.harness import ON_MYSQL, Pipeline, Source

pytestmark = [pytest.mark.usefixtures("spark"), ON_MYSQL]

SCHEMAS = ("raw_data", "curated")


def test_engines_take_turns_on_one_lake(
    source: Source, another_pipeline: Callable[..., Pipeline], tmp_path: Path
) -> None:
    """One goes on from the other, and the other from it; metrics are made of what is compared."""
    source.create(optional=True)
    _change(source, 1)
    another_pipeline("alone").load()
    shutil.copytree(tmp_path / "alone", tmp_path / "turns")
    turns, alone = another_pipeline("turns"), another_pipeline("alone")
    for number, engine in enumerate(["spark", "duckdb"], start=2):
        _change(source, number)
        turns.load(f"engine.kind={engine}")
        alone.load()
        assert turns.tables(*SCHEMAS) == alone.tables(*SCHEMAS)


def test_snapshots_are_compared_across_engines(source: Source, another_pipeline: Callable[..., Pipeline]) -> None:
    source.create(optional=False)
    turns = another_pipeline("turns")
    for number, engine in enumerate(["duckdb", "spark", "duckdb"], start=1):
        _change(source, number)
        run = turns.run(f"engine.kind={engine}", steps=("extract", "load-raw")).run
        read = turns.rows(
            f"SELECT extracted_rows FROM ops.proofs WHERE run_id = '{run.run_id}' AND read_mode = 'snapshot'"
        )
        # The new row and, later on, the one that changed beside it.
        assert sum(rows for (rows,) in read) == 2, (number, read)


def _change(source: Source, number: int) -> None:
    moment = f"2024-05-0{number} 10:00:00.000000"
    source.insert("apartments", {"id": number, "last_modified_timestamp": moment})
    source.insert("apartment_attributes", {"id": number, "cityname": "Oslo", "amenities": "Pool, Gym,pool"})
    source.insert("bookings", {"booking_id": number, "apartment_id": number, "booking_date": moment})
    source.insert("user_viewing", {"viewed_at": moment}, {"viewed_at": moment})
    if number > 1:
        source.execute(f"UPDATE apartments SET price = 50, last_modified_timestamp = '{moment}' WHERE id = 1")
        source.execute(f"DELETE FROM bookings WHERE booking_id = {number - 1}")

"""Which load was the last one: by its number in the warehouse, whatever the clocks of runners say."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rental_analytics.errors import ConfigurationError
from runs.clocks import clock_off_by
from runs.harness import Source, failure
from runs.test_clocks import OFF
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from support.breadth import examples
from warehouses.twins import DuckDb, Redshift

LOADED = ("extract", "transform", "load-raw", "load-curated")
TRIED = [OFF[name] for name in examples(["5 years ahead"], [*OFF])]
"""A run by the right clock after it is one by a clock that is behind; the others are tried on DuckDB."""
pytestmark = pytest.mark.service


@pytest.fixture
def changes(source: Source) -> Iterator[Callable[[], None]]:
    numbers = iter(range(3, 100))

    def change() -> None:
        number = next(numbers)
        source.insert("bookings", {"booking_id": number, "updated_at": f"2024-03-{number:02d}"})

    return change


@pytest.fixture
def pipeline(source: Source, tmp_path: Path, aws: None, s3: S3Server, redshift: RedshiftStandIn) -> Redshift:
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "updated_at": "2024-03-02"})
    return Redshift(tmp_path / "redshift", source.url, f"s3://{s3.create_bucket()}/lake", redshift)


@pytest.fixture
def undisturbed(source: Source, tmp_path: Path) -> DuckDb:
    """Another warehouse over the same source, which no clock disturbs."""
    return DuckDb(tmp_path / "undisturbed", source.url)


def test_clocks_that_were_wrong(pipeline: Redshift, undisturbed: DuckDb, changes: Callable[[], None]) -> None:
    pipeline.run(steps=LOADED)
    for off in TRIED:
        changes()
        with clock_off_by(off):
            pipeline.run(steps=LOADED)
        changes()
        pipeline.run(steps=LOADED)
    undisturbed.run(steps=LOADED)
    assert pipeline.every("curated") == undisturbed.every("curated")
    changes()
    for one in (pipeline, undisturbed):
        one.run(full_refresh=True, steps=LOADED)
    assert pipeline.every("raw_data", "curated") == undisturbed.every("raw_data", "curated")
    counted = "SELECT COUNT(*), COUNT(DISTINCT sequence), MAX(sequence) FROM ops.loads"
    loads = 2 * (1 + 2 * len(TRIED) + 1)
    assert pipeline.seen(counted) == [(loads, loads, loads)]


@pytest.mark.exhaustive
def test_loads_that_are_not_numbered_yet(
    pipeline: Redshift, undisturbed: DuckDb, changes: Callable[[], None], redshift: RedshiftStandIn
) -> None:
    pipeline.run(steps=LOADED)
    changes()
    pipeline.run(steps=LOADED)
    for table, column in (("loads", "sequence"), ("lakes", "sequence"), ("runs", "lake_records")):
        redshift.execute(f"ALTER TABLE ops.{table} DROP COLUMN {column}", pipeline.database)
    changes()
    pipeline.run(steps=LOADED)
    undisturbed.run(steps=LOADED)
    assert pipeline.every("curated") == undisturbed.every("curated")
    numbers = pipeline.seen("SELECT sequence FROM ops.loads ORDER BY sequence NULLS FIRST")
    assert numbers == [(None,), (None,), (None,), (None,), (1,), (2,)]
    # What an earlier version loaded by a clock far ahead is the last one until every table is read whole.
    redshift.execute("UPDATE ops.loads SET sequence = NULL, loaded_at = '2030-01-01'", pipeline.database)
    redshift.execute(
        "UPDATE ops.loads SET loaded_at = '2031-01-01' WHERE run_id IN (SELECT run_id FROM ops.runs "
        "WHERE sequence = 1)",
        pipeline.database,
    )
    changes()
    assert isinstance(failure(pipeline.run, steps=LOADED), ConfigurationError)
    pipeline.run(full_refresh=True, steps=LOADED)
    changes()
    pipeline.run(steps=LOADED)
    undisturbed.run(steps=LOADED)
    assert pipeline.every("curated") == undisturbed.every("curated")

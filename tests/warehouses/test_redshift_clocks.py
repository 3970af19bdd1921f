"""Which load was the last one: by its number in the warehouse, whatever the clocks of runners say."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from rental_analytics.errors import ConfigurationError
from runs.clocks import clock_off_by
from runs.harness import Source, failure
from servers.redshift_stand_in import RedshiftStandIn
from warehouses.twins import Twins

pytestmark = pytest.mark.service


@pytest.fixture
def changes(source: Source) -> Iterator[Callable[[], None]]:
    numbers = iter(range(3, 100))

    def change() -> None:
        number = next(numbers)
        source.insert("bookings", {"booking_id": number, "updated_at": f"2024-03-{number:02d}"})

    return change


@pytest.fixture
def pair(source: Source, twins: Callable[[str], Twins]) -> Twins:
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "updated_at": "2024-03-02"})
    return twins(source.url)


def test_clocks_that_were_wrong(pair: Twins, changes: Callable[[], None]) -> None:
    pair.run()
    for off in (timedelta(days=5 * 365), -timedelta(days=2)):
        changes()
        with clock_off_by(off):
            pair.run()
        changes()
        pair.run()
    changes()
    pair.run(full_refresh=True)
    assert pair.differences() == {}
    counted = "SELECT COUNT(*), COUNT(DISTINCT sequence), MAX(sequence) FROM ops.loads"
    assert pair.redshift.seen(counted) == [(12, 12, 12)]


def test_loads_that_are_not_numbered_yet(pair: Twins, changes: Callable[[], None], redshift: RedshiftStandIn) -> None:
    pair.run()
    changes()
    pair.run()
    for table, column in (("loads", "sequence"), ("lakes", "sequence"), ("runs", "lake_records")):
        redshift.execute(f"ALTER TABLE ops.{table} DROP COLUMN {column}", pair.redshift.database)
    changes()
    pair.run()
    assert pair.differences() == {}
    numbers = pair.redshift.seen("SELECT sequence FROM ops.loads ORDER BY sequence NULLS FIRST")
    assert numbers == [(None,), (None,), (None,), (None,), (1,), (2,)]
    # What an earlier version loaded by a clock far ahead is the last one until every table is read whole.
    redshift.execute("UPDATE ops.loads SET sequence = NULL, loaded_at = '2030-01-01'", pair.redshift.database)
    redshift.execute(
        "UPDATE ops.loads SET loaded_at = '2031-01-01' WHERE run_id IN (SELECT run_id FROM ops.runs "
        "WHERE sequence = 1)",
        pair.redshift.database,
    )
    changes()
    assert isinstance(failure(pair.run), ConfigurationError)
    pair.run(full_refresh=True)
    changes()
    pair.run()
    assert pair.redshift.every("curated") == pair.duckdb.every("curated")

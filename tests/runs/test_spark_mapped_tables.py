"""Tables and columns of other names, read by Spark in several statements at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rental_analytics.databases.base import ParallelRead
from rental_analytics.databases.mysql import jdbc
from runs.harness import Source
from runs.mapped import Twice, day
from servers.mysql import MySqlServer
from support.breadth import FULL

pytestmark = [pytest.mark.usefixtures("spark"), pytest.mark.service]

ROWS = 6
RAW = ("extract", "load-raw")


def test_parallel_reads_by_other_names(mysql: MySqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as DuckDB makes of our names; `make matrix` reads all tables, and reads them twice."""
    monkeypatch.setattr(jdbc, "_FEWEST_ROWS", 3)
    reads: dict[str, int] = {}
    made = jdbc.MySqlJdbc.reads

    def counting(self: jdbc.MySqlJdbc, plan: Any, *arguments: Any, **options: Any) -> list[ParallelRead]:
        parts = made(self, plan, *arguments, **options)
        reads[plan.table.name] = max(len(parts), reads.get(plan.table.name, 0))
        return parts

    monkeypatch.setattr(jdbc.MySqlJdbc, "reads", counting)
    twice = Twice(lambda _: Source.mysql(mysql), tmp_path, "engine.kind=spark", units=FULL)
    twice.create_viewings()
    twice.theirs.execute("CREATE INDEX at_time ON `page-views` (at)")
    for number in range(1, ROWS + 1):
        if FULL:
            twice.unit(number, day(1))
        twice.booking(number, day(2))
        twice.viewing(day(number), user=number)
    for pipeline in (twice.own, twice.mapped):
        pipeline.run(steps=RAW)
    twice.assert_alike("raw_data")
    assert len(reads) == (4 if FULL else 2) and min(reads.values()) > 1, reads

    if not FULL:
        return
    twice.update("bookings", 2, booking_status="canceled", updated_at=day(4))
    twice.delete_booking(3)
    twice.update("apartments", 1, price="55.00", last_modified_timestamp=day(4))
    twice.plain.execute(f"UPDATE apartment_attributes SET last_modified_timestamp = '{day(4)}' WHERE id = 1")
    twice.viewing(day(13))
    for pipeline in (twice.own, twice.mapped):
        pipeline.run(steps=RAW)
    twice.assert_alike("raw_data")

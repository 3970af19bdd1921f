"""A whole life of a marketplace on Oracle's MySQL and on MariaDB; `benchmarks/servers.py` does the same at size."""

from pathlib import Path

import pytest

from rental_marketplace import MarketplaceOptions
from runs.servers_compared import LAST_DAY, Compared, assert_same_warehouses
from servers.mysql import MySqlServer

pytestmark = pytest.mark.service

OPTIONS = MarketplaceOptions(listings=80, bookings=500, viewings=800, end_date=LAST_DAY, dirty_rate=0.01)


def test_raw_equals_the_source_and_both_servers_agree(mysql: MySqlServer, mariadb: MySqlServer, tmp_path: Path) -> None:
    one, other = Compared(mysql, tmp_path / "one"), Compared(mariadb, tmp_path / "other")
    for _ in zip(one.live(OPTIONS), other.live(OPTIONS), strict=True):
        for compared in (one, other):
            rows = compared.assert_raw_is_source()
            assert rows["bookings"] >= OPTIONS.bookings
            assert rows["user_viewing"] >= OPTIONS.viewings
        rows = assert_same_warehouses(one, other)
        assert rows["curated.bookings"] > 0.9 * OPTIONS.bookings
        empty = {table for table in rows if table.startswith("presentation.") and not rows[table]}
        # What is on the books is known from the day of the first run on, which is later than the data's.
        assert empty == {"presentation.booking_pickup_daily"}

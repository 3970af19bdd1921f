"""One marketplace in both warehouses, as analysts find them after two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import pytest

from rental_analytics import connect
from rental_analytics.analysis.connection import Connection
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_marketplace import MarketplaceOptions, advance, generate
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import Twins, environment, reaching

FIRST, LAST = date(2026, 3, 29), date(2026, 4, 6)
"""The days of the two runs, between which it is known what was on the books."""
OPTIONS = MarketplaceOptions(listings=60, bookings=1_500, viewings=3_000, end_date=FIRST, dirty_rate=0.05)


@dataclass(frozen=True)
class Warehouses:
    """Configurations of both, and what an AWS client has to know."""

    duckdb: Path
    redshift: Path
    variables: Mapping[str, str]


@pytest.fixture(scope="session")
def warehouses(tmp_path_factory: pytest.TempPathFactory, s3: S3Server, redshift: RedshiftStandIn) -> Warehouses:
    folder = tmp_path_factory.mktemp("analysts")
    source = f"sqlite:///{folder / 'marketplace.db'}"
    generate(source, OPTIONS)
    redshift.faults.clear()
    with pytest.MonkeyPatch.context() as patch, reaching(patch, s3, redshift):
        both = Twins(folder, source, s3, redshift)
        both.duckdb.every_metric = both.redshift.every_metric = True
        _set_clock(patch, FIRST)
        both.load(run_id="first")
        advance(source, (LAST - FIRST).days, dirty_rate=0.05)
        _set_clock(patch, LAST)
        both.run(run_id="second")
    configured = folder / "redshift.toml"
    configured.write_text(f'[warehouse]\nurl = "redshift://test-workgroup/{both.redshift.database}?region=us-east-1"\n')
    return Warehouses(both.duckdb.folder / "rental.toml", configured, environment(s3, redshift))


def _set_clock(patch: pytest.MonkeyPatch, day: date) -> None:
    """Let it be this day's last second for the source."""
    patch.setattr(SqliteDatabase, "server_time", lambda _: datetime.combine(day, time(23, 59, 59)))


@pytest.fixture
def both(warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, Connection]]:
    """The marketplace in DuckDB and in the stand-in for Redshift."""
    with monkeypatch.context() as patch:
        for name, value in warehouses.variables.items():
            patch.setenv(name, value)
        yield connect(warehouses.duckdb), connect(warehouses.redshift)

"""One marketplace in both warehouses, as analysts find them after two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from rental_analytics import connect
from rental_analytics.analysis.connection import Connection
from rental_marketplace import MarketplaceOptions, advance, generate
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import Twins, environment, reaching

TODAY = date.today()  # noqa: DTZ011 what was on the books is known from the day of the first run on
AS_OF = TODAY + timedelta(days=9)
OPTIONS = MarketplaceOptions(listings=60, bookings=2_000, viewings=3_000, end_date=TODAY, dirty_rate=0.05)


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
        both.run(run_id="first")
        advance(source, 1, dirty_rate=0.05)
        both.run(run_id="second", as_of=AS_OF)
    configured = folder / "redshift.toml"
    configured.write_text(f'[warehouse]\nurl = "redshift://test-workgroup/{both.redshift.database}?region=us-east-1"\n')
    return Warehouses(both.duckdb.folder / "rental.toml", configured, environment(s3, redshift))


@pytest.fixture
def both(warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, Connection]]:
    """The marketplace in DuckDB and in the stand-in for Redshift."""
    with monkeypatch.context() as patch:
        for name, value in warehouses.variables.items():
            patch.setenv(name, value)
        yield connect(warehouses.duckdb), connect(warehouses.redshift)

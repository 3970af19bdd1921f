"""One lake gives the same tables in DuckDB and in the stand-in for Redshift."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_marketplace import MarketplaceOptions, advance, generate
from support.breadth import sampled
from warehouses.twins import Twins

pytestmark = pytest.mark.service

OPTIONS = MarketplaceOptions(
    listings=60, bookings=240, viewings=200, seed=11, end_date=date(2024, 3, 4), dirty_rate=0.3
)


@pytest.mark.parametrize("minimal", sampled([False, True], [False]), ids=["all columns", "no optional column"])
def test_generated_marketplace(tmp_path: Path, twins: Callable[[str], Twins], minimal: bool) -> None:
    url = f"sqlite:///{tmp_path / 'marketplace.db'}"
    both = twins(url)
    both.make_every_metric()
    generate(url, replace(OPTIONS, minimal=minimal))
    both.run(run_id="first")
    assert both.differences() == {}
    comments = both.redshift.comments()
    assert both.duckdb.comments() == comments
    assert [place for place, comment in comments.items() if not comment] == []
    filled = both.redshift.every("raw_data", "curated", "presentation")
    contracts = load_contracts()
    assert len(filled) == sum(map(len, (contracts.sources, contracts.curated, contracts.presentation)))
    assert all(filled.values())

    advance(url, 4, dirty_rate=0.3)
    both.run("quality.max_deleted_share=1", run_id="second")
    assert both.differences() == {}
    assert both.redshift.every("curated") != {name: rows for name, rows in filled.items() if name.startswith("curated")}

    # Rows that are gone, and versions of before, are converted in the warehouse.
    dollars = both.redshift.seen("SELECT SUM(reporting_total_price) FROM curated.booking_versions")
    both.run("marketplace.reporting_currency=EUR", run_id="third", full_refresh=True)
    assert both.differences() == {}
    euros = both.redshift.seen("SELECT SUM(reporting_total_price) FROM curated.booking_versions")
    assert 0 < euros[0][0] < dollars[0][0]

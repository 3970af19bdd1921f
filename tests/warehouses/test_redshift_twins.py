"""One lake gives the same tables in DuckDB and in the stand-in for Redshift."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.databases import mapping
from rental_marketplace import MarketplaceOptions, advance, generate
from support.breadth import sampled
from support.checked import with_every_kind
from warehouses.twins import Twins

pytestmark = pytest.mark.service

OPTIONS = MarketplaceOptions(
    listings=60, bookings=240, viewings=200, seed=11, end_date=date(2024, 3, 4), dirty_rate=0.3
)
KINDS = {"listing_id_unique", "week_start_freshness", "known", "city_accepted_values", "confirmed_revenue_range"}
"""Checks that rows of the marketplace break in the warehouse."""


@pytest.mark.parametrize("minimal", sampled([False, True], [False]), ids=["all columns", "no optional column"])
def test_generated_marketplace(
    tmp_path: Path, twins: Callable[[str], Twins], monkeypatch: pytest.MonkeyPatch, minimal: bool
) -> None:
    monkeypatch.setattr(mapping, "load_contracts", lambda: with_every_kind(load_contracts()))
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
    # The calendar is not among them.
    assert len(filled) == sum(map(len, (contracts.sources, contracts.curated, contracts.presentation))) - 1
    # What is on the books is known from the day of the first run on, which is later than the data's.
    assert {name for name, rows in filled.items() if not rows} == {"presentation.booking_pickup_daily"}
    results = {name: rows for _, name, _, rows, _ in both.redshift.told()["check_results"]}
    assert {name for name in KINDS if results[name]} == KINDS

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

"""A broken check of severity fail stops a load into the stand-in for Redshift, and a rebuild there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.databases import mapping
from rental_analytics.errors import QualityError
from runs.harness import Source, failure
from support.checked import with_checks
from warehouses.twins import FILLED, READ, Twins, sums_of

pytestmark = pytest.mark.service

UNKNOWN = {"relationships": {"to": "curated.listings", "column": "listing_id"}}
SHOWN = "presentation.top_listings_weekly"


def of_loads(contracts: Contracts) -> Contracts:
    contracts = with_checks(contracts, "curated.viewings", {"listing_id": [UNKNOWN]})
    fresh = {"freshness": {"column": "modified_at", "within": "2 days"}, "severity": "warn"}
    return with_checks(contracts, "curated.listings", {"title": [{"unique": True, "severity": "warn"}]}, [fresh])


def of_metrics(contracts: Contracts) -> Contracts:
    return with_checks(
        contracts,
        SHOWN,
        {
            "listing_id": [UNKNOWN, "unique"],
            "city": ["not_null"],
            "title": ["unique", {"accepted_values": ["A room", "it's"]}],
        },
        [{"freshness": {"column": "week_start", "within": "2 days"}}, {"name": "any", "when": "revenue_rank > 0"}],
    )


def test_a_load_and_a_rebuild_are_stopped(
    source: Source, twins: Callable[[str], Twins], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.create(optional=True)
    # Texts that Redshift takes for equal, and other engines do not.
    source.insert("apartments", {"id": 1, "title": "A room"}, {"id": 2, "title": "A room "})
    source.insert("apartment_attributes", *({"id": key, "cityname": "Basel", "state": "BS"} for key in (1, 2)))
    source.insert("bookings", *({"booking_id": key, "apartment_id": key} for key in (1, 2, 98)))
    source.insert("user_viewing", {})
    both = twins(source.url)
    both.run(run_id="first")
    redshift = both.redshift
    seen = sums_of(redshift.stand_in, redshift.database, "presentation", "intermediate")
    assert seen["presentation.top_listings_weekly"][0][0] == 3
    source.insert("user_viewing", {"apartment_id": 99, "viewed_at": "2024-03-02 11:00:00.000000"})
    both.duckdb.run(run_id="next", steps=READ)
    both.copy_lake()

    monkeypatch.setattr(mapping, "load_contracts", lambda: of_loads(load_contracts()))
    error = failure(redshift.run, resume="next", steps=FILLED)
    assert isinstance(error, QualityError)
    assert (error.exit_code, error.step, error.reason) == (3, "load-curated", "loaded-check-broken")
    assert "Check listing_id_relationships of curated.viewings is broken by 1 row, such as 99; " in error.message
    assert found(both) >= {
        ("viewings", "listing_id_relationships", "fail", 1, "99"),
        ("listings", "modified_at_freshness", "warn", 1, "the newest is 2024-01-02 10:00:00"),
        ("listings", "title_unique", "warn", 0, None),
    }
    assert failure(redshift.run, run_id="alone", steps=("metrics",)).reason == "loaded-check-broken"

    monkeypatch.setattr(mapping, "load_contracts", lambda: of_metrics(load_contracts()))
    error = failure(redshift.run, resume="next", steps=("metrics",))
    assert isinstance(error, QualityError)
    assert (error.exit_code, error.step, error.reason) == (3, "metrics", "metric-check-broken")
    assert {row for row in found(both) if row[0] == "top_listings_weekly" and row[3] and row[2] == "fail"} == {
        ("top_listings_weekly", "listing_id_relationships", "fail", 1, "98"),
        ("top_listings_weekly", "city_not_null", "fail", 1, "2024-02-26,3"),
        ("top_listings_weekly", "title_accepted_values", "fail", 1, "2024-02-26,2"),
        ("top_listings_weekly", "week_start_freshness", "fail", 1, "the newest is 2024-02-26"),
        ("top_listings_weekly", "any", "fail", 3, "2024-02-26,1"),
    }
    assert sums_of(redshift.stand_in, redshift.database, "presentation", "intermediate") == seen


def found(both: Twins) -> set[tuple[object, ...]]:
    columns = "table_name, check_name, severity, failed_rows, sample"
    return {*both.redshift.seen(f"SELECT {columns} FROM ops.check_results WHERE run_id = 'next'")}

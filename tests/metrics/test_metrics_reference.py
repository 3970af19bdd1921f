"""Every metric agrees with the slow, obvious reference on random marketplaces, and keeps its own promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from metrics.marketplace import Marketplace
from metrics.references import reference_of
from metrics.strategies import marketplaces
from metrics.warehouse import MetricWarehouse, contracts
from rental_analytics.sql.ratios import whole_query

pytestmark = pytest.mark.fast
MODELS = {model.name: model for model in contracts().rebuild_order}
patiently = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def curated_rows(marketplace: Marketplace) -> dict[str, list[dict[str, Any]]]:
    return {
        "curated.listings": [asdict(listing) for listing in marketplace.listings],
        "curated.listing_attributes": [asdict(attributes) for attributes in marketplace.attributes],
        "curated.listing_versions": [asdict(version) for version in marketplace.versions],
        "curated.bookings": [
            asdict(booking) | {"stay_nights": booking.stay_nights} for booking in marketplace.bookings
        ],
        "curated.viewings": [asdict(viewing) for viewing in marketplace.viewings],
    }


@pytest.mark.parametrize("metric", MODELS)
def test_every_metric_has_a_reference(metric: str) -> None:
    assert reference_of(MODELS[metric])


def test_a_metric_without_a_reference_is_told_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(
        AssertionError, match=r"reference\.py is missing: add the model once more.*def rows\(marketplace"
    ):
        reference_of(next(iter(MODELS.values())), tmp_path / "models")


@patiently
@given(marketplace=marketplaces())
def test_metrics_equal_their_references(metric_warehouse: MetricWarehouse, marketplace: Marketplace) -> None:
    with metric_warehouse.holding(marketplace.as_of, curated_rows(marketplace)):
        rows = {metric: metric_warehouse.rows(whole_query(MODELS[metric])) for metric in MODELS}

    for metric, model in MODELS.items():
        assert Counter(rows[metric]) == Counter(reference_of(model)(marketplace)), metric


def test_half_a_millionth_of_repeat_customers_rounds_up(metric_warehouse: MetricWarehouse) -> None:
    """The first rate that ends on exactly half a millionth needs 128 customers: 1 / 128 = 0.0078125."""
    user_ids = [1, *range(1, 129)]
    bookings = [{"user_id": user_id, "booked_at": "2024-02-01 00:00:00", "status": "confirmed"} for user_id in user_ids]
    with metric_warehouse.holding(date(2024, 2, 1), {"curated.bookings": bookings}):
        rows = metric_warehouse.rows(whole_query(MODELS["repeat_customer_rate_daily"]))

    assert rows == [(date(2024, 2, 1), 128, 1, Decimal("0.007813"))]


@settings(patiently, max_examples=20)
@given(marketplace=marketplaces())
def test_metrics_pass_their_checks_and_keys(metric_warehouse: MetricWarehouse, marketplace: Marketplace) -> None:
    with metric_warehouse.holding(marketplace.as_of, curated_rows(marketplace)):
        for metric in MODELS:
            assert_promises_kept(metric_warehouse, metric)


def assert_promises_kept(warehouse: MetricWarehouse, metric: str) -> None:
    """No check that fails a run finds a row; the key is unique; what may not be NULL is not."""
    model = MODELS[metric]
    failed = {
        check.name
        for check in model.checks
        if check.severity == "fail" and warehouse.breaks(whole_query(model), check.when)
    }
    rows = [dict(zip(model.columns, row, strict=True)) for row in warehouse.rows(whole_query(model))]
    keys = Counter(tuple(row[name] for name in model.key) for row in rows)
    assert failed == set(), metric
    assert [key for key, count in keys.items() if count > 1] == [], metric
    assert [
        name for row in rows for name, column in model.columns.items() if not column.nullable and row[name] is None
    ] == [], metric


@pytest.mark.parametrize(
    ("metric", "week_column", "rank_column"),
    [("popular_locations_weekly", 0, 5), ("top_listings_weekly", 0, 1)],
)
@settings(patiently, max_examples=20)
@given(marketplace=marketplaces())
def test_ranks_of_a_week_count_from_one(
    metric_warehouse: MetricWarehouse,
    metric: str,
    week_column: int,
    rank_column: int,
    marketplace: Marketplace,
) -> None:
    ranks: dict[date, list[int]] = defaultdict(list)
    with metric_warehouse.holding(marketplace.as_of, curated_rows(marketplace)):
        for row in metric_warehouse.rows(whole_query(MODELS[metric])):
            ranks[row[week_column]].append(row[rank_column])

    for week_ranks in ranks.values():
        assert sorted(week_ranks) == list(range(1, len(week_ranks) + 1))

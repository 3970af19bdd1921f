"""Every metric agrees with the slow, obvious reference on random marketplaces, and keeps its own promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from metrics.identities import assert_identities
from metrics.marketplace import Marketplace
from metrics.references import reference_of
from metrics.strategies import marketplaces, with_text_ids
from metrics.warehouse import MetricWarehouse, contracts
from rental_analytics.contracts.model import DerivedModel, PresentationModel
from rental_analytics.quality.conditions import condition
from rental_analytics.sql.ratios import whole_query
from support.breadth import examples

pytestmark = pytest.mark.fast
MODELS = {model.name: model for model in contracts().rebuild_order}
RANKED = [model for model in contracts().presentation.values() if model.ranking]
patiently = settings(
    deadline=None,
    max_examples=examples(30, 500),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@contextmanager
def holding(warehouse: MetricWarehouse, marketplace: Marketplace) -> Iterator[None]:
    rows = curated_rows(marketplace)
    with warehouse.holding(marketplace.as_of, rows, marketplace.currency, marketplace.known_from, built=True):
        yield


def curated_rows(marketplace: Marketplace) -> dict[str, list[dict[str, Any]]]:
    return {
        "curated.listings": [asdict(listing) for listing in marketplace.listings],
        "curated.listing_attributes": [asdict(attributes) for attributes in marketplace.attributes],
        "curated.listing_versions": [asdict(version) for version in marketplace.versions],
        "curated.bookings": [
            asdict(booking) | {"stay_nights": booking.stay_nights, "lead_days": booking.lead_days}
            for booking in marketplace.bookings
        ],
        "curated.booking_versions": [asdict(version) for version in marketplace.booking_versions],
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
    """Their keys are unique, what may not be NULL is not, and ranks of a period count from one."""
    assert_equal_their_references(metric_warehouse, marketplace)


@settings(patiently, max_examples=examples(12, 500))
@given(marketplace=marketplaces().map(with_text_ids))
def test_metrics_of_texts_as_ids_equal_their_references(
    metric_warehouse_of_texts: MetricWarehouse, marketplace: Marketplace
) -> None:
    """Which of two is lower is decided by their bytes."""
    assert_equal_their_references(metric_warehouse_of_texts, marketplace)


def assert_equal_their_references(metric_warehouse: MetricWarehouse, marketplace: Marketplace) -> None:
    with holding(metric_warehouse, marketplace):
        rows = {metric: metric_warehouse.rows(whole_query(MODELS[metric])) for metric in MODELS}

    for metric, model in MODELS.items():
        assert Counter(rows[metric]) == Counter(reference_of(model)(marketplace)), metric
        assert_columns_kept(model, rows[metric])
    for ranked in RANKED:
        if ranked.name in MODELS:
            assert_ranks_count_from_one(ranked, rows[ranked.name])
    if len(MODELS) == len(contracts().rebuild_order):
        assert_identities({metric: named(model, rows[metric]) for metric, model in MODELS.items()}, marketplace)


def named(model: DerivedModel, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(model.columns, row, strict=True)) for row in rows]


def assert_columns_kept(model: DerivedModel, found: list[tuple[Any, ...]]) -> None:
    rows = named(model, found)
    keys = Counter(tuple(row[name] for name in model.key) for row in rows)
    assert [key for key, count in keys.items() if count > 1] == [], model.name
    required = [name for name, column in model.columns.items() if not column.nullable]
    assert [name for row in rows for name in required if row[name] is None] == [], model.name


def assert_ranks_count_from_one(model: PresentationModel, rows: list[tuple[Any, ...]]) -> None:
    ranks: dict[date, list[int]] = defaultdict(list)
    assert model.ranking
    period, place = (list(model.columns).index(name) for name in (model.shown_period.column, model.ranking.place))
    for row in rows:
        ranks[row[period]].append(row[place])
    for found in ranks.values():
        assert sorted(found) == list(range(1, len(found) + 1)), model.name


def test_half_a_millionth_of_repeat_customers_rounds_up(metric_warehouse: MetricWarehouse) -> None:
    """The first rate that ends on exactly half a millionth needs 128 customers: 1 / 128 = 0.0078125."""
    user_ids = [1, *range(1, 129)]
    bookings = [{"user_id": user_id, "booked_at": "2024-02-01 00:00:00", "status": "confirmed"} for user_id in user_ids]
    with metric_warehouse.holding(date(2024, 2, 1), {"curated.bookings": bookings}):
        rows = metric_warehouse.rows(whole_query(MODELS["repeat_customer_rate_daily"]))

    assert rows == [(date(2024, 2, 1), 128, 1, Decimal("0.007813"))]


@settings(patiently, max_examples=examples(8, 100))
@given(marketplace=marketplaces())
def test_metrics_pass_the_checks_that_fail_a_run(metric_warehouse: MetricWarehouse, marketplace: Marketplace) -> None:
    with holding(metric_warehouse, marketplace):
        for metric, model in MODELS.items():
            checks = {
                check.name: condition(check)
                for check in model.declared_checks
                if check.severity == "fail" and check.is_of_rows
            }
            assert metric_warehouse.broken(whole_query(model), checks) == set(), metric

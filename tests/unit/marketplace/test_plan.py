from dataclasses import replace
from datetime import date, timedelta

import pytest

from marketplace.conftest import DIRTY, END_DATE, arrow_tables
from rental_marketplace import MarketplaceError, MarketplaceOptions
from rental_marketplace.plan import MarketplacePlan

pytestmark = pytest.mark.fast


def test_same_options_give_the_same_rows() -> None:
    first, second = arrow_tables(DIRTY), arrow_tables(DIRTY)
    assert all(first[name].equals(second[name]) for name in first)


@pytest.mark.parametrize("other", [replace(DIRTY, seed=8), replace(DIRTY, end_date=END_DATE - timedelta(days=1))])
def test_other_options_give_other_rows(other: MarketplaceOptions) -> None:
    first, second = arrow_tables(DIRTY), arrow_tables(other)
    assert not any(first[name].equals(second[name]) for name in first)


@pytest.mark.parametrize(
    ("listings", "bookings", "viewings"), [(0, 0, 0), (1, 0, 0), (1, 7, 0), (1, 0, 7), (2, 9, 3), (1, 300, 2)]
)
@pytest.mark.parametrize("dirty_rate", [0.0, 0.3])
def test_any_size(listings: int, bookings: int, viewings: int, dirty_rate: float) -> None:
    options = MarketplaceOptions(
        listings=listings, bookings=bookings, viewings=viewings, end_date=END_DATE, dirty_rate=dirty_rate
    )
    planted = MarketplacePlan(options).planted
    tables = arrow_tables(options)
    for name, rows in {"apartments": listings, "bookings": bookings, "user_viewing": viewings}.items():
        assert len(tables.get(name, ())) == rows + sum(planted[name].values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"listings": -1},
        {"bookings": -1},
        {"seed": -1},
        {"listings": 0},
        {"dirty_rate": 1.0},
        {"dirty_rate": -0.1},
        {"end_date": date(2100, 1, 1)},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MarketplaceError) as refused:
        MarketplaceOptions(**{"end_date": END_DATE, **wrong})  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
    assert refused.value.remedy

"""Words for numbers are right whatever the numbers are."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import words

pytestmark = pytest.mark.fast


def test_what_is_not_known() -> None:
    import pandas as pd

    for value in (None, float("nan"), float("inf"), pd.NA, pd.NaT, "x"):
        assert_unknown(value)


def assert_unknown(value: Any) -> None:
    assert not words.known(value)
    assert words.count(value) == words.percent(value) == words.money(value, "USD") == "not known"
    assert words.day(value) == words.month(value) == "not known"
    assert words.share(value, 1) is None
    assert words.share(1, value) is None
    assert words.change(value, 1) == words.change(1, value) == "cannot be compared"
    assert words.points(value, 1) == words.points(1, value) == "cannot be compared"


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0, "0.00 USD"),
        (99.5, "99.50 USD"),
        (9_999.994, "9,999.99 USD"),
        (10_000, "10,000 USD"),
        (1_254_000, "1.25 million USD"),
        (-20_000, "-20,000 USD"),
    ],
)
def test_money(amount: float, told: str) -> None:
    assert words.money(amount, "USD") == told


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (110, 100, "rose by 10.0%"),
        (90, 100, "fell by 10.0%"),
        (100, 100, "hardly changed"),
        (100.04, 100, "hardly changed"),
        (100.06, 100, "rose by 0.1%"),
        (0, 100, "fell by 100.0%"),
        (1, 0, "cannot be compared"),
        (1, -1, "cannot be compared"),
    ],
)
def test_change(now: float, before: float, told: str) -> None:
    assert words.change(now, before) == told


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (0.113, 0.1, "rose by 1.3 points"),
        (0.1, 0.113, "fell by 1.3 points"),
        (0.1, 0.1001, "hardly changed"),
        (0.1, 0, "rose by 10.0 points"),
    ],
)
def test_points(now: float, before: float, told: str) -> None:
    assert words.points(now, before) == told


def test_parts_of_a_whole() -> None:
    assert words.share(1, 4) == 0.25
    assert words.share(1, 0) is None
    assert words.percent(words.share(1, 3)) == "33.3%"


def test_numbers_with_nouns() -> None:
    assert [words.counted(number, "run") for number in (0, 1, 2, 1_234)] == ["0 runs", "1 run", "2 runs", "1,234 runs"]


def test_days_and_months() -> None:
    import pandas as pd

    assert words.day(date(2026, 6, 3)) == words.day(pd.Timestamp("2026-06-03")) == "3 June 2026"
    assert words.month(date(2026, 6, 3)) == "June 2026"


def test_names_in_a_row() -> None:
    assert words.listed([]) == "not known"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b"]) == "a and b"
    assert words.listed(name for name in "abc") == "a, b and c"

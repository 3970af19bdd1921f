"""Failpoints do nothing but for tests."""

import re
from pathlib import Path

import pytest

import rental_analytics
from rental_analytics.failpoints import FAILPOINTS, arm, reach

pytestmark = pytest.mark.fast

PACKAGE = Path(rental_analytics.__file__).parent


def test_what_is_armed_is_told_each_name() -> None:
    reached: list[str] = []
    reach("run-begun")
    arm(reached.append)
    try:
        reach("run-begun")
        reach("lock-taken")
    finally:
        arm(None)
    reach("run-begun")
    assert reached == ["run-begun", "lock-taken"]


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        reach("lunch")


def test_every_failpoint_says_what_has_happened() -> None:
    assert all(len(told.split()) > 5 and told.endswith(".") for told in FAILPOINTS.values())


def test_nothing_but_tests_arms_them() -> None:
    armed = [path.name for path in PACKAGE.rglob("*.py") if re.search(r"\barm\((?!self)", path.read_text())]
    assert armed == ["failpoints.py"]

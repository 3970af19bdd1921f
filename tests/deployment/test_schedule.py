"""How far apart the runs of a schedule are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.configuration import load_configuration
from infra.parts.schedule import expression_fault, longest_gap

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("rate(1 hour)", 1),
        ("rate(90 minutes)", 1.5),
        ("rate(7 days)", 168),
        ("cron(0 3 * * ? *)", 24),
        ("cron(0 3 ? * * *)", 24),
        ("cron(0 6,18 * * ? *)", 12),
        ("cron(0 6,20 * * ? *)", 14),
        ("cron(0/15 * * * ? *)", 0.25),
        ("cron(30 8-17 * * ? *)", 15),
        ("cron(0 3 ? * MON-FRI *)", 72),
        ("cron(0 3 ? * 2-6 *)", 72),
        ("cron(0 3 ? * SUN *)", 168),
        ("cron(0 3 1 * ? *)", None),
        ("cron(0 3 ? * 6L *)", None),
        ("cron(0 25 * * ? *)", None),
        ("at(2027-01-01T03:00:00)", None),
        ("nightly", None),
    ],
)
def test_longest_gap(expression: str, hours: float | None) -> None:
    assert longest_gap(expression) == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 3 * * ? *)",
        "cron(0/30 8-17 ? * MON-FRI *)",
        "cron(0 3 L * ? *)",
        "cron(0 3 15W * ? *)",
        "cron(0 3 ? JAN-MAR,12 FRI#1 2030-2040)",
        "cron(0 3 ? * 6L *)",
        "rate(10 minutes)",
        "rate(1 day)",
        "at(2199-12-31T23:59:59)",
    ],
)
def test_expressions_that_the_scheduler_takes(expression: str) -> None:
    assert expression_fault(expression) is None


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("cron(99 25 * * ? *)", "'99' in 'cron(99 25 * * ? *)' is no minutes, which is 0 to 59"),
        ("cron(0 25 * * ? *)", "is no hours"),
        ("cron(a b * * ? *)", "'a' in"),
        ("cron(? 3 * * ? *)", "'?' in"),
        ("cron(0 3 32 * ? *)", "is no day of the month"),
        ("cron(0 3 * 13 ? *)", "is no month, which is 1 to 12, or JAN to DEC"),
        ("cron(0 3 ? * 8 *)", "is no day of the week, which is 1 to 7, or SUN to SAT"),
        ("cron(0 3 ? * FRI#6 *)", "is no day of the week"),
        ("cron(0 3 ? * FRIDAY *)", "is no day of the week"),
        ("cron(0 3 * * ? 3000)", "is no year"),
        ("cron(0 3 * * ? 2020)", "names years that are over"),
        ("cron(0 3 * * * *)", "one has to be ?"),
        ("cron(0 3 ? * ? *)", "one has to be ?"),
        ("cron(0/0 3 * * ? *)", "is no minutes"),
        ("cron(* 3 * * ? *)", "begins a run 1 min after another"),
        ("rate(1 minute)", "begins a run 1 min after another"),
        ("at(2027-13-45T99:00:00)", "names no moment: month must be in 1..12"),
        ("at(2020-01-01T00:00:00)", "is over"),
        ("nightly", "is not an expression of EventBridge Scheduler"),
    ],
)
def test_expressions_that_it_refuses_or_that_mean_nothing(expression: str, fault: str) -> None:
    assert fault in str(expression_fault(expression))


def test_schedule_that_is_off_is_not_compared(tmp_path) -> None:
    file = tmp_path / "company.toml"
    file.write_text("[schedule]\nexpression = 'rate(2 days)'\nenabled = false\n")
    assert not load_configuration(file).schedule.enabled

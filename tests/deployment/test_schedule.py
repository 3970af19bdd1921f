"""How far apart the runs of a schedule are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.configuration import load_configuration
from infra.parts.schedule import longest_gap

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


def test_schedule_that_is_off_is_not_compared(tmp_path) -> None:
    file = tmp_path / "company.toml"
    file.write_text("[schedule]\nexpression = 'rate(2 days)'\nenabled = false\n")
    assert not load_configuration(file).schedule.enabled

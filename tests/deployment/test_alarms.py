"""Every alarm rings when it should and only then, and says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import Queue

from deployment.alarm_states import Series, state
from deployment.synthesized import synthesized
from infra.configuration import Configuration, Schedule
from infra.stacks.monitoring import MonitoringStack

pytestmark = pytest.mark.service

ROOT = Path(__file__).parents[2]
DAYS = [1000.0, 1040.0, 980.0, 1010.0, 995.0, 1020.0, 990.0]

FINE: dict[str, dict[str, Series]] = {
    "late": {"RunsSucceeded": [*[None] * 25, 1, *[None] * 25]},
    "stale": {"DataLate": [0, None, 0]},
    "rejected": {"RejectedShare bookings": [0.01], "RejectedShare viewings": [0.05]},
    "unusual": {"RowsIn": [*DAYS, 1030]},
    "costly": {"JobSeconds extract": [3600], "JobSeconds transform": [3600], "Seconds extract": [99_999]},
    "undelivered": {"ApproximateNumberOfMessagesVisible": [0, 0]},
}
WRONG: dict[str, dict[str, Series]] = {
    "late": {"RunsSucceeded": [1, *[None] * 25, 0]},
    "stale": {"DataLate": [0, 0, 1]},
    "rejected": {"RejectedShare bookings": [0.01], "RejectedShare viewings": [0.06]},
    "unusual": {"RowsIn": [*DAYS, 40]},
    "costly": {"JobSeconds extract": [3600], "JobSeconds transform": [4 * 3600]},
    "undelivered": {"ApproximateNumberOfMessagesVisible": [0, 1]},
}


def alarms() -> dict[str, dict[str, object]]:
    found = synthesized("minimal").resources("AWS::CloudWatch::Alarm").values()
    return {alarm["AlarmName"].removeprefix("rental-"): dict(alarm) for alarm in found}


def test_there_is_a_series_for_every_alarm() -> None:
    assert set(alarms()) == set(FINE) == set(WRONG)


@pytest.mark.parametrize("name", FINE)
def test_alarm_is_silent_when_all_is_well(name: str) -> None:
    assert state(alarms()[name], FINE[name]) == "OK"


@pytest.mark.parametrize("name", WRONG)
def test_alarm_rings_when_something_is_wrong(name: str) -> None:
    assert state(alarms()[name], WRONG[name]) == "ALARM"


def test_links_begin_as_the_company_says() -> None:
    found = synthesized("production")
    prefix = "https://git.company.example/data/rental/blob/main/"
    for alarm in found.resources("AWS::CloudWatch::Alarm").values():
        assert f"What to do: {prefix}docs/cookbooks/alarms.md#" in alarm["AlarmDescription"]
    (rule,) = found.resources("AWS::Events::Rule").values()
    assert f"What to do: {prefix}docs/cookbooks/failed-run.md" in json.dumps(rule)


@pytest.mark.parametrize("enabled", [True, False])
def test_no_run_is_late_where_none_is_scheduled(enabled: bool) -> None:
    """Until somebody has let the job into the database, runs are begun by hand."""
    configuration = Configuration(schedule=Schedule(enabled=enabled))
    stack = Stack(App(), "beside")
    orchestration = SimpleNamespace(
        topic=Topic(stack, "Topic"), dead_letters=Queue(stack, "Queue"), machine=SimpleNamespace(ref="arn")
    )
    monitoring = MonitoringStack(
        App(),
        "monitoring",
        configuration=configuration,
        orchestration=orchestration,  # type: ignore[arg-type]
        processing=SimpleNamespace(output_logs=[]),  # type: ignore[arg-type]
        description="",
        env=Environment(),
        termination_protection=False,
    )
    assert set(monitoring.alarms) == set(FINE) - (set() if enabled else {"late"})


@pytest.mark.parametrize("name", FINE)
def test_alarm_says_where_its_runbook_is(name: str) -> None:
    alarm = alarms()[name]
    page, _, section = re.search(r"What to do: (\S+)$", str(alarm["AlarmDescription"]))[1].partition("#")  # type: ignore[index]
    assert re.search(rf"^## {section}$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert alarm["AlarmActions"] == alarm["OKActions"] != []

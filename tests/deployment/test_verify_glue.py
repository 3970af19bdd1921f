"""`make verify-glue` runs, and sees what is wrong; here against the emulated AWS, with stand-in jobs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployment.deployed import Deployed
from rental_analytics.doctor.glue.claims import Checks
from rental_analytics.doctor.glue.deployment import Deployment, Ended, find_deployment
from rental_analytics.doctor.glue.verification import verify_deployment
from rental_analytics.doctor.results import CheckResult, CheckStatus, DifferenceError
from rental_analytics.errors import ConfigurationError
from rental_analytics.pipeline import STEPS
from servers.aws.server import REGION

pytestmark = pytest.mark.service

SCRIPT = Path(__file__).parents[2] / "scripts" / "verify_glue.py"
PAGE = SCRIPT.parents[1] / "docs" / "reference" / "verified-on-aws.md"
BAD_DAY = {"raise": "ConfigurationError: as_of is never. Remedy: correct it."}
OF_LOGS = {"output-is-logged", "logs-are-kept-and-encrypted"}
"""Stand-in jobs have no log groups."""


def verified(deployed: Deployed, *, runs: bool = True, patience: float = 4) -> dict[str, CheckResult]:
    deployment = find_deployment("rental", deployed.aws.client, patience)
    return {result.name: result for result in verify_deployment(deployment, runs=runs)}


def send_number(deployed: Deployed) -> None:
    """What a real job would send at its end."""
    number = {"MetricName": "RunsSucceeded", "Dimensions": [{"Name": "Pipeline", "Value": "rental"}], "Value": 1.0}
    deployed.aws.client("cloudwatch").put_metric_data(
        Namespace="Rental", MetricData=[number | {"Timestamp": datetime.now(UTC)}]
    )


def test_it_runs_and_leaves_nothing(deployed: Deployed) -> None:
    deployed.order(STEPS[0], BAD_DAY, {"sleep": 2})
    send_number(deployed)
    sns, sqs = deployed.aws.client("sns"), deployed.aws.client("sqs")
    before = len(sns.list_subscriptions()["Subscriptions"]), sqs.list_queues()["QueueUrls"]
    done = subprocess.run(
        [sys.executable, SCRIPT, "--name", "rental", "--region", REGION, "--patience", "5"],
        env=os.environ | deployed.aws.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = re.findall(r"^(ok|FAILED|skipped) +(\S+): (.+)$", done.stdout, flags=re.MULTILINE)
    assert {name for status, name, _ in lines if status == "skipped"} == OF_LOGS, done.stdout + done.stderr
    assert [line for line in lines if line[0] == "FAILED"] == []
    assert (done.returncode, len(lines)) == (0, 10)
    assert (len(sns.list_subscriptions()["Subscriptions"]), sqs.list_queues()["QueueUrls"]) == before
    (alarm,) = deployed.aws.client("cloudwatch").describe_alarms(AlarmNames=["rental-undelivered"])["MetricAlarms"]
    assert alarm["StateValue"] != "ALARM"
    # Each is in the table of claims.
    assert {name for _, name, _ in lines} == set(
        re.findall(r"^\| .* \| `([\w-]+)` \|$", PAGE.read_text(), re.MULTILINE)
    )


def test_alerts_that_do_not_arrive_are_seen(deployed: Deployed) -> None:
    topic = deployed.names["Alerts"]
    policy = '{"Version": "2012-10-17", "Statement": []}'
    deployed.aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    deployed.order(STEPS[0], {"raise": "KeyError: 7"})
    found = verified(deployed, runs=False, patience=2)
    failed = {name for name, result in found.items() if result.status is CheckStatus.FAILED}
    # Whether CloudWatch may publish is not asked in the emulation.
    assert failed - {"alarm-is-an-alert"} == {"failure-is-an-alert", "error-names-its-class"}
    assert "did not come within 2 seconds" in found["failure-is-an-alert"].seen
    assert found["run-succeeds"].status is CheckStatus.SKIPPED
    assert deployed.starts() == {"extract": 1}


def test_run_that_fails_is_seen_with_its_cause(deployed: Deployed) -> None:
    deployed.order(STEPS[0], BAD_DAY, {"sleep": 1})
    deployed.order(STEPS[2], {"raise": "WarehouseError: not authorized to assume IAM Role. Remedy: trust Redshift."})
    found = verified(deployed)
    assert found["run-succeeds"].status is CheckStatus.FAILED
    assert "not authorized to assume IAM Role" in found["run-succeeds"].seen
    assert found["second-start-is-skipped"].status is CheckStatus.OK
    assert found["numbers-arrive"].status is CheckStatus.SKIPPED


def test_right_that_is_missing_is_told(deployed: Deployed) -> None:
    nobody = deployed.aws.environment(deployed.aws.assume(deployed.names["JobRole"]))
    done = subprocess.run(
        [sys.executable, SCRIPT, "--name", "rental", "--region", REGION],
        env=os.environ | nobody,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2 and "states:ListStateMachines" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.remedy("deployment-missing")
def test_deployment_that_is_not_there(deployed: Deployed) -> None:
    with pytest.raises(ConfigurationError, match="There is no state machine other"):
        find_deployment("other", deployed.aws.client)
    assert find_deployment("rental", deployed.aws.client).jobs == tuple(
        deployed.names[f"{name}Job"] for name in ("Extract", "Transform", "LoadRaw", "LoadCurated", "Metrics")
    )


@pytest.mark.remedy("deployment-busy")
def test_deployment_at_work_is_left_alone(deployed: Deployed) -> None:
    deployed.order(STEPS[0], {"sleep": 30})
    execution = deployed.start()
    with pytest.raises(ConfigurationError, match="A run of rental is at work"):
        find_deployment("rental", deployed.aws.client)
    deployed.aws.client("stepfunctions").stop_execution(executionArn=execution)
    deployed.end(execution)
    assert find_deployment("rental", deployed.aws.client)


class Logs:
    """A client of every service, with log groups that are as a test wants them."""

    def __init__(self, groups: list[dict[str, Any]], streams: dict[str, list[str]]) -> None:
        self._groups = groups
        self._streams = streams

    def get_job(self, **_: str) -> dict[str, Any]:
        return {"Job": {"DefaultArguments": {"--custom-logGroup-prefix": "/rental/jobs"}}}

    def get_job_runs(self, **_: Any) -> dict[str, Any]:
        return {"JobRuns": [{"Id": "jr_1"}]}

    def get_paginator(self, _: str) -> Logs:
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        return [{"logGroups": [one for one in self._groups if one["logGroupName"].startswith(*asked.values())]}]

    def describe_log_streams(self, **asked: str) -> dict[str, Any]:
        streams = self._streams.get(asked["logGroupName"], [])
        return {"logStreams": [one for one in streams if one.startswith(asked["logStreamNamePrefix"])]}


KEPT = {"logGroupName": "/rental/jobs/output", "retentionInDays": 90, "kmsKeyId": "arn:key"}


@pytest.mark.parametrize(
    ("groups", "streams", "fault"),
    [
        ([KEPT], {"/rental/jobs/output": ["jr_1"]}, ""),
        ([KEPT], {"/rental/jobs/output": ["jr_0"]}, "no group of /rental/jobs/output has a stream of run jr_1"),
        ([], {}, "no group of none has a stream"),
        (
            [KEPT, {"logGroupName": "/rental/jobs/x"}],
            {"/rental/jobs/x": ["jr_1"]},
            "without retention or key: /rental/jobs/x",
        ),
    ],
)
def test_logs_that_glue_put_elsewhere_are_seen(groups: list[Any], streams: dict[str, list[str]], fault: str) -> None:
    client = Logs(groups, streams)
    deployment = Deployment("rental", "arn", ("rental-extract",), "lock", lambda _: client)
    checks = Checks(deployment, None, _run=Ended("arn", "SUCCEEDED", "", "", ("ETL Success",)))  # type: ignore[arg-type]
    seen = ""
    for check in (checks.output_is_logged, checks.logs_are_kept_and_encrypted):
        try:
            check()
        except DifferenceError as error:
            seen = seen or str(error)
    assert seen.startswith(fault) if fault else seen == ""

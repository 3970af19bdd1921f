"""Executions that the state machine refuses, or tells of another one: on the emulated AWS, with stand-in jobs."""

import json
import re
import shlex

import pytest

from deployment.deployed import Deployed
from rental_analytics.pipeline import STEPS

pytestmark = pytest.mark.service


def test_unknown_parameters_are_refused(deployed: Deployed) -> None:
    end = deployed.run(run="nightly")
    assert (end["status"], end["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "The input has unknown parameters: run. Known: run_id, upper_bound," in end["cause"]
    assert deployed.starts() == {} and deployed.lock() is None
    assert len(deployed.alerts(1)) == 1


def test_start_that_asks_for_a_run_is_told_who_has_the_lock(deployed: Deployed) -> None:
    deployed.hold_lock("arn:aws:states:::execution:other", seconds=600)
    held = deployed.lock()
    end = deployed.run(backfill_from="2026-01-01", backfill_to="2026-02-01")
    assert (end["status"], end["error"], end["path"][-1]) == ("FAILED", "LockHeldError", "Take Lock Failed")
    # The command that it names, as a shell would read it.
    words = shlex.split(re.search(r"aws dynamodb get-item .*\}'", end["cause"])[0])  # type: ignore[index]
    table, key = words[words.index("--table-name") + 1], json.loads(words[words.index("--key") + 1])
    item = deployed.aws.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert item["execution"] == {"S": "arn:aws:states:::execution:other"}
    assert deployed.starts() == {} and deployed.lock() == held
    assert len(deployed.alerts(1)) == 1


def test_input_that_is_no_object_starts_nothing(deployed: Deployed) -> None:
    states = deployed.aws.client("stepfunctions")
    begun = states.start_execution(stateMachineArn=deployed.names["Machine"], input='"{\\"run_id\\": \\"nightly\\"}"')
    end = deployed.end(begun["executionArn"])
    assert (end["status"], end["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "The input is not a JSON object" in end["cause"]
    assert deployed.starts() == {} and deployed.lock() is None


def test_value_that_would_be_another_argument_starts_nothing(deployed: Deployed) -> None:
    end = deployed.run(run_id="nightly", as_of="--set=source.url=mysql://elsewhere:3306/rental source.tls=required")
    assert (end["status"], end["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "The value of as_of is not a day such as 2026-03-01." in end["cause"]
    assert deployed.starts() == {} and deployed.lock() is None


def test_long_message_is_cut(deployed: Deployed) -> None:
    deployed.order(STEPS[0], {"raise": f"QualityError: {'x' * 20_000} Remedy: correct them."})
    end = deployed.run(run_id="nightly")
    assert (end["status"], end["error"]) == ("FAILED", "QualityError")
    assert 10_000 < len(end["cause"]) < 10_100
    assert deployed.lock() is None

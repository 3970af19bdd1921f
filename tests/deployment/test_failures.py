"""How an execution of the state machine ends, whatever happens to its jobs: on the emulated AWS, with stand-in jobs."""

import time
from datetime import UTC

import pytest

from deployment.deployed import Deployed
from deployment.failure_stack import WAITING
from rental_analytics.pipeline import STEPS
from rental_analytics.runners.state_machine import time_limit

pytestmark = pytest.mark.service

EXTRACT, TRANSFORM, LOAD_RAW, LOAD_CURATED, METRICS = STEPS
ONCE = {str(step.name): 1 for step in STEPS}


def test_undisturbed_run_does_every_step_once_and_alerts_nobody(deployed: Deployed) -> None:
    end = deployed.run(run_id="nightly")
    assert (end["status"], end["path"][-1]) == ("SUCCEEDED", "ETL Success"), end.get("cause")
    assert deployed.starts() == ONCE
    assert deployed.lock() is None
    assert deployed.alerts(0) == []


def test_bad_data_ends_the_run_at_once(deployed: Deployed) -> None:
    deployed.order(
        TRANSFORM, {"raise": 'QualityError: 31% of bookings are rejected. Remedy: fix "status", then C:\\run.'}
    )
    end = deployed.run(run_id="nightly")
    assert (end["status"], end["path"][-1]) == ("FAILED", "Transform Data Failed")
    assert end["error"] == "QualityError"
    told = 'QualityError: 31% of bookings are rejected. Remedy: fix "status", then C:\\run.'
    assert end["cause"] == f"Step transform of run nightly failed: rental_analytics.errors.{told}"
    assert deployed.starts() == {"extract": 1, "transform": 1}
    assert deployed.lock() is None
    (alert,) = deployed.alerts(1)
    assert (alert["status"], alert["error"], alert["cause"]) == ("FAILED", end["error"], end["cause"])


def test_wrong_configuration_ends_the_run_at_once(deployed: Deployed) -> None:
    deployed.order(EXTRACT, {"raise": "ConfigurationError: There is no table bookings. Remedy: grant SELECT."})
    end = deployed.run()
    assert (end["status"], end["path"][-1], end["error"]) == (
        "FAILED",
        "Extract MySQL to S3 Failed",
        "ConfigurationError",
    )
    assert deployed.starts() == {"extract": 1}
    assert deployed.lock() is None
    assert len(deployed.alerts(1)) == 1


def test_unavailable_source_is_tried_again(deployed: Deployed) -> None:
    away = {"raise": "SourceUnavailableError: The server does not answer. Remedy: none needed."}
    deployed.order(EXTRACT, away, away)
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("SUCCEEDED", "ETL Success"), end.get("cause")
    assert deployed.starts() == ONCE | {"extract": 3}
    assert deployed.lock() is None
    assert deployed.alerts(0) == []


def test_source_that_remains_unavailable_ends_the_run(deployed: Deployed) -> None:
    away = {"raise": "SourceUnavailableError: The server does not answer. Remedy: start it."}
    deployed.order(EXTRACT, *[away] * 9)
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("FAILED", "Extract MySQL to S3 Failed")
    assert deployed.starts() == {"extract": EXTRACT.attempts}
    assert deployed.lock() is None
    assert len(deployed.alerts(1)) == 1


def test_attempts_are_counted_for_each_step(deployed: Deployed) -> None:
    away = {"raise": "LakeUnavailableError: S3 asks to slow down. Remedy: none needed."}
    for step in (EXTRACT, TRANSFORM):
        deployed.order(step, away, away)
    assert deployed.run()["status"] == "SUCCEEDED"
    assert deployed.starts() == ONCE | {"extract": 3, "transform": 3}


def test_lock_of_the_lake_is_waited_for(deployed: Deployed) -> None:
    held = {"raise": "LockHeldError: Run other is at work. Remedy: wait until 12:00."}
    away = {"raise": "LakeUnavailableError: S3 asks to slow down. Remedy: none needed."}
    deployed.order(EXTRACT, held, away, held, held, away)
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("SUCCEEDED", "ETL Success"), end.get("cause")
    # What is waited for is no attempt of the step.
    assert deployed.starts() == ONCE | {"extract": 6}
    assert deployed.lock() is None
    assert deployed.alerts(0) == []


def test_lock_of_the_lake_that_is_never_free_ends_the_run(deployed: Deployed) -> None:
    held = {"raise": "LockHeldError: Run other is at work. Remedy: wait until 12:00."}
    deployed.order(EXTRACT, *[held] * 9)
    end = deployed.run()
    assert (end["status"], end["error"]) == ("FAILED", "LockHeldError")
    assert deployed.starts() == {"extract": 1 + WAITING.lake_tries}
    assert deployed.lock() is None
    assert len(deployed.alerts(1)) == 1


def test_job_that_still_runs_is_waited_for(deployed: Deployed) -> None:
    deployed.order(EXTRACT, {"sleep": 2})
    glue = deployed.aws.client("glue")
    glue.start_job_run(JobName=deployed.names["ExtractJob"], Arguments={"--run_id": "by-hand"})
    end = deployed.run()
    assert (end["status"], end["path"].count("Extract MySQL to S3")) == ("SUCCEEDED", 1)
    events = deployed.refused(end["executionArn"])
    assert events and set(events) == {"Glue.ConcurrentRunsExceededException"}
    assert deployed.starts() == ONCE | {"extract": 2 + len(events)}
    assert deployed.alerts(0) == []


def test_throttled_calls_are_repeated(deployed: Deployed) -> None:
    deployed.aws.configure(throttled={"glue:StartJobRun": 2, "dynamodb:PutItem": 1, "dynamodb:DeleteItem": 1})
    end = deployed.run()
    assert end["status"] == "SUCCEEDED"
    assert deployed.starts() == ONCE | {"extract": 3}
    refused = deployed.refused(end["executionArn"])
    assert refused.count("Glue.AWSGlueException") == 2 and refused.count("DynamoDB.ThrottlingException") == 2
    assert deployed.lock() is None
    assert deployed.alerts(0) == []


def test_job_that_glue_itself_could_not_run_is_tried_again(deployed: Deployed) -> None:
    deployed.order(EXTRACT, {"raise": "Internal service error"})
    end = deployed.run()
    assert end["status"] == "SUCCEEDED", end.get("cause")
    assert deployed.starts() == ONCE | {"extract": 2}


def test_job_that_takes_too_long_is_stopped(deployed: Deployed) -> None:
    deployed.aws.configure(minute=1.2)
    deployed.order(LOAD_RAW, {"sleep": 60})
    end = deployed.run(run_id="slow")
    assert (end["status"], end["path"][-1]) == ("FAILED", "Load Raw Data to Redshift Failed")
    assert (end["error"], end["cause"]) == (
        "JobTIMEOUT",
        "Step load-raw of run slow failed: its job ended as TIMEOUT.",
    )
    (run,) = deployed.job_runs(LOAD_RAW)
    assert run["JobRunState"] == "TIMEOUT"
    assert deployed.starts() == {"extract": 1, "transform": 1, "load-raw": 1}
    assert deployed.lock() is None
    assert len(deployed.alerts(1)) == 1


def test_second_start_is_skipped(deployed: Deployed) -> None:
    deployed.order(EXTRACT, {"sleep": 3})
    first = deployed.start()
    deployed.wait_for_job(EXTRACT)
    held = deployed.lock()
    assert held and held["execution"] == first
    second = deployed.run()
    given_way = ["Fix Run Parameters", "Take Lock", "How It Ended"]
    assert (second["status"], second["path"]) == ("SUCCEEDED", [*given_way, "Skipped"])
    assert deployed.starts() == {"extract": 1}
    assert deployed.lock() == held
    assert deployed.end(first)["status"] == "SUCCEEDED"
    assert deployed.lock() is None
    assert deployed.alerts(0) == []


def test_stopped_execution_stops_its_job_and_leaves_a_lock_that_expires(deployed: Deployed) -> None:
    deployed.order(EXTRACT, {"sleep": 30})
    stopped = deployed.start()
    deployed.wait_for_job(EXTRACT)
    deployed.aws.client("stepfunctions").stop_execution(executionArn=stopped, error="Operator", cause="by hand")
    assert deployed.end(stopped)["status"] == "ABORTED"
    deployed.wait_for_job(EXTRACT, "STOPPING")
    run = deployed.wait_for_job(EXTRACT, "STOPPED")
    assert (run["CompletedOn"] - run["StartedOn"]).total_seconds() > 1
    (alert,) = deployed.alerts(1)
    assert (alert["status"], alert["executionArn"]) == ("ABORTED", stopped)
    held = deployed.lock()
    assert held and held["execution"] == stopped
    # Not before it has expired, and then by the next run.
    assert deployed.run()["path"][-1] == "Skipped"
    assert deployed.lock() == held
    deployed.hold_lock(stopped, seconds=-1)
    assert deployed.run()["path"][-1] == "ETL Success"
    assert deployed.lock() is None
    assert deployed.starts() == ONCE | {"extract": 2}


def test_lock_lasts_as_long_as_an_execution_may(deployed: Deployed) -> None:
    deployed.order(EXTRACT, {"sleep": 2})
    begun = time.time()
    execution = deployed.start()
    deployed.wait_for_job(EXTRACT)
    held = deployed.lock()
    limit = time_limit(WAITING).total_seconds()
    assert held and begun + limit - 1 <= int(held["expires_at"]) <= time.time() + limit
    assert deployed.end(execution)["status"] == "SUCCEEDED"


def test_execution_that_takes_too_long_is_timed_out(deployed: Deployed) -> None:
    deployed.limit(seconds=2)
    deployed.order(EXTRACT, {"sleep": 30})
    end = deployed.run()
    assert (end["status"], end["error"]) == ("TIMED_OUT", "States.Timeout")
    deployed.wait_for_job(EXTRACT, "STOPPED")
    (alert,) = deployed.alerts(1)
    assert alert["status"] == "TIMED_OUT"


def test_task_that_takes_too_long_ends_the_run(deployed: Deployed) -> None:
    deployed.limit(1, EXTRACT)
    deployed.order(EXTRACT, {"sleep": 3})
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("FAILED", "Extract MySQL to S3 Failed")
    assert (end["error"], deployed.starts()) == ("States.Timeout", {"extract": 1})
    assert deployed.lock() is None
    assert len(deployed.alerts(1)) == 1


def test_run_is_continued_by_a_new_execution(deployed: Deployed) -> None:
    deployed.order(LOAD_RAW, {"raise": "WarehouseError: permission denied. Remedy: grant it."})
    assert deployed.run(run_id="nightly", as_of="2026-03-01")["status"] == "FAILED"
    end = deployed.run(run_id="nightly", as_of="2026-03-01")
    assert (end["status"], end["path"][-1]) == ("SUCCEEDED", "ETL Success"), end.get("cause")
    # Every job is asked again; one whose step is committed finds that out by itself.
    assert deployed.starts() == ONCE | {"extract": 2, "transform": 2, "load-raw": 2}
    for step in STEPS:
        told = [run["arguments"] for run in deployed.seen(step)]
        assert {(one["run_id"], one["as_of"]) for one in told} == {("nightly", "2026-03-01")}
    assert len(deployed.alerts(1)) == 1


def test_redrive_of_a_failure_fails_again(deployed: Deployed) -> None:
    deployed.order(TRANSFORM, {"raise": "QualityError: 31% of bookings are rejected. Remedy: fix them."})
    first = deployed.run()
    deployed.aws.client("stepfunctions").redrive_execution(executionArn=first["executionArn"])
    again = deployed.end(first["executionArn"])
    assert (again["status"], again["error"], again["cause"]) == ("FAILED", first["error"], first["cause"])
    assert again["path"][len(first["path"]) :] == ["Transform Data Failed"]
    assert deployed.starts() == {"extract": 1, "transform": 1}
    assert deployed.lock() is None
    assert len(deployed.alerts(2)) == 2


def test_redrive_of_a_stopped_execution_goes_on_with_the_same_parameters(deployed: Deployed) -> None:
    deployed.order(TRANSFORM, {"sleep": 30})
    execution = deployed.start()
    deployed.wait_for_job(TRANSFORM)
    states = deployed.aws.client("stepfunctions")
    states.stop_execution(executionArn=execution)
    deployed.wait_for_job(TRANSFORM, "STOPPED")
    states.redrive_execution(executionArn=execution)
    assert deployed.end(execution)["path"][-1] == "ETL Success"
    assert deployed.starts() == ONCE | {"transform": 2}
    first, second = (run["arguments"] for run in deployed.seen(TRANSFORM))
    assert {**first, "JOB_RUN_ID": ""} == {**second, "JOB_RUN_ID": ""}
    assert deployed.lock() is None


def test_redriven_execution_leaves_the_lock_of_another_alone(deployed: Deployed) -> None:
    deployed.order(METRICS, {"sleep": 30})
    execution = deployed.start()
    deployed.wait_for_job(METRICS)
    states = deployed.aws.client("stepfunctions")
    states.stop_execution(executionArn=execution)
    deployed.wait_for_job(METRICS, "STOPPED")
    deployed.hold_lock("arn:aws:states:::execution:other", seconds=600)
    held = deployed.lock()
    states.redrive_execution(executionArn=execution)
    assert deployed.end(execution)["path"][-1] == "ETL Success"
    assert held and deployed.lock() == held


def test_parameters_are_fixed_once_and_given_to_every_job(deployed: Deployed) -> None:
    execution = deployed.start("0f2d9c7e-nightly", full_refresh=True, backfill_from="2026-01-01", as_of="")
    assert deployed.end(execution)["status"] == "SUCCEEDED"
    started = deployed.aws.client("stepfunctions").describe_execution(executionArn=execution)["startDate"]
    wanted = {
        "run_id": f"{started:%Y%m%dT%H%M%SZ}-0f2d9c7e",
        "upper_bound": f"{started.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{started.microsecond // 1000:03}Z",
        "as_of": "",
        "full_refresh": "true",
        "backfill_from": "2026-01-01",
        "backfill_to": "",
    }
    for step in STEPS:
        (told,) = deployed.seen(step)
        assert {name: told["arguments"].get(name, "") for name in wanted} == wanted


@pytest.mark.parametrize(
    ("order", "error", "cause"),
    [
        # An exit code leaves nothing else, whatever is on standard error.
        ({"exit": 3}, "JobFAILED", "SystemExit: 3"),
        ({"raise": "KeyError: 'x'"}, "KeyError", "rental_analytics.errors.KeyError: 'x'"),
    ],
)
def test_error_is_what_glue_tells_of_it(deployed: Deployed, order: dict[str, object], error: str, cause: str) -> None:
    deployed.order(METRICS, order)
    end = deployed.run(run_id="nightly")
    assert (end["error"], end["cause"]) == (error, f"Step metrics of run nightly failed: {cause}")
    assert deployed.lock() is None


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("dynamodb:PutItem", "Take Lock"),
        ("glue:StartJobRun", "Extract MySQL to S3 Failed"),
        ("glue:GetJobRun", "Extract MySQL to S3 Failed"),
        ("glue:GetJobRuns", "Extract MySQL to S3 Failed"),
    ],
)
def test_machine_has_no_right_too_many(deployed: Deployed, action: str, state: str) -> None:
    deployed.aws.deny(deployed.names["MachineRole"], action)
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("FAILED", state)
    assert f"is not authorized to perform: {action} on resource: arn:aws:" in end["cause"]
    assert len(deployed.alerts(1)) == 1


def test_right_that_is_missing_ends_the_run_at_once_under_whatever_name_it_arrives(deployed: Deployed) -> None:
    deployed.aws.configure(unnamed=True)
    deployed.aws.deny(deployed.names["MachineRole"], "glue:StartJobRun")
    end = deployed.run()
    assert (end["status"], end["error"]) == ("FAILED", "Glue.AWSGlueException")
    assert "Wait" not in end["path"] and deployed.refused(end["executionArn"]) == ["Glue.AWSGlueException"]


def test_lock_that_may_not_be_released_expires_and_hides_no_success(deployed: Deployed) -> None:
    deployed.aws.deny(deployed.names["MachineRole"], "dynamodb:DeleteItem")
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("SUCCEEDED", "ETL Success"), end.get("cause")
    held = deployed.lock()
    assert held and held["execution"] == end["executionArn"]


def test_job_goes_on_whose_machine_may_not_stop_it(deployed: Deployed) -> None:
    deployed.aws.deny(deployed.names["MachineRole"], "glue:BatchStopJobRun")
    deployed.order(EXTRACT, {"sleep": 2})
    execution = deployed.start()
    deployed.wait_for_job(EXTRACT)
    deployed.aws.client("stepfunctions").stop_execution(executionArn=execution)
    assert deployed.wait_for_job(EXTRACT, "SUCCEEDED")


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject"])
def test_job_has_its_own_rights(deployed: Deployed, action: str) -> None:
    deployed.aws.deny(deployed.names["JobRole"], action)
    end = deployed.run()
    assert (end["status"], end["path"][-1]) == ("FAILED", "Extract MySQL to S3 Failed")
    assert "AccessDenied" in end["cause"] or "HTTP Error 403: Forbidden" in end["cause"]


def test_job_sees_what_glue_gives_it_and_nothing_of_the_machine_it_runs_on(deployed: Deployed) -> None:
    assert deployed.run()["status"] == "SUCCEEDED"
    (told,) = deployed.seen(EXTRACT)
    assert {name for name in told["environment"] if not name.startswith("AWS_")} == {
        "HOME",
        "LANG",
        "LC_CTYPE",
        "PATH",
        "PYTHONPATH",
        "TMPDIR",
    } - ({"LC_CTYPE"} - set(told["environment"]))
    assert [place for place in told["path"] if "site-packages" in place or "rental" in place] == []
    assert told["arguments"]["JOB_NAME"] == deployed.names["ExtractJob"]

"""Glue's calls about jobs; MiniStack marks a Spark job as SUCCEEDED without running it."""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import glue
from ministack.services.cloudformation import provisioners

from servers.aws import rights
from servers.aws.control import settings
from servers.aws.glue_runs import RUNNING, STARTING, GlueError, Run, runs

Answer = tuple[int, dict[str, str], bytes]
_START = "glue:StartJobRun"


def install() -> None:
    """Put these calls in the place of MiniStack's."""
    glue._create_job = _create_job
    glue._update_job = _update_job
    glue._start_job_run = _answered(_start_job_run)
    glue._get_job_run = _answered(_get_job_run)
    glue._get_job_runs = _answered(_get_job_runs)
    glue._batch_stop_job_run = _answered(_batch_stop_job_run)
    provisioners._glue_job_fields = _job_fields


def start(name: str, arguments: dict[str, str]) -> Run:
    """Begin a run of a job.

    Raises:
        GlueError: there is no such job, it has all the runs it may have, or this is one call too many.
    """
    if settings.take_throttle(_START):
        raise GlueError("ThrottlingException", "Rate exceeded")
    if name not in glue._jobs:
        raise GlueError("EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}")
    for key, value in arguments.items():
        if not isinstance(value, str):
            raise GlueError("InvalidInputException", f"The argument {key} is not a text.")
    return runs.start(glue._jobs[name], dict(arguments))


def stop(name: str, run_id: str) -> None:
    """Begin to stop a run.

    Raises:
        GlueError: there is no such run, or it is over.
    """
    run = runs.find(name, run_id)
    if run.state not in {STARTING, RUNNING}:
        message = f"Job run {run_id} is in state {run.state} and cannot be stopped."
        raise GlueError("JobRunNotInTerminalStateException", message)
    run.stop()


def _job_fields(props: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if name not in {"Name", "Tags"}}


def _create_job(data: dict[str, Any]) -> Answer:
    if data["Name"] in glue._jobs:
        return _refused(GlueError("AlreadyExistsException", f"Job {data['Name']} already exists."))
    now = time.time()
    glue._jobs[data["Name"]] = {"CreatedOn": now, "LastModifiedOn": now, **_numbers(data)}
    return json_response({"Name": data["Name"]})


def _update_job(data: dict[str, Any]) -> Answer:
    name = data["JobName"]
    if name not in glue._jobs:
        return _refused(GlueError("EntityNotFoundException", f"Job {name} is not found."))
    created = glue._jobs[name]["CreatedOn"]
    glue._jobs[name] = {
        "Name": name,
        "CreatedOn": created,
        "LastModifiedOn": time.time(),
        **_numbers(data["JobUpdate"]),
    }
    return json_response({"JobName": name})


def _numbers(job: dict[str, Any]) -> dict[str, Any]:
    """Templates may have numbers as texts."""
    counts = {name: int(job[name]) for name in ("Timeout", "MaxRetries", "NumberOfWorkers") if name in job}
    return job | counts


def _start_job_run(data: dict[str, Any]) -> dict[str, Any]:
    rights.note(role=None, action=_START, job=data["JobName"], allowed=True)
    return {"JobRunId": start(data["JobName"], data.get("Arguments") or {}).record["Id"]}


def _get_job_run(data: dict[str, Any]) -> dict[str, Any]:
    return {"JobRun": runs.find(data["JobName"], data["RunId"]).record}


def _get_job_runs(data: dict[str, Any]) -> dict[str, Any]:
    return {"JobRuns": [run.record for run in runs.of(data["JobName"])]}


def _batch_stop_job_run(data: dict[str, Any]) -> dict[str, Any]:
    done, errors = [], []
    for run_id in data["JobRunIds"]:
        place = {"JobName": data["JobName"], "JobRunId": run_id}
        try:
            stop(data["JobName"], run_id)
        except GlueError as problem:
            errors.append({**place, "ErrorDetail": {"ErrorCode": problem.kind, "ErrorMessage": str(problem)}})
        else:
            done.append(place)
    return {"SuccessfulSubmissions": done, "Errors": errors}


def _answered(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], Answer]:
    def handler(data: dict[str, Any]) -> Answer:
        try:
            return json_response(json.loads(json.dumps(work(data))))
        except GlueError as problem:
            return _refused(problem)

    return handler


def _refused(problem: GlueError) -> Answer:
    return error_response_json(problem.kind, str(problem), 400)

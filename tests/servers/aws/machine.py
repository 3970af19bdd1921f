"""Step Functions as MiniStack has it not: roles that are enforced, Glue jobs, time-outs, and redrive."""

import json
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, now_iso
from ministack.services import stepfunctions as sfn

from servers.aws import glue_jobs
from servers.aws.control import on_reset, settings
from servers.aws.glue_runs import SUCCEEDED, UNDER_WAY, GlueError, Run
from servers.aws.rights import NotAllowedError, Role, assumed

State, Document = dict[str, Any], dict[str, Any]
SERVICE = "states.amazonaws.com"
_CATCH_ALL = {"Glue": "AWSGlueException", "DynamoDB": "AmazonDynamoDBException"}
_NEVER_CAUGHT = {"States.Runtime", "States.DataLimitExceeded"}
_handlers: dict[str, Callable[..., tuple[Any, str | None]]] = {
    "Pass": sfn._execute_pass,
    "Choice": sfn._execute_choice,
    "Wait": sfn._execute_wait,
}
_ending = threading.RLock()
_matches, _assign, _handle = sfn._error_matches, sfn._apply_state_assign, sfn.handle_request


@dataclass(frozen=True)
class Caller:
    """The execution whose task is at work, and the role it has."""

    execution: Document
    role: Role


_caller: ContextVar[Caller] = ContextVar("caller")


def install() -> None:
    """Put these parts in the place of MiniStack's."""
    sfn._run_execution = _run
    sfn._error_matches = _is_caught
    sfn._apply_state_assign = _assigned_at_once
    sfn.handle_request = _handle_request
    sfn._SERVICE_DISPATCH["arn:aws:states:::glue:startJobRun"] = _start_job_run
    for name in ("putItem", "getItem", "deleteItem", "updateItem"):
        sfn._SERVICE_DISPATCH[f"arn:aws:states:::dynamodb:{name}"] = _dynamodb(name)
    sfn._SERVICE_DISPATCH["arn:aws:states:::sns:publish"] = _publish
    on_reset.append(_abort_all)


def _run(arn: str) -> None:
    execution = sfn._executions[arn]
    definition = json.loads(sfn._state_machines[execution["stateMachineArn"]]["definition"])
    document = json.loads(execution["input"])
    context = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": arn,
            "Input": document,
            "Name": execution["name"],
            "StartTime": execution["startDate"],
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": execution["stateMachineArn"].split(":")[-1]},
        "variables": {},
    }
    _walk(execution, definition, context, definition["StartAt"], document)


def _walk(execution: Document, definition: Document, context: Document, name: str | None, document: Any) -> None:
    """Go through states from this one until the execution ends."""
    role = sfn._state_machines[execution["stateMachineArn"]]["roleArn"]
    limit = _Limit(execution, definition.get("TimeoutSeconds"))
    try:
        _caller.set(Caller(execution, assumed(role, SERVICE, execution["name"][:64])))
        while name and execution["status"] == "RUNNING":
            execution["_place"] = {"name": name, "input": document, "context": context}
            document, name = _state(definition["States"][name], name, document, execution, context)
    except sfn._ExecutionError as problem:
        _end(execution, "FAILED", "ExecutionFailed", error=problem.error, cause=problem.cause)
    except NotAllowedError as problem:
        _end(execution, "FAILED", "ExecutionFailed", error="States.Runtime", cause=str(problem))
    except Exception as problem:  # noqa: BLE001 else the test would wait for ever
        _end(execution, "FAILED", "ExecutionFailed", error="States.Runtime", cause=f"(emulator) {problem!r}")
    else:
        _end(execution, "SUCCEEDED", "ExecutionSucceeded", output=json.dumps(document))
    finally:
        limit.cancel()


def _state(state: State, name: str, document: Any, execution: Document, context: Document) -> tuple[Any, str | None]:
    context["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
    kind = state["Type"]
    entered = {"stateEnteredEventDetails": {"name": name, "input": json.dumps(document)}}
    sfn._add_event(execution, f"{kind}StateEntered", entered)
    following: str | None = None
    if kind == "Fail":
        raise sfn._ExecutionError(*sfn._fail_state_error(state, document, context))
    if kind == "Task":
        document, following = sfn._execute_task(state, document, execution, context)
    elif kind != "Succeed":
        document, following = _handlers[kind](state, document, context)
    left = {"stateExitedEventDetails": {"name": name, "output": json.dumps(document)}}
    sfn._add_event(execution, f"{kind}StateExited", left)
    return document, following


class _Limit:
    """Ends an execution that takes longer than its definition allows."""

    def __init__(self, execution: Document, seconds: float | None) -> None:
        work = lambda: _end(execution, "TIMED_OUT", "ExecutionTimedOut", error="States.Timeout")  # noqa: E731
        self._timer = threading.Timer(seconds or 0, copy_context().run, [work])
        self._timer.daemon = True
        if seconds:
            self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()


def _end(execution: Document, status: str, event: str, **told: Any) -> None:
    """Give an execution its end, if it has none yet."""
    with _ending:
        if execution["status"] != "RUNNING":
            return
        execution.update({"status": status, "stopDate": now_iso(), **told})
    sfn._add_event(execution, event, {f"{event[0].lower()}{event[1:]}EventDetails": told})
    sfn._emit_execution_status_event(execution)


def _abort_all() -> None:
    for execution in sfn._executions._data.values():
        with _ending:
            if execution["status"] == "RUNNING":
                execution["status"] = "ABORTED"


def _is_caught(names: list[str], error: str) -> bool:
    """Neither States.ALL nor States.TaskFailed catches what ends an execution at once."""
    return error in names if error in _NEVER_CAUGHT else bool(_matches(names, error))


def _assigned_at_once(state: State, document: Any, context: Document | None, **known: Any) -> None:
    """Every expression of an `Assign` sees the variables as they were before it."""
    if context is None:
        return
    before, after = dict(context.get("variables", {})), dict(context.get("variables", {}))
    for name, template in (state.get("Assign") or {}).items():
        context["variables"] = dict(before)
        _assign({"Assign": {name: template}}, document, context, **known)
        after[name] = context["variables"].get(name)
    context["variables"] = after


async def _handle_request(method: str, path: str, headers: Document, body: bytes, query: Document) -> Any:
    if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
        return _redrive(json.loads(body))
    return await _handle(method, path, headers, body, query)


def _redrive(question: Document) -> Any:
    """Go on from the state in which an execution ended without success, with the same variables."""
    execution = sfn._executions.get(question["executionArn"])
    if execution is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{question['executionArn']}'")
    with _ending:
        if execution["status"] not in {"FAILED", "TIMED_OUT", "ABORTED"}:
            return error_response_json("ExecutionNotRedrivable", f"Execution is {execution['status']}")
        now, place = now_iso(), execution["_place"]
        execution.update({"status": "RUNNING", "redriveDate": now, "stopDate": None, "error": None, "cause": None})
        execution["redriveCount"] = place["context"]["Execution"]["RedriveCount"] = execution.get("redriveCount", 0) + 1
    sfn._add_event(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": {"redriveCount": 1}})
    definition = json.loads(sfn._state_machines[execution["stateMachineArn"]]["definition"])
    work = [_walk, execution, definition, place["context"], place["name"], place["input"]]
    threading.Thread(target=copy_context().run, args=work, daemon=True).start()
    return json_response({"redriveDate": time.time()})


def _start_job_run(resource: str, question: Document) -> Document:
    """arn:aws:states:::glue:startJobRun, with `.sync` until the job ends."""
    caller, job = _caller.get(), question["JobName"]
    arn = f"arn:aws:glue:{get_region()}:{get_account_id()}:job/{job}"
    _allowed("Glue", caller.role, "glue:StartJobRun", arn, job=job)
    try:
        run = glue_jobs.start(job, question.get("Arguments") or {})
    except GlueError as problem:
        # What Step Functions has no name of its own for arrives under the service's.
        kind = "AWSGlueException" if problem.kind == "ThrottlingException" else problem.kind
        raise sfn._ExecutionError(f"Glue.{kind}", f"{problem} (Service: AWSGlue; Error Code: {problem.kind})") from None
    if not resource.endswith(".sync"):
        return {"JobRunId": run.record["Id"]}
    for action in ("glue:GetJobRun", "glue:GetJobRuns"):
        _allowed("Glue", caller.role, action, arn)
    return _ended_run(caller, run, arn)


def _ended_run(caller: Caller, run: Run, arn: str) -> Document:
    while run.state in UNDER_WAY:
        if caller.execution["status"] != "RUNNING":
            _allowed("Glue", caller.role, "glue:BatchStopJobRun", arn)
            glue_jobs.stop(run.record["JobName"], run.record["Id"])
            raise sfn._ExecutionError("States.TaskFailed", "The execution was stopped, and its job with it.")
        time.sleep(settings.polling)
    if run.state != SUCCEEDED:
        raise sfn._ExecutionError("States.TaskFailed", json.dumps(run.cause(), separators=(",", ":")))
    return run.cause()


def _dynamodb(name: str) -> Callable[[str, Document], Document]:
    def handler(_: str, question: Document) -> Document:
        action = f"dynamodb:{name[0].upper()}{name[1:]}"
        table = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{question['TableName'].split('/')[-1]}"
        if settings.take_throttle(action):
            raise sfn._ExecutionError("DynamoDB.ThrottlingException", "Rate exceeded")
        _allowed("DynamoDB", _caller.get().role, action, table)
        answer: Document = sfn._invoke_dynamodb(name, question)
        return answer

    return handler


def _publish(resource: str, question: Document) -> Document:
    _allowed("SNS", _caller.get().role, "sns:Publish", question["TopicArn"])
    answer: Document = sfn._invoke_sns_publish(resource, question)
    return answer


def _allowed(service: str, role: Role, action: str, resource: str, **told: Any) -> None:
    try:
        role.need(action, resource, **told)
    except NotAllowedError as problem:
        kind = _CATCH_ALL.get(service, "AccessDeniedException") if settings.unnamed else "AccessDeniedException"
        cause = f"{problem} (Service: {service}; Error Code: AccessDeniedException)"
        raise sfn._ExecutionError(f"{service}.{kind}", cause) from None

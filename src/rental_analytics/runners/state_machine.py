"""The AWS Step Functions definition of the pipeline: a Glue job per step, one run at a time, failures told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rental_analytics.contracts.base import RUN_ID
from rental_analytics.errors import LockHeldError, RentalError
from rental_analytics.pipeline import STEPS, Step

State = dict[str, Any]

LOCK_TABLE = "LockTable"
PIPELINE = "Pipeline"
"""Substitutions of the definition, besides one for the job of each step (`job_substitution`)."""

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2026-03-01"
_TIME = "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
PARAMETERS: Mapping[str, tuple[str, str]] = {
    "run_id": (RUN_ID.pattern, "a name of at most 100 letters, digits, dots, hyphens and underscores"),
    "upper_bound": (f"{_DAY[0]}({_TIME})?", "a moment such as 2026-03-01T03:00:00Z"),
    "as_of": _DAY,
    "full_refresh": ("(true|false)", "true or false"),
    "backfill_from": _DAY,
    "backfill_to": _DAY,
}
"""What an execution's input may have, as a pattern and in words; each becomes the job argument of its name.

A value that could be taken for another argument would let whoever may start an execution change any setting.
"""

FIX, LOCK, CAUSE, WAIT, AGAIN = "Fix Run Parameters", "Take Lock", "What Failed", "Wait", "Try Again"
RELEASE, ENDING, SUCCESS, SKIPPED = "Release Lock", "How It Ended", "ETL Success", "Skipped"
LOCK_HELD = "Take Lock Failed"

_GLUE_REFUSES = (
    "Glue.ConcurrentRunsExceededException",
    "Glue.InternalServiceException",
    "Glue.OperationTimeoutException",
    "Glue.ResourceNumberLimitExceededException",
    "Glue.ThrottlingException",
)
"""A job that could not be started, for reasons that pass. A job that failed is `States.TaskFailed`."""
_GLUE_OTHER = "Glue.AWSGlueException"
"""What Step Functions has no name of its own for: throttling, which passes, and a missing right, which does not."""
_PERMANENT = "not authorized|AccessDenied|EntityNotFound|InvalidInput|ValidationException"
"""How the text of a refused call reads that will be refused again."""
_GLUE_OWN_FAILURES = (
    "internal service error|service is currently unavailable|resource unavailable|throttling|rate exceeded"
    "|not have enough free addresses|insufficient capacity"
    "|exceeded maximum concurrent compute capacity|max concurrent"
)
"""How the message of a job reads that Glue itself could not start or keep; the script raised nothing."""

_DYNAMODB_REFUSES = (
    "DynamoDB.InternalServerErrorException",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceededException",
    "DynamoDB.ThrottlingException",
)
_DYNAMODB_OTHER = "DynamoDB.AmazonDynamoDBException"
"""What has no name of its own here; repeated twice at most, since a missing right is among it."""
_LOCK_IS_TAKEN = "DynamoDB.ConditionalCheckFailedException"

_HELD = "lock"
"""What failed, in place of a step, where another execution has the lock."""
_HOLDER = (
    "Another execution has the lock, or left it when it was stopped. Start again when it is over. It is the one that "
    f"this names: aws dynamodb get-item --table-name ${{{LOCK_TABLE}}} "
    f'--key \'{{"pipeline": {{"S": "${{{PIPELINE}}}"}}}}\''
)

_NONE = "{% '' %}"
"""An empty text, which validators of the language do not take as it is."""
_EXECUTION = "$states.context.Execution.Id"

_START_OF_JOB = timedelta(minutes=15)
"""How long a job may wait for its machines, which does not count as its run time."""


@dataclass(frozen=True)
class Waiting:
    """How long the machine waits before it tries again.

    Args:
        api_call: before a refused call of Glue or DynamoDB is repeated; doubled each time, with full jitter.
        api_calls: repetitions of a call that is refused again and again.
        job: before a job whose error is transient is started again.
        lake: between tries while another process holds the lake's lock.
        lake_tries: how often a run waits for the lake's lock.
    """

    api_call: timedelta = timedelta(seconds=20)
    api_calls: int = 6
    job: timedelta = timedelta(minutes=1)
    lake: timedelta = timedelta(minutes=2)
    lake_tries: int = 30


def state_machine(waiting: Waiting = Waiting()) -> dict[str, Any]:
    """The definition, in Amazon States Language with JSONata.

    Names of jobs and lock are substitutions such as `${ExtractJob}`.
    """
    return {
        "Comment": "Rental Marketplace Analytics: five Glue jobs, one run at a time. Generated from pipeline.py.",
        "QueryLanguage": "JSONata",
        "StartAt": FIX,
        "TimeoutSeconds": _seconds(time_limit(waiting)),
        "States": dict(_states(waiting)),
    }


def job_substitution(step: Step) -> str:
    """What stands in the definition for the name of a step's job, without `${}`."""
    return "".join(part.capitalize() for part in step.name.split("-")) + "Job"


def time_limit(waiting: Waiting = Waiting()) -> timedelta:
    """How long an execution may take, and so how long it may hold its lock."""
    jobs = sum((step.timeout + _START_OF_JOB for step in STEPS), timedelta())
    return jobs + waiting.lake * waiting.lake_tries


def _states(waiting: Waiting) -> Iterator[tuple[str, State]]:
    yield FIX, _fixed_parameters()
    yield LOCK, _taken_lock(waiting)
    for step, following in zip(STEPS, [*(step.title for step in STEPS[1:]), RELEASE], strict=True):
        yield step.title, _job(step, following, waiting)
    yield CAUSE, _cause(waiting)
    yield WAIT, {"Type": "Wait", "Seconds": _query("$wait"), "Next": AGAIN}
    yield AGAIN, _by_step({step: step.title for step in STEPS[:-1]}, default=STEPS[-1].title)
    yield RELEASE, _released_lock(waiting)
    yield ENDING, _ending()
    yield SUCCESS, {"Type": "Succeed"}
    yield SKIPPED, {"Type": "Succeed", "Comment": "Another execution is at work."}
    for name in (LOCK_HELD, *map(failure, STEPS)):
        yield name, {"Type": "Fail", "Error": _query("$error"), "Cause": _query("$cause")}


def failure(step: Step) -> str:
    """The state in which an execution ends whose step failed."""
    return f"{step.title} Failed"


def _fixed_parameters() -> State:
    """Said once, so that a retry, and a redrive days later, repeat the same window."""
    own = {
        "run_id": "$replace($substring($states.context.Execution.StartTime, 0, 19), /[-:]/, '') & 'Z-'"
        # A name may have letters of any alphabet, and blanks.
        " & $replace($substring($states.context.Execution.Name, 0, 8), /[^A-Za-z0-9]/, '-')",
        "upper_bound": "$states.context.Execution.StartTime",
    }
    assigned = {name: _checked(name, own.get(name, "''")) for name in PARAMETERS}
    unknown = f"$keys($states.input)[$not($ in {_texts(tuple(PARAMETERS))})]"
    message = f"'The input has unknown parameters: ' & $join({unknown}, ', ') & '. Known: {', '.join(PARAMETERS)}.'"
    assigned["run_id"] = (
        "$type($states.input) != 'object' ? $error('The input is not a JSON object such as {}.')"
        f" : $count({unknown}) > 0 ? $error({message}) : {assigned['run_id']}"
    )
    variables: dict[str, Any] = {name: _query(expression) for name, expression in assigned.items()}
    given = " or ".join(f"{_given(name)} != ''" for name in PARAMETERS)
    return {
        "Type": "Pass",
        "Assign": variables
        | {"asked": _query(given)}
        | {"failed": _NONE, "error": _NONE, "cause": _NONE, "jobs": 0, "calls": 0, "lake_tries": 0, "wait": 0},
        "Next": LOCK,
    }


def _given(name: str) -> str:
    """What the input says, as a text; empty is what it does not say, or says is null."""
    value = f"$states.input.{name}"
    return f"($exists({value}) and {value} != null ? $string({value}) : '')"


def _checked(name: str, own: str) -> str:
    """The given value, or else the machine's own."""
    pattern, meaning = PARAMETERS[name]
    # `$` would also match before a line's end, and not in all engines.
    is_whole = f"$replace($given, /^{pattern}/, '') = ''"
    fault = f"$error('The value of {name} is not {meaning}.')"
    return f"($given := {_given(name)}; $given = '' ? {own} : {is_whole} ? $given : {fault})"


def _taken_lock(waiting: Waiting) -> State:
    """The lock is free, has expired, or is this execution's own: a call whose answer was lost is made again.

    An execution that is redriven after it was stopped goes on with its job and does not take the lock again; where
    another one has it by then, the lake's own lock keeps the two apart.
    """
    now = "$floor($millis() / 1000)"
    expires = f"$string({now} + {_seconds(time_limit(waiting))})"
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Arguments": {
            "TableName": f"${{{LOCK_TABLE}}}",
            "Item": {
                "pipeline": {"S": f"${{{PIPELINE}}}"},
                "execution": {"S": _query(_EXECUTION)},
                "run_id": {"S": _query("$run_id")},
                "expires_at": {"N": _query(expires)},
            },
            "ConditionExpression": "attribute_not_exists(#execution) OR #expires_at < :now OR #execution = :execution",
            "ExpressionAttributeNames": {"#execution": "execution", "#expires_at": "expires_at"},
            "ExpressionAttributeValues": {
                ":now": {"N": _query(f"$string({now})")},
                ":execution": {"S": _query(_EXECUTION)},
            },
        },
        "Retry": _dynamodb_retries(waiting),
        "Catch": [
            {
                "ErrorEquals": [_LOCK_IS_TAKEN],
                "Assign": {"failed": _HELD, "error": LockHeldError.__name__, "cause": _HOLDER},
                "Next": ENDING,
            }
        ],
        "Next": STEPS[0].title,
    }


def _released_lock(waiting: Waiting) -> State:
    """Only this execution's own. A lock that cannot be released expires, and hides neither success nor failure."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:deleteItem",
        "Arguments": {
            "TableName": f"${{{LOCK_TABLE}}}",
            "Key": {"pipeline": {"S": f"${{{PIPELINE}}}"}},
            "ConditionExpression": "#execution = :execution",
            "ExpressionAttributeNames": {"#execution": "execution"},
            "ExpressionAttributeValues": {":execution": {"S": _query(_EXECUTION)}},
        },
        "Retry": _dynamodb_retries(waiting),
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": ENDING}],
        "Next": ENDING,
    }


def _job(step: Step, following: str, waiting: Waiting) -> State:
    arguments = {f"--{name}": _query(f"${name}") for name in PARAMETERS}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": f"${{{job_substitution(step)}}}", "Arguments": arguments},
        "TimeoutSeconds": _seconds(step.timeout + _START_OF_JOB),
        "Retry": [_retry(_GLUE_REFUSES, waiting)],
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Assign": {
                    "failed": step.name,
                    "most_jobs": step.attempts,
                    "jobs": _query("$jobs + 1"),
                    "error": _query(_CLASS_OF_ERROR),
                    "cause": _query(f"'Step {step.name} of run ' & $run_id & ' failed: ' & ({_MESSAGE})"),
                },
                "Next": CAUSE,
            }
        ],
        "Assign": {"failed": _NONE, "jobs": 0, "calls": 0},
        "Next": following,
    }


def _cause(waiting: Waiting) -> State:
    """Errors that may pass get another job, a held lake is waited for; anything else ends the run.

    A call that Glue refused without a name is no job, and is repeated as `Retry` would: more slowly each time, with
    full jitter.
    """
    slower = f"$min([{_seconds(10 * waiting.api_call)}, {_seconds(waiting.api_call)} * $power(2, $calls)])"
    may_pass = (
        f"($error in {_texts((*transient_errors(), 'JobERROR'))}"
        f" or ($error = 'JobFAILED' and $contains($cause, /{_GLUE_OWN_FAILURES}/i)))"
    )
    return {
        "Type": "Choice",
        "Choices": [
            {
                "Condition": _query(
                    f"$error = '{_GLUE_OTHER}' and $calls < {waiting.api_calls}"
                    f" and $not($contains($cause, /{_PERMANENT}/))"
                ),
                "Assign": {
                    "calls": _query("$calls + 1"),
                    "jobs": _query("$jobs - 1"),
                    "wait": _query(f"1 + $floor($random() * {slower})"),
                },
                "Next": WAIT,
            },
            {
                "Condition": _query(f"$error = '{LockHeldError.__name__}' and $lake_tries < {waiting.lake_tries}"),
                "Assign": {
                    "lake_tries": _query("$lake_tries + 1"),
                    "jobs": _query("$jobs - 1"),
                    "wait": _seconds(waiting.lake),
                },
                "Next": WAIT,
            },
            {
                "Condition": _query(f"{may_pass} and $jobs < $most_jobs"),
                "Assign": {"wait": _seconds(waiting.job)},
                "Next": WAIT,
            },
        ],
        "Default": RELEASE,
    }


def _by_step(targets: Mapping[Step, str], default: str) -> State:
    choices = [{"Condition": _query(f"$failed = '{step.name}'"), "Next": target} for step, target in targets.items()]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def _ending() -> State:
    """A start that asked for nothing, such as one of the schedule, gives way; one that asked for a run is told."""
    ending = _by_step({step: failure(step) for step in STEPS}, default=SUCCESS)
    held = f"$failed = '{_HELD}'"
    given_way = [
        {"Condition": _query(f"{held} and $asked"), "Next": LOCK_HELD},
        {"Condition": _query(held), "Next": SKIPPED},
    ]
    return ending | {"Choices": [*given_way, *ending["Choices"]]}


def transient_errors() -> tuple[str, ...]:
    """Names of the errors for which another job may help."""
    return tuple(sorted(cls.__name__ for cls in _errors(RentalError) if cls.transient))


def _errors(cls: type[RentalError]) -> Iterator[type[RentalError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from _errors(below)


def _dynamodb_retries(waiting: Waiting) -> list[dict[str, Any]]:
    return [_retry(_DYNAMODB_REFUSES, waiting), _retry((_DYNAMODB_OTHER,), waiting, most=2)]


def _retry(errors: tuple[str, ...], waiting: Waiting, most: int | None = None) -> dict[str, Any]:
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": _seconds(waiting.api_call),
        "MaxAttempts": most or waiting.api_calls,
        "BackoffRate": 2,
        "MaxDelaySeconds": _seconds(10 * waiting.api_call),
        "JitterStrategy": "FULL",
    }


def _query(expression: str) -> str:
    return "{% " + " ".join(expression.split()) + " %}"


def _texts(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def _seconds(duration: timedelta) -> int:
    return max(1, round(duration.total_seconds()))


# The cause of a failed job is the job run as JSON. It is searched, not parsed: a cause of another kind, or one that was
# cut, must not end the execution before the lock is released. Escaped characters are replaced first: a pattern that
# skips them repeats a group for each character, for which some engines need a call each.
_FOUND = r"""
    $plain := $replace($replace($states.errorOutput.Cause, '\\\\', '\uE000'), '\\"', '\uE001');
    $text := $match($plain, /"ErrorMessage"\s*:\s*"([^"]*)/, 1).groups[0];
    $state := $match($plain, /"JobRunState"\s*:\s*"(\w+)"/, 1).groups[0];
"""
_LONGEST_MESSAGE = 10_000
"""An execution's cause may have 32,768 characters; of a longer message the end is left out."""
# Glue may put words of its own before what the script raised.
_CLASS_OF_ERROR = f"""({_FOUND}
    $class := $match($text, /(?:^|[\\s;:.])([A-Z]\\w*(?:Error|Exception)): /, 1).groups[0];
    $exists($class) ? $class : $exists($state) ? 'Job' & $state : $states.errorOutput.Error
)"""
_MESSAGE = rf"""({_FOUND}
    $exists($text) and $text != ''
        ? $replace($replace($substring($text, 0, {_LONGEST_MESSAGE}), '\uE001', '"'), '\uE000', '\\')
        : $exists($state) ? 'its job ended as ' & $state & '.'
        : $states.errorOutput.Error & ': ' & $substring($states.errorOutput.Cause, 0, {_LONGEST_MESSAGE})
)"""

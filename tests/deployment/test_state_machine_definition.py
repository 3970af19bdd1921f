"""What can be told of the state machine's definition without running it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonata
import pytest

from deployment.failure_stack import WAITING
from rental_analytics.contracts.base import RUN_ID
from rental_analytics.pipeline import STEPS
from rental_analytics.runners.glue_arguments import parse_arguments
from rental_analytics.runners.state_machine import (
    PARAMETERS,
    failure,
    job_substitution,
    state_machine,
    transient_errors,
)

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".venv/share/node"
MOST_STATES = 20
EVALUATE = """
const jsonata = require("jsonata");
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
Promise.all(asked.map(async ([text, bindings]) => {
  try {
    const value = await jsonata(text).evaluate(undefined, bindings);
    return value === undefined ? {nothing: true} : {value};
  } catch (error) { return {error: error.code || "error"}; }
})).then(all => process.stdout.write(JSON.stringify(all)));
"""
CAUSES = [
    'rental_analytics.errors.QualityError: 31% of "bookings" are rejected. Remedy: fix C:\\run, then go on.',
    "SourceUnavailableError: the server went away. Remedy: none needed.",
    "LockHeldError: run x is at work: until 12:00",
    "SystemExit: 3",
    "",
    'A line\nof several, with a tab\t and "quotes" and é',
    "An error occurred while calling o123.load: java.lang.IllegalStateException: no",
    "Error: 7",
]

REFUSED_INPUTS: list[Any] = [
    {"as_of": "--set=source.url=mysql://elsewhere:3306/rental source.tls=required"},
    {"as_of": "2026-03-01 --set=a.b=c"},
    {"as_of": "2026-03-01\n"},
    {"as_of": "2026-03-012026-03-01"},
    {"as_of": "٢٠٢٦-03-01"},
    {"as_of": 20260301},
    {"run_id": "--step=metrics"},
    {"run_id": {"a": 1}},
    {"run_id": ["nightly"]},
    {"run_id": "früh"},
    {"run_id": "x" * 101},
    {"upper_bound": "2026-03-01T05:00:00Z --config=x"},
    {"upper_bound": "yesterday"},
    {"full_refresh": "yes"},
    {"full_refresh": 1},
    {"backfill_from": "-1"},
    {"backfill_to": " 2026-03-01"},
    {"run": "nightly"},
    [],
    ["x"],
    [{"run_id": "nightly"}],
    "text",
    '{"run_id": "nightly"}',
    5,
    True,
    None,
]
ACCEPTED_INPUTS: list[dict[str, Any]] = [
    {"as_of": None, "run_id": None},
    {"run_id": "x" * 100, "full_refresh": True},
    {"run_id": 7, "full_refresh": "false"},
    {"run_id": "2026-03_a.b", "as_of": "2026-03-01", "backfill_from": "2026-01-01", "backfill_to": "2026-02-01"},
    {"upper_bound": "2026-03-01T05:00:00.123Z"},
    {"upper_bound": "2026-03-01T05:00:00.123456+02:00"},
    {"upper_bound": "2026-03-01 05:00"},
    {"upper_bound": "2026-03-01", "as_of": ""},
]


def node(script: str, *words: str, given: str = "") -> str:
    """What a script of Node.js prints."""
    if not (NODE / "node_modules").is_dir():
        pytest.fail("The packages of Node.js are missing: run scripts/setup_infra.sh --tests")
    command = ["node", "-e", script, *words]
    run = subprocess.run(command, cwd=NODE, input=given, check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def expressions(value: Any) -> Iterator[str]:
    """Every JSONata expression, without its braces."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)
    elif isinstance(value, str) and value.startswith("{%"):
        yield value.removeprefix("{%").removesuffix("%}").strip()


def is_by_chance(text: str) -> bool:
    return "$millis" in text or "$random" in text


def job_cause(message: str, state: str = "FAILED") -> str:
    told = {"Arguments": {"--step": "extract"}, "JobRunState": state, "Id": "jr_1"}
    return json.dumps(told | ({"ErrorMessage": message} if message else {}), ensure_ascii=False)


def documents() -> list[dict[str, Any]]:
    """What expressions may meet: inputs, causes of failures, and variables."""
    inputs: list[Any] = [
        *REFUSED_INPUTS,
        *ACCEPTED_INPUTS,
        {},
        {"run_id": "nightly", "as_of": "2026-03-01", "full_refresh": True},
        {"run_id": "", "full_refresh": False, "backfill_from": "2026-01-01", "backfill_to": "2026-02-01"},
        {"run": "x", "as-of": 1},
    ]
    causes = [("States.TaskFailed", job_cause(text)) for text in (*CAUSES, "x" * 12_000, '"\\\n' * 3_000)]
    causes += [
        ("States.TaskFailed", job_cause("", "TIMEOUT")),
        ("States.TaskFailed", job_cause(CAUSES[0])[:200]),
        (
            "Glue.AWSGlueException",
            "Rate exceeded (Service: AWSGlue; Status Code: 400; Error Code: ThrottlingException)",
        ),
        ("Glue.AccessDeniedException", "User: arn:aws:sts::1:x is not authorized to perform: glue:StartJobRun"),
        ("States.Timeout", ""),
    ]
    variables = {"run_id": "nightly", "jobs": 1, "calls": 2, "most_jobs": 3, "lake_tries": 2, "wait": 5, "cause": "why"}
    fixed = dict.fromkeys(("upper_bound", "as_of", "full_refresh", "backfill_from", "backfill_to"), "")
    failures = [
        ("extract", "LockHeldError"),
        ("extract", "JobFAILED"),
        ("metrics", "SourceUnavailableError"),
        ("metrics", "Glue.AWSGlueException"),
        ("lock", "LockHeldError"),
    ]
    kinds = [(inputs[0], cause, failures[0]) for cause in causes]
    kinds += [(given, causes[0], failures[0]) for given in inputs]
    kinds += [(inputs[0], cause, failed) for cause in causes for failed in failures]
    return [
        variables
        | fixed
        | {"failed": failed, "error": error, "asked": failed == "lock"}
        | {"states": {"input": given, "context": context(), "errorOutput": {"Error": kind, "Cause": cause}}}
        for given, (kind, cause), (failed, error) in kinds
    ]


def context(name: str = "0f2d9c7e-11") -> dict[str, Any]:
    """What Step Functions tells a state of its execution."""
    return {"Execution": {"Id": "arn:x:1", "Name": name, "StartTime": "2026-11-30T06:24:12.123Z"}}


def by_python(text: str, bindings: dict[str, Any]) -> dict[str, Any]:
    try:
        value = jsonata.Jsonata.jsonata(text).evaluate(None, bindings)
    except jsonata.JException as problem:
        return {"error": problem.error}
    return {"nothing": True} if value is None else {"value": value}


@pytest.mark.slow
def test_both_engines_give_the_same_for_every_expression() -> None:
    texts = sorted({text for text in expressions(state_machine(WAITING)) if not is_by_chance(text)})
    asked = [(text, found) for text in texts for found in documents()]
    by_node = json.loads(node(EVALUATE, given=json.dumps(asked)))
    assert len(texts) > 20 and len(asked) == len(by_node)
    differing = {
        (text, json.dumps(found["states"])): (mine, theirs)
        for (text, found), theirs in zip(asked, by_node, strict=True)
        if (mine := by_python(text, found)) != theirs
    }
    assert differing == {}
    assert {next(iter(answer)) for answer in by_node} == {"value", "error"}


@pytest.mark.slow
def test_moments_are_those_of_both_engines() -> None:
    (text,) = {text for text in expressions(state_machine(WAITING)) if "$millis" in text and "+" in text}
    (theirs,) = json.loads(node(EVALUATE, given=json.dumps([(text, {})])))
    assert abs(int(by_python(text, {})["value"]) - int(theirs["value"])) < 60


@pytest.mark.fast
@pytest.mark.parametrize(("calls", "most"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 10), (5, 10)])
def test_calls_are_repeated_more_slowly_each_time(calls: int, most: int) -> None:
    (text,) = {text for text in expressions(state_machine(WAITING)) if "$random" in text}
    waits = {by_python(text, {"calls": calls})["value"] for _ in range(200)}
    assert min(waits) >= 1 and max(waits) <= most
    assert len(waits) > 1 or most == 1


def fixed(given: Any, name: str = "0f2d9c7e-11") -> dict[str, Any]:
    """What the first state makes of an input.

    Raises:
        JException: it refuses it.
    """
    assigned = state_machine(WAITING)["States"]["Fix Run Parameters"]["Assign"]
    known = {"states": {"input": given, "context": context(name)}}
    return {
        variable: jsonata.Jsonata.jsonata(text).evaluate(None, known)
        for variable, value in assigned.items()
        for text in expressions(value)
    }


@pytest.mark.fast
@pytest.mark.parametrize("given", REFUSED_INPUTS, ids=repr)
def test_what_no_argument_can_be_is_refused(given: Any) -> None:
    with pytest.raises(jsonata.JException, match=r"not a JSON object|The value of \w+ is not|unknown parameters"):
        fixed(given)


@pytest.mark.fast
@pytest.mark.parametrize("given", ACCEPTED_INPUTS, ids=repr)
def test_what_is_accepted_is_an_argument_of_a_job(given: dict[str, Any]) -> None:
    made = fixed(given)
    words = [word for name in PARAMETERS for word in (f"--{name}", made[name])]
    arguments = parse_arguments(["--step", "extract", "--config", "rental.toml", *words])
    assert arguments.overrides == () and re.fullmatch(RUN_ID, arguments.run_id)
    assert {made[name] for name, value in given.items() if value is None} <= {"", made["run_id"]}
    assert made["asked"] is any(value not in (None, "") for value in given.values())


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "run_id"),
    [("0f2d9c7e-11", "Z-0f2d9c7e"), ("früh am Tag", "Z-fr-h-am-"), ("夜", "Z--"), ("a b_c.d", "Z-a-b-c-d")],
)
def test_run_is_named_after_its_execution(name: str, run_id: str) -> None:
    made = fixed({}, name)["run_id"]
    assert made == f"20261130T062412{run_id}" and re.fullmatch(RUN_ID, made)


THROTTLED = "Rate exceeded (Service: AWSGlue; Status Code: 400; Error Code: ThrottlingException; Proxy: null)"
DENIED = "User: arn:aws:sts::1:x is not authorized to perform: glue:StartJobRun (Error Code: AccessDeniedException)"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("error", "cause", "counts", "following"),
    [
        ("Glue.AWSGlueException", THROTTLED, {}, "Wait"),
        ("Glue.AWSGlueException", THROTTLED, {"calls": WAITING.api_calls}, "Release Lock"),
        ("Glue.AWSGlueException", DENIED, {}, "Release Lock"),
        ("Glue.EntityNotFoundException", "Failed to start job run", {}, "Release Lock"),
        ("SourceUnavailableError", "The server went away.", {}, "Wait"),
        ("SourceUnavailableError", "The server went away.", {"jobs": 3}, "Release Lock"),
        ("QualityError", "31% are rejected.", {}, "Release Lock"),
        ("LockHeldError", "run x is at work", {"jobs": 3}, "Wait"),
        ("LockHeldError", "run x is at work", {"lake_tries": WAITING.lake_tries}, "Release Lock"),
        ("JobERROR", "its job ended as ERROR.", {}, "Wait"),
        ("JobTIMEOUT", "its job ended as TIMEOUT.", {}, "Release Lock"),
        ("JobFAILED", "Internal service error : Invalid container state", {}, "Wait"),
        ("JobFAILED", "The specified subnet does not have enough free addresses.", {}, "Wait"),
        ("JobFAILED", "Exceeded maximum concurrent compute capacity for your account.", {}, "Wait"),
        ("JobFAILED", "Resource unavailable", {"jobs": 3}, "Release Lock"),
        ("JobFAILED", "SystemExit: 3", {}, "Release Lock"),
    ],
)
def test_what_failed_decides_whether_to_go_on(error: str, cause: str, counts: dict[str, int], following: str) -> None:
    state = state_machine(WAITING)["States"]["What Failed"]
    known = {"error": error, "cause": f"Step extract of run x failed: {cause}", "jobs": 1, "most_jobs": 3}
    known |= {"calls": 0, "lake_tries": 0} | counts
    taken = [choice["Next"] for choice in state["Choices"] if is_true(choice["Condition"], known)]
    assert [*taken, state["Default"]][0] == following


def is_true(condition: str, known: dict[str, Any]) -> bool:
    (text,) = expressions(condition)
    return by_python(text, known) == {"value": True}


@pytest.mark.slow
def test_definition_is_valid() -> None:
    validate = """
    const validator = require("asl-validator");
    const found = validator(JSON.parse(require("fs").readFileSync(0, "utf8")), {checkArn: true});
    process.stdout.write(JSON.stringify(found));
    """
    text = json.dumps(state_machine())
    for name in (*map(job_substitution, STEPS), "LockTable", "Pipeline"):
        text = text.replace(f"${{{name}}}", f"rental-{name}")
    assert "${" not in text
    found = json.loads(node(validate, given=text))
    assert (found["isValid"], found["errors"]) == (True, [])


@pytest.mark.fast
def test_states_are_few_and_in_the_order_of_the_pipeline() -> None:
    definition = state_machine()
    states = definition["States"]
    assert len(states) <= MOST_STATES
    assert set(reached(definition)) == states.keys()
    name, order = definition["StartAt"], []
    while name not in {"Release Lock"}:
        order.append(name)
        name = states[name]["Next"]
    assert order[2:] == [step.title for step in STEPS]


@pytest.mark.fast
def test_every_step_is_tried_again_and_has_an_end_of_its_own() -> None:
    states = state_machine()["States"]
    again, ends = states["Try Again"], states["How It Ended"]
    for number, step in enumerate(STEPS):
        assert chosen(again, step.name) == step.title
        assert chosen(ends, step.name) == failure(step)
        assert states[failure(step)]["Type"] == "Fail"
        assert states[step.title]["TimeoutSeconds"] > step.timeout.total_seconds()
        (retry,) = states[step.title]["Retry"]
        assert all(error.startswith("Glue.") for error in retry["ErrorEquals"]) and retry["JitterStrategy"] == "FULL"
        # It has what is permanent too; `What Failed` tells them apart.
        assert "Glue.AWSGlueException" not in retry["ErrorEquals"]
        assert number < len(STEPS)
    assert ends["Default"] == "ETL Success"


@pytest.mark.fast
def test_transient_errors_are_those_of_the_product() -> None:
    assert set(transient_errors()) == {"LakeUnavailableError", "SourceUnavailableError", "WarehouseUnavailableError"}


def chosen(state: dict[str, Any], step: str) -> str:
    for choice in state["Choices"]:
        if f"'{step}'" in choice["Condition"]:
            return str(choice["Next"])
    return str(state["Default"])


def reached(definition: dict[str, Any]) -> Iterator[str]:
    waiting, seen = [definition["StartAt"]], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        state = definition["States"][name]
        branches = [*state.get("Choices", []), *state.get("Catch", [])]
        waiting += [one["Next"] for one in (state, *branches) if "Next" in one]
        waiting += [state["Default"]] if "Default" in state else []

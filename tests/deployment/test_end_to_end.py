"""The deployment from end to end, emulated: real MySQL, jobs with wheels and Spark, under their own roles."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from deployment.end_to_end import PASSWORD, Seen
from deployment.secret_search import found_in
from rental_analytics.pipeline import STEPS
from support.breadth import sampled

# The first of them waits for all five jobs, twice or three times.
pytestmark = [pytest.mark.service, pytest.mark.timeout(1800)]

PATH = [
    "Fix Run Parameters",
    "Take Lock",
    *(step.title for step in STEPS),
    "Release Lock",
    "How It Ended",
    "ETL Success",
]
SEARCHED = {
    "arguments",
    "asset",
    "event log",
    "function's log",
    "history",
    "log",
    "object",
    "rows",
    "store",
    "template",
}


def test_deploying_again_changes_nothing(seen: Seen) -> None:
    assert (seen.changed_stacks, seen.changed) == ([False] * 7, set())


@pytest.mark.parametrize("name", sampled(["first", "again", "later"], ["first", "later"]))
def test_execution_succeeds_at_the_first_attempt(seen: Seen, name: str) -> None:
    assert (seen.executions[name].status, seen.executions[name].path) == ("SUCCEEDED", PATH)


def test_first_execution_makes_what_a_local_run_makes(seen: Seen) -> None:
    # What is on the books is known from the day of the first run on, which is later than the data's.
    empty = [name for name, rows in seen.tables["first"].items() if not rows]
    assert empty == ["presentation.booking_pickup_daily"]
    assert seen.tables["first"] == seen.local["first"]


def test_rejected_row_is_loaded_beside_the_others(seen: Seen) -> None:
    assert seen.rejected == [("bookings", "checkout_not_after_checkin")]


@pytest.mark.exhaustive
def test_same_run_again_does_nothing(seen: Seen) -> None:
    assert seen.tables["again"] == seen.tables["first"]
    for run in seen.executions["again"].jobs.values():
        lines = [json.loads(line) for line in seen.deployment.output(run)[0].splitlines()]
        assert lines[-1]["event"] == "job_succeeded"
        assert lines[-1]["status"] == "skipped"


def test_later_execution_takes_over_what_has_changed(seen: Seen) -> None:
    assert seen.tables["later"] == seen.local["later"]
    assert seen.tables["later"] != seen.tables["first"]


def test_roles_were_refused_nothing(seen: Seen) -> None:
    assert {(call["role"], call["action"], call["resource"]) for call in seen.calls if not call["allowed"]} == set()


def test_password_is_nowhere(seen: Seen) -> None:
    assert (set(seen.searched), seen.leaks) == (SEARCHED, [])


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        f"mysql://reader:{quote(PASSWORD, safe='')}@host",
        quote_plus(PASSWORD),
        json.dumps({"password": PASSWORD}),
        json.dumps({"Payload": json.dumps({"password": PASSWORD})}),
        *(base64.b64encode(f"{'x' * length}{PASSWORD}, and more".encode()).decode() for length in range(3)),
    ],
)
def test_password_would_be_found(text: str) -> None:
    assert found_in(PASSWORD, [("log", "a line", text.encode()), ("log", "another", b"nothing")])[1] == ["log: a line"]

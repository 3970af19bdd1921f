"""What a deployment is made of, as its state machine says, and the executions that checks start."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rental_analytics.doctor.results import DifferenceError
from rental_analytics.errors import ConfigurationError
from rental_analytics.pipeline import STEPS

Clients = Callable[[str], Any]
"""The client of a service of AWS by its name."""


@dataclass(frozen=True)
class Ended:
    """An execution that has ended.

    Args:
        path: names of the states that it went through.
    """

    arn: str
    status: str
    error: str
    cause: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Deployment:
    """A deployment of `infra/`.

    Args:
        name: `deployment.name`.
        machine: ARN of its state machine.
        jobs: name of the Glue job of each step, in their order.
        lock: name of the table that holds the lock.
        patience: seconds to wait for what comes a while later, such as a message or a number.
    """

    name: str
    machine: str
    jobs: tuple[str, ...]
    lock: str
    client: Clients
    patience: float = 300

    @property
    def topic(self) -> str:
        """ARN of the topic of alerts."""
        return f"{self.machine.replace(':states:', ':sns:').rpartition(':stateMachine:')[0]}:{self.name}-alerts"

    @property
    def alarm(self) -> str:
        """Name of an alarm that rings for a minute and harms nobody."""
        return f"{self.name}-undelivered"

    def start(self, **given: str) -> str:
        """Begin an execution; its ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=f"verify-{secrets.token_hex(8)}", input=json.dumps(given)
        )
        return str(started["executionArn"])

    def status(self, execution: str) -> str:
        """RUNNING, or how it ended."""
        return str(self.client("stepfunctions").describe_execution(executionArn=execution)["status"])

    def end(self, execution: str) -> Ended:
        """Wait until an execution has ended, which its own time limit sees to."""
        states = self.client("stepfunctions")
        while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(self._pause)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        entered = (event.get("stateEnteredEventDetails") for page in pages for event in page["events"])
        path = tuple(details["name"] for details in entered if details)
        return Ended(execution, found["status"], found.get("error", ""), found.get("cause", ""), path)

    def awaited(self, what: str, look: Callable[[], Any]) -> Any:
        """What a look gives, once it gives something.

        Raises:
            DifferenceError: it gave nothing until patience ended.
        """
        deadline = time.monotonic() + self.patience
        while not (found := look()):
            if time.monotonic() > deadline:
                raise DifferenceError(f"{what} did not come within {self.patience:g} seconds")
            time.sleep(self._pause)
        return found

    @property
    def _pause(self) -> float:
        return min(10.0, self.patience / 20)


def find_deployment(name: str, client: Clients, patience: float = 300) -> Deployment:
    """The deployment of a name, with no run at work.

    Raises:
        ConfigurationError: there is none, or it is at work.
    """
    states = client("stepfunctions")
    pages = states.get_paginator("list_state_machines").paginate()
    machines = [one["stateMachineArn"] for page in pages for one in page["stateMachines"] if one["name"] == name]
    if not machines:
        raise ConfigurationError(
            f"There is no state machine {name} in this account and region.",
            remedy="name the deployment's name and region: make verify-glue NAME=rental REGION=eu-west-1.",
            reason="deployment-missing",
        )
    definition = json.loads(states.describe_state_machine(stateMachineArn=machines[0])["definition"])["States"]
    found = Deployment(
        name,
        machines[0],
        tuple(definition[step.title]["Arguments"]["JobName"] for step in STEPS),
        definition["Take Lock"]["Arguments"]["TableName"],
        client,
        patience,
    )
    if states.list_executions(stateMachineArn=found.machine, statusFilter="RUNNING", maxResults=1)["executions"]:
        raise ConfigurationError(
            f"A run of {name} is at work, and the checks start runs of their own.",
            remedy="wait for its end.",
            reason="deployment-busy",
        )
    return found

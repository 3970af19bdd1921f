"""Runs the SQL of `rental grants` as the warehouse's admin, and makes the users of the IAM roles. It may run again."""

import time
from typing import Any

import boto3
from answer import answered

EXISTS = "already exists"
SECONDS_BETWEEN = 0.5


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls."""
    answered(run, event, context)


def run(asked: dict[str, Any]) -> None:
    """Run all statements, one after the other."""
    namespace = boto3.client("redshift-serverless").get_namespace(namespaceName=asked["Namespace"])["namespace"]
    place = {
        "WorkgroupName": asked["Workgroup"],
        "Database": asked["Database"],
        "SecretArn": namespace["adminPasswordSecretArn"],
    }
    for statement in asked["Statements"]:
        execute(place, statement)


def execute(place: dict[str, str], statement: str) -> None:
    """Run one statement to its end; a user or role that is there already is fine.

    Raises:
        RuntimeError: the warehouse refused it.
    """
    api = boto3.client("redshift-data")
    started = api.execute_statement(**place, Sql=statement)["Id"]
    while True:
        state = api.describe_statement(Id=started)
        if state["Status"] == "FINISHED":
            return
        if state["Status"] in ("FAILED", "ABORTED"):
            if statement.startswith("CREATE ") and EXISTS in state.get("Error", ""):
                return
            raise RuntimeError(f"{statement}: {state.get('Error', state['Status'])}")
        time.sleep(SECONDS_BETWEEN)

"""Runs the SQL of `rental grants` as the warehouse's admin, and makes the users of the IAM roles. It may run again."""

import time
from typing import Any

import boto3
from answer import answered

FINE = {"CREATE ": "already exists", "REVOKE ROLE ": "does not exist"}
"""What a statement may be refused for, by how it begins."""
SECONDS_BETWEEN = 0.5


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls."""
    answered(lambda asked: run(asked, event.get("OldResourceProperties", {})), event, context)


def run(asked: dict[str, Any], before: dict[str, Any]) -> None:
    """Run all statements, one after the other, and take roles from those who are listed no more."""
    namespace = boto3.client("redshift-serverless").get_namespace(namespaceName=asked["Namespace"])["namespace"]
    place = {
        "WorkgroupName": asked["Workgroup"],
        "Database": asked["Database"],
        "SecretArn": namespace["adminPasswordSecretArn"],
    }
    for statement in asked["Statements"]:
        execute(place, statement)
    for role, names in before.get("Members", {}).items():
        for name in names:
            if name not in asked["Members"][role]:
                execute(place, f'REVOKE ROLE {role} FROM "{name}"')


def execute(place: dict[str, str], statement: str) -> None:
    """Run one statement to its end; a user or role that is there already is fine, or one that is gone.

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
            if any(statement.startswith(word) and fine in state.get("Error", "") for word, fine in FINE.items()):
                return
            raise RuntimeError(f"{statement}: {state.get('Error', state['Status'])}")
        time.sleep(SECONDS_BETWEEN)

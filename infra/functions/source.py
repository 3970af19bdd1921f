"""Makes the source tables where there are none, and the user by which `extract` reads them. It may run again."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from answer import answered
from botocore.exceptions import ClientError

TABLES = Path(__file__).with_name("tables.sql")
ASLEEP = ("DatabaseResumingException", "DatabaseUnavailableException")
"""What a cluster answers that has paused, or whose first instance is not there yet."""

SECONDS_TO_WAKE, SECONDS_BETWEEN = 180, 5
PASSWORD_QUOTES = str.maketrans({"'": "''", "\\": "\\\\"})


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls."""
    answered(prepare, event, context)


def prepare(asked: dict[str, Any]) -> None:
    """Make tables, user and rights; what is there stays."""
    secrets = boto3.client("secretsmanager")
    reader = json.loads(secrets.get_secret_value(SecretId=asked["Reader"])["SecretString"])
    user = f"'{reader['username']}'@'%'"
    password = reader["password"].translate(PASSWORD_QUOTES)
    database = boto3.client("rds-data")

    def execute(sql: str) -> None:
        place = {"resourceArn": asked["Cluster"], "secretArn": asked["Admin"], "database": asked["Database"]}
        when_awake(lambda: database.execute_statement(**place, sql=sql))

    for statement in tables(texts=asked.get("Ids") == "text").split(";\n"):
        if statement.strip():
            execute(statement)
    execute(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}' REQUIRE SSL")
    execute(f"ALTER USER {user} IDENTIFIED BY '{password}' REQUIRE SSL")
    for statement in asked["Grants"]:
        execute(statement)


def tables(*, texts: bool) -> str:
    """The statements that make the source tables; `texts` makes their ids texts that are compared by their bytes."""
    statements = TABLES.read_text(encoding="utf-8")
    text = r"\1 VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    return re.sub(r"(`(?:\w+_)?id`) BIGINT", text, statements) if texts else statements


def when_awake(call: Callable[[], object]) -> None:
    """Call a cluster that may be waking up, until it has.

    Raises:
        ClientError: another refusal, or it has not woken up.
    """
    deadline = time.monotonic() + SECONDS_TO_WAKE
    while True:
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ASLEEP or time.monotonic() > deadline:
                raise
            time.sleep(SECONDS_BETWEEN)
        else:
            return

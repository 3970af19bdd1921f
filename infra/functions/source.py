"""Makes the source tables where there are none, and the user by which `extract` reads them. It may run again."""

import json
from pathlib import Path
from typing import Any

import boto3
from answer import answered, patiently

TABLES = Path(__file__).with_name("tables.sql")
ASLEEP = ("DatabaseResumingException", "DatabaseUnavailableException")
"""What a cluster answers that has paused, or whose first instance is not there yet."""

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
        patiently(lambda: database.execute_statement(**place, sql=sql), ASLEEP)

    for statement in TABLES.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            execute(statement)
    execute(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}' REQUIRE SSL")
    execute(f"ALTER USER {user} IDENTIFIED BY '{password}' REQUIRE SSL")
    for statement in asked["Grants"]:
        execute(statement)

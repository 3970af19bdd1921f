"""Makes the source tables where there are none, and the user by which `extract` reads them. It may run again."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
from answer import answered, patiently
from password import hashed

TABLES = Path(__file__).with_name("tables.sql")
ASLEEP = ("DatabaseResumingException", "DatabaseUnavailableException")
"""What a cluster answers that has paused, or whose first instance is not there yet."""


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls."""
    answered(prepare, event, context)


def prepare(asked: dict[str, Any]) -> None:
    """Make tables, user and rights; what is there stays."""
    secrets = boto3.client("secretsmanager")
    reader = json.loads(secrets.get_secret_value(SecretId=asked["Reader"])["SecretString"])
    user = f"'{reader['username']}'@'%'"
    # Not the password: the audit log has every such statement.
    known_by = f"IDENTIFIED WITH caching_sha2_password AS '{hashed(reader['password'])}' REQUIRE SSL"
    database = boto3.client("rds-data")

    def execute(sql: str) -> None:
        place = {"resourceArn": asked["Cluster"], "secretArn": asked["Admin"], "database": asked["Database"]}
        patiently(lambda: database.execute_statement(**place, sql=sql), ASLEEP)

    for statement in tables(texts=asked.get("Ids") == "text").split(";\n"):
        if statement.strip():
            execute(statement)
    execute(f"CREATE USER IF NOT EXISTS {user} {known_by}")
    execute(f"ALTER USER {user} {known_by}")
    for statement in asked["Grants"]:
        execute(statement)


def tables(*, texts: bool) -> str:
    """The statements that make the source tables; `texts` makes their ids texts that are compared by their bytes."""
    statements = TABLES.read_text(encoding="utf-8")
    text = r"\1 VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    return re.sub(r"(`(?:\w+_)?id`) BIGINT", text, statements) if texts else statements

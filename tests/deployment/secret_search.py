"""Everything that a deployment and its runs leave, searched for a secret in the spellings it may have there."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from io import BytesIO
from urllib.parse import quote, quote_plus

from deployment.real_deployment import Execution, RealDeployment

Place = tuple[str, str, bytes]
"""Kind, name and content."""

_ARCHIVES = (".whl", ".zip")
"""The jobs' wheels, and archives of what lies in the assembly: built before there was a password."""


def spellings(secret: str) -> set[bytes]:
    """A secret as it stands, URL-encoded, JSON-escaped once and twice, in HTML, in SQL, in Python, and in base64."""
    once = json.dumps(secret)[1:-1]
    texts = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), once, json.dumps(once)[1:-1]}
    texts |= {escape(secret), secret.replace("'", "''"), repr(secret)[1:-1], secret.replace("%", "%%")}
    return {text.encode() for text in texts} | set(_in_base64(secret.encode()))


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """What base64 makes of it wherever it begins in a longer text; the characters at its ends are not its own."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret)
        first, last = (0, 2, 3)[offset], len(encoded) - (4 if (offset + len(secret)) % 3 else 0)
        yield encoded[first:last]
        yield encoded[first:last].replace(b"+", b"-").replace(b"/", b"_")


def found_in(secret: str, places: Iterable[Place]) -> tuple[Counter[str], list[str]]:
    """How many places of each kind there were, and those that hold the secret."""
    wanted, counts, found = spellings(secret), Counter[str](), []
    for kind, name, content in places:
        counts[kind] += 1
        if any(spelling in content for spelling in wanted):
            found.append(f"{kind}: {name}")
    return counts, found


def places(deployment: RealDeployment, executions: Iterable[Execution]) -> Iterator[Place]:
    """All that may be looked at; of the emulator's stores all but the secrets."""
    for file in deployment.assembly.rglob("*"):
        if file.is_file() and not file.name.endswith(_ARCHIVES):
            yield "template" if file.name.endswith(".json") else "asset", file.name, file.read_bytes()
    for execution in executions:
        yield "history", str(execution.history[-1]["executionArn"]), json.dumps(execution.history, default=str).encode()
    for run in deployment.all_runs():
        yield "arguments", run["Id"], json.dumps(run, default=str).encode()
        for text in deployment.output(run):
            yield "log", run["Id"], text.encode()
    for file in deployment.events.iterdir():
        yield "event log", file.name, file.read_bytes()
    yield from _functions_logs(deployment)
    yield from _objects(deployment)
    for store, content in deployment.aws.resources().items():
        if not store.startswith("secretsmanager."):
            yield "store", store, content.encode()


def _functions_logs(deployment: RealDeployment) -> Iterator[Place]:
    logs = deployment.aws.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            yield "function's log", group["logGroupName"], event["message"].encode()


def _objects(deployment: RealDeployment) -> Iterator[Place]:
    """Every version of every object of every bucket; the rows of Parquet files as text, since they are compressed."""
    import pyarrow.parquet as pq

    s3 = deployment.aws.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
            for version in page.get("Versions", []):
                if version["Key"].endswith(_ARCHIVES):
                    continue
                place = {"Bucket": bucket["Name"], "Key": version["Key"], "VersionId": version["VersionId"]}
                content = s3.get_object(**place)["Body"].read()
                name = f"{bucket['Name']}/{version['Key']}"
                yield "object", name, content
                if name.endswith(".parquet"):
                    yield "rows", name, json.dumps(pq.read_table(BytesIO(content)).to_pylist(), default=str).encode()

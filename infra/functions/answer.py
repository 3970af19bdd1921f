"""How a function answers CloudFormation, which waits for it."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

SECONDS_TO_WAIT, SECONDS_BETWEEN = 180, 5
LONGEST_ANSWER = 4096
"""Bytes that CloudFormation takes; of a longer answer it takes nothing, and waits on."""
Answer = TypeVar("Answer")


def answered(work: Callable[[dict[str, Any]], None], event: dict[str, Any], context: Any) -> None:
    """Do the work unless the resource goes; an error's text becomes the reason that CloudFormation shows.

    Args:
        work: takes the resource's properties.
    """
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", context.function_name),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        if event["RequestType"] != "Delete":
            work(event["ResourceProperties"])
    except Exception as error:
        answer |= {
            "Status": "FAILED",
            "Reason": f"See the log {context.log_group_name}. {type(error).__name__}: {error}",
        }
    body = _body(answer)
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=60).close()


def _body(answer: dict[str, str]) -> bytes:
    """As JSON, with as much of the reason as there is room for, and without control characters."""
    reason = "".join(character if character.isprintable() else " " for character in answer.get("Reason", ""))
    while True:
        body = json.dumps(answer | ({"Reason": reason} if reason else {}), ensure_ascii=False).encode()
        if len(body) <= LONGEST_ANSWER or not reason:
            return body
        # A character has one to four bytes.
        reason = reason[: -((len(body) - LONGEST_ANSWER + 3) // 4)]


def patiently(call: Callable[[], Answer], codes: tuple[str, ...]) -> Answer:
    """Make a call again while it is refused with one of these codes, for a while; its answer.

    Raises:
        ClientError: another refusal, or it is still refused.
    """
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in codes or time.monotonic() > deadline:
                raise
            time.sleep(SECONDS_BETWEEN)

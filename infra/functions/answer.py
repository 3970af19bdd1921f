"""How a function answers CloudFormation, which waits for it."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

SECONDS_TO_WAIT, SECONDS_BETWEEN = 180, 5
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
        reason = f"{type(error).__name__}: {error} See the log {context.log_group_name}."
        answer |= {"Status": "FAILED", "Reason": reason[:3000]}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=60).close()


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

"""How a function answers CloudFormation, which waits for it."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any


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

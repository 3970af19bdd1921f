"""EventBridge's rules and schedules, under the policies and roles that MiniStack does not ask."""

import json
import time
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, scheduler, sqs

from servers.aws.encryption import service_may_publish
from servers.aws.rights import NotAllowedError, assumed, note

SERVICE, SCHEDULER = "events.amazonaws.com", "scheduler.amazonaws.com"
_rule: ContextVar[str] = ContextVar("rule", default="")
_invoke, _to_topic = eventbridge._invoke_target, eventbridge._dispatch_to_sns


def install() -> None:
    """Put these parts in the place of MiniStack's."""
    eventbridge._invoke_target = _invoke_target
    eventbridge._dispatch_to_sns = _dispatch_to_topic


def _invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
    token = _rule.set(rule.get("Arn", ""))
    try:
        if ":stateMachine:" in target["Arn"]:
            _need_role(target, SCHEDULER if event.get("Source") == "aws.scheduler" else SERVICE)
        _invoke(target, event, rule, view)
    finally:
        _rule.reset(token)


def _dispatch_to_topic(topic: str, payload: str) -> None:
    allowed = service_may_publish(SERVICE, topic, _rule.get())
    note(role=SERVICE, action="sns:Publish", resource=topic, allowed=allowed)
    if allowed:
        _to_topic(topic, payload)


def fire(name: str) -> None:
    """Do now what a schedule does when it is due; what cannot be done goes to its queue for that, if it has one.

    Raises:
        NotAllowedError: its role may not.
    """
    schedule = next(one for one in scheduler._schedules._data.values() if one["Name"] == name)
    target = schedule["Target"]
    event = {
        "EventId": str(uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": time.time(),
        "Resources": [schedule["Arn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
    try:
        _invoke_target(target, event, schedule)
    except NotAllowedError:
        if queue := (target.get("DeadLetterConfig") or {}).get("Arn"):
            role = assumed(target["RoleArn"], SCHEDULER, "schedule")
            role.need("sqs:SendMessage", queue)
            url = next(url for (_, _, url), one in sqs._queues._data.items() if queue.endswith(f":{one['name']}"))
            sqs._act_send_message({"QueueUrl": url, "MessageBody": json.dumps(event)}, url)
        raise


def _need_role(target: dict[str, Any], service: str) -> None:
    role = assumed(target["RoleArn"], service, "events")
    role.need("states:StartExecution", target["Arn"])

"""EventBridge's rules under the policies of what they send to, which MiniStack does not ask."""

from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge

from servers.aws.encryption import service_may_publish
from servers.aws.rights import note

SERVICE = "events.amazonaws.com"
_rule: ContextVar[str] = ContextVar("rule", default="")
_invoke, _to_topic = eventbridge._invoke_target, eventbridge._dispatch_to_sns


def install() -> None:
    """Put these parts in the place of MiniStack's."""
    eventbridge._invoke_target = _invoke_target
    eventbridge._dispatch_to_sns = _dispatch_to_topic


def _invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
    token = _rule.set(rule.get("Arn", ""))
    try:
        _invoke(target, event, rule, view)
    finally:
        _rule.reset(token)


def _dispatch_to_topic(topic: str, payload: str) -> None:
    allowed = service_may_publish(SERVICE, topic, _rule.get())
    note(role=SERVICE, action="sns:Publish", resource=topic, allowed=allowed)
    if allowed:
        _to_topic(topic, payload)

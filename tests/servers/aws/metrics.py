"""The namespace to which metrics are sent, as policies ask for it; MiniStack does not know it."""

import json
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions


def install() -> None:
    """Let conditions on `cloudwatch:namespace` be decided."""
    known = iam_actions.request_tag_context

    def extracted(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        context: dict[str, Any] = known(service, action, body, params)
        if action == "cloudwatch:PutMetricData":
            context = {**context, "cloudwatch:namespace": _namespace(body)}
        return context

    iam_actions.request_tag_context = extracted


def _namespace(body: bytes) -> str:
    """Clients send JSON or a form."""
    if body.startswith(b"{"):
        return str(json.loads(body).get("Namespace", ""))
    return parse_qs(body.decode()).get("Namespace", [""])[0]

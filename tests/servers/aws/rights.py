"""What a role may do, by the emulator's IAM; and every call for which it was asked."""

import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ministack.core import iam_evaluator as iam
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam as iam_service
from ministack.services import sts

SESSION_SECONDS = 3600
WITHOUT_SOURCE = {"events.amazonaws.com"}
"""Services that do not say for which account or resource they use a topic or a key; a condition on either fails."""

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class NotAllowedError(Exception):
    """IAM denies a call; the text is AWS's."""


def install() -> None:
    """Let policies have variables, such as `${aws:userid}`, which MiniStack takes as they stand; note every call."""
    match, enforce = iam._first_match, iam.enforce

    def enforced(access_key: str, action: str, service: str, region: str, **asked: Any) -> Any:
        refusal = enforce(access_key, action, service, region, **asked) if is_enforced() else None
        if role := by_access_key(access_key):
            note(role=role.name, action=action, resource=asked.get("resource_arn", "*"), allowed=refusal is None)
        return refusal

    def matched(ctx: iam.EvalContext, statements: list[iam.ParsedStatement], effect: str) -> Any:
        return match(ctx, [_filled(statement, ctx) for statement in statements], effect)

    iam._first_match, iam.enforce = matched, enforced


def is_enforced() -> bool:
    """Whether policies are asked at all."""
    from servers.aws.control import settings

    return settings.enforced


def _filled(statement: iam.ParsedStatement, ctx: iam.EvalContext) -> iam.ParsedStatement:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        if not isinstance(value, str) or "${" not in value:
            return value
        # What has no value here matches nothing.
        return _VARIABLE.sub(lambda found: str(iam._resolve_condition_key(found[1], ctx) or "\0"), value)

    return replace(statement, resources=filled(statement.resources), conditions=filled(statement.conditions))


@dataclass(frozen=True)
class Role:
    """A role that a service of AWS has taken.

    Args:
        name: of the role, without path.
        session: its session's name.
    """

    name: str
    session: str

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{get_account_id()}:assumed-role/{self.name}/{self.session}"

    def need(self, action: str, resource: str, context: Mapping[str, Any] | None = None, **told: Any) -> None:
        """Note a call of this role.

        Args:
            resource: ARN, or `*`.
            context: condition keys of the request.
            told: what else of the call is noted.

        Raises:
            NotAllowedError: no policy allows it, or one denies it.
        """
        allowed = self.may(action, resource, context) or not is_enforced()
        note(role=self.name, action=action, resource=resource, allowed=allowed, **told)
        if not allowed:
            raise NotAllowedError(
                f"User: {self.arn} is not authorized to perform: {action} on resource: {resource} because no"
                f" identity-based policy allows the {action} action"
            )

    def may(self, action: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        account, service = get_account_id(), action.split(":", maxsplit=1)[0]
        asked = iam.EvalContext(
            principal_arn=self.arn,
            principal_type="AssumedRole",
            principal_account=account,
            action=action,
            resource_arn=resource,
            region=get_region(),
            secure_transport=True,
            service_context={"aws:tagkeys": None} | {name.lower(): value for name, value in (context or {}).items()},
            principal_keys={"aws:userid": f"{self.name}:{self.session}"}
            | {f"aws:principaltag/{key.lower()}": value for key, value in role_tags(self.name).items()},
        )
        limits = iam._permissions_boundary(iam_service._roles, self.name, account)
        found = iam.evaluate(asked, iam._gather_role_policies(self.name, account), *limits)
        if (policy := iam._resource_policy(service, resource)) is not None:
            required = service in iam._POLICY_REQUIRED
            found = iam.combine_resource_policy(found, asked, *policy, required=required, limits=limits)
        return bool(found.decision == "Allow")

    def credentials(self) -> dict[str, str]:
        """New temporary credentials."""
        given = {
            "access_key": f"ASIA{secrets.token_hex(8).upper()}",
            "secret_key": secrets.token_hex(20),
            "session_token": secrets.token_hex(40),
        }
        session = {
            "Arn": self.arn,
            "UserId": f"{self.name}:{self.session}",
            "SecretAccessKey": given["secret_key"],
            "SessionToken": given["session_token"],
            "Expiration": time.time() + SESSION_SECONDS,
        }
        sts.register_session(given["access_key"], session)
        return given


def assumed(role: str, service: str | None, session: str) -> Role:
    """A role, by ARN or name, that a service of AWS takes, such as `glue.amazonaws.com`.

    Raises:
        NotAllowedError: there is no such role, or it does not trust the service.
    """
    name = role.rsplit("/", 1)[-1]
    found = iam_service._roles.get_scoped(get_account_id(), None, name)
    if found is None:
        raise NotAllowedError(f"The role {role} cannot be found.")
    if service and not _trusts(found["AssumeRolePolicyDocument"], service):
        raise NotAllowedError(f"{service} is not authorized to perform: sts:AssumeRole on resource: {role}")
    return Role(name, session)


def by_access_key(access_key: str) -> Role | None:
    """The role whose temporary credentials these are; None for anybody else."""
    arn = str((sts._sessions.get(access_key) or {}).get("Arn", ""))
    _, found, names = arn.partition(":assumed-role/")
    return Role(*names.split("/", 1)) if found else None


def role_tags(name: str) -> dict[str, str]:
    role = iam_service._roles.get_scoped(get_account_id(), None, name) or {}
    return {tag["Key"]: tag["Value"] for tag in role.get("Tags") or []}


def service_may(service: str, action: str, resource: str, source_arn: str) -> bool:
    """Whether a resource's own policy lets a service of AWS do something for one of its resources."""
    policy = iam._resource_policy(action.split(":", maxsplit=1)[0], resource)
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()}
    if service in WITHOUT_SOURCE:
        context.clear()
    asked = iam.EvalContext("", "Service", "", action, resource, get_region(), service_context=context)
    return bool(policy and iam.evaluate_resource_policy(policy[0], asked, service).decision == "Allow")


def _trusts(document: Any, service: str) -> bool:
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    context = {"aws:sourceaccount": get_account_id()}
    asked = iam.EvalContext("", "Service", "", "sts:AssumeRole", "*", get_region(), service_context=context)
    return any(
        statement.get("Effect") == "Allow"
        and "sts:AssumeRole" in _listed(statement.get("Action"))
        and service in _listed(dict(statement.get("Principal") or {}).get("Service"))
        and iam._conditions_met(statement.get("Condition", {}), asked)
        for statement in _listed(statements)
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


_calls: list[dict[str, Any]] = []
_lock = threading.Lock()


def note(**call: Any) -> None:
    with _lock:
        _calls.append(call)


def calls() -> list[dict[str, Any]]:
    with _lock:
        return list(_calls)


def forget_calls() -> None:
    with _lock:
        _calls.clear()

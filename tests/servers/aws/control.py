"""What the test process tells the emulator, and asks it, besides AWS's own calls: POST /_emulator/<action>."""

import asyncio
import copy
import hashlib
import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, fields
from typing import Any

from ministack import app
from ministack.core.responses import (
    AccountRegionScopedDict,
    AccountScopedDict,
    set_request_account_id,
    set_request_region,
)
from ministack.services import sts

from servers.aws import rights

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]
Store = AccountScopedDict | AccountRegionScopedDict


@dataclass
class Settings:
    """What a test may change of the emulator.

    Args:
        minute: seconds that a minute of a job's time-out takes here.
        stopping: seconds that a job which was stopped remains STOPPING; its process works on meanwhile.
        polling: seconds between two looks at a job that a state machine waits for.
        throttled: how many of the next calls are refused as one too many, by action, such as `glue:StartJobRun`.
        unnamed: whether Step Functions calls a right that Glue or DynamoDB misses by their catch-all, such as
            `Glue.AWSGlueException`, and not `Glue.AccessDeniedException`; which of them AWS does is not known.
        enforced: whether what policies do not allow is refused.
        held: names of jobs whose runs remain STARTING, as if there were no machines for them.
        job_environment: variables that jobs get besides those of Glue: what stands for a thing Glue has.
        provided: names below site-packages that a job may import besides its wheels: what Glue provides.
        spark: properties of the Spark that Glue provides; without any there is none.
        redshift: where the stand-in for Redshift answers, and its database; see `warehouse`.
        mysql: host, port, user and password of the server that stands for Aurora's.
    """

    minute: float = 60.0
    stopping: float = 2.0
    polling: float = 0.2
    throttled: dict[str, int] = field(default_factory=dict)
    unnamed: bool = False
    enforced: bool = True
    held: list[str] = field(default_factory=list)
    job_environment: dict[str, str] = field(default_factory=dict)
    provided: list[str] = field(default_factory=list)
    spark: dict[str, str] = field(default_factory=dict)
    redshift: dict[str, Any] = field(default_factory=dict)
    mysql: dict[str, Any] = field(default_factory=dict)

    def take_throttle(self, action: str) -> bool:
        """Whether this call is one of those to be refused."""
        left = self.throttled.get(action, 0)
        self.throttled[action] = max(0, left - 1)
        return left > 0


settings = Settings()
on_reset: list[Callable[[], None]] = []
"""What ends everything that runs, for each part that has such things."""
_snapshots: dict[str, tuple[dict[tuple[str, str], Any], dict[str, Any]]] = {}
_VOLATILE = ("cloudtrail", "cloudwatch_logs", "sts")


def wrapped(inner: Asgi) -> Asgi:
    """The application with the calls of this module."""

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/_emulator/"):
            await inner(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer = await asyncio.to_thread(_answer, scope["path"].split("/")[-1], json.loads(body or b"{}"))
        head = {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        await send(head)
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return application


def _answer(action: str, question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    set_request_account_id("")
    set_request_region(None)
    try:
        return 200, ACTIONS[action](**question) or {}
    except Exception as problem:  # noqa: BLE001 the test process is told
        return 500, {"error": f"{type(problem).__name__}: {problem}"}


def _configure(**changed: Any) -> None:
    known = {each.name for each in fields(Settings)}
    if unknown := changed.keys() - known:
        raise ValueError(f"there is no setting {', '.join(unknown)}")
    for name, value in changed.items():
        setattr(settings, name, value)


def _end_all() -> None:
    for end in on_reset:
        end()
    rights.forget_calls()


def _reset() -> None:
    _end_all()
    app._reset_all_state()
    for (module, _), store in _stores().items():
        if module.startswith("servers.aws."):
            store.clear()
    _configure(**{each.name: getattr(Settings(), each.name) for each in fields(Settings)})


def _snapshot(name: str) -> None:
    stores = {place: copy.deepcopy(store) for place, store in _stores().items()}
    _snapshots[name] = stores, copy.deepcopy(vars(settings))


def _restore(name: str) -> None:
    _end_all()
    stores, configured = _snapshots[name]
    for place, store in _stores().items():
        store.clear()
        store.update(copy.deepcopy(stores.get(place, {})))
    _configure(**copy.deepcopy(configured))


def _stores() -> dict[tuple[str, str], dict[Any, Any]]:
    """What the services hold, by module and name; a store is changed in place, for others refer to it."""
    stores = {
        (module.__name__, name): value._data
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").startswith(("ministack.services.", "servers.aws."))
        for name, value in vars(module).items()
        if isinstance(value, Store)
    }
    return stores | {(sts.__name__, "_sessions"): sts._sessions}


def _resources() -> dict[str, Any]:
    return {
        f"{module.rsplit('.', 1)[-1]}.{name}": json.dumps(_plain(store), sort_keys=True)
        for (module, name), store in sorted(_stores().items())
        if store and not module.endswith(_VOLATILE)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return hashlib.sha256(value).hexdigest()
    return type(value).__name__


def _copy_credentials(role: str) -> dict[str, str]:
    from servers.aws.redshift import copy_role

    return rights.assumed(copy_role(role), "redshift.amazonaws.com", "RedshiftIamRoleSession").credentials()


def _credentials(role: str, service: str | None) -> dict[str, str]:
    return rights.assumed(role, service, "harness").credentials()


def _fire_schedule(name: str) -> None:
    from servers.aws.events import fire

    fire(name)


ACTIONS: dict[str, Callable[..., dict[str, Any] | None]] = {
    "configure": _configure,
    "reset": _reset,
    "snapshot": _snapshot,
    "restore": _restore,
    "resources": _resources,
    "fire_schedule": _fire_schedule,
    "credentials": _credentials,
    "copy_credentials": _copy_credentials,
    "calls": lambda: {"calls": rights.calls()},
}

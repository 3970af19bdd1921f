"""Redshift Serverless and its Data API in front of the stand-in for Redshift, which runs the statements.

IAM is asked here; the stand-in is told as which database user to run: `IAMR:<role>` of the caller's role, with the
database roles of that role's tag `RedshiftDbRoles`, or the admin whose secret the caller may read.
"""

import http.client
import json
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)
from ministack.services import secretsmanager, sts

from servers.aws.control import settings
from servers.aws.encryption import key_arn
from servers.aws.namespaces import namespace_of, namespaces, workgroups
from servers.aws.rights import NotAllowedError, Role, by_access_key, role_tags

DATA, SERVERLESS = "redshift-data", "redshift-serverless"
_TARGETS = {DATA: "RedshiftData.", SERVERLESS: "RedshiftServerless."}
_STARTS = ("ExecuteStatement", "BatchExecuteStatement")
_OWNER = "redshift-data:statement-owner-iam-userid"
_STAND_IN_WORKGROUP = "test-workgroup"
_statements = AccountRegionScopedDict()
_resource, _context = iam_actions.extract_resource_arn, iam_actions.request_tag_context
Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Let MiniStack know both services, and what their calls are allowed on."""
    for service, prefix in _TARGETS.items():
        router.SERVICE_PATTERNS[service] = {"target_prefixes": [prefix]}
        iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = service
    app.SERVICE_HANDLERS[DATA] = _data
    app.SERVICE_HANDLERS[SERVERLESS] = _serverless
    iam_actions.extract_resource_arn = _extract_resource
    iam_actions.request_tag_context = _extract_context


def _extract_resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
    if service not in _TARGETS:
        return str(_resource(service, method, path, headers, body, *rest))
    asked = json.loads(body or b"{}")
    if name := asked.get("WorkgroupName") or asked.get("workgroupName"):
        return str((workgroups.get(name) or {}).get("workgroupArn", "*"))
    if name := asked.get("namespaceName"):
        return str((namespaces.get(name) or {}).get("namespaceArn", "*"))
    return "*"


def _extract_context(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
    """A statement belongs to who started it, and policies may ask for that."""
    context: dict[str, Any] = _context(service, action, body, params)
    if service == DATA:
        statement = str(json.loads(body or b"{}").get("Id", "")).partition(":")[0]
        context = {**context, _OWNER: (_statements.get(statement) or {}).get("user")}
    return context


async def _data(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
    import asyncio

    operation = headers["x-amz-target"].removeprefix(_TARGETS[DATA])
    access_key = router.extract_access_key_id(headers, query) or ""
    try:
        return await asyncio.to_thread(_answer, operation, json.loads(body), access_key)
    except NotAllowedError as problem:
        return error_response_json("AccessDeniedException", str(problem), 400)


def _answer(operation: str, asked: dict[str, Any], access_key: str) -> Answer:
    if not settings.redshift:
        return error_response_json("InternalServerException", "(emulator) no stand-in for Redshift is connected", 500)
    told = dict(asked)
    if operation in _STARTS:
        if asked.get("WorkgroupName") not in workgroups:
            return error_response_json("ValidationException", "Redshift endpoint doesn't exist in this region.", 400)
        told |= _as_user(asked, by_access_key(access_key))
        told.pop("SecretArn", None)
    status, answer = _ask_stand_in(operation, told)
    if operation in _STARTS and status == 200:
        user = (sts._sessions.get(access_key) or {}).get("UserId", get_account_id())
        place = {name: asked[name] for name in ("Database", "WorkgroupName")}
        _statements[answer["Id"]] = {"user": user, "place": place}
    known = _statements.get(str(answer.get("Id", "")).partition(":")[0]) or {"place": {}}
    return json_response(answer | {name: value for name, value in known["place"].items() if name in answer}, status)


def _as_user(asked: dict[str, Any], role: Role | None) -> dict[str, Any]:
    """The statement's place in the stand-in, and its user there; the admin has none, and all rights."""
    workgroup = workgroups[asked["WorkgroupName"]]
    namespace = namespaces[workgroup["namespaceName"]]
    database = settings.redshift["database"] if asked["Database"] == namespace["dbName"] else asked["Database"]
    place = {"WorkgroupName": _STAND_IN_WORKGROUP, "Database": database}
    if secret := asked.get("SecretArn"):
        _need_secret(role, secret, namespace)
        return place
    if role is None:
        return place
    role.need("redshift-serverless:GetCredentials", workgroup["workgroupArn"])
    user = f"IAMR:{role.name}"
    _make_user(user, [name for name in role_tags(role.name).get("RedshiftDbRoles", "").split(":") if name])
    return place | {"DbUser": user}


def _need_secret(role: Role | None, secret: str, namespace: dict[str, Any]) -> None:
    """Whoever names a secret has to be allowed to read it, and it has to be the admin's."""
    _, record = secretsmanager._resolve(secret)
    if record is None or record["ARN"] != namespace.get("adminPasswordSecretArn"):
        raise NotAllowedError(f"The secret {secret} is not that of the admin of {namespace['namespaceName']}.")
    if role is not None:
        role.need("secretsmanager:GetSecretValue", record["ARN"])
        if (key := key_arn(record.get("KmsKeyId"))) is not None:
            role.need("kms:Decrypt", key, {"kms:ViaService": f"secretsmanager.{get_region()}.amazonaws.com"})


def _make_user(user: str, roles: list[str]) -> None:
    """A user comes to be when it first connects, and has the roles that its tag names and that there are."""
    import psycopg

    place = settings.redshift
    with psycopg.connect(
        host=place["host"], port=place["port"], user="postgres", dbname=place["database"], autocommit=True
    ) as connection:
        name = f"{place['database']}__{user.lower()}"
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        if name not in known:
            connection.execute(f'CREATE ROLE "{name}"'.encode())
        for role in roles:
            if (granted := f"{place['database']}__{role.lower()}") in known:
                connection.execute(f'GRANT "{granted}" TO "{name}"'.encode())


def _ask_stand_in(operation: str, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    place = urlsplit(settings.redshift["endpoint"])
    with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)) as connection:
        connection.request("POST", "/", json.dumps(told), {"X-Amz-Target": f"{_TARGETS[DATA]}{operation}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


async def _serverless(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
    operation = headers["x-amz-target"].removeprefix(_TARGETS[SERVERLESS])
    asked = json.loads(body or b"{}")
    if operation == "GetWorkgroup" and asked["workgroupName"] in workgroups:
        return json_response({"workgroup": workgroups[asked["workgroupName"]]})
    if operation == "GetNamespace" and asked["namespaceName"] in namespaces:
        return json_response({"namespace": namespaces[asked["namespaceName"]]})
    if operation not in {"GetWorkgroup", "GetNamespace"}:
        return error_response_json("ValidationException", f"(emulator) there is no {operation}", 400)
    return error_response_json("ResourceNotFoundException", "It does not exist.", 400)


def copy_role(role: str) -> str:
    """The ARN of the role that a COPY names.

    Raises:
        NotAllowedError: no namespace has it.
    """
    found = namespace_of(role)
    if found is None:
        raise NotAllowedError(f"No namespace has the role {role}.")
    return found

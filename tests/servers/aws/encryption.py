"""The rights to keys that AWS asks for beside those to what is encrypted; MiniStack asks for none.

Covered: objects of S3 (one key a bucket or object), secrets, messages to topics and queues. Not covered: tables, logs.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app
from ministack.core.iam_actions import access_denied_response
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import kms, s3, secretsmanager, sns, sqs

from servers.aws.rights import NotAllowedError, Role, by_access_key, service_may

_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
Dispatch = Callable[..., Awaitable[Any]]


def install() -> None:
    """Ask before MiniStack answers."""
    app._dispatch_service_request = _asking(app._dispatch_service_request)


def key_arn(name: str | None) -> str | None:
    """The ARN of a key, given by id, ARN or alias; None for AWS's own keys, which everybody may use."""
    record = kms._resolve_key(name) if name else None
    return str(record["Arn"]) if record else None


def need_key_of_object(role: Role, bucket: str, key: str) -> None:
    """The right to read what an object's key encrypts, if it has one."""
    found = (s3._buckets.get(bucket) or {}).get("objects", {}).get(key) or {}
    _need(role, "kms:Decrypt", found.get("preserved_headers", {}).get(_KEY), "s3", bucket)


def need_key_of_bucket(role: Role, bucket: str, key: str, named: str | None = None) -> None:
    """The right to encrypt a new object with the key that is named, or the bucket's."""
    _need(role, "kms:GenerateDataKey", named or s3._bucket_default_sse_headers(bucket).get(_KEY), "s3", bucket)


def service_may_publish(service: str, topic: str, source: str) -> bool:
    """Whether a service of AWS may send to a topic: by the topic's policy, and the policy of its key."""
    record = sns._topics.get(topic) or {}
    key = key_arn((record.get("attributes") or {}).get("KmsMasterKeyId"))
    needed = [("sns:Publish", topic), *((action, key) for action in ("kms:GenerateDataKey", "kms:Decrypt") if key)]
    return all(service_may(service, action, str(resource), source) for action, resource in needed)


def _asking(dispatch: Dispatch) -> Dispatch:
    async def asked(method: str, path: str, headers: dict[str, str], body: bytes, query: Any, request_id: str) -> Any:
        role = by_access_key(extract_access_key_id(headers, query) or "")
        if role is not None:
            try:
                _ask(role, method, path, headers, body, query)
            except NotAllowedError as problem:
                action, resource = problem.args[1:]
                service = "s3" if path != "/" else _target(headers)
                return access_denied_response(
                    service, action, role.arn, request_id, headers=headers, resource_arn=resource
                )
        return await dispatch(method, path, headers, body, query, request_id)

    return asked


def _target(headers: dict[str, str]) -> str:
    return headers.get("x-amz-target", "").partition(".")[0].lower()


def _ask(role: Role, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> None:
    target = headers.get("x-amz-target", "")
    if target == "secretsmanager.GetSecretValue":
        record = secretsmanager._resolve(json.loads(body).get("SecretId", ""))[1] or {}
        _need(role, "kms:Decrypt", record.get("KmsKeyId"), "secretsmanager", record.get("ARN", ""))
    elif target in {"AmazonSQS.SendMessage", "AmazonSQS.ReceiveMessage"}:
        record = sqs._queues.get(json.loads(body).get("QueueUrl", "")) or {}
        key = (record.get("attributes") or {}).get("KmsMasterKeyId")
        _need(role, "kms:GenerateDataKey" if target.endswith("SendMessage") else "kms:Decrypt", key, "sqs", "")
    elif not target and path.count("/") >= 2 and path.split("/")[1] in s3._buckets:
        bucket, key = path.removeprefix("/").split("/", 1)
        if method == "GET" and not query.keys() & {"uploads", "uploadId", "acl", "tagging"}:
            need_key_of_object(role, bucket, key)
        elif method == "PUT" or "uploads" in query:
            need_key_of_bucket(role, bucket, key, headers.get(_KEY))
            if query.keys() & {"uploads", "uploadId"}:
                # S3 reads the parts of an upload when it is completed.
                _need(role, "kms:Decrypt", s3._bucket_default_sse_headers(bucket).get(_KEY), "s3", bucket)


def _need(role: Role, action: str, key: str | None, service: str, _place: str) -> None:
    if (arn := key_arn(key)) is None:
        return
    context = {
        "kms:ViaService": f"{service}.{get_region()}.amazonaws.com",
        "kms:CallerAccount": get_account_id(),
    }
    try:
        role.need(action, arn, context)
    except NotAllowedError as problem:
        raise NotAllowedError(str(problem), action, arn) from None

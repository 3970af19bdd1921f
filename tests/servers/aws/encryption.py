"""The rights to keys that AWS asks for beside those to what is encrypted; MiniStack asks for none.

Covered: objects of S3 (one key a bucket or object), secrets, messages to topics and queues. Not covered: tables, logs.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

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


@dataclass(frozen=True)
class KeyUse:
    """The use of a key for one call of a service.

    Args:
        call: the action that is called, and on which resource.
        action: what is done with the key.
        key: ARN, id or alias; None where there is none.
    """

    call: tuple[str, str]
    action: str
    key: str | None

    def need(self, role: Role) -> None:
        """Note that a role uses the key.

        Raises:
            NotAllowedError: it may not.
        """
        if (arn := key_arn(self.key)) is None:
            return
        service = self.call[0].split(":", maxsplit=1)[0]
        context = {
            "kms:ViaService": f"{service}.{get_region()}.amazonaws.com",
            "kms:CallerAccount": get_account_id(),
        }
        role.need(self.action, arn, context)


def read_object(bucket: str, key: str) -> KeyUse:
    """To read an object."""
    found = (s3._buckets.get(bucket) or {}).get("objects", {}).get(key) or {}
    call = ("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    return KeyUse(call, "kms:Decrypt", found.get("preserved_headers", {}).get(_KEY))


def write_object(bucket: str, key: str, named: str | None = None, action: str = "kms:GenerateDataKey") -> KeyUse:
    """To write an object, with the key that is named or the bucket's."""
    call = ("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
    return KeyUse(call, action, named or s3._bucket_default_sse_headers(bucket).get(_KEY))


def service_may_publish(service: str, topic: str, source: str) -> bool:
    """Whether a service of AWS may send to a topic: by the topic's policy, and the policy of its key."""
    key = key_arn(_topic_key(topic))
    needed = [("sns:Publish", topic), *((action, key) for action in ("kms:GenerateDataKey", "kms:Decrypt") if key)]
    return all(service_may(service, action, str(resource), source) for action, resource in needed)


def _topic_key(topic: str) -> str | None:
    key: str | None = ((sns._topics.get(topic) or {}).get("attributes") or {}).get("KmsMasterKeyId")
    return key


def _asking(dispatch: Dispatch) -> Dispatch:
    async def asked(method: str, path: str, headers: dict[str, str], body: bytes, query: Any, request_id: str) -> Any:
        role = by_access_key(extract_access_key_id(headers, query) or "")
        for use in _uses(method, path, headers, body, query) if role else ():
            # Who may not make the call is told that first.
            if role is None or not role.may(*use.call):
                break
            try:
                use.need(role)
            except NotAllowedError:
                service = use.call[0].split(":", maxsplit=1)[0]
                return access_denied_response(
                    service, use.action, role.arn, request_id, headers=headers, resource_arn=str(key_arn(use.key))
                )
        return await dispatch(method, path, headers, body, query, request_id)

    return asked


def _uses(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Iterator[KeyUse]:
    target = headers.get("x-amz-target", "")
    if target == "secretsmanager.GetSecretValue":
        record = secretsmanager._resolve(json.loads(body).get("SecretId", ""))[1] or {}
        call = ("secretsmanager:GetSecretValue", record.get("ARN", "*"))
        yield KeyUse(call, "kms:Decrypt", record.get("KmsKeyId"))
    elif target in {"AmazonSQS.SendMessage", "AmazonSQS.ReceiveMessage"}:
        queue = (sqs._queues.get(json.loads(body).get("QueueUrl", "")) or {}).get("attributes") or {}
        call = (f"sqs:{target.split('.')[1]}", queue.get("QueueArn", "*"))
        action = "kms:GenerateDataKey" if target.endswith("SendMessage") else "kms:Decrypt"
        yield KeyUse(call, action, queue.get("KmsMasterKeyId"))
    elif body.startswith(b"Action=Publish"):
        topic = parse_qs(body.decode()).get("TopicArn", [""])[0]
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            yield KeyUse(("sns:Publish", topic), action, _topic_key(topic))
    elif not target and path.count("/") >= 2 and path.split("/")[1] in s3._buckets:
        bucket, key = path.removeprefix("/").split("/", 1)
        if method == "GET" and not query.keys() & {"uploads", "uploadId", "acl", "tagging"}:
            yield read_object(bucket, key)
        elif method == "PUT" or "uploads" in query:
            yield write_object(bucket, key, headers.get(_KEY))
            if query.keys() & {"uploads", "uploadId"}:
                # S3 reads the parts of an upload when it is completed.
                yield write_object(bucket, key, headers.get(_KEY), "kms:Decrypt")

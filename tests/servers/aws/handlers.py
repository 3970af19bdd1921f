"""Types of CloudFormation that MiniStack lacks."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, glue, s3, secretsmanager
from ministack.services.cloudformation import provisioners

from servers.aws import bucket_deployment
from servers.aws.encryption import key_arn
from servers.aws.stubs import STUBS, Stub

Properties = dict[str, Any]
Made = tuple[str, dict[str, str]]


def install() -> None:
    """Add the types to those that MiniStack knows."""
    for kind, stub in STUBS.items():
        register(kind, _noted(stub))
    register("AWS::CloudWatch::CompositeAlarm", _composite_alarm)
    register("AWS::Glue::SecurityConfiguration", _security_configuration)
    register("AWS::SecretsManager::ResourcePolicy", _secret_policy)
    register("Custom::CDKBucketDeployment", bucket_deployment.deployed)
    register(
        "Custom::S3AutoDeleteObjects", lambda logical, _, stack: (physical_name(stack, logical), {}), _empty_bucket
    )
    _encrypt_buckets(provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"])
    _refer_to_secrets_by_arn(provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"])
    _note_alarms_on_several_metrics(provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"])


def register(
    kind: str,
    create: Callable[[str, Properties, str], Made],
    delete: Callable[[str, Properties], None] = lambda *_: None,
) -> None:
    """Take a type whose update is its creation."""

    def update(physical: str, _: Properties, new: Properties, stack: str, logical: str | None = None) -> Made:
        return create(logical or physical, new, stack)

    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }


def _empty_bucket(_: str, properties: Properties) -> None:
    """What CDK's function does, which is written for Node.js, when it goes before its bucket."""
    bucket = properties["BucketName"]
    s3._buckets[bucket]["objects"].clear()
    for place in [place for place in s3._object_versions if place[0] == bucket]:
        del s3._object_versions[place]


def physical_name(stack: str, logical: str) -> str:
    return str(provisioners._physical_name(stack, logical, max_len=64))


def _noted(stub: Stub) -> Callable[[str, Properties, str], Made]:
    def create(logical: str, properties: Properties, stack: str) -> Made:
        name = physical_name(stack, logical)
        return name, {attribute: value.format(name=name) for attribute, value in stub.attributes.items()}

    return create


def _security_configuration(logical: str, properties: Properties, stack: str) -> Made:
    name = str(properties.get("Name") or physical_name(stack, logical))
    glue._security_configs.pop(name, None)
    asked = {"Name": name, "EncryptionConfiguration": properties["EncryptionConfiguration"]}
    glue._create_security_configuration(asked)
    return name, {}


def _composite_alarm(logical: str, properties: Properties, stack: str) -> Made:
    name = str(properties.get("AlarmName") or physical_name(stack, logical))
    status, _, body = cloudwatch._put_composite_alarm({**properties, "AlarmName": name}, {}, False, is_json=True)
    if status >= 400:
        raise ValueError(f"PutCompositeAlarm: {body!r}")
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _note_alarms_on_several_metrics(handler: dict[str, Any]) -> None:
    """An alarm with `Metrics` is there, and watches nothing: MiniStack knows those of one metric alone."""
    create, update = handler["create"], handler["update"]

    def noted(name: str) -> Made:
        return name, {"Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"}

    def created(logical: str, properties: Properties, stack: str) -> Made:
        if properties.get("Metrics"):
            return noted(str(properties.get("AlarmName") or physical_name(stack, logical)))
        made: Made = create(logical, properties, stack)
        return made

    def updated(physical: str, old: Properties, new: Properties, stack: str, logical: str | None = None) -> Made:
        if new.get("Metrics"):
            return noted(physical)
        made: Made = update(physical, old, new, stack, logical)
        return made

    handler.update({"create": created, "update": updated})


def _secret_policy(logical: str, properties: Properties, stack: str) -> Made:
    policy = json.dumps(properties["ResourcePolicy"])
    status, _, body = secretsmanager._put_resource_policy(
        {"SecretId": properties["SecretId"], "ResourcePolicy": policy}
    )
    if status >= 400:
        raise ValueError(f"PutResourcePolicy: {body!r}")
    return physical_name(stack, logical), {}


def _refer_to_secrets_by_arn(handler: dict[str, Any]) -> None:
    """`Ref` of a secret is its ARN; MiniStack gives the name."""
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name(arn: str) -> str:
        return str(secretsmanager._resolve(arn)[0])

    def created(logical: str, properties: Properties, stack: str) -> Made:
        _, attributes = create(logical, properties, stack)
        return attributes["Arn"], attributes

    def updated(physical: str, old: Properties, new: Properties, stack: str, logical: str) -> Made:
        _, attributes = update(name(physical), old, new, stack, logical)
        return attributes["Arn"], attributes

    def deleted(physical: str, properties: Properties) -> None:
        delete(name(physical), properties)

    handler.update({"create": created, "update": updated, "delete": deleted})


def _encrypt_buckets(handler: dict[str, Any]) -> None:
    """Give buckets the key that their template names; MiniStack passes it over."""
    create, update = handler["create"], handler["update"]

    def created(logical: str, properties: Properties, stack: str) -> Made:
        name, attributes = create(logical, properties, stack)
        _put_encryption(name, properties)
        return name, attributes

    def updated(physical: str, old: Properties, new: Properties, stack: str) -> Made:
        name, attributes = update(physical, old, new, stack)
        _put_encryption(name, new)
        return name, attributes

    handler.update({"create": created, "update": updated})


def _put_encryption(bucket: str, properties: Properties) -> None:
    for rule in (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration", []):
        default = rule["ServerSideEncryptionByDefault"]
        key = default.get("KMSMasterKeyID")
        named = f"<KMSMasterKeyID>{key_arn(key) or key}</KMSMasterKeyID>" if key else ""
        by_default = f"<SSEAlgorithm>{default['SSEAlgorithm']}</SSEAlgorithm>{named}"
        xml = (
            '<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>'
            f"<ApplyServerSideEncryptionByDefault>{by_default}</ApplyServerSideEncryptionByDefault>"
            f"<BucketKeyEnabled>{str(rule.get('BucketKeyEnabled', False)).lower()}</BucketKeyEnabled>"
            "</Rule></ServerSideEncryptionConfiguration>"
        )
        status, _, body = s3._put_bucket_encryption(bucket, xml.encode())
        if status >= 400:
            raise ValueError(f"PutBucketEncryption: {body!r}")

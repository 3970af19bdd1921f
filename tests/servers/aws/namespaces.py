"""Namespaces and workgroups of Redshift Serverless, as CloudFormation makes them."""

import json
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import secretsmanager

from servers.aws.handlers import Made, Properties, register

namespaces = AccountRegionScopedDict()
workgroups = AccountRegionScopedDict()


def install() -> None:
    """Let CloudFormation make them."""
    register("AWS::RedshiftServerless::Namespace", _namespace, lambda name, _: _forget(namespaces, name))
    register("AWS::RedshiftServerless::Workgroup", _workgroup, lambda name, _: _forget(workgroups, name))


def namespace_of(role: str) -> str | None:
    """The ARN of a role that a namespace has, given by ARN or as `default`."""
    for namespace in namespaces._data.values():
        if role == "default" and namespace.get("defaultIamRoleArn"):
            return str(namespace["defaultIamRoleArn"])
        if role in namespace["iamRoles"]:
            return role
    return None


def _namespace(logical: str, properties: Properties, stack: str) -> Made:
    name = str(properties["NamespaceName"])
    record: dict[str, Any] = {
        **(namespaces.get(name) or {}),
        "namespaceName": name,
        **_identity("namespace", name),
        "dbName": properties.get("DbName", "dev"),
        "adminUsername": properties.get("AdminUsername", "admin"),
        "iamRoles": list(properties.get("IamRoles") or []),
        "defaultIamRoleArn": properties.get("DefaultIamRoleArn", ""),
        "kmsKeyId": properties.get("KmsKeyId", "AWS_OWNED_KMS_KEY"),
        "logExports": list(properties.get("LogExports") or []),
        "status": "AVAILABLE",
    }
    if str(properties.get("ManageAdminPassword", "")).lower() == "true" and "adminPasswordSecretArn" not in record:
        record["adminPasswordSecretArn"] = _admin_secret(record, properties.get("AdminPasswordSecretKmsKeyId"))
    namespaces[name] = record
    return name, _attributes("Namespace", record)


def _admin_secret(namespace: dict[str, Any], key: str | None) -> str:
    """The secret that Redshift manages, named after namespace and user."""
    user = namespace["adminUsername"]
    content = json.dumps({"username": user, "password": token_urlsafe(32)})
    asked = {"Name": f"redshift!{namespace['namespaceName']}-{user}", "SecretString": content}
    status, _, body = secretsmanager._create_secret(asked | ({"KmsKeyId": key} if key else {}))
    if status >= 400:
        raise ValueError(f"CreateSecret: {body!r}")
    return str(json.loads(body)["ARN"])


def _workgroup(logical: str, properties: Properties, stack: str) -> Made:
    name = str(properties["WorkgroupName"])
    if properties["NamespaceName"] not in namespaces:
        raise ValueError(f"there is no namespace {properties['NamespaceName']}")
    address = f"{name}.{get_account_id()}.{get_region()}.redshift-serverless.amazonaws.com"
    record = {
        "workgroupName": name,
        **_identity("workgroup", name),
        "namespaceName": properties["NamespaceName"],
        "baseCapacity": int(properties.get("BaseCapacity", 128)),
        "endpoint": {"address": address, "port": int(properties.get("Port", 5439))},
        "status": "AVAILABLE",
    }
    workgroups[name] = record
    return name, _attributes("Workgroup", record)


def _identity(kind: str, name: str) -> dict[str, str]:
    place = f"arn:aws:redshift-serverless:{get_region()}:{get_account_id()}:{kind}"
    number = str(uuid5(NAMESPACE_URL, f"{place}/{name}"))
    return {f"{kind}Id": number, f"{kind}Arn": f"{place}/{number}"}


def _attributes(prefix: str, record: dict[str, Any], parent: str = "") -> dict[str, Any]:
    """`Fn::GetAtt` names of a record: its own, with a capital, behind those of what they are in."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        path = f"{parent or prefix}.{name[0].upper()}{name[1:]}"
        found |= _attributes(prefix, value, path) if isinstance(value, dict) else {path: value}
    return found


def _forget(store: AccountRegionScopedDict, name: str) -> None:
    store.pop(name, None)

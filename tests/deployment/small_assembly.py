"""A cloud assembly of two stacks, as `cdk synth` would write it: the second needs the first, and runs a function."""

import hashlib
import json
from pathlib import Path
from typing import Any

BASE, WORK = "small-base", "small-work"
FUNCTION = """
import json, os, urllib.request
import boto3

def handler(event, context):
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "greeting"}
    try:
        if event["RequestType"] != "Delete":
            asked = event["ResourceProperties"]
            body = f"{event['RequestType']}: {asked['Text']}".encode()
            boto3.client("s3").put_object(Bucket=asked["Bucket"], Key="greeting.txt", Body=body)
            answer["Data"] = {"Role": boto3.client("sts").get_caller_identity()["Arn"].split("/")[1]}
    except Exception as error:
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"}
    sent = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(sent).close()
"""
Document = dict[str, Any]


def write_assembly(
    folder: Path,
    text: str = "hello",
    rights: tuple[str, ...] = (),
    protected: bool = False,
    exports: Document | None = None,
    **more: Document,
) -> Path:
    """Write it.

    Args:
        text: what the function writes into the bucket.
        rights: actions taken from those of the function.
        protected: whether the stacks are protected against deletion.
        exports: values in place of those that the first stack exports by itself; None for one that it exports no more.
        more: resources of the second stack.
    """
    assets = folder / "asset.function"
    assets.mkdir(parents=True, exist_ok=True)
    (assets / "index.py").write_text(FUNCTION)
    digest = hashlib.sha256(FUNCTION.encode()).hexdigest()
    code = {"path": assets.name, "packaging": "zip"}
    artifacts: Document = {}
    # The second is named first: the order is that of what depends on what.
    for name, template, files in (
        (WORK, _work(text, digest, rights, more), {digest: (code, f"{digest}.zip")}),
        (BASE, _base(exports or {}), {}),
    ):
        body = json.dumps(template)
        (folder / f"{name}.template.json").write_text(body)
        key = f"{hashlib.sha256(body.encode()).hexdigest()}.json"
        own = {"path": f"{name}.template.json", "packaging": "file"}
        manifest = {"files": {name: _file(own, key), **{hash_: _file(*one) for hash_, one in files.items()}}}
        (folder / f"{name}.assets.json").write_text(json.dumps(manifest))
        artifacts[name] = _stack(name, key, protected)
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}}
    (folder / "manifest.json").write_text(json.dumps({"version": "55.0.0", "artifacts": artifacts}))
    return folder


def _file(source: Document, key: str) -> Document:
    place = {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": key}
    return {"source": source, "destinations": {"current_account-current_region": place}}


def _stack(name: str, key: str, protected: bool) -> Document:
    return {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "dependencies": [f"{name}.assets", *([BASE] if name == WORK else [])],
        "properties": {
            "terminationProtection": protected,
            "templateFile": f"{name}.template.json",
            "stackTemplateAssetObjectUrl": f"s3://cdk-hnb659fds-assets-${{AWS::AccountId}}-${{AWS::Region}}/{key}",
            "tags": {"project": "small"},
        },
    }


def _base(changed: Document) -> Document:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": insecure}
    resources = {
        "Key": _resource("KMS::Key", KeyPolicy=_document(_delegated())),
        "Bucket": _resource(
            "S3::Bucket",
            BucketEncryption={
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]},
                        },
                    }
                ]
            },
        ),
        "BucketPolicy": _resource(
            "S3::BucketPolicy",
            Bucket={"Ref": "Bucket"},
            PolicyDocument=_document(deny | {"Resource": [{"Fn::GetAtt": ["Bucket", "Arn"]}, _objects("Bucket")]}),
        ),
    }
    exports = {"Bucket": {"Ref": "Bucket"}, "Key": {"Fn::GetAtt": ["Key", "Arn"]}} | changed
    return _template(
        resources,
        {name: {"Value": value, "Export": {"Name": f"{BASE}:{name}"}} for name, value in exports.items() if value},
    )


def _work(text: str, digest: str, taken: tuple[str, ...], more: Document) -> Document:
    bucket, key = ({"Fn::ImportValue": f"{BASE}:{name}"} for name in ("Bucket", "Key"))
    objects = {"Fn::Join": ["", ["arn:aws:s3:::", bucket, "/*"]]}
    rights = {"s3:PutObject": objects, "kms:GenerateDataKey": key}
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resource}
        for action, resource in rights.items()
        if action not in taken
    ] or [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    resources = {
        "Role": _resource(
            "IAM::Role",
            RoleName="small-function",
            AssumeRolePolicyDocument=_document(_trust("lambda.amazonaws.com")),
            Policies=[{"PolicyName": "rights", "PolicyDocument": _document(*statements)}],
        ),
        "Function": _resource(
            "Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role={"Fn::GetAtt": ["Role", "Arn"]},
            Code={
                "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"},
                "S3Key": f"{digest}.zip",
            },
        ),
        "Greeting": _resource(
            "CloudFormation::CustomResource",
            ServiceToken={"Fn::GetAtt": ["Function", "Arn"]},
            Bucket=bucket,
            Text=text,
        ),
        "FlowLog": _resource("EC2::FlowLog", ResourceId="vpc-1", ResourceType="VPC", TrafficType="ALL"),
        **more,
    }
    return _template(resources, {"Role": {"Value": {"Fn::GetAtt": ["Greeting", "Role"]}}, "Bucket": {"Value": bucket}})


def _template(resources: Document, outputs: Document) -> Document:
    version = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}
    too_old = {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]}
    rules = {"CheckBootstrapVersion": {"Assertions": [{"Assert": too_old, "AssertDescription": "Bootstrap again."}]}}
    return {"Resources": resources, "Outputs": outputs, "Parameters": {"BootstrapVersion": version}, "Rules": rules}


def _delegated() -> Document:
    root = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    return {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}


def _trust(service: str) -> Document:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def _objects(bucket: str) -> Document:
    return {"Fn::Sub": f"${{{bucket}.Arn}}/*"}


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _resource(kind: str, **properties: Any) -> Document:
    return {"Type": f"AWS::{kind}", "Properties": properties}

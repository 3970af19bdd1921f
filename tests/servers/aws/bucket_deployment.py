"""CDK's BucketDeployment. Its function runs the AWS CLI of a layer, which is not there: this copies as it would.

The function's role is asked for every call that the CLI makes, so a right that is missing fails the deployment.
"""

import io
import zipfile
from typing import Any

from ministack.services import lambda_svc, s3
from ministack.services.cloudformation import provisioners

from servers.aws.encryption import read_object, write_object
from servers.aws.rights import Role, assumed

Properties = dict[str, Any]


def deployed(logical: str, properties: Properties, stack: str) -> tuple[str, dict[str, str]]:
    """Copy what the sources have to the destination."""
    function = lambda_svc._get_func_record_for_ref(properties["ServiceToken"])[1]
    role = assumed(function["Role"], "lambda.amazonaws.com", function["FunctionName"])
    target, prefix = properties["DestinationBucketName"], properties.get("DestinationBucketKeyPrefix", "").strip("/")
    unpacked = str(properties.get("Extract", "true")).lower() == "true"
    role.need("s3:ListBucket", f"arn:aws:s3:::{target}")
    for bucket, key in zip(properties["SourceBucketNames"], properties["SourceObjectKeys"], strict=True):
        content = _read(role, bucket, key)
        files = _files(content) if unpacked else {key.rsplit("/", 1)[-1]: content}
        for name, body in files.items():
            _write(role, target, f"{prefix}/{name}".lstrip("/"), body)
    return provisioners._physical_name(stack, logical, max_len=64), {
        "DestinationBucketArn": f"arn:aws:s3:::{target}",
        "SourceObjectKeys": ",".join(properties["SourceObjectKeys"]),
    }


def _read(role: Role, bucket: str, key: str) -> bytes:
    role.need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    read_object(bucket, key).need(role)
    content = s3._get_object_data(bucket, key)
    if content is None:
        raise ValueError(f"there is no s3://{bucket}/{key}")
    return bytes(content)


def _write(role: Role, bucket: str, key: str, body: bytes) -> None:
    role.need("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
    write_object(bucket, key).need(role)
    status, _, answer = s3._put_object(bucket, key, body, {})[:3]
    if status >= 400:
        raise ValueError(f"PutObject s3://{bucket}/{key}: {answer!r}")


def _files(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}

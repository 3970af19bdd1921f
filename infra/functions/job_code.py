"""Puts the files of an archive, and others, into a bucket, each under its own name.

Old versions stay for jobs that are at work.
"""

import tempfile
import zipfile
from typing import Any

import boto3
from answer import answered, patiently

DENIED = ("403", "AccessDenied")
"""What S3 answers until a right that the deployment has just given holds everywhere."""


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls."""
    answered(lambda asked: patiently(lambda: unpack(asked), DENIED), event, context)


def unpack(asked: dict[str, Any]) -> None:
    """Put the archive's files, and files and texts that come beside it, below the prefix."""
    s3 = boto3.client("s3")
    with tempfile.TemporaryFile() as file:
        s3.download_fileobj(asked["FromBucket"], asked["FromKey"], file)
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as content:
                    s3.upload_fileobj(content, asked["Bucket"], _key(asked, name))
    for name, key in asked["Files"].items():
        s3.upload_fileobj(
            s3.get_object(Bucket=asked["FromBucket"], Key=key)["Body"], asked["Bucket"], _key(asked, name)
        )
    for name, text in asked["Texts"].items():
        s3.put_object(Bucket=asked["Bucket"], Key=_key(asked, name), Body=text.encode())


def _key(asked: dict[str, Any], name: str) -> str:
    return f"{asked['Prefix']}/{name}"

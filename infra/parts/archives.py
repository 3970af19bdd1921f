"""What CDK uploads before a deployment, and who may read it there."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets

from infra.configuration import Configuration


def archive_statements(
    archives: Sequence[assets.Asset], configuration: Configuration, sid: str
) -> list[iam.PolicyStatement]:
    """Rights to read uploads, and to use the key of the bucket of uploads where that is not AWS's own.

    Args:
        sid: ends the names of the statements.
    """
    statements = [
        iam.PolicyStatement(
            sid=f"Read{sid}",
            actions=["s3:GetObject"],
            resources=[archive.bucket.arn_for_objects(archive.s3_object_key) for archive in archives],
        )
    ]
    if key := configuration.deployment.bootstrap_key_arn:
        statements.append(iam.PolicyStatement(sid=f"Decrypt{sid}", actions=["kms:Decrypt"], resources=[key]))
    return statements

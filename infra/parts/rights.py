"""What the job of each step may do in the lake, by folder: the table of docs/reference/glue-jobs.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from rental_analytics.contracts.steps import StepName


@dataclass(frozen=True)
class LakeRights:
    """Folders, or objects, below the lake's prefix.

    Args:
        looks_for: names of folders, as objects: before Hadoop makes a folder it asks whether an object stands there,
            or at the lake's prefix.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    deletes: tuple[str, ...]
    looks_for: tuple[str, ...] = ()


_DRAFTS = ("drafts/*",)
_LOCK = ("locks/*",)
_RECORDS = ("runs/*",)

LAKE_RIGHTS: Mapping[StepName, LakeRights] = {
    StepName.EXTRACT: LakeRights(
        reads=("drafts/*", "history/*", "locks/*", "raw/*", "runs/*", "state/*"),
        writes=("drafts/*", "history/*", "locks/*", "raw/*", "runs/*", "state/*"),
        deletes=("drafts/*", "curated/*", "locks/*", "raw/*", "rejected/*", "state/*"),
        looks_for=("drafts", "raw", "state"),
    ),
    StepName.TRANSFORM: LakeRights(
        reads=("drafts/*", "curated/*", "history/*", "locks/*", "raw/*", "rejected/*", "runs/*"),
        writes=("drafts/*", "curated/*", "locks/*", "rejected/*", "runs/*"),
        deletes=("drafts/*", "curated/*", "locks/*", "rejected/*"),
        looks_for=("drafts", "curated", "rejected"),
    ),
    StepName.LOAD_RAW: LakeRights(
        reads=("drafts/*", "history/*", "lake.json", "locks/*", "raw/*", "runs/*"),
        writes=("drafts/*", "lake.json", "locks/*", "runs/*"),
        deletes=("drafts/*", "locks/*"),
    ),
    StepName.LOAD_CURATED: LakeRights(
        reads=("drafts/*", "curated/*", "history/*", "lake.json", "locks/*", "rejected/*", "runs/*"),
        writes=("drafts/*", "locks/*", "runs/*"),
        deletes=("drafts/*", "locks/*"),
    ),
    StepName.METRICS: LakeRights(
        reads=("drafts/*", "history/*", "lake.json", "locks/*", "runs/*"),
        writes=("drafts/*", "locks/*", "runs/*"),
        deletes=("drafts/*", "locks/*"),
    ),
}


def lake_statements(step: StepName, lake: s3.IBucket, prefix: str, key: kms.IKey) -> list[iam.PolicyStatement]:
    """Statements for a job's role, one for each kind of right."""
    rights = LAKE_RIGHTS[step]

    def below(folders: tuple[str, ...]) -> list[str]:
        return [lake.arn_for_objects(f"{prefix}/{folder}") for folder in folders]

    looked_for = [*below(rights.looks_for), lake.arn_for_objects(prefix)] if rights.looks_for else []
    statements = [
        iam.PolicyStatement(sid="ListLake", actions=["s3:ListBucket"], resources=[lake.bucket_arn]),
        iam.PolicyStatement(sid="ReadLake", actions=["s3:GetObject"], resources=[*below(rights.reads), *looked_for]),
        iam.PolicyStatement(sid="WriteLake", actions=["s3:PutObject"], resources=below(rights.writes)),
        iam.PolicyStatement(sid="DeleteInLake", actions=["s3:DeleteObject"], resources=below(rights.deletes)),
        iam.PolicyStatement(sid="UseKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
    ]
    if step is StepName.EXTRACT:
        statements += [
            iam.PolicyStatement(
                sid="ListUploads", actions=["s3:ListBucketMultipartUploads"], resources=[lake.bucket_arn]
            ),
            iam.PolicyStatement(
                sid="AbortUploads", actions=["s3:AbortMultipartUpload"], resources=[lake.arn_for_objects(f"{prefix}/*")]
            ),
        ]
    return statements

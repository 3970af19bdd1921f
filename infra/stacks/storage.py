"""The key that encrypts everything, the bucket of the lake, that of the code, and that of access logs."""

from __future__ import annotations

from typing import Unpack

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.configuration import Configuration
from infra.parts.removal import deletes_data, removal_of_data, remove_with_data
from infra.parts.stack_options import StackOptions

EXPIRING = ("curated", "raw", "rejected")
"""Folders of the lake that hold rows, by run."""

WRITTEN_ONCE = ("runs", "history")
"""Folders of the lake whose objects are created and never replaced."""


class StorageStack(Stack):
    """
    Attributes:
        key: of lake, code, logs, database, warehouse, lock and alerts.
        lake: what the pipeline keeps; below the prefix of the deployment's name.
        code: script, wheels and configuration of the jobs.
        access_logs: who asked for what in the other two.
    """

    def __init__(
        self, scope: Construct, id_: str, *, configuration: Configuration, **stack: Unpack[StackOptions]
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._configuration = configuration
        name = configuration.deployment.name
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{name}",
            description=f"Everything of {name}",
            enable_key_rotation=True,
            removal_policy=removal_of_data(self, configuration),
        )
        self._let_services_use_key()
        self.access_logs = self._bucket(
            "AccessLogs",
            f"{name}-access-logs-{Aws.ACCOUNT_ID}-{Aws.REGION}",
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(400)), _cleaned_up(noncurrent_days=30)],
            logs=None,
        )
        self.lake = self._bucket(
            "Lake",
            f"{name}-lake-{Aws.ACCOUNT_ID}-{Aws.REGION}",
            lifecycle_rules=[_cleaned_up(noncurrent_days=30), *self._expiring()],
            logs=self.access_logs,
        )
        self.code = self._bucket(
            "Code",
            f"{name}-code-{Aws.ACCOUNT_ID}-{Aws.REGION}",
            lifecycle_rules=[_cleaned_up(noncurrent_days=90)],
            logs=self.access_logs,
        )
        self._protect_what_is_written_once()
        policies = [bucket.policy for bucket in (self.access_logs, self.lake, self.code) if bucket.policy]
        remove_with_data(configuration, *policies)

    def _bucket(
        self, id_: str, name: str, *, lifecycle_rules: list[s3.LifecycleRule], logs: s3.Bucket | None
    ) -> s3.Bucket:
        """A private bucket; that for access logs has none itself, and the only key it can have, S3's own."""
        return s3.Bucket(
            self,
            id_,
            bucket_name=name,
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_of_data(self, self._configuration),
            auto_delete_objects=deletes_data(self, self._configuration),
            lifecycle_rules=lifecycle_rules,
            encryption=s3.BucketEncryption.KMS if logs else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self.key if logs else None,
            bucket_key_enabled=True if logs else None,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{id_.lower()}/" if logs else None,
        )

    def _expiring(self) -> list[s3.LifecycleRule]:
        """Files of rows that every run which needed them has loaded: docs/reference/lake.md says which may go."""
        name, days = self._configuration.deployment.name, self._configuration.storage.keep_days
        if days is None:
            return []
        return [s3.LifecycleRule(prefix=f"{name}/{folder}/", expiration=Duration.days(days)) for folder in EXPIRING]

    def _protect_what_is_written_once(self) -> None:
        """A manifest that exists is never replaced, whatever a job believes: S3 itself refuses.

        Parts of a multipart upload cannot carry the condition; the request that completes it does.
        """
        self.lake.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CreateOnly",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[
                    self.lake.arn_for_objects(f"{self._configuration.deployment.name}/{folder}/*")
                    for folder in WRITTEN_ONCE
                ],
                conditions={
                    "Null": {"s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            )
        )

    def _let_services_use_key(self) -> None:
        """Services that encrypt for themselves; each only what belongs to this account."""
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Logs",
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": (
                            f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:*"
                        )
                    }
                },
            )
        )
        # EventBridge gets its right by the target of its rule: it does not say for whom it encrypts, so a condition on
        # the account would keep every alert back. The policies of topic and queue limit who sends.
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )


def _cleaned_up(noncurrent_days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        noncurrent_version_expiration=Duration.days(noncurrent_days),
        abort_incomplete_multipart_upload_after=Duration.days(7),
        expired_object_delete_marker=True,
    )

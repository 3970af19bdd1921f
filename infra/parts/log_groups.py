"""Log groups, each with a key and an end: a service that finds none makes its own, without either."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
"""By `jobs.log_days`."""


def log_group(
    scope: Construct,
    id_: str,
    *,
    name: str,
    key: kms.IKey,
    days: int,
    removal: RemovalPolicy = RemovalPolicy.DESTROY,
) -> logs.LogGroup:
    """A log group that forgets after so many days."""
    return logs.LogGroup(
        scope, id_, log_group_name=name, encryption_key=key, retention=RETENTION[days], removal_policy=removal
    )

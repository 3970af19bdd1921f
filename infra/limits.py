"""Limits of AWS that concern two sections of a deployment's configuration together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.configuration import Configuration

MOST_WORKERS = 200
"""Of one job in a network that is made: each takes one of a subnet's 251 addresses, as endpoints and cluster do."""

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eusc-": "aws-eusc",
}


def partition(region: str) -> str:
    """What the ARNs of a region have behind `arn:`."""
    return next((name for begin, name in _PARTITIONS.items() if region.startswith(begin)), "aws")


def faults(configuration: Configuration) -> Iterator[str]:
    """Each with the key it is about."""
    deployment, existing, workers = (
        configuration.deployment,
        configuration.source.existing,
        configuration.jobs.most_workers,
    )
    arns = {
        "deployment.bootstrap_key_arn": deployment.bootstrap_key_arn,
        "source.existing.secret_arn": existing and existing.secret_arn,
        "source.existing.secret_key_arn": existing and existing.secret_key_arn,
    }
    for key, arn in arns.items():
        wanted = f"arn:{partition(deployment.region)}:"
        if arn and not arn.startswith(wanted):
            yield f"{key} does not begin with {wanted}, as in deployment.region {deployment.region}"
    if workers and workers > MOST_WORKERS and existing is None:
        yield (
            f"jobs.most_workers is {workers}, but a subnet of the network that is made has room for {MOST_WORKERS}: "
            "each worker takes an address"
        )

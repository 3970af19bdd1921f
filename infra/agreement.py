"""What sections of a deployment's configuration have to agree on, beside what each may say for itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from infra.parts.authorities import missing_region
from infra.parts.schedule import longest_gap

if TYPE_CHECKING:
    from infra.configuration import Configuration

ZONES = 3
"""Redshift Serverless wants subnets in three."""

FEWER_ZONES = {"us-west-1": 2}
"""Regions that have fewer, where it takes three subnets in those."""

OTHER_ZONES = {
    "ap-northeast-1": "new accounts have a, c and d",
    "ca-central-1": "it has a, b and d",
    "cn-north-1": "it has a, b and d",
    "us-west-1": "an account has two of a, b and c",
}
"""Regions in which not every account has the zones a, b and c."""

MOST_WORKERS = 200
"""Of one job in a network that is made: each takes one of a subnet's 251 addresses, as endpoints and cluster do."""

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eusc-": "aws-eusc",
}
"""What the ARNs of regions have behind `arn:` where that is not `aws`, by how the regions begin."""


def faults(configuration: Configuration) -> Iterator[str]:
    """Each with the keys it is about."""
    yield from _of_the_schedule(configuration)
    yield from _of_zones(configuration)
    yield from _of_places(configuration)
    yield from _of_the_database(configuration)
    yield from _of_the_jobs(configuration)


def _of_the_schedule(configuration: Configuration) -> Iterator[str]:
    schedule, late = configuration.schedule, configuration.monitoring.late_after_hours
    gap = longest_gap(schedule.expression) if schedule.enabled else None
    if gap and gap > timedelta(hours=late):
        yield (
            f"monitoring.late_after_hours is {late}, but {schedule.expression} leaves {gap / timedelta(hours=1):g} "
            "hours between two runs: the alarm would ring without cause"
        )


def _of_zones(configuration: Configuration) -> Iterator[str]:
    region, network, existing = configuration.deployment.region, configuration.network, configuration.source.existing
    zones, wanted = configuration.zones, FEWER_ZONES.get(region, ZONES)
    if not network.availability_zones and region in OTHER_ZONES:
        yield (
            f"network.availability_zones has to name the zones of {region}: {OTHER_ZONES[region]}. "
            "`aws ec2 describe-availability-zones` prints those of an account"
        )
        return
    if len(set(zones)) != len(zones) or len(zones) != wanted:
        yield f"network.availability_zones names {', '.join(zones)}; it has to be {wanted} zones"
    if network.endpoint_zones > len(zones):
        yield f"network.endpoint_zones is {network.endpoint_zones}, of {len(zones)} zones"
    for zone in (*zones, *(existing.subnets if existing else ())):
        if not zone.startswith(region):
            yield f"{zone} is not an availability zone of deployment.region {region}"


def _of_places(configuration: Configuration) -> Iterator[str]:
    """Whatever the jobs use is in the region and the account of the deployment."""
    deployment, existing = configuration.deployment, configuration.source.existing
    named = {
        "source.existing.secret_arn": existing.secret_arn if existing else None,
        "source.existing.secret_key_arn": existing.secret_key_arn if existing else None,
        "deployment.bootstrap_key_arn": deployment.bootstrap_key_arn,
    }
    wanted = next((name for begin, name in _PARTITIONS.items() if deployment.region.startswith(begin)), "aws")
    for key, arn in named.items():
        if arn is None:
            continue
        _, partition, _, region, account, *_ = arn.split(":")
        if partition != wanted:
            yield f"{key} does not begin with arn:{wanted}:, as in deployment.region {deployment.region}"
        if region != deployment.region:
            yield f"{key} is in {region}, not in deployment.region {deployment.region}"
        if deployment.account and account != deployment.account:
            yield f"{key} is of account {account}, not of deployment.account {deployment.account}"
    place = existing.host.lower().split(".")[-5:] if existing else []
    if place[2:] == ["rds", "amazonaws", "com"] and place[1] != deployment.region:
        yield f"source.existing.host is in {place[1]}, not in deployment.region {deployment.region}"


def _of_the_database(configuration: Configuration) -> Iterator[str]:
    source, region = configuration.source, configuration.deployment.region
    if existing := source.existing:
        for subnet, count in Counter(existing.subnets.values()).items():
            if count > 1:
                yield f"source.existing.subnets names {subnet} for {count} zones; a subnet is in one"
        # What else [source] has is about a cluster that is made.
        for name in sorted(source.model_fields_set - {"existing", "tls", "tls_ca"}):
            yield f"source.{name} has no effect with source.existing: it is for a cluster that is made; leave it out"
        if "endpoint_zones" in configuration.network.model_fields_set:
            yield (
                "network.endpoint_zones has no effect with source.existing: extract runs in source.existing.subnets, "
                "where the endpoints are yours"
            )
    else:
        tables = configuration.pipeline.get("tables", {})
        for table in sorted(name for name in tables if "name" in tables[name]):
            yield (
                f"pipeline.tables.{table}.name is for a database there is already, in source.existing: in a cluster "
                f"that is made here the table is called {table}; leave it out"
            )
    if source.tls != "required" and source.tls_ca is None and (fault := missing_region(region)):
        yield fault


def _of_the_jobs(configuration: Configuration) -> Iterator[str]:
    workers = configuration.jobs.most_workers
    if workers and workers > MOST_WORKERS and configuration.source.existing is None:
        yield (
            f"jobs.most_workers is {workers}, but a subnet of the network that is made has room for {MOST_WORKERS}: "
            "each worker takes an address"
        )

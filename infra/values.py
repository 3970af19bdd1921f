"""Kinds of values in a deployment's configuration, held to what AWS takes."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

from infra.parts.schedule import expression_fault

LONGEST_NAME = 23
"""`<name>-access-logs-<account>-ap-northeast-1` is the longest name of a bucket, which may have 63 characters."""

_LARGEST_NETWORK, _SMALLEST_NETWORK = 16, 22


def _like(pattern: str, meaning: str) -> AfterValidator:
    def checked(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is not {meaning}")
        return value

    return AfterValidator(checked)


def _deployment_name(value: str) -> str:
    # RDS takes neither two hyphens in a row nor one at the end; Redshift wants three characters.
    if not re.fullmatch(r"[a-z](-?[a-z0-9])+", value) or not 3 <= len(value) <= LONGEST_NAME:
        raise ValueError(
            f"{value!r} is not a name of 3 to {LONGEST_NAME} lower-case letters, digits and single hyphens, that "
            "begins with a letter and ends without a hyphen"
        )
    return value


def _network(value: str) -> str:
    try:
        network = IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a network such as 10.20.0.0/20: {error}") from error
    if not _LARGEST_NETWORK <= network.prefixlen <= _SMALLEST_NETWORK:
        raise ValueError(
            f"{value} has a prefix of {network.prefixlen} bits; it may have {_LARGEST_NETWORK} to "
            f"{_SMALLEST_NETWORK}, so that its subnets of 256 addresses fit in"
        )
    return value


def _schedule(value: str) -> str:
    if fault := expression_fault(value):
        raise ValueError(fault)
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"{value!r} is not a time zone such as Europe/Dublin") from error
    return value


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _half_steps(value: float) -> float:
    if value * 2 % 1:
        raise ValueError(f"{value} is not a multiple of 0.5")
    return value


Name = Annotated[str, AfterValidator(_deployment_name)]
Cidr = Annotated[str, AfterValidator(_network)]
ScheduleExpression = Annotated[str, AfterValidator(_schedule)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
AuroraUnits = Annotated[float, AfterValidator(_half_steps)]
Region = Annotated[str, _like(r"[a-z]{2,4}(-[a-z]+)+-\d", "a region such as eu-west-1")]
Account = Annotated[str, _like(r"\d{12}", "an account's number of 12 digits")]
AvailabilityZone = Annotated[str, _like(r"[a-z]{2,4}(-[a-z]+)+-\d[a-f]", "an availability zone such as eu-west-1a")]
Identifier = Annotated[
    str, _like(r"[a-z][a-z0-9_]{0,62}", "a name of lower-case letters, digits and _, that begins with a letter")
]
Host = Annotated[str, _like(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", "a host name")]
VpcId = Annotated[str, _like(r"vpc-[0-9a-f]{8,17}", "the id of a VPC, such as vpc-0123456789abcdef0")]
SubnetId = Annotated[str, _like(r"subnet-[0-9a-f]{8,17}", "the id of a subnet, such as subnet-0123456789abcdef0")]
GroupId = Annotated[str, _like(r"sg-[0-9a-f]{8,17}", "the id of a security group, such as sg-0123456789abcdef0")]
PrefixListId = Annotated[str, _like(r"pl-[0-9a-f]{8,17}", "the id of a prefix list, such as pl-0123abcd")]
SecretArn = Annotated[
    str,
    _like(
        r"arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@!-]+-\w{6}",
        "the ARN of a secret, with the six characters that Secrets Manager adds to its name",
    ),
]
KeyArn = Annotated[
    str, _like(r"arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+", "the ARN of a KMS key; that of an alias does not do")
]
DatabaseUser = Annotated[
    str, _like(r"IAMR?:[\w+=,.@-]{1,128}", "the database user of an IAM user (IAM:maria) or of a role (IAMR:analysts)")
]
AuroraVersion = Annotated[
    str, _like(r"8\.0\.mysql_aurora\.3\.\d+\.\d+", "a version of Aurora MySQL 3, such as 8.0.mysql_aurora.3.10.0")
]
Email = Annotated[str, _like(r"[^@\s]+@[^@\s]+", "an e-mail address")]
Emails = Annotated[tuple[Email, ...], BeforeValidator(_listed)]
"""One address, or a list of them."""
TagKey = Annotated[str, _like(r"(?!aws:)[\w .:/=+@-]{1,128}", "a key of a tag, which may not begin with aws:")]
TagValue = Annotated[str, _like(r"[\w .:/=+@-]{0,256}", "a value of a tag")]

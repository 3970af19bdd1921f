"""Kinds of values in a deployment's configuration, held to what AWS takes."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from sqlglot.dialects import MySQL, Redshift

from infra.parts.schedule import expression_fault

LONGEST_NAME = 23
"""`<name>-access-logs-<account>-ap-northeast-1` is the longest name of a bucket, which may have 63 characters."""

_RESERVED_NAMES = ("amzn-s3-demo-", "sthree-")
_OWN_DATABASES = {
    "MySQL": ("mysql", "information_schema", "performance_schema", "sys"),
    "Redshift": ("template0", "template1", "padb_harvest", "awsdatacatalog", "sys"),
}
_FIRST_WITH_DATA_API = (3, 7, 0)
_MOST_TAGS = 40
"""AWS takes 50; some resources have tags of their own."""
_RESERVED_TAGS = ("pipeline", "step", "name")
_RESERVED_TAG_BEGINS = ("aws:", "aws-cdk:", "redshiftdb")
"""By those that Redshift knows it would let a role be another user, such as the admin."""

_LARGEST_NETWORK, _SMALLEST_NETWORK = 16, 22


def _like(pattern: str, meaning: str, flags: re.RegexFlag = re.ASCII) -> AfterValidator:
    def checked(value: str) -> str:
        if not re.fullmatch(pattern, value, flags):
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
    # Names of buckets begin with it.
    if reserved := next((begin for begin in _RESERVED_NAMES if f"{value}-".startswith(begin)), None):
        raise ValueError(f"{value!r}: S3 keeps names that begin with {reserved} for itself")
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


def _database_of(engine: type[MySQL | Redshift]) -> AfterValidator:
    def checked(value: str) -> str:
        taken = {*_OWN_DATABASES[engine.__name__], *engine.Generator.RESERVED_KEYWORDS}
        if value in taken:
            raise ValueError(f"{value!r} is a word or a database that {engine.__name__} keeps for itself")
        return value

    return AfterValidator(checked)


def _with_data_api(value: str) -> str:
    version = tuple(int(part) for part in value.split("mysql_aurora.")[1].split("."))
    if version < _FIRST_WITH_DATA_API:
        raise ValueError(f"{value!r} has no Data API, by which the reading user is made; 3.07.0 and later have")
    return value


def _tags(value: dict[str, str]) -> dict[str, str]:
    keys = {key: key.lower() for key in value}
    for key, plain in keys.items():
        if plain in _RESERVED_TAGS or plain.startswith(_RESERVED_TAG_BEGINS):
            raise ValueError(f"{key!r} is a tag that the deployment, Redshift or AWS sets or reads itself")
    if len(value) > _MOST_TAGS:
        raise ValueError(f"there are {len(value)} tags; there may be {_MOST_TAGS}")
    if twice := [key for key, plain in keys.items() if [*keys.values()].count(plain) > 1]:
        raise ValueError(f"{' and '.join(twice)} are one key to IAM, which does not tell capitals")
    return value


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
    str,
    _like(r"8\.0\.mysql_aurora\.3\.\d+\.\d+", "a version of Aurora MySQL 3, such as 8.0.mysql_aurora.3.10.0"),
    AfterValidator(_with_data_api),
]
Email = Annotated[str, _like(r"[^@\s]+@[^@\s]+", "an e-mail address")]
Emails = Annotated[tuple[Email, ...], BeforeValidator(_listed)]
"""One address, or a list of them."""
TagKey = Annotated[str, _like(r"[\w .:/=+@-]{1,128}", "a key of a tag", re.UNICODE)]
TagValue = Annotated[str, _like(r"[\w .:/=+@-]{0,256}", "a value of a tag", re.UNICODE)]
Tags = Annotated[dict[TagKey, TagValue], AfterValidator(_tags)]
SourceDatabase = Annotated[Identifier, _database_of(MySQL)]
WarehouseDatabase = Annotated[Identifier, _database_of(Redshift)]
RunbookUrl = Annotated[
    str,
    # It stands in descriptions of alarms, and in a template of EventBridge, where < begins a variable.
    _like(r"(https://[\w.~:/@%+,=-]{1,300}/)?", "an address that begins with https:// and ends with /"),
]

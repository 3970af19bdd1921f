"""What a company decides about its deployment: one TOML file, checked before anything is synthesized."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from infra import agreement
from infra.agreement import ZONES
from infra.faults import faults_of
from infra.parts import pipeline_settings
from infra.parts.authorities import known_authorities
from infra.values import (
    Account,
    AuroraUnits,
    AuroraVersion,
    AvailabilityZone,
    Cidr,
    DatabaseUser,
    Emails,
    GroupId,
    Host,
    KeyArn,
    Name,
    PrefixListId,
    Region,
    RunbookUrl,
    ScheduleExpression,
    SecretArn,
    SourceDatabase,
    SubnetId,
    Tags,
    TimeZone,
    VpcId,
    WarehouseDatabase,
)
from rental_analytics.errors import ConfigurationError

_FIRST_THAT_PAUSES = (3, 8, 0)


class DeploymentConfigurationError(Exception):
    """The configuration cannot be used; the text names the file, the key and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Deployment(_Section):
    """
    Args:
        name: beginning of the name of every resource.
        region: region in which everything is.
        account: number of the account; CDK refuses credentials of another. By default it is whatever account the
            credentials are of.
        delete_data: takes the protection against deletion from the stacks. Where they were last deployed with
            `cdk deploy -c delete_data=yes` as well, destroying them deletes lake, key, warehouse and database.
        tags: on every resource that can have tags, for the bill.
        bootstrap_key_arn: KMS key of the bucket that `cdk bootstrap` made, where it was given or made one.
    """

    name: Name = "rental"
    region: Region = "eu-west-1"
    account: Account | None = None
    delete_data: StrictBool = False
    tags: Tags = Field(default_factory=dict)
    bootstrap_key_arn: KeyArn | None = None


class Network(_Section):
    """
    Args:
        cidr: addresses of the network that is made.
        availability_zones: three, as Redshift Serverless wants; those that end with a, b and c unless they are named.
        endpoint_zones: how many of them have interface endpoints, which cost by zone and hour; in these `extract` runs.
    """

    cidr: Cidr = "10.20.0.0/20"
    availability_zones: tuple[AvailabilityZone, ...] = ()
    endpoint_zones: Annotated[int, Field(ge=1, le=ZONES)] = 1


class Storage(_Section):
    """
    Args:
        keep_days: how long the lake keeps files of rows: read, rejected and curated ones, and S3 their old versions for
            30 days more; for ever unless it is set. Runs need those that are not yet in the warehouse.
    """

    keep_days: Annotated[int | None, Field(ge=30, le=3650)] = None


class ExistingSource(_Section):
    """A database there is already, and from where `extract` can reach it.

    Args:
        host: name of the server; of a cluster its reader endpoint.
        port: port of the server.
        database: database in which the tables are.
        secret_arn: secret with `username` and `password` of the reading user.
        secret_key_arn: KMS key of the secret, where it is not AWS's own.
        vpc_id: network in which the job's security group is made, which the database has to let in.
        subnets: subnets of that network by availability zone, in the order in which `extract` tries them.
        database_group: security group of the database; the job may then reach no other address at `port`.
        endpoint_group: security group of the interface endpoints, together with `s3_prefix_list`; the job may then
            reach nothing else at port 443. For a network whose endpoints all have this group, without NAT.
        s3_prefix_list: prefix list of S3 in the region, which its gateway endpoint routes.
    """

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_$-]{1,64}$")]
    secret_arn: SecretArn
    secret_key_arn: KeyArn | None = None
    vpc_id: VpcId
    subnets: Annotated[dict[AvailabilityZone, SubnetId], Field(min_length=1)]
    database_group: GroupId | None = None
    endpoint_group: GroupId | None = None
    s3_prefix_list: PrefixListId | None = None

    @model_validator(mode="after")
    def _reaches_s3_and_endpoints(self) -> ExistingSource:
        if (self.endpoint_group is None) != (self.s3_prefix_list is None):
            raise ValueError(
                "endpoint_group and s3_prefix_list go together: the job needs the endpoints and S3. "
                "`aws ec2 describe-managed-prefix-lists` prints the list of S3"
            )
        return self


class Source(_Section):
    """
    Args:
        existing: the marketplace's database; without it an Aurora MySQL cluster is made, with empty source tables.
        tls: what of the server's certificate is checked: `verify_identity` takes only one that an authority issued to
            the host's own name, `verify_ca` one to any name, `required` encrypts and checks nothing.
        tls_ca: PEM file with the authorities to trust, beside the configuration; those of RDS unless it is set.
        database: name of the database in a cluster that is made; this key and those that follow are refused beside
            `existing`.
        engine_version: version of Aurora MySQL; it has to be one that the region offers.
        min_capacity: least capacity of the cluster, in Aurora capacity units; 0 lets it pause.
        max_capacity: most capacity of the cluster.
        readers: instances beside the writer; with one at least, `extract` reads there.
        backup_days: how long automatic backups are kept.
    """

    existing: ExistingSource | None = None
    tls: Literal["verify_identity", "verify_ca", "required"] = "verify_identity"
    tls_ca: Path | None = None
    database: SourceDatabase = "rental"
    engine_version: AuroraVersion = "8.0.mysql_aurora.3.10.0"
    min_capacity: Annotated[AuroraUnits, Field(ge=0, le=256)] = 0.5
    max_capacity: Annotated[AuroraUnits, Field(ge=1, le=256)] = 4
    readers: Annotated[int, Field(ge=0, le=15)] = 0
    backup_days: Annotated[int, Field(ge=1, le=35)] = 7

    @field_validator("tls_ca")
    @classmethod
    def _authorities(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is None:
            return None
        found = Path((info.context or {}).get("folder", ".")) / file
        known_authorities(found)
        return found

    @model_validator(mode="after")
    def _agrees(self) -> Source:
        if self.tls_ca and self.tls == "required":
            raise ValueError("tls_ca names authorities, but with tls = required no certificate is checked")
        if self.max_capacity < self.min_capacity:
            raise ValueError(f"max_capacity {self.max_capacity} is below min_capacity {self.min_capacity}")
        version = tuple(int(part) for part in self.engine_version.split("mysql_aurora.")[1].split("."))
        if self.min_capacity == 0 and version < _FIRST_THAT_PAUSES:
            raise ValueError(f"min_capacity is 0, but {self.engine_version} cannot pause; 3.08.0 and later can")
        return self


class Warehouse(_Section):
    """
    Args:
        database: database in which the tables are made.
        base_capacity: capacity of Redshift Serverless in processing units: 4, or a multiple of 8.
        max_capacity: capacity up to which it grows, likewise.
        analysts: database users, such as `IAM:maria` or `IAMR:analysts`, that may read the metrics. Whoever is taken
            from the list loses the right with the next deployment.
        operators: those that may also read `ops`, with rejected rows, and `curated`, as `rental status` and
            `rental report` do; otherwise as above.
        copy_role_names_account: only services that work for this account may take the role of COPY. Redshift's
            documentation does not say whether it tells its account; false is the way out if COPY cannot take the role.
    """

    database: WarehouseDatabase = "marketplace"
    base_capacity: Annotated[int, Field(ge=4, le=512)] = 4
    max_capacity: Annotated[int, Field(ge=4, le=5632)] = 16
    analysts: tuple[DatabaseUser, ...] = ()
    operators: tuple[DatabaseUser, ...] = ()
    copy_role_names_account: StrictBool = True

    @model_validator(mode="after")
    def _capacities(self) -> Warehouse:
        for name in ("base_capacity", "max_capacity"):
            value = getattr(self, name)
            if value != 4 and value % 8:
                raise ValueError(f"{name} is {value}; it may be 4 or a multiple of 8")
        if self.max_capacity < self.base_capacity:
            raise ValueError(f"max_capacity {self.max_capacity} is below base_capacity {self.base_capacity}")
        return self


class Jobs(_Section):
    """
    Args:
        worker_type: of the Glue jobs that read and transform: `G.1X`, `G.2X` or `G.4X`.
        most_workers: of each job that reads or transforms; those that only send statements have two. By default what
            the steps ask for: 5 to read, 10 to transform.
        log_days: how long logs are kept: 7, 14, 30, 60, 90, 180 or 365 days.
    """

    worker_type: Literal["G.1X", "G.2X", "G.4X"] = "G.1X"
    most_workers: Annotated[int | None, Field(ge=2, le=299)] = None
    log_days: Literal[7, 14, 30, 60, 90, 180, 365] = 90


class Schedule(_Section):
    """
    Args:
        expression: when a run begins, as EventBridge Scheduler takes it.
        zone: time zone of the expression.
        enabled: whether runs begin by it; without, there is no alarm `late` either.
    """

    expression: ScheduleExpression = "cron(0 3 * * ? *)"
    zone: TimeZone = "UTC"
    enabled: StrictBool = True


class Waits(_Section):
    """Seconds that the state machine waits before it tries again; the defaults are those of `rental asl`.

    Args:
        api_call: seconds to wait after a call of an AWS service that failed.
        job: seconds after a job that failed by a transient error.
        lake: seconds where another process holds the lock of the lake.
    """

    api_call: Annotated[int, Field(ge=1, le=600)] = 20
    job: Annotated[int, Field(ge=1, le=3600)] = 60
    lake: Annotated[int, Field(ge=1, le=3600)] = 120


class Monitoring(_Section):
    """
    Args:
        email: who is told of failures and alarms: an address, or a list; without it the topic has no subscriber.
        late_after_hours: no successful run for so long is an alarm; not less than the schedule leaves between two runs.
        stale_after_hours: age of the newest event in the metrics that is an alarm; so is that there is none.
        max_rejected_share: share of a table's rows above which is an alarm; a run stops at
            `pipeline.quality.max_rejected_share`.
        dpu_hours_per_day: DPU-hours of all Glue jobs above which is an alarm.
        runbook_url: beginning of the links in alarms and alerts, such as `https://git.company.example/rental/blob/main/`;
            by default they are paths in this repository.
    """

    email: Emails = ()
    late_after_hours: Annotated[int, Field(ge=1, le=168)] = 26
    stale_after_hours: Annotated[int, Field(ge=1, le=2400)] = 48
    max_rejected_share: Annotated[float, Field(gt=0, lt=1)] = 0.05
    dpu_hours_per_day: Annotated[float, Field(gt=0)] = 20
    runbook_url: RunbookUrl = ""


class Configuration(_Section):
    """The whole file; every key has a default.

    Args:
        pipeline: sections of `rental.toml`, such as `[pipeline.quality]`: whatever the deployment does not set itself.
            `reference.exchange_rates` is a path on this machine, from the folder of this file on.
    """

    deployment: Deployment = Deployment()
    network: Network = Network()
    storage: Storage = Storage()
    source: Source = Source()
    warehouse: Warehouse = Warehouse()
    jobs: Jobs = Jobs()
    schedule: Schedule = Schedule()
    waits: Waits = Waits()
    monitoring: Monitoring = Monitoring()
    pipeline: dict[str, Any] = Field(default_factory=dict)

    @field_validator("pipeline")
    @classmethod
    def _known_to_the_pipeline(cls, document: dict[str, Any]) -> dict[str, Any]:
        if found := list(pipeline_settings.faults(document)):
            raise ValueError("; ".join(found))
        return document

    @property
    def zones(self) -> tuple[str, ...]:
        """Availability zones of the network that is made."""
        return self.network.availability_zones or tuple(f"{self.deployment.region}{letter}" for letter in "abc")

    @model_validator(mode="after")
    def _agrees(self) -> Configuration:
        if found := list(agreement.faults(self)):
            raise ValueError("; ".join(found))
        return self


def load_configuration(file: Path) -> Configuration:
    """Read a configuration.

    Raises:
        DeploymentConfigurationError: the file is missing or not usable; the text names each key.
    """
    try:
        read = _document(file)
        found = Configuration.model_validate(read, context={"folder": file.parent})
        return found.model_copy(
            update={"pipeline": pipeline_settings.with_rates_found(found.pipeline, file.absolute().parent)}
        )
    except ConfigurationError as error:
        raise DeploymentConfigurationError(f"{file}: {error}") from error
    except ValidationError as error:
        raise DeploymentConfigurationError(f"{file}: {'; '.join(faults_of(error, Configuration))}.") from error


def _document(file: Path) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        read = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DeploymentConfigurationError(
            f"{file} cannot be read: {error.strerror}. Copy one of infra/examples."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentConfigurationError(
            f"{file} is not TOML: {error}. Correct that line; text values need quotes."
        ) from error
    misplaced = [name for name in read if name in pipeline_settings.SECTIONS and name not in Configuration.model_fields]
    if misplaced:
        name = misplaced[0]
        raise DeploymentConfigurationError(
            f"{file}: [{name}] is a section of the pipeline: it goes below [pipeline], as [pipeline.{name}]."
        )
    return read

"""What a company decides about its deployment: one TOML file, checked before anything is synthesized."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from infra.parts import pipeline_settings
from infra.parts.schedule import longest_gap
from rental_analytics.errors import ConfigurationError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,23}$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Zones = Annotated[int, Field(ge=1, le=3)]


class DeploymentConfigurationError(Exception):
    """The configuration cannot be used; the text names the file, the key and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Deployment(_Section):
    """
    Args:
        name: begins the name of every resource.
        delete_data: takes the protection against deletion from the stacks. Where they were last deployed with
            `cdk deploy -c delete_data=yes` as well, destroying them deletes lake, key, warehouse and database.
        tags: on every resource that can have tags, for the bill.
        bootstrap_key_arn: KMS key of the bucket that `cdk bootstrap` made, where it was given or made one.
    """

    name: Name = "rental"
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "eu-west-1"
    account: Annotated[str | None, Field(pattern=r"^\d{12}$")] = None
    delete_data: bool = False
    tags: dict[str, str] = Field(default_factory=dict)
    bootstrap_key_arn: Annotated[str | None, Field(pattern=r"^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+$")] = None


class Network(_Section):
    """
    Args:
        cidr: of the network that is made.
        endpoint_zones: availability zones with interface endpoints, which cost by zone and hour; two survive a zone.
    """

    cidr: str = "10.20.0.0/20"
    endpoint_zones: Zones = 1


class ExistingSource(_Section):
    """A database there is already, and where `extract` can reach it from.

    Args:
        secret_arn: secret with `username` and `password` of the reading user.
        secret_key_arn: KMS key of the secret, where it is not AWS's own.
        security_group_id: a group that the database lets in.
    """

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_$-]{1,64}$")]
    secret_arn: str
    secret_key_arn: str | None = None
    vpc_id: str
    subnet_id: str
    availability_zone: str
    security_group_id: str


class Source(_Section):
    """
    Args:
        existing: the marketplace's database; without it an Aurora MySQL cluster is made, with empty source tables.
        min_capacity: of the cluster, in Aurora capacity units; 0 lets it pause.
    """

    existing: ExistingSource | None = None
    database: Identifier = "rental"
    engine_version: str = "8.0.mysql_aurora.3.10.0"
    min_capacity: Annotated[float, Field(ge=0, le=256)] = 0.5
    max_capacity: Annotated[float, Field(ge=1, le=256)] = 4
    readers: Annotated[int, Field(ge=0, le=15)] = 0
    backup_days: Annotated[int, Field(ge=1, le=35)] = 7


class Warehouse(_Section):
    """
    Args:
        base_capacity: of Redshift Serverless, in processing units: 4, or a multiple of 8.
        analysts: database users, such as `IAM:maria`, that may read the metrics. Whoever is taken from the list loses
            the right with the next deployment.
        copy_role_names_account: only services that work for this account may take the role of COPY. Redshift's
            documentation does not say whether it tells its account; false is the way out if COPY cannot take the role.
    """

    database: Identifier = "marketplace"
    base_capacity: Annotated[int, Field(ge=4, le=512)] = 4
    max_capacity: Annotated[int, Field(ge=4, le=5632)] = 16
    analysts: tuple[str, ...] = ()
    copy_role_names_account: bool = True

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
        worker_type: of the Glue jobs that read and transform.
        most_workers: of each job that reads or transforms; those that only send statements have two. By default what
            the steps ask for: 5 to read, 10 to transform.
        log_days: how long logs are kept.
    """

    worker_type: Literal["G.1X", "G.2X", "G.4X"] = "G.1X"
    most_workers: Annotated[int | None, Field(ge=2, le=299)] = None
    log_days: Literal[7, 14, 30, 60, 90, 180, 365] = 90


class Schedule(_Section):
    """
    Args:
        expression: when a run begins, as EventBridge Scheduler takes it.
        zone: time zone of the expression.
    """

    expression: str = "cron(0 3 * * ? *)"
    zone: str = "UTC"
    enabled: bool = True


class Waits(_Section):
    """Seconds that the state machine waits before it tries again; the defaults are those of `rental asl`."""

    api_call: Annotated[int, Field(ge=1, le=600)] = 20
    job: Annotated[int, Field(ge=1, le=3600)] = 60
    lake: Annotated[int, Field(ge=1, le=3600)] = 120


class Monitoring(_Section):
    """
    Args:
        email: who is told of failures and alarms; without it the topic has no subscriber yet.
        late_after_hours: no successful run for so long is an alarm; not less than the schedule leaves between two runs.
        stale_after_hours: age of the newest event in the metrics that is an alarm; so is that there is none.
        max_rejected_share: of a table's rows, above which is an alarm; a run stops at
            `pipeline.quality.max_rejected_share`.
        dpu_hours_per_day: of all Glue jobs, above which is an alarm.
        runbook_url: begins the links in alarms and alerts, such as `https://git.company.example/rental/blob/main/`; by
            default they are paths in this repository.
    """

    email: Annotated[str | None, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = None
    late_after_hours: Annotated[int, Field(ge=1, le=168)] = 26
    stale_after_hours: Annotated[int, Field(ge=1, le=2400)] = 48
    max_rejected_share: Annotated[float, Field(gt=0, lt=1)] = 0.05
    dpu_hours_per_day: Annotated[float, Field(gt=0)] = 20
    runbook_url: Annotated[str, Field(pattern=r"^(https://[^\s?#]+/)?$")] = ""


class Configuration(_Section):
    """The whole file; every key has a default.

    Args:
        pipeline: sections of `rental.toml`, such as `[pipeline.quality]`: whatever the deployment does not set itself.
            `reference.exchange_rates` is a path on this machine, from the folder of this file on.
    """

    deployment: Deployment = Deployment()
    network: Network = Network()
    source: Source = Source()
    warehouse: Warehouse = Warehouse()
    jobs: Jobs = Jobs()
    schedule: Schedule = Schedule()
    waits: Waits = Waits()
    monitoring: Monitoring = Monitoring()
    pipeline: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _late_is_later_than_the_schedule(self) -> Configuration:
        gap = longest_gap(self.schedule.expression) if self.schedule.enabled else None
        if gap and gap > timedelta(hours=self.monitoring.late_after_hours):
            raise ValueError(
                f"monitoring.late_after_hours is {self.monitoring.late_after_hours}, but {self.schedule.expression} "
                f"leaves {gap / timedelta(hours=1):g} hours between two runs: the alarm would ring without cause"
            )
        return self

    @field_validator("pipeline")
    @classmethod
    def _known_to_the_pipeline(cls, document: dict[str, Any]) -> dict[str, Any]:
        if found := list(pipeline_settings.faults(document)):
            raise ValueError("; ".join(found))
        return document


def load_configuration(file: Path) -> Configuration:
    """Read a configuration.

    Raises:
        DeploymentConfigurationError: the file is missing or not usable; the text names each key.
    """
    try:
        found = Configuration.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        return found.model_copy(
            update={"pipeline": pipeline_settings.with_rates_found(found.pipeline, file.absolute().parent)}
        )
    except ConfigurationError as error:
        raise DeploymentConfigurationError(f"{file}: {error}") from error
    except OSError as error:
        raise DeploymentConfigurationError(
            f"{file} cannot be read: {error.strerror}. Copy one of infra/examples."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentConfigurationError(f"{file} is not TOML: {error}.") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise DeploymentConfigurationError(f"{file}: {faults}.") from error

"""The real deployment in the emulated AWS: `infra/examples/minimal.toml` with short waits, and what its runs leave."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from deployment.synthesized import EXAMPLES
from infra.app import HERE, build
from infra.configuration import Source, Waits, load_configuration
from infra.parts.reader import READER
from rental_analytics.contracts.steps import StepName
from rental_analytics.pipeline import STEPS
from rental_marketplace import MarketplaceOptions, generate
from rental_marketplace.schema import TABLE_NAMES
from servers.aws.assembly import BOOTSTRAP_BUCKET, Assembly, DeployedStack
from servers.aws.aurora import connected_aurora
from servers.aws.provided import provide_spark
from servers.aws.server import EmulatedAws
from servers.aws.warehouse import connected_redshift
from servers.mysql import MySqlServer
from servers.postgresql import PostgreSQL
from servers.redshift_stand_in import RedshiftStandIn
from warehouses.twins import Rows, tables_of

CONFIGURATION = load_configuration(EXAMPLES["minimal"]).model_copy(update={"waits": Waits(api_call=1, job=1, lake=1)})
NAME, DATABASE = CONFIGURATION.deployment.name, CONFIGURATION.source.database
JOBS = {step.name: f"{NAME}-{step.name}" for step in STEPS}
SMALL = MarketplaceOptions(listings=8, bookings=30, viewings=12, seed=5, end_date=date(2024, 3, 4))
REJECTED = "checkout_date = checkin_date"
"""A stay of no night: what the made tables let in and `transform` does not."""

WAIT_SECONDS = 900
Item = dict[str, Any]


@dataclass
class Execution:
    """An execution that has ended.

    Args:
        history: its events, and its description.
        jobs: the job runs that it started, by step.
    """

    status: str
    history: list[Item]
    jobs: dict[str, Item]

    @property
    def path(self) -> list[str]:
        """Names of the states it went through."""
        return [
            event["stateEnteredEventDetails"]["name"] for event in self.history if "stateEnteredEventDetails" in event
        ]


@dataclass
class RealDeployment:
    """
    Args:
        database: of the stand-in for Redshift.
        assembly: the folder `cdk.out`.
        events: Spark's event logs.
        stacks: after the deployment.
        arguments: that the job of each step had in `run_held`.
    """

    aws: EmulatedAws
    mysql: MySqlServer
    postgresql: PostgreSQL
    stand_in: RedshiftStandIn
    database: str
    assembly: Path
    events: Path
    stacks: dict[str, DeployedStack] = field(default_factory=dict)
    arguments: dict[StepName, dict[str, str]] = field(default_factory=dict)

    def deploy(self) -> dict[str, DeployedStack]:
        """Deploy the assembly, the first time or again."""
        self.stacks = Assembly(self.assembly).deploy(self.aws)
        return self.stacks

    def fill(self, options: MarketplaceOptions = SMALL) -> None:
        """Put a marketplace into the tables that the deployment made, with a row that is rejected."""
        made = self.mysql.create_database()
        generate(self.mysql.url(made), options)
        for table in TABLE_NAMES:
            columns = ", ".join(f"`{name}`" for name, *_ in self.mysql.execute(f"SHOW COLUMNS FROM `{table}`", made))
            self.mysql.execute(f"INSERT INTO `{table}` ({columns}) SELECT {columns} FROM {made}.`{table}`", DATABASE)
        self.mysql.execute(f"DROP DATABASE {made}")
        self.mysql.execute(f"UPDATE bookings SET {REJECTED} ORDER BY booking_id LIMIT 1", DATABASE)

    def plant(self, password: str) -> None:
        """Give the database's reader another password: in its secret, and by the deployment's own function."""
        secrets, s3 = self.aws.client("secretsmanager"), self.aws.client("s3")
        reader, admin = (
            secrets.describe_secret(SecretId=f"{NAME}/source-{user}")["ARN"] for user in ("reader", "admin")
        )
        secrets.put_secret_value(SecretId=reader, SecretString=json.dumps({"username": READER, "password": password}))
        (cluster,) = self.aws.client("rds").describe_db_clusters()["DBClusters"]
        answer = {"Bucket": BOOTSTRAP_BUCKET, "Key": "answer.json"}
        event = {
            "RequestType": "Update",
            "ResponseURL": s3.generate_presigned_url("put_object", Params=answer),
            **dict.fromkeys(("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId"), "planted"),
            "ResourceProperties": {
                "Cluster": cluster["DBClusterArn"],
                "Admin": admin,
                "Reader": reader,
                "Database": DATABASE,
                "Grants": [],
            },
        }
        function = self.aws.client("lambda")
        function.invoke(FunctionName=f"{NAME}-source-bootstrap", Payload=json.dumps(event))
        told = json.loads(s3.get_object(**answer)["Body"].read())
        if told["Status"] != "SUCCESS":
            raise AssertionError(told)

    def start(self, **given: str) -> str:
        """Begin an execution; its ARN."""
        (machine,) = self.stacks[f"{NAME}-orchestration"].named("AWS::StepFunctions::StateMachine")
        states = self.aws.client("stepfunctions")
        return str(states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"])

    def end(self, execution: str) -> Execution:
        """Wait until an execution has ended."""
        states, deadline = self.aws.client("stepfunctions"), time.monotonic() + WAIT_SECONDS
        while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{execution} runs for {WAIT_SECONDS} seconds: {self.newest_runs()}")
            time.sleep(1)
        history = states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return Execution(found["status"], [*history, found], self.newest_runs())

    def succeeded(self, execution: Execution) -> Execution:
        """The same execution.

        Raises:
            AssertionError: it did not succeed; what its jobs wrote is told.
        """
        if execution.status != "SUCCEEDED":
            failed = [run for run in execution.jobs.values() if run["JobRunState"] != "SUCCEEDED"]
            told = [str(execution.history[-1]), *(str(run) for run in failed), f"refused: {self.refused()}"]
            told += [text[-4000:] for run in failed for text in self.output(run)]
            raise AssertionError("\n".join(told))
        return execution

    def newest_runs(self) -> dict[str, Item]:
        """The newest run of each job, by step."""
        runs = {step: self.runs(step) for step in JOBS}
        return {str(step): found[0] for step, found in runs.items() if found}

    def runs(self, step: str) -> list[Item]:
        """Runs of a step's job, the newest first."""
        return list(self.aws.client("glue").get_job_runs(JobName=JOBS[StepName(step)])["JobRuns"])

    def all_runs(self) -> list[Item]:
        """Every run of every job."""
        return [run for step in JOBS for run in self.runs(step)]

    def wait_for(self, step: str, *states: str) -> Item:
        """Wait until the newest run of a step's job has one of these states."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            runs = self.runs(step)
            if runs and runs[0]["JobRunState"] in states:
                return runs[0]
            time.sleep(0.3)
        raise TimeoutError(f"the job of {step} is none of {states}")

    def run_held(self, **given: str) -> Execution:
        """An execution that stops before each job, whose state is saved then under the step's name; see `restore`."""
        held = [JOBS[step.name] for step in STEPS]
        self.aws.configure(held=held)
        execution = self.start(**given)
        for step in STEPS:
            self.wait_for(step.name, "STARTING")
            self.save(step.name)
            held.remove(JOBS[step.name])
            self.aws.configure(held=held)
            run = self.wait_for(step.name, "SUCCEEDED", "FAILED")
            self.arguments[step.name] = run["Arguments"]
            if run["JobRunState"] == "FAILED":
                break
        self.aws.configure(held=[])
        return self.end(execution)

    def repeat(self, step: str) -> Item:
        """The job of a step with the arguments that it had in `run_held`; its end."""
        arguments = self.arguments[StepName(step)]
        self.aws.client("glue").start_job_run(JobName=JOBS[StepName(step)], Arguments=arguments)
        return self.wait_for(step, "SUCCEEDED", "FAILED")

    def save(self, name: str) -> None:
        """Keep all that the emulator and the warehouse hold under a name."""
        self.aws.snapshot(name)
        self._copy(self.database, self._saved(name))

    def restore(self, name: str) -> None:
        """Make emulator and warehouse as they were at `save`; the source stays as it is."""
        self.aws.restore(name)
        self.aws.configure(held=[])
        self._copy(self._saved(name), self.database)

    def _saved(self, name: str) -> str:
        return f"{self.database}_{name.replace('-', '_')}"

    def _copy(self, source: str, target: str) -> None:
        for database in (source, target):
            self.postgresql.idle.close(database)
            self.postgresql.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
            )
        self.postgresql.execute(f"DROP DATABASE IF EXISTS {target}")
        self.postgresql.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")

    def presentation(self) -> dict[str, Rows]:
        """All rows of the tables of schema `presentation`, by table."""
        return tables_of(self.stand_in, self.database, "presentation")

    def output(self, run: Mapping[str, Any]) -> tuple[str, str]:
        """What a job run has written: standard output and standard error."""
        return self.aws.output(run["Id"])

    def refused(self) -> list[tuple[str, str, str]]:
        """Calls that IAM refused: role, action and resource."""
        return sorted(
            {(call["role"], call["action"], call["resource"]) for call in self.aws.calls() if not call["allowed"]}
        )


@contextmanager
def real_deployment(
    aws: EmulatedAws, mysql: MySqlServer, postgresql: PostgreSQL, folder: Path
) -> Iterator[RealDeployment]:
    """Synthesize, and connect an empty emulator with what stands for Aurora, Redshift and Spark; deploy nothing."""
    aws.reset()
    assembly, events = synthesize(folder / "cdk.out", mysql.authority()), folder / "events"
    events.mkdir()
    with connected_redshift(aws, postgresql) as (stand_in, database), connected_aurora(aws, mysql):
        provide_spark(aws, events)
        try:
            yield RealDeployment(aws, mysql, postgresql, stand_in, database, assembly, events)
        finally:
            aws.reset()
            mysql.execute(f"DROP DATABASE IF EXISTS `{DATABASE}`")
            mysql.execute("DROP USER IF EXISTS rental_reader, rental_admin")


def synthesize(folder: Path, authority: Path | None) -> Path:
    """Write the cloud assembly of `CONFIGURATION`.

    Args:
        authority: that vouches for the server that stands for Aurora, by another name than its address. None where
            none does.
    """
    from aws_cdk import App

    source = Source(tls="verify_ca", tls_ca=authority) if authority else Source(tls="required")
    configuration = CONFIGURATION.model_copy(update={"source": source})

    settings = json.loads((HERE / "cdk.json").read_text(encoding="utf-8"))["context"]
    build(App(context=settings, outdir=str(folder)), configuration).synth()
    return folder

"""Names that several stacks, and the database, know."""

from __future__ import annotations

from collections.abc import Iterator

from infra.configuration import Configuration
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.steps import Part
from rental_analytics.pipeline import STEPS, Step

METRICS_NAMESPACE = "Rental"
CURATED_TABLES = tuple(name for name, model in load_contracts().curated.items() if model.source)
"""Those made of a source table: of them a run tells rows and rejected rows."""
LEAST_WORKERS = 2
_DPU_OF_WORKER = {"G.1X": 1, "G.2X": 2, "G.4X": 4}


def worker_type(configuration: Configuration, step: Step) -> str:
    """Of a step's job; a job that only sends statements needs the smallest."""
    return configuration.jobs.worker_type if Part.ENGINE in step.uses else "G.1X"


def workers(configuration: Configuration, step: Step) -> int:
    """The most a step's job may have."""
    wanted = configuration.jobs.most_workers if Part.ENGINE in step.uses else None
    return max(LEAST_WORKERS, wanted or step.workers)


def dpu_of(configuration: Configuration, step: Step) -> int:
    """Data processing units that a step's job may use at most."""
    return workers(configuration, step) * _DPU_OF_WORKER[worker_type(configuration, step)]


def job_name(configuration: Configuration, step: Step) -> str:
    """Of a step's Glue job, and of the role it runs as."""
    return f"{configuration.deployment.name}-{step.name}"


def connection_name(configuration: Configuration, zone: str) -> str:
    """Of Glue's connection into a subnet from which the database is reached."""
    return f"{configuration.deployment.name}-source-{zone}"


def loader_names(configuration: Configuration) -> Iterator[str]:
    """Roles of the jobs that reach the warehouse."""
    return (job_name(configuration, step) for step in STEPS if Part.WAREHOUSE in step.uses)


def lake_url(configuration: Configuration, bucket: str) -> str:
    """As `lake.url` has it."""
    return f"s3://{bucket}/{configuration.deployment.name}"


def camel(step: Step) -> str:
    """A step's name as part of the names of constructs, such as `LoadRaw`."""
    return "".join(part.capitalize() for part in step.name.split("-"))

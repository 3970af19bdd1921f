"""Names that several stacks, and the database, know."""

from __future__ import annotations

from collections.abc import Iterator

from rental_analytics.contracts.steps import Part
from rental_analytics.pipeline import STEPS, Step

from infra.configuration import Configuration


def job_name(configuration: Configuration, step: Step) -> str:
    """Of a step's Glue job, and of the role it runs as."""
    return f"{configuration.deployment.name}-{step.name}"


def loader_names(configuration: Configuration) -> Iterator[str]:
    """Roles of the jobs that reach the warehouse."""
    return (job_name(configuration, step) for step in STEPS if Part.WAREHOUSE in step.uses)


def lake_url(configuration: Configuration, bucket: str) -> str:
    """As `lake.url` has it."""
    return f"s3://{bucket}/{configuration.deployment.name}"


def camel(step: Step) -> str:
    """A step's name as part of the names of constructs, such as `LoadRaw`."""
    return "".join(part.capitalize() for part in step.name.split("-"))


NAMES_OF_STEPS = tuple(camel(step) for step in STEPS)

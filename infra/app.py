"""The deployment: `cd infra && cdk deploy --all`."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, Environment, Tags
from jsii.errors import JSIIError

from infra.configuration import Configuration, DeploymentConfigurationError, load_configuration
from infra.parts.stack_options import StackOptions
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.network import NetworkStack
from infra.stacks.orchestration import OrchestrationStack
from infra.stacks.processing import ProcessingStack
from infra.stacks.source import SourceStack
from infra.stacks.storage import StorageStack
from infra.stacks.warehouse import WarehouseStack

HERE = Path(__file__).parent


def build(app: App, configuration: Configuration) -> App:
    """Add the stacks of a deployment, each after those it needs."""
    deployment = configuration.deployment
    environment = Environment(account=deployment.account, region=deployment.region)

    def named(part: str) -> str:
        return f"{deployment.name}-{part}"

    def described(description: str) -> StackOptions:
        return StackOptions(description=description, env=environment, termination_protection=not deployment.delete_data)

    storage = StorageStack(app, named("storage"), configuration=configuration, **described("Buckets and key"))
    network = NetworkStack(
        app, named("network"), configuration=configuration, key=storage.key, **described("Private network")
    )
    source = SourceStack(
        app,
        named("source"),
        configuration=configuration,
        key=storage.key,
        network=network,
        **described("The database of the marketplace"),
    )
    warehouse = WarehouseStack(
        app,
        named("warehouse"),
        configuration=configuration,
        key=storage.key,
        lake=storage.lake,
        network=network,
        **described("Redshift Serverless"),
    )
    processing = ProcessingStack(
        app,
        named("processing"),
        configuration=configuration,
        key=storage.key,
        lake=storage.lake,
        code=storage.code,
        source=source,
        warehouse=warehouse,
        **described("Glue jobs"),
    )
    orchestration = OrchestrationStack(
        app,
        named("orchestration"),
        configuration=configuration,
        key=storage.key,
        jobs=processing.jobs,
        **described("State machine, schedule, alerts"),
    )
    MonitoringStack(
        app,
        named("monitoring"),
        configuration=configuration,
        orchestration=orchestration,
        processing=processing,
        **described("Alarms, dashboard, saved queries"),
    )
    for key, value in {"pipeline": deployment.name, **deployment.tags}.items():
        Tags.of(app).add(key, value)
    return app


def main() -> int:
    """Synthesize what the context names.

    Returns:
        0, or 2 where the configuration cannot be used.
    """
    app = App()
    file = HERE / str(app.node.try_get_context("configuration") or "examples/minimal.toml")
    try:
        configuration = load_configuration(file)
    except DeploymentConfigurationError as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    try:
        build(app, configuration).synth()
    except (RuntimeError, JSIIError) as fault:
        # What CDK refuses; below its first line is the stack of its own program.
        sys.stderr.write(f"{file}: {str(fault).strip().splitlines()[0]}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

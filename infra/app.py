"""The deployment: `cd infra && cdk deploy --all`."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, Environment, Tags
from jsii.errors import JSIIError

from infra.configuration import Configuration, DeploymentConfigurationError, load_configuration
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
    common = {
        "configuration": configuration,
        "env": Environment(account=deployment.account, region=deployment.region),
        "termination_protection": not deployment.delete_data,
    }

    def named(part: str) -> str:
        return f"{deployment.name}-{part}"

    storage = StorageStack(app, named("storage"), description="Buckets and key", **common)
    network = NetworkStack(app, named("network"), description="Private network", key=storage.key, **common)
    source = SourceStack(
        app, named("source"), description="The database of the marketplace", key=storage.key, network=network, **common
    )
    warehouse = WarehouseStack(
        app,
        named("warehouse"),
        description="Redshift Serverless",
        key=storage.key,
        lake=storage.lake,
        network=network,
        **common,
    )
    processing = ProcessingStack(
        app,
        named("processing"),
        description="Glue jobs",
        key=storage.key,
        lake=storage.lake,
        code=storage.code,
        source=source,
        warehouse=warehouse,
        **common,
    )
    orchestration = OrchestrationStack(
        app,
        named("orchestration"),
        description="State machine, schedule, alerts",
        key=storage.key,
        jobs=processing.jobs,
        **common,
    )
    MonitoringStack(
        app,
        named("monitoring"),
        description="Alarms, dashboard, saved queries",
        orchestration=orchestration,
        processing=processing,
        **common,
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

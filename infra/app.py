"""The deployment: `cd infra && cdk deploy --all -c configuration=company.toml`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aws_cdk import App, Environment, Tags
from jsii.errors import JSIIError

from infra.configuration import Configuration, DeploymentConfigurationError, load_configuration
from infra.parts.removal import deletes_data
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


def summary(configuration: Configuration, app: App) -> str:
    """What a command is about, in a line: the name alone does not tell which configuration was taken."""
    deployment, existing = configuration.deployment, configuration.source.existing
    account = f"account {deployment.account}" if deployment.account else "the account of the credentials"
    database = f"the database at {existing.host}" if existing else "a new Aurora cluster"
    deletes = "; destroying it deletes all data" if deletes_data(app, configuration) else ""
    return f"{deployment.name} in {deployment.region} of {account}, with {database}{deletes}"


def main() -> int:
    """Synthesize what the context names.

    Returns:
        0, or 2 where the configuration is not named or cannot be used, or the jobs cannot be built.
    """
    app = App()
    named = app.node.try_get_context("configuration")
    if not named:
        sys.stderr.write("No configuration is named: add -c configuration=company.toml, a path from infra/ on.\n")
        return 2
    file = HERE / str(named)
    try:
        configuration = load_configuration(file)
        sys.stderr.write(f"{file}: {summary(configuration, app)}\n")
        build(app, configuration).synth()
    except DeploymentConfigurationError as fault:
        sys.stderr.write(f"{fault}\n")
    except subprocess.CalledProcessError as fault:
        program = fault.cmd[0] if isinstance(fault.cmd, list) else fault.cmd
        # What it says itself stands above.
        sys.stderr.write(f"{program} failed, without which there are no Glue jobs; it needs a package index.\n")
    except (RuntimeError, JSIIError) as fault:
        # What CDK refuses; below its first line is the stack of its own program.
        sys.stderr.write(f"{file}: {str(fault).strip().splitlines()[0]}\n")
    else:
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())

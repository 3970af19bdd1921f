"""The deployment's templates, synthesized once for all tests of a process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.app import HERE, build
from infra.configuration import Configuration, load_configuration

EXAMPLES = {name: HERE / "examples" / f"{name}.toml" for name in ("minimal", "production")}
RATES = Path(__file__).with_name("rates.txt")

Resource = Mapping[str, Any]


class Synthesized:
    """
    Attributes:
        name: of the deployment.
        folder: the cloud assembly.
        templates: of each stack, by its name without that of the deployment.
        findings: of cdk-nag, as rule and construct.
    """

    def __init__(self, configuration: Configuration) -> None:
        settings = json.loads((HERE / "cdk.json").read_text(encoding="utf-8"))["context"]
        self.folder = Path(tempfile.mkdtemp(prefix="assembly-"))
        app = build(App(context=settings, outdir=str(self.folder)), configuration)
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        # It fails where it finds something, and says so in its report, which is read below.
        report = self.folder / "validation-report.json"
        try:
            app.synth()
        except RuntimeError:
            if not report.exists():
                raise
        self.name = prefix = configuration.deployment.name
        self.templates: dict[str, dict[str, Any]] = {
            file.name.removesuffix(".template.json").removeprefix(f"{prefix}-"): json.loads(file.read_text("utf-8"))
            for file in sorted(self.folder.glob("*.template.json"))
        }
        self.findings = list(_findings(json.loads(report.read_text("utf-8"))))

    def resources(self, kind: str) -> dict[str, Resource]:
        """Properties of all resources of a type, by stack and logical id."""
        return {
            f"{stack}/{name}": resource.get("Properties", {})
            for stack, template in self.templates.items()
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def policies(self, *kinds: str) -> dict[str, tuple[str, str]]:
        """What becomes of each resource of these types, as its stack goes and as it is replaced."""
        return {
            f"{stack}/{name}": (resource.get("DeletionPolicy", ""), resource.get("UpdateReplacePolicy", ""))
            for stack, template in self.templates.items()
            for name, resource in template["Resources"].items()
            if resource["Type"] in kinds
        }

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of every policy of a role or a person, each with stack and logical id of the policy."""
        policies = self.resources("AWS::IAM::Policy") | self.resources("AWS::IAM::ManagedPolicy")
        for name, policy in policies.items():
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def _findings(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for plugin in report["pluginReports"]:
        if plugin["pluginName"] == "AwsSolutions":
            for violation in plugin["violations"]:
                for construct in violation["violatingConstructs"]:
                    yield violation["ruleName"], construct["constructPath"]


@cache
def synthesized(example: str) -> Synthesized:
    """The templates of an example; that of production with exchange rates of its own."""
    return Synthesized(example_configuration(example))


def example_configuration(example: str) -> Configuration:
    """An example as it is synthesized for tests."""
    found = load_configuration(EXAMPLES[example])
    if example != "production":
        return found
    return found.model_copy(update={"pipeline": found.pipeline | {"reference": {"exchange_rates": str(RATES)}}})


def listed(value: object) -> list[Any]:
    """A value that may stand alone, as a list."""
    return value if isinstance(value, list) else [value]

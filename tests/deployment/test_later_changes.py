"""What a company may change in the file of a deployment that is there: CloudFormation would not refuse it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from aws_cdk import App

from deployment.synthesized import HERE, example_configuration
from infra.app import build
from infra.configuration import Configuration

pytestmark = pytest.mark.service

Templates = dict[str, dict[str, Any]]
Change = Callable[[Configuration], Configuration]
OF_THE_RUNS = {"processing", "orchestration", "monitoring"}
"""Stacks without data, which may be destroyed and made again."""


def source(**values: Any) -> Change:
    return lambda old: old.model_copy(update={"source": old.source.model_copy(update=values)})


def zones(number: int) -> Change:
    return lambda old: old.model_copy(update={"network": old.network.model_copy(update={"endpoint_zones": number})})


def existing(**values: Any) -> Change:
    def changed(old: Configuration) -> Configuration:
        assert old.source.existing
        return source(existing=old.source.existing.model_copy(update=values))(old)

    return changed


@cache
def synthesized(example: str, change: Change | None = None) -> Templates:
    """Templates by stack."""
    configuration = example_configuration(example)
    settings = json.loads((HERE / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = build(App(context=settings), change(configuration) if change else configuration)
    name = configuration.deployment.name
    return {one.stack_name.removeprefix(f"{name}-"): one.template for one in app.synth().stacks}


def refused(before: Templates, after: Templates) -> dict[str, set[str]]:
    """Exports that go or have another value, each with the stacks that import it."""
    old, new = exports(before), exports(after)
    found = {
        name: {stack for stack, template in before.items() if f'"Fn::ImportValue": "{name}"' in json.dumps(template)}
        for name, value in old.items()
        if new.get(name) != value
    }
    return {name: users for name, users in found.items() if users}


def exports(templates: Templates) -> dict[str, str]:
    return {
        output["Export"]["Name"]: json.dumps(output["Value"])
        for template in templates.values()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }


@pytest.mark.parametrize(
    ("example", "before", "after"),
    [
        pytest.param("minimal", zones(2), None, id="fewer zones with endpoints"),
        pytest.param(
            "production", None, existing(subnets={"eu-west-1a": "subnet-0123456789abcdef0"}), id="fewer subnets"
        ),
        pytest.param("minimal", source(readers=2), source(readers=1, min_capacity=1), id="fewer readers"),
    ],
)
def test_stacks_do_not_hold_each_other_back(example: str, before: Change | None, after: Change | None) -> None:
    assert refused(synthesized(example, before), synthesized(example, after)) == {}
    assert refused(synthesized(example, after), synthesized(example, before)) == {}


def test_readers_go_when_they_are_fewer() -> None:
    """They hold no data, and are paid for as long as they are there; the writer and what it needs stay."""
    template = synthesized("minimal", source(readers=2))["source"]
    instances = {
        name: resource["DeletionPolicy"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::RDS::DBInstance"
    }
    assert sorted(instances.values()) == ["Delete", "Delete", "RetainExceptOnCreate"]
    assert {name for name, policy in instances.items() if "Reader" in name} == {
        name for name, policy in instances.items() if policy == "Delete"
    }


def test_what_holds_no_data_may_be_made_again_for_another_network_of_the_database() -> None:
    """A new network replaces the job's group there, whose id only these stacks import."""
    production = synthesized("production")
    of_source = exports({"source": production["source"]})
    users = {
        stack
        for stack, template in production.items()
        for name in of_source
        if f'"Fn::ImportValue": "{name}"' in json.dumps(template)
    }
    assert users and users <= OF_THE_RUNS
    kept = json.dumps([production[stack] for stack in OF_THE_RUNS])
    assert "RetainExceptOnCreate" not in kept

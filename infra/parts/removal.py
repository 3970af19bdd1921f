"""Whether data may be deleted: only when two switches agree."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from constructs import Construct

from infra.configuration import Configuration

SWITCH = "delete_data"


def deletes_data(scope: Construct, configuration: Configuration) -> bool:
    """Whether destroying the stacks deletes what is stored: the file says so, and so does the command."""
    return configuration.deployment.delete_data and scope.node.try_get_context(SWITCH) == "yes"


def removal_of_data(scope: Construct, configuration: Configuration) -> RemovalPolicy:
    """What becomes of a resource that holds data when its stack goes."""
    return RemovalPolicy.DESTROY if deletes_data(scope, configuration) else RemovalPolicy.RETAIN

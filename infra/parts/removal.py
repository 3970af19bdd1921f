"""Whether data may be deleted: only when two switches agree."""

from __future__ import annotations

from aws_cdk import CfnResource, RemovalPolicy
from constructs import IConstruct

from infra.configuration import Configuration

SWITCH = "delete_data"


def deletes_data(scope: IConstruct, configuration: Configuration) -> bool:
    """Whether destroying the stacks deletes what is stored: the file says so, and so does the command."""
    return configuration.deployment.delete_data and scope.node.try_get_context(SWITCH) == "yes"


def removal_of_data(scope: IConstruct, configuration: Configuration) -> RemovalPolicy:
    """What becomes of a resource that holds data when its stack goes.

    One that is kept has a fixed name. So it is kept but when the deployment that makes it fails: the next one makes it
    again.
    """
    return RemovalPolicy.DESTROY if deletes_data(scope, configuration) else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def remove_with_data(configuration: Configuration, *constructs: IConstruct | None) -> None:
    """Keep resources, and all they consist of, as long as the data that cannot be without them."""
    for construct in filter(None, constructs):
        policy = removal_of_data(construct, configuration)
        for part in construct.node.find_all():
            if isinstance(part, CfnResource):
                part.apply_removal_policy(policy)

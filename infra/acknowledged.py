"""Findings of cdk-nag that stand as they are, each with its reason. Wildcards are held to a closer list by the tests."""

from __future__ import annotations

from aws_cdk import Acknowledgment, App, Validations

from infra.parts.names import NAMES_OF_STEPS

_FOLDERS = (
    "Objects below one folder each of the lake, or of one version of the code; a job's files have names of their own."
)
_NO_RESOURCE = (
    "Has actions that allow no resource: metrics (limited to namespaces), own statements (limited to their owner)"
)
_ROTATION = (
    "A rotation needs a function inside the network. The password is made by Secrets Manager and never shown; deploying again "
    "sets a new one, and jobs read it anew when it is refused."
)
_RUNTIME = "Python 3.13, for which AWS gives security updates until 2029."

ACKNOWLEDGED: tuple[tuple[str, str, str], ...] = (
    ("source/Cluster/Secret", "AwsSolutions-SMG4", _ROTATION),
    ("source/Reader", "AwsSolutions-SMG4", _ROTATION),
    ("source/Cluster", "AwsSolutions-RDS11", "Another port hides nothing in a network without a way in."),
    (
        "source/Cluster",
        "AwsSolutions-RDS14",
        "Backups allow any moment to be restored; backtracking keeps days at most.",
    ),
    ("source/Bootstrap/Function", "AwsSolutions-L1", _RUNTIME),
    ("warehouse/Bootstrap/Function", "AwsSolutions-L1", _RUNTIME),
    ("processing/Code/Bootstrap/Function", "AwsSolutions-L1", _RUNTIME),
    ("warehouse/CopyRole/DefaultPolicy", "AwsSolutions-IAM5", _FOLDERS),
    (
        "warehouse/Bootstrap/Role/DefaultPolicy",
        "AwsSolutions-IAM5",
        f"{_NO_RESOURCE}; Redshift adds six characters to the name of the admin's secret.",
    ),
    ("processing/Code/Bootstrap/Role/DefaultPolicy", "AwsSolutions-IAM5", _FOLDERS),
    *(
        (f"processing/{step}Role/DefaultPolicy", "AwsSolutions-IAM5", f"{_FOLDERS} {_NO_RESOURCE}.")
        for step in NAMES_OF_STEPS
    ),
    (
        "orchestration/MachineRole/DefaultPolicy",
        "AwsSolutions-IAM5",
        "Deliveries of logs and traces have no resources to name.",
    ),
    ("orchestration/DeadLetters", "AwsSolutions-SQS3", "It is the dead-letter queue."),
)


def acknowledge(app: App, name: str) -> None:
    """Acknowledge the findings on the constructs that a deployment has.

    Args:
        name: of the deployment, which begins the names of its stacks.
    """
    for path, finding, reason in ACKNOWLEDGED:
        stack, _, below = path.partition("/")
        found = app.node.find_child(f"{name}-{stack}")
        for part in below.split("/"):
            child = found.node.try_find_child(part)
            if child is None:
                break
            found = child
        else:
            Validations.of(found).acknowledge(Acknowledgment(id=f"AwsSolutions::{finding}", reason=reason))

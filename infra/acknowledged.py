"""Findings of cdk-nag that stand, each with its reason; a test finds any other, and any that is found no more."""

from __future__ import annotations

_FOLDERS = "objects below one folder each of the lake, or of the code: files have names of their own"
_NO_RESOURCE = "actions that take no resource; a test lists the statements, and what limits each"
_ROTATION = (
    "rotation needs a function inside the network; the password is made by Secrets Manager and shown to nobody, and "
    "jobs read it again when it is refused"
)

EXPLAINED: tuple[tuple[str, str, str], ...] = (
    ("AwsSolutions-SMG4", "-source/(Admin|Reader)/", _ROTATION),
    ("AwsSolutions-RDS11", "-source/Cluster/", "another port hides nothing in a network without a way in"),
    ("AwsSolutions-RDS14", "-source/Cluster/", "backups restore any moment of a week; backtracking keeps three days"),
    ("AwsSolutions-L1", "/Bootstrap/Function/", "Python 3.13 has security updates until 2029"),
    ("AwsSolutions-SQS3", "-orchestration/DeadLetters/", "it is the queue of dead letters"),
    (
        r"AwsSolutions-IAM5\[Resource::.*Lake.*/(\w+/)?\*\]",
        r"-(warehouse/CopyRole|processing/\w+Role)/DefaultPolicy/",
        _FOLDERS,
    ),
    (r"AwsSolutions-IAM5\[Resource::.*Code.*/jobs/\*\]", r"-processing/(\w+Role|Code/Bootstrap/Role)/", _FOLDERS),
    (
        r"AwsSolutions-IAM5\[Resource::\*\]",
        r"-(processing/\w+Role/|orchestration/MachineRole/|warehouse/(Bootstrap/Role/|AskPolicy))",
        _NO_RESOURCE,
    ),
    (
        r"AwsSolutions-IAM5\[Resource::.*secret:redshift!.*-\*\]",
        "-warehouse/Bootstrap/Role/",
        "Redshift adds six characters to the name of the admin's secret",
    ),
    (
        r"AwsSolutions-IAM5\[Resource::.*:network-interface/\*\]",
        "-processing/ExtractRole/",
        "Glue makes the interface, and its name; held to one subnet, one group and one tag",
    ),
)
"""Pattern of the finding, where it is, and why it stands."""

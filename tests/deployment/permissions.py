"""What each job's role may do, by the synthesized templates; and each job again, with one right less."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.real_deployment import JOBS, NAME, RealDeployment
from deployment.synthesized import listed

COPY = "copy"
"""The role by which COPY reads; its rights show in the job `load-raw`, or in `load-curated`."""

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, order=True)
class Grant:
    """One action of one statement.

    Args:
        role: its name without that of the deployment: a step, or `copy`.
        statement: its Sid.
    """

    role: str
    statement: str
    action: str

    @property
    def role_name(self) -> str:
        return f"{NAME}-{self.role}"

    @property
    def step(self) -> str:
        """The step whose job shows whether the right is needed."""
        return "load-raw" if self.role == COPY else self.role


def grants(assembly: Path) -> list[Grant]:
    """All grants of the jobs' roles, and of the role by which COPY reads, out of the templates."""
    return sorted(grant for file in assembly.glob("*.template.json") for grant in _grants(json.loads(file.read_text())))


def _grants(template: dict[str, Any]) -> Iterator[Grant]:
    resources = template["Resources"]
    wanted = {f"{NAME}-{role}": role for role in (*map(str, JOBS), COPY)}
    for policy in resources.values():
        if policy["Type"] == "AWS::IAM::Policy":
            for reference in policy["Properties"]["Roles"]:
                role = wanted.get(resources[reference["Ref"]]["Properties"].get("RoleName", ""))
                for statement in policy["Properties"]["PolicyDocument"]["Statement"] if role else ():
                    for action in listed(statement["Action"]):
                        yield Grant(str(role), statement["Sid"], action)


def never_asked(found: Iterable[Grant], calls: Iterable[dict[str, Any]]) -> set[Grant]:
    """Grants whose action no call of the role was about."""
    asked = {(call["role"], call["action"]) for call in calls}
    return {grant for grant in found if (grant.role_name, grant.action) not in asked}


def undetected(
    deployment: RealDeployment, found: Iterable[Grant], *, allow_all: bool = False, enforced: bool = True
) -> set[Grant]:
    """Of these grants, those whose removal the job survives, begun again where it began in the last execution.

    Args:
        allow_all: let the roles do everything besides: then nothing can be detected.
        enforced: whether the emulator asks policies at all.
    """
    survived = set()
    for grant in found:
        deployment.restore(grant.step)
        deployment.aws.configure(enforced=enforced)
        _remove(deployment, grant)
        if allow_all:
            iam = deployment.aws.client("iam")
            iam.put_role_policy(RoleName=grant.role_name, PolicyName="all", PolicyDocument=json.dumps(ALLOW_ALL))
        run = deployment.repeat(grant.step)
        refused = {(role, action) for role, action, _ in deployment.refused()}
        if run["JobRunState"] == "FAILED" and (grant.role_name, grant.action) not in refused:
            raise AssertionError(f"Without {grant} another thing fails: {run}, refused: {refused}")
        if run["JobRunState"] == "SUCCEEDED":
            survived.add(grant)
    return survived


def _remove(deployment: RealDeployment, grant: Grant) -> None:
    """Take the action out of the statement, as if the template did not have it."""
    iam = deployment.aws.client("iam")
    for name in iam.list_role_policies(RoleName=grant.role_name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=grant.role_name, PolicyName=name)["PolicyDocument"]
        (statement,) = [one for one in document["Statement"] if one["Sid"] == grant.statement]
        statement["Action"] = [action for action in listed(statement["Action"]) if action != grant.action]
        if not statement["Action"]:
            document["Statement"].remove(statement)
        iam.put_role_policy(RoleName=grant.role_name, PolicyName=name, PolicyDocument=json.dumps(document))

"""Functions that a deployment runs: plain Python of the standard library and boto3, which Lambda brings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import CfnResource, CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

CODE = ("*.py", "*.sql")
SECONDS_TO_ANSWER = 900
FUNCTIONS = Path(__file__).parents[1] / "functions"


class Bootstrap(Construct):
    """A function that is run when the stack is made, and again when its code or its properties change.

    Args:
        module: in `infra/functions`, which has a `handler`.
        properties: what the function is given; no secrets.
        statements: what the function may do, besides writing its log.

    Attributes:
        resource: what has to be there before anything that depends on it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        module: str,
        key: kms.IKey,
        properties: Mapping[str, Any],
        statements: list[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, id_)
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/{name}/bootstrap",
            encryption_key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            role_name=f"{name}-bootstrap",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Runs infra/functions/{module}.py while the stack is deployed",
        )
        group.grant_write(role)
        for statement in statements:
            role.add_to_policy(statement)
        function = lambda_.Function(
            self,
            "Function",
            function_name=f"{name}-bootstrap",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler=f"{module}.handler",
            code=lambda_.Code.from_asset(str(FUNCTIONS), exclude=["__pycache__"]),
            timeout=Duration.minutes(14),
            memory_size=256,
            role=role,
            log_group=group,
        )
        self.resource = CustomResource(
            self,
            "Resource",
            service_token=function.function_arn,
            properties={**properties, "Code": _digest()},
        )
        made = self.resource.node.default_child
        assert isinstance(made, CfnResource)
        # A function that is killed does not answer; CloudFormation would wait an hour. CDK writes the number as text.
        made.add_property_override("ServiceTimeout", SECONDS_TO_ANSWER)
        self.resource.node.add_dependency(role)


def _digest() -> str:
    """It changes with the functions' code: CloudFormation runs again only what has other properties."""
    digest = hashlib.sha256()
    for file in sorted(file for pattern in CODE for file in FUNCTIONS.glob(pattern)):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]

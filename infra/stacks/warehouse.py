"""Amazon Redshift Serverless: private, encrypted, with the roles and users that the jobs log in as."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_redshiftserverless as redshift
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.configuration import Configuration
from infra.parts.custom import Bootstrap
from infra.parts.log_groups import log_group
from infra.parts.names import loader_names
from infra.parts.removal import removal_of_data
from infra.parts.stack_options import StackOptions
from infra.stacks.network import NetworkStack
from rental_analytics.contracts.manifest import LOADED

ADMIN = "rental_admin"
ANALYST_ROLE, OPERATOR_ROLE = "analyst", "operator"
LOGS = ("userlog", "connectionlog", "useractivitylog")
COPIED = (*LOADED, "drafts")
"""Folders of the lake that COPY reads; in the last one its manifests."""


class WarehouseStack(Stack):
    """
    Attributes:
        url: as `warehouse.url` has it.
        copy_role: by which COPY reads the lake.
        workgroup_arn: for rights to the Data API.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        key: kms.IKey,
        lake: s3.IBucket,
        network: NetworkStack,
        **stack: Unpack[StackOptions],
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._configuration = configuration
        name, wanted = configuration.deployment.name, configuration.warehouse
        self.copy_role = self._made_copy_role(key, lake)
        groups = [self._made_log(kind, key) for kind in LOGS]
        namespace = redshift.CfnNamespace(
            self,
            "Namespace",
            namespace_name=name,
            db_name=wanted.database,
            manage_admin_password=True,
            admin_username=ADMIN,
            admin_password_secret_kms_key_id=key.key_arn,
            kms_key_id=key.key_arn,
            iam_roles=[self.copy_role.role_arn],
            default_iam_role_arn=self.copy_role.role_arn,
            log_exports=list(LOGS),
        )
        namespace.apply_removal_policy(removal_of_data(self, configuration))
        namespace.node.add_dependency(*groups)
        workgroup = redshift.CfnWorkgroup(
            self,
            "Workgroup",
            workgroup_name=name,
            namespace_name=namespace.namespace_name,
            base_capacity=wanted.base_capacity,
            max_capacity=wanted.max_capacity,
            publicly_accessible=False,
            enhanced_vpc_routing=True,
            subnet_ids=network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids,
            security_group_ids=[network.warehouse_group.security_group_id],
            config_parameters=[
                redshift.CfnWorkgroup.ConfigParameterProperty(parameter_key=parameter, parameter_value=value)
                for parameter, value in (("require_ssl", "true"), ("enable_user_activity_logging", "true"))
            ],
        )
        workgroup.add_resource_dependency(namespace)
        self.url = f"redshift://{name}/{wanted.database}?region={Aws.REGION}"
        self.workgroup_arn = workgroup.attr_workgroup_workgroup_arn
        self._make_users(namespace, workgroup, key)
        self._let_people_ask()

    def _made_log(self, kind: str, key: kms.IKey) -> logs.LogGroup:
        """Where Redshift writes a log of the namespace; it stays as long as the warehouse does."""
        return log_group(
            self,
            f"{kind.capitalize()}Group",
            name=f"/aws/redshift/{self._configuration.deployment.name}/{kind}",
            key=key,
            days=self._configuration.jobs.log_days,
            removal=removal_of_data(self, self._configuration),
        )

    def _made_copy_role(self, key: kms.IKey, lake: s3.IBucket) -> iam.Role:
        conditions = trust_conditions(self._configuration)
        role = iam.Role(
            self,
            "CopyRole",
            role_name=f"{self._configuration.deployment.name}-copy",
            description="Redshift reads the lake by it",
            assumed_by=iam.CompositePrincipal(
                *(
                    iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=conditions)
                    for service in ("redshift", "redshift-serverless")
                )
            ),
        )
        prefix = self._configuration.deployment.name
        folders = [lake.arn_for_objects(f"{prefix}/{folder}/*") for folder in COPIED]
        role.add_to_policy(iam.PolicyStatement(sid="ReadLake", actions=["s3:GetObject"], resources=folders))
        role.add_to_policy(iam.PolicyStatement(sid="ListLake", actions=["s3:ListBucket"], resources=[lake.bucket_arn]))
        role.add_to_policy(iam.PolicyStatement(sid="UseKey", actions=["kms:Decrypt"], resources=[key.key_arn]))
        return role

    def _make_users(self, namespace: redshift.CfnNamespace, workgroup: redshift.CfnWorkgroup, key: kms.IKey) -> None:
        name, wanted = self._configuration.deployment.name, self._configuration.warehouse
        # Redshift names the secret that it manages after namespace and user, and adds six characters.
        secret = f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:redshift!{name}-{ADMIN}-*"
        loaders = [f"IAMR:{role}" for role in loader_names(self._configuration)]
        people = dict.fromkeys((*wanted.analysts, *wanted.operators))
        users = [f'CREATE USER "{user}" PASSWORD DISABLE' for user in (*loaders, *people)]
        # Until this is said once, every user may let COPY take every role of the namespace.
        reserved = "REVOKE ASSUMEROLE ON ALL FROM PUBLIC FOR ALL"
        copying = [f"GRANT ASSUMEROLE ON '{self.copy_role.role_arn}' TO \"{loader}\" FOR COPY" for loader in loaders]
        bootstrap = Bootstrap(
            self,
            "Bootstrap",
            name=f"{name}-warehouse",
            module="warehouse",
            key=key,
            properties={
                "Workgroup": workgroup.workgroup_name,
                "Database": wanted.database,
                "Namespace": namespace.namespace_name,
                "Statements": [*users, *_grants(loaders, wanted.analysts, wanted.operators), reserved, *copying],
                "Members": {ANALYST_ROLE: list(wanted.analysts), OPERATOR_ROLE: list(wanted.operators)},
            },
            statements=[
                iam.PolicyStatement(actions=["redshift-data:ExecuteStatement"], resources=[self.workgroup_arn]),
                _own_statements("redshift-data:DescribeStatement"),
                iam.PolicyStatement(
                    actions=["redshift-serverless:GetNamespace"], resources=[namespace.attr_namespace_namespace_arn]
                ),
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]),
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn]),
            ],
        )
        bootstrap.resource.node.add_dependency(workgroup)

    def _let_people_ask(self) -> None:
        """A policy for those who are listed, and what their `rental.toml` has to say."""
        policy = iam.ManagedPolicy(
            self,
            "AskPolicy",
            managed_policy_name=f"{self._configuration.deployment.name}-ask-warehouse",
            description="For analysts and operators: statements to the warehouse as their own database user",
            statements=[
                iam.PolicyStatement(
                    sid="Ask",
                    actions=[
                        "redshift-data:BatchExecuteStatement",
                        "redshift-data:ExecuteStatement",
                        "redshift-serverless:GetCredentials",
                    ],
                    resources=[self.workgroup_arn],
                ),
                _own_statements(
                    "redshift-data:CancelStatement",
                    "redshift-data:DescribeStatement",
                    "redshift-data:GetStatementResult",
                ),
            ],
        )
        CfnOutput(
            self, "AskPolicyArn", description="Attach it to analysts and operators", value=policy.managed_policy_arn
        )
        CfnOutput(self, "WarehouseUrl", description="warehouse.url of their rental.toml", value=self.url)


def _own_statements(*actions: str) -> iam.PolicyStatement:
    """A statement has no ARN; everybody follows their own alone."""
    return iam.PolicyStatement(
        sid="FollowOwnStatements",
        actions=list(actions),
        resources=["*"],
        conditions={"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}},
    )


def trust_conditions(configuration: Configuration) -> dict[str, dict[str, str]]:
    """Of the role of COPY, for Redshift as the one who takes it."""
    if not configuration.warehouse.copy_role_names_account:
        return {}
    return {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}


def _grants(loaders: Sequence[str], analysts: Sequence[str], operators: Sequence[str]) -> list[str]:
    """The statements of `rental grants`, which knows the schemas and rights."""
    program = Path(sys.executable).with_name("rental")
    users = {"loader": loaders, "analyst": analysts, "operator": operators}
    options = [f"--{role}={user}" for role, named in users.items() for user in named]
    here = Path(__file__).parent
    text = subprocess.run([program, "grants", *options], cwd=here, check=True, capture_output=True, text=True).stdout
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]

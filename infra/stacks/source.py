"""The marketplace's database: an Aurora MySQL cluster that is made here, or one there is already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Unpack

from aws_cdk import CfnOutput, CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.configuration import Configuration, ExistingSource
from infra.parts.custom import Bootstrap
from infra.parts.log_groups import log_group
from infra.parts.reader import READER, reader_grants, reader_sql
from infra.parts.removal import deletes_data, removal_of_data, remove_with_data
from infra.parts.stack_options import StackOptions
from infra.stacks.network import HTTPS, NetworkStack, let_workers_talk

DATABASE_LOGS = ("audit", "error", "slowquery")
SLOW_SECONDS = "5"
"""A query that takes longer is in the log `slowquery`."""


class SourceStack(Stack):
    """
    Attributes:
        url: of the database, without a user.
        secret_arn: of the reading user's name and password.
        secret_key_arn: the key that the secret is encrypted with; None for AWS's own.
        subnet_ids: by availability zone: from where `extract` reaches the database.
        security_group_id: of the job there.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        key: kms.IKey,
        network: NetworkStack,
        **stack: Unpack[StackOptions],
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._configuration = configuration
        if existing := configuration.source.existing:
            self._use(existing)
        else:
            self._make(key, network)

    def _use(self, existing: ExistingSource) -> None:
        self.url = f"mysql://{existing.host}:{existing.port}/{existing.database}"
        self.secret_arn = existing.secret_arn
        self.secret_key_arn = existing.secret_key_arn
        self.subnet_ids = dict(existing.subnets)
        self.security_group_id = self._made_job_group(existing)
        tables = self._configuration.pipeline.get("tables", {})
        CfnOutput(
            self,
            "ReaderSql",
            description="What the database has to know before the first run, with the password that is in the secret",
            value="; ".join(reader_sql(existing.database, tables)),
        )
        if optional := reader_grants(existing.database, tables, optional=True):
            CfnOutput(
                self,
                "ReaderSqlOptional",
                description="The same for tables that may be missing: run the lines of those that are there",
                value="; ".join(optional),
            )

    def _made_job_group(self, existing: ExistingSource) -> str:
        """The job's security group in the network of the database, which a company then lets in."""
        group = ec2.SecurityGroup(
            self,
            "JobGroup",
            vpc=ec2.Vpc.from_vpc_attributes(
                self, "Vpc", vpc_id=existing.vpc_id, availability_zones=list(existing.subnets)
            ),
            security_group_name=f"{self._configuration.deployment.name}-jobs",
            description="The Glue job that reads the database",
            allow_all_outbound=False,
        )
        let_workers_talk(group)
        for way in outgoing(existing):
            group.add_egress_rule(way.peer, way.port, way.description)
        CfnOutput(
            self,
            "JobGroupId",
            description=f"Let this security group into the database, at port {existing.port}",
            value=group.security_group_id,
        )
        return group.security_group_id

    def _make(self, key: kms.IKey, network: NetworkStack) -> None:
        assert network.job_group and network.source_group
        name, source = self._configuration.deployment.name, self._configuration.source
        engine = rds.DatabaseClusterEngine.aurora_mysql(
            version=rds.AuroraMysqlEngineVersion.of(source.engine_version, "8.0")
        )
        parameters = rds.ParameterGroup(
            self,
            "Parameters",
            engine=engine,
            description=f"{name}: TLS only",
            parameters={
                "require_secure_transport": "ON",
                "server_audit_logging": "1",
                "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL",
                "slow_query_log": "1",
                "long_query_time": SLOW_SECONDS,
                "log_output": "FILE",
            },
        )
        kept = not deletes_data(self, self._configuration)
        admin = self._secret("Admin", f"{name}/source-admin", "rental_admin", "The admin of the database", key)
        reader = self._secret("Reader", f"{name}/source-reader", READER, "By it extract reads the database", key)
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=name,
            engine=engine,
            credentials=rds.Credentials.from_secret(admin),
            default_database_name=source.database,
            writer=rds.ClusterInstance.serverless_v2("Writer", publicly_accessible=False),
            readers=[
                rds.ClusterInstance.serverless_v2(f"Reader{number}", publicly_accessible=False, scale_with_writer=True)
                for number in range(source.readers)
            ],
            serverless_v2_min_capacity=source.min_capacity,
            serverless_v2_max_capacity=source.max_capacity,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[network.source_group],
            parameter_group=parameters,
            storage_encrypted=True,
            storage_encryption_key=key,
            iam_authentication=True,
            enable_data_api=True,
            deletion_protection=kept,
            removal_policy=removal_of_data(self, self._configuration),
            backup=rds.BackupProps(retention=Duration.days(source.backup_days)),
            cloudwatch_logs_exports=list(DATABASE_LOGS),
            copy_tags_to_snapshot=True,
        )
        remove_with_data(self._configuration, cluster, parameters)
        for number in range(source.readers):
            # It holds no data; one that stayed when `readers` becomes less would be paid for.
            for part in cluster.node.find_child(f"Reader{number}").node.find_all():
                if isinstance(part, CfnResource):
                    part.apply_removal_policy(RemovalPolicy.DESTROY)
        for kind in DATABASE_LOGS:
            cluster.node.add_dependency(self._made_log(kind, key))
        bootstrap = Bootstrap(
            self,
            "Bootstrap",
            name=f"{name}-source",
            module="source",
            key=key,
            properties={
                "Cluster": cluster.cluster_arn,
                "Admin": admin.secret_arn,
                "Reader": reader.secret_arn,
                "Database": source.database,
                "Grants": reader_grants(source.database),
                **_ids(self._configuration),
            },
            statements=[
                iam.PolicyStatement(actions=["rds-data:ExecuteStatement"], resources=[cluster.cluster_arn]),
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=[admin.secret_arn, reader.secret_arn]
                ),
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn]),
            ],
        )
        bootstrap.resource.node.add_dependency(cluster)
        self.url = f"mysql://{cluster.cluster_read_endpoint.hostname}:3306/{source.database}"
        self.secret_arn = reader.secret_arn
        self.secret_key_arn = key.key_arn
        subnets = network.vpc.isolated_subnets[: self._configuration.network.endpoint_zones]
        self.subnet_ids = {subnet.availability_zone: subnet.subnet_id for subnet in subnets}
        self.security_group_id = network.job_group.security_group_id

    def _made_log(self, kind: str, key: kms.IKey) -> logs.LogGroup:
        """Where RDS writes a log of the cluster; it stays as long as the database does."""
        return log_group(
            self,
            f"{kind.capitalize()}Log",
            name=f"/aws/rds/cluster/{self._configuration.deployment.name}/{kind}",
            key=key,
            days=self._configuration.jobs.log_days,
            removal=removal_of_data(self, self._configuration),
        )

    def _secret(self, id_: str, name: str, user: str, description: str, key: kms.IKey) -> secretsmanager.Secret:
        """Name and password of a user; it stays as long as the database does."""
        return secretsmanager.Secret(
            self,
            id_,
            secret_name=name,
            description=description,
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=f'{{"username": "{user}"}}',
                generate_string_key="password",
                password_length=40,
                # For people and programs that write it into a URL or a statement.
                exclude_punctuation=True,
            ),
            removal_policy=removal_of_data(self, self._configuration),
        )


def _ids(configuration: Configuration) -> dict[str, str]:
    """What the ids of the tables are, where that is not whole numbers."""
    ids = configuration.pipeline.get("marketplace", {}).get("ids", "integer")
    return {} if ids == "integer" else {"Ids": ids}


@dataclass(frozen=True)
class Way:
    """What the job may reach."""

    peer: ec2.IPeer
    port: ec2.Port
    description: str


def outgoing(existing: ExistingSource) -> Iterator[Way]:
    """What the job may reach in the network of the database: groups that are named, else every address."""
    yield Way(_peer(existing.database_group), ec2.Port.tcp(existing.port), "The database")
    yield Way(_peer(existing.endpoint_group), HTTPS, "Endpoints of AWS services")
    if existing.s3_prefix_list:
        yield Way(ec2.Peer.prefix_list(existing.s3_prefix_list), HTTPS, "S3 by its gateway")


def _peer(group_id: str | None) -> ec2.IPeer:
    """A security group, or every address where none is named."""
    return ec2.Peer.security_group_id(group_id) if group_id else ec2.Peer.any_ipv4()

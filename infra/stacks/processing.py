"""Five Glue jobs, a role each: what a step does not need, its job cannot reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from aws_cdk import Aws, Fn, Stack, Tags
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.configuration import Configuration
from infra.parts.authorities import authorities_file
from infra.parts.job_code import JobCode, rates_name
from infra.parts.log_groups import log_group
from infra.parts.names import METRICS_NAMESPACE, camel, connection_name, job_name, lake_url, worker_type, workers
from infra.parts.pipeline_settings import rates_file, rental_toml
from infra.parts.rights import lake_statements
from infra.parts.stack_options import StackOptions
from infra.stacks.source import SourceStack
from infra.stacks.warehouse import WarehouseStack
from rental_analytics.contracts.steps import Part, StepName
from rental_analytics.pipeline import STEPS, Step

GLUE_VERSION = "5.1"
READS_RATES = (StepName.TRANSFORM,)


class ProcessingStack(Stack):
    """
    Attributes:
        jobs: the Glue job of each step.
        roles: by which each runs.
        output_logs: what the jobs print: one line for each event.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        key: kms.IKey,
        lake: s3.IBucket,
        code: s3.IBucket,
        source: SourceStack,
        warehouse: WarehouseStack,
        **stack: Unpack[StackOptions],
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._configuration, self._key, self._lake, self._source, self._warehouse = (
            configuration,
            key,
            lake,
            source,
            warehouse,
        )
        name = configuration.deployment.name
        self._code_bucket = code
        self._code = JobCode(
            self,
            "Code",
            configuration=configuration,
            bucket=code,
            key=key,
            toml=self._toml(),
            authorities=authorities_file(configuration),
            rates=rates_file(configuration.pipeline),
        )
        self._log_groups = {step.name: self._made_log_groups(step) for step in STEPS}
        self.output_logs = [output for output, _ in self._log_groups.values()]
        self._security = glue.CfnSecurityConfiguration(
            self,
            "Security",
            name=name,
            encryption_configuration=glue.CfnSecurityConfiguration.EncryptionConfigurationProperty(
                cloud_watch_encryption=glue.CfnSecurityConfiguration.CloudWatchEncryptionProperty(
                    cloud_watch_encryption_mode="SSE-KMS", kms_key_arn=key.key_arn
                ),
                job_bookmarks_encryption=glue.CfnSecurityConfiguration.JobBookmarksEncryptionProperty(
                    job_bookmarks_encryption_mode="CSE-KMS", kms_key_arn=key.key_arn
                ),
                s3_encryptions=[
                    glue.CfnSecurityConfiguration.S3EncryptionProperty(
                        s3_encryption_mode="SSE-KMS", kms_key_arn=key.key_arn
                    )
                ],
            ),
        )
        # Beside the jobs: what another stack imports could not be taken away, such as a zone that is used no more.
        self._connections = [self._made_connection(zone, subnet) for zone, subnet in source.subnet_ids.items()]
        self.roles: Mapping[StepName, iam.Role] = {step.name: self._made_role(step) for step in STEPS}
        self.jobs: Mapping[StepName, glue.CfnJob] = {step.name: self._made_job(step) for step in STEPS}

    def _toml(self) -> str:
        """What all jobs share. What is known only once the stacks are there comes with `--set`."""
        own = f"""# The jobs of {self._configuration.deployment.name}; made by infra/stacks/processing.py.
[source]
url = "mysql://set.by.the.job:3306/rental"
tls = "{self._configuration.source.tls}"

[engine]
kind = "spark"
master = "provided"

[monitoring]
cloudwatch = true
cloudwatch_namespace = "{METRICS_NAMESPACE}"
pipeline = "{self._configuration.deployment.name}"
late_after = "{self._configuration.monitoring.stale_after_hours} hours"
"""
        file = rates_file(self._configuration.pipeline)
        return rental_toml(own, self._configuration.pipeline, rates_name(file) if file else None)

    def _made_log_groups(self, step: Step) -> tuple[logs.LogGroup, logs.LogGroup]:
        """Where Glue writes what a job prints, and its errors: with a security configuration, a place of its own."""
        place = f"{self._log_prefix()}/{self._configuration.deployment.name}-role/{job_name(self._configuration, step)}"
        output, error = (
            log_group(
                self,
                f"{camel(step)}{kind.capitalize()}Log",
                name=f"{place}/{kind}",
                key=self._key,
                days=self._configuration.jobs.log_days,
            )
            for kind in ("output", "error")
        )
        return output, error

    def _log_prefix(self) -> str:
        return f"/{self._configuration.deployment.name}/jobs"

    def _made_role(self, step: Step) -> iam.Role:
        name = job_name(self._configuration, step)
        role = iam.Role(
            self,
            f"{camel(step)}Role",
            role_name=name,
            description=f"The Glue job of step {step.name}",
            assumed_by=iam.ServicePrincipal(
                "glue.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        statements = lake_statements(step.name, self._lake, self._configuration.deployment.name, self._key)
        for statement in [*statements, *self._log_statements(step), *self._statements_of_parts(step)]:
            role.add_to_policy(statement)
        self._code.read_by(role, self._code_bucket)
        if Part.WAREHOUSE in step.uses:
            Tags.of(role).add("RedshiftDbRoles", "loader")
        return role

    def _made_connection(self, zone: str, subnet_id: str) -> glue.CfnConnection:
        return glue.CfnConnection(
            self,
            f"Connection{zone[-1].upper()}",
            catalog_id=Aws.ACCOUNT_ID,
            connection_input=glue.CfnConnection.ConnectionInputProperty(
                name=connection_name(self._configuration, zone),
                description="The network from which the database is reached; no address and no password",
                connection_type="NETWORK",
                connection_properties={},
                physical_connection_requirements=glue.CfnConnection.PhysicalConnectionRequirementsProperty(
                    availability_zone=zone,
                    subnet_id=subnet_id,
                    security_group_id_list=[self._source.security_group_id],
                ),
            ),
        )

    def _log_statements(self, step: Step) -> list[iam.PolicyStatement]:
        groups = [group.log_group_arn for group in self._log_groups[step.name]]
        return [
            # Without the last of these Glue writes no log at all, though the groups have their key.
            iam.PolicyStatement(
                sid="WriteLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"],
                resources=groups,
            ),
            iam.PolicyStatement(
                sid="PutMetrics",
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": [METRICS_NAMESPACE, "Glue"]}},
            ),
        ]

    def _statements_of_parts(self, step: Step) -> list[iam.PolicyStatement]:
        statements: list[iam.PolicyStatement] = []
        if Part.DATABASE in step.uses:
            keys = [self._source.secret_key_arn] if self._source.secret_key_arn else []
            statements += [
                iam.PolicyStatement(
                    sid="ReadLogin",
                    actions=["secretsmanager:GetSecretValue"],
                    resources=[self._source.secret_arn],
                ),
                *(iam.PolicyStatement(sid="DecryptLogin", actions=["kms:Decrypt"], resources=[key]) for key in keys),
                *self._network_statements(),
            ]
        if Part.WAREHOUSE in step.uses:
            statements += [
                iam.PolicyStatement(
                    sid="SendStatements",
                    actions=["redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"],
                    resources=[self._warehouse.workgroup_arn],
                ),
                iam.PolicyStatement(
                    sid="FollowOwnStatements",
                    actions=[
                        "redshift-data:DescribeStatement",
                        "redshift-data:GetStatementResult",
                        "redshift-data:CancelStatement",
                    ],
                    resources=["*"],
                    conditions={"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}},
                ),
                iam.PolicyStatement(
                    sid="LogIn",
                    actions=["redshift-serverless:GetCredentials"],
                    resources=[self._warehouse.workgroup_arn],
                ),
            ]
        return statements

    def _network_statements(self) -> list[iam.PolicyStatement]:
        """Glue puts the job's machines into the network by the job's own role."""
        account = f"arn:{Aws.PARTITION}:ec2:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        subnets = [f"{account}:subnet/{subnet}" for subnet in self._source.subnet_ids.values()]
        return [
            iam.PolicyStatement(
                sid="FindConnection",
                actions=["glue:GetConnection"],
                resources=[
                    f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
                    for resource in (
                        "catalog",
                        *(
                            f"connection/{connection_name(self._configuration, zone)}"
                            for zone in self._source.subnet_ids
                        ),
                    )
                ],
            ),
            iam.PolicyStatement(
                sid="FindNetwork",
                actions=[
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeRouteTables",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcAttribute",
                    "ec2:DescribeVpcEndpoints",
                ],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="EnterNetwork",
                actions=["ec2:CreateNetworkInterface"],
                resources=[
                    f"{account}:network-interface/*",
                    *subnets,
                    f"{account}:security-group/{self._source.security_group_id}",
                ],
            ),
            iam.PolicyStatement(
                sid="LeaveNetwork",
                actions=["ec2:DeleteNetworkInterface"],
                resources=[f"{account}:network-interface/*"],
                conditions={"ArnEquals": {"ec2:Subnet": subnets}},
            ),
            iam.PolicyStatement(
                sid="TagNetwork",
                actions=["ec2:CreateTags"],
                resources=[f"{account}:network-interface/*"],
                conditions={"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}},
            ),
        ]

    def _made_job(self, step: Step) -> glue.CfnJob:
        connections = glue.CfnJob.ConnectionsListProperty(
            # It takes the first in whose zone there is room for the job.
            connections=[connection.ref for connection in self._connections]
        )
        job = glue.CfnJob(
            self,
            f"{camel(step)}Job",
            name=job_name(self._configuration, step),
            description=step.title,
            role=self.roles[step.name].role_arn,
            glue_version=GLUE_VERSION,
            command=glue.CfnJob.JobCommandProperty(
                name="glueetl", python_version="3", script_location=self._code.script
            ),
            worker_type=worker_type(self._configuration, step),
            number_of_workers=workers(self._configuration, step),
            timeout=round(step.timeout.total_seconds() / 60),
            max_retries=0,
            execution_property=glue.CfnJob.ExecutionPropertyProperty(max_concurrent_runs=1),
            security_configuration=self._security.name,
            connections=connections if Part.DATABASE in step.uses else None,
            default_arguments=self._arguments(step),
            tags={"step": step.name, **self._configuration.deployment.tags},
        )
        job.add_resource_dependency(self._security)
        job.node.add_dependency(self._code.copied, self.roles[step.name])
        return job

    def _arguments(self, step: Step) -> dict[str, str]:
        arguments = {
            "--step": str(step.name),
            "--config": self._code.config,
            "--set": Fn.join(" ", self._settings(step)),
            "--additional-python-modules": Fn.join(",", self._code.modules),
            "--python-modules-installer-option": "--no-index --no-deps",
            "--job-language": "python",
            "--enable-metrics": "true",
            "--enable-observability-metrics": "true",
            "--enable-continuous-cloudwatch-log": "true",
            "--custom-logGroup-prefix": self._log_prefix(),
        }
        if Part.ENGINE in step.uses:
            arguments["--enable-auto-scaling"] = "true"
        if self._code.rates and step.name in READS_RATES:
            # Glue puts it into the job's working folder.
            arguments["--extra-files"] = self._code.rates
        return arguments

    def _settings(self, step: Step) -> list[str]:
        """Only what the step reaches: a job that cannot read the secret is not told which it is."""
        settings = [f"lake.url={lake_url(self._configuration, self._lake.bucket_name)}", f"lake.region={Aws.REGION}"]
        if Part.DATABASE in step.uses:
            settings += [f"source.url={self._source.url}", f"source.secret_arn={self._source.secret_arn}"]
            settings += [f"source.tls_ca={self._code.authorities}"] if self._code.authorities else []
        if Part.WAREHOUSE in step.uses:
            settings += [
                f"warehouse.url={self._warehouse.url}",
                f"warehouse.iam_role={self._warehouse.copy_role.role_arn}",
            ]
        return settings

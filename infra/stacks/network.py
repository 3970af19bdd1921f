"""A network without a way to the internet, for the warehouse, the database and the one job that reads it."""

from __future__ import annotations

from typing import Unpack

from aws_cdk import Aws, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.agreement import ZONES
from infra.configuration import Configuration
from infra.parts.log_groups import log_group
from infra.parts.removal import remove_with_data
from infra.parts.stack_options import StackOptions

SERVICES = {
    "glue": ec2.InterfaceVpcEndpointAwsService.GLUE,
    "kms": ec2.InterfaceVpcEndpointAwsService.KMS,
    "logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "monitoring": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
    "secretsmanager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "sts": ec2.InterfaceVpcEndpointAwsService.STS,
}
"""What `extract` talks to besides S3, which has a gateway that costs nothing."""


HTTPS = ec2.Port.tcp(443)


class NetworkStack(Stack):
    """
    Attributes:
        vpc: isolated subnets in the zones of the configuration.
        warehouse_group: lets in nobody: statements come through the Data API.
        job_group: security group of the job `extract`; None where that works in a network there is already.
        source_group: of a database that is made here; lets in `job_group` alone.
    """

    def __init__(
        self, scope: Construct, id_: str, *, configuration: Configuration, key: kms.IKey, **stack: Unpack[StackOptions]
    ) -> None:
        super().__init__(scope, id_, **stack)
        name = configuration.deployment.name
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=name,
            ip_addresses=ec2.IpAddresses.cidr(configuration.network.cidr),
            availability_zones=list(configuration.zones),
            nat_gateways=0,
            create_internet_gateway=False,
            subnet_configuration=_subnets(len(configuration.zones)),
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        self._log_flow(name, key)
        self.warehouse_group = self._group("WarehouseGroup", f"{name}-warehouse", "Redshift, asked by the Data API")
        reach_endpoints(self.warehouse_group)
        self.job_group: ec2.SecurityGroup | None = None
        self.source_group: ec2.SecurityGroup | None = None
        if configuration.source.existing is None:
            self.job_group = self._group("JobGroup", f"{name}-jobs", "The Glue job that reads the database")
            let_workers_talk(self.job_group)
            reach_endpoints(self.job_group)
            self.source_group = self._group("SourceGroup", f"{name}-source", "The database of the marketplace")
            self.source_group.connections.allow_from(self.job_group, ec2.Port.tcp(3306), "The job that reads")
            self._add_endpoints(name, configuration.network.endpoint_zones, self.job_group)
            subnets = [subnet.node.default_child for subnet in self.vpc.isolated_subnets]
            remove_with_data(configuration, self.vpc.node.default_child, *subnets, self.source_group.node.default_child)

    def _group(self, id_: str, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            id_,
            vpc=self.vpc,
            security_group_name=name,
            description=description,
            allow_all_outbound=False,
        )

    def _add_endpoints(self, name: str, zones: int, job_group: ec2.SecurityGroup) -> None:
        """Only the job's own traffic may enter them; they cost by zone and hour."""
        group = self._group("EndpointGroup", f"{name}-endpoints", "Endpoints of AWS services")
        group.connections.allow_from(job_group, HTTPS, "The job that reads")
        subnets = ec2.SubnetSelection(subnets=self.vpc.isolated_subnets[:zones])
        for service, endpoint in SERVICES.items():
            ec2.InterfaceVpcEndpoint(
                self,
                f"Endpoint{service.capitalize()}",
                vpc=self.vpc,
                service=endpoint,
                subnets=subnets,
                security_groups=[group],
                open=False,
            )

    def _log_flow(self, name: str, key: kms.IKey) -> None:
        group = log_group(self, "FlowLogs", name=f"/{name}/network", key=key, days=30)
        role = iam.Role(
            self,
            "FlowRole",
            role_name=f"{name}-flow-logs",
            description="Writes refused connections into a log",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        self.vpc.add_flow_log(
            "Flow",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )


def let_workers_talk(group: ec2.SecurityGroup) -> None:
    """Rules without which Glue starts no job in a network: its machines talk to each other."""
    group.connections.allow_internally(ec2.Port.all_tcp(), "Workers of one job")


def reach_endpoints(group: ec2.SecurityGroup) -> None:
    """Let a group reach S3 and other services of AWS."""
    # The gateway's addresses are public ones; in our own network there is no route to any other.
    group.connections.allow_to_any_ipv4(HTTPS, "S3 by its gateway, and endpoints")


def _subnets(zones: int) -> list[ec2.SubnetConfiguration]:
    """One subnet a zone; two where there are fewer zones than Redshift Serverless wants subnets."""
    names = ["isolated"] if zones >= ZONES else ["isolated", "isolated-too"]
    return [
        ec2.SubnetConfiguration(name=name, subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24) for name in names
    ]

"""Types of resources that a template may have and that do nothing here; a type in no list fails the deployment."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stub:
    """A type of resource.

    Args:
        reason: why nothing of it is emulated.
        attributes: what `Fn::GetAtt` gives; `{name}` is the physical name.
    """

    reason: str
    attributes: dict[str, str] = field(default_factory=dict)


_NO_NETWORK = "there is no network in the emulator: nothing is routed and no packet is filtered"
_NO_BILL = "the emulator has no bill"
STUBS = {
    "AWS::Budgets::Budget": Stub(_NO_BILL),
    "AWS::CE::AnomalyMonitor": Stub(_NO_BILL, {"MonitorArn": "arn:aws:ce::123456789012:anomalymonitor/{name}"}),
    "AWS::CE::AnomalySubscription": Stub(_NO_BILL),
    "AWS::CloudWatch::AnomalyDetector": Stub("nothing learns from metrics"),
    "AWS::EC2::FlowLog": Stub(_NO_NETWORK, {"Id": "{name}"}),
    "AWS::EC2::NetworkAcl": Stub(_NO_NETWORK, {"Id": "{name}"}),
    "AWS::EC2::NetworkAclEntry": Stub(_NO_NETWORK),
    "AWS::EC2::SecurityGroupEgress": Stub(_NO_NETWORK, {"Id": "{name}"}),
    "AWS::EC2::SecurityGroupIngress": Stub(_NO_NETWORK, {"Id": "{name}"}),
    "AWS::EC2::SubnetNetworkAclAssociation": Stub(_NO_NETWORK),
    "AWS::Logs::QueryDefinition": Stub("a saved query is run by a person only", {"QueryDefinitionId": "{name}"}),
    "AWS::SecretsManager::RotationSchedule": Stub("no secret lives long enough to be rotated", {"Id": "{name}"}),
    "Custom::VpcRestrictDefaultSG": Stub(_NO_NETWORK),
}

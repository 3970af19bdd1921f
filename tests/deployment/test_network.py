"""From where `extract` reads the database, and how it knows that it is the database."""

from __future__ import annotations

import json

import pytest

from deployment.synthesized import EXAMPLES, Synthesized, example_configuration, synthesized
from infra.stacks.source import outgoing

pytestmark = pytest.mark.service


@pytest.fixture(scope="module", params=EXAMPLES)
def stacks(request: pytest.FixtureRequest) -> Synthesized:
    return synthesized(request.param)


def test_extract_may_begin_in_any_zone_with_a_connection(stacks: Synthesized) -> None:
    connections = {
        one["ConnectionInput"]["Name"]: one["ConnectionInput"]["PhysicalConnectionRequirements"]
        for one in stacks.resources("AWS::Glue::Connection").values()
    }
    zones = [place["AvailabilityZone"] for place in connections.values()]
    # Those of the endpoints, or of the subnets of the database that is there already.
    assert zones == (["eu-west-1a"] if stacks.resources("AWS::RDS::DBCluster") else ["eu-west-1a", "eu-west-1b"])
    assert list(connections) == [f"{stacks.name}-source-{zone}" for zone in zones]
    for name, job in stacks.resources("AWS::Glue::Job").items():
        assert len(job.get("Connections", {}).get("Connections", [])) == (len(zones) if "Extract" in name else 0)
    named = {
        sid: json.dumps(statement)
        for _, statement in stacks.statements()
        if (sid := statement.get("Sid")) in ("FindConnection", "EnterNetwork", "LeaveNetwork")
    }
    for name, place in connections.items():
        assert name in named["FindConnection"]
        subnet = json.dumps(place["SubnetId"]).strip('{}"')
        assert all(subnet in named[sid] for sid in ("EnterNetwork", "LeaveNetwork"))


def test_group_of_the_job_lets_its_workers_talk(stacks: Synthesized) -> None:
    """Glue begins no job in a network without."""
    (place, *_) = (
        one["ConnectionInput"]["PhysicalConnectionRequirements"]
        for one in stacks.resources("AWS::Glue::Connection").values()
    )
    group = json.dumps(place["SecurityGroupIdList"][0])
    rules = stacks.resources("AWS::EC2::SecurityGroupIngress")
    own = [name for name, rule in rules.items() if rule["GroupId"] == rule["SourceSecurityGroupId"]]
    assert [name.partition("from")[0] for name in own] in (["network/JobGroup"], ["source/JobGroup"])
    assert "JobGroup" in group
    if "JobGroupId" in stacks.templates["source"]["Outputs"]:
        (made,) = (one for name, one in stacks.resources("AWS::EC2::SecurityGroup").items() if "source/" in name)
        assert made["VpcId"] == "vpc-0123456789abcdef0"
        rules = [*made["SecurityGroupEgress"], *stacks.resources("AWS::EC2::SecurityGroupEgress").values()]
        peers = ("DestinationSecurityGroupId", "DestinationPrefixListId", "CidrIp")
        reached = {(rule["FromPort"], str(rule[peer])) for rule in rules for peer in peers if peer in rule}
        assert {
            (3306, "sg-0123456789abcdef0"),
            (443, "sg-0123456789abcdef1"),
            (443, "pl-0123abcd"),
        } <= reached
        assert "0.0.0.0/0" not in {peer for _, peer in reached}


def test_without_groups_the_job_may_reach_every_address_of_the_network() -> None:
    existing = example_configuration("production").source.existing
    assert existing
    open_to_all = existing.model_copy(update=dict.fromkeys(("database_group", "endpoint_group", "s3_prefix_list")))
    rules = [(str(rule.peer.unique_id), rule.port.to_string()) for rule in outgoing(open_to_all)]
    assert rules == [("0.0.0.0/0", "3306"), ("0.0.0.0/0", "443")]
    assert [rule.peer.unique_id for rule in outgoing(existing)] == [
        "sg-0123456789abcdef0",
        "sg-0123456789abcdef1",
        "pl-0123abcd",
    ]


def test_extract_checks_the_certificate_of_the_database(stacks: Synthesized) -> None:
    (code,) = (one for name, one in stacks.resources("AWS::CloudFormation::CustomResource").items() if "Code" in name)
    assert 'tls = "verify_identity"' in code["Texts"]["rental.toml"]
    assert "authorities.pem" in code["Files"]
    told = {
        name: "source.tls_ca=s3://" in json.dumps(job["DefaultArguments"]["--set"])
        for name, job in stacks.resources("AWS::Glue::Job").items()
    }
    assert [name for name, is_told in told.items() if is_told] == ["processing/ExtractJob"]


def test_network_is_kept_with_the_database_in_it(stacks: Synthesized) -> None:
    has_database = bool(stacks.resources("AWS::RDS::DBCluster"))
    found = stacks.policies("AWS::EC2::VPC", "AWS::EC2::Subnet")
    found |= {name: one for name, one in stacks.policies("AWS::EC2::SecurityGroup").items() if "SourceGroup" in name}
    kept = {policy == ("RetainExceptOnCreate", "Retain") for policy in found.values()}
    assert kept == {has_database}

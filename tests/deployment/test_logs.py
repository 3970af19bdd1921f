"""Log groups are where a service writes, have a key, and forget."""

from __future__ import annotations

import json

import pytest

from deployment.synthesized import EXAMPLES, Synthesized, listed, synthesized
from rental_analytics.pipeline import STEPS

pytestmark = pytest.mark.service


@pytest.fixture(scope="module", params=EXAMPLES)
def stacks(request: pytest.FixtureRequest) -> Synthesized:
    return synthesized(request.param)


def test_logs_of_the_jobs_are_where_glue_writes_them(stacks: Synthesized) -> None:
    """With a security configuration, its name and the role's are part of the group's; see `servers.aws.glue_logs`."""
    (security,) = stacks.resources("AWS::Glue::SecurityConfiguration").values()
    groups = {
        name: group["LogGroupName"]
        for name, group in stacks.resources("AWS::Logs::LogGroup").items()
        if name.startswith("processing/") and "Bootstrap" not in name
    }
    expected = {
        f"{prefix}/{security['Name']}-role/{role['RoleName']}/{kind}"
        for job in stacks.resources("AWS::Glue::Job").values()
        for prefix in [job["DefaultArguments"]["--custom-logGroup-prefix"]]
        for role in [stacks.templates["processing"]["Resources"][job["Role"]["Fn::GetAtt"][0]]["Properties"]]
        for kind in ("output", "error")
    }
    assert set(groups.values()) == expected
    for name, statement in stacks.statements():
        if statement.get("Sid") == "WriteLog":
            assert set(statement["Action"]) == {"logs:AssociateKmsKey", "logs:CreateLogStream", "logs:PutLogEvents"}
            step = name.partition("Role")[0]
            own = {resource["Fn::GetAtt"][0] for resource in statement["Resource"]}
            assert own == {one.removeprefix("processing/") for one in groups if one.startswith(step)}
    for query in stacks.resources("AWS::Logs::QueryDefinition").values():
        searched = json.dumps(query["LogGroupNames"])
        assert searched.count("OutputLog") == len(query["LogGroupNames"]) == len(STEPS)


def test_logs_of_services_end_and_have_a_key(stacks: Synthesized) -> None:
    """A service that finds no log group makes one that keeps everything."""
    groups = {group["LogGroupName"]: group for group in stacks.resources("AWS::Logs::LogGroup").values()}
    assert [name for name, group in groups.items() if not {"KmsKeyId", "RetentionInDays"} <= set(group)] == []
    (namespace,) = stacks.resources("AWS::RedshiftServerless::Namespace").values()
    wanted = {f"/aws/redshift/{stacks.name}/{kind}" for kind in namespace["LogExports"]}
    for cluster in stacks.resources("AWS::RDS::DBCluster").values():
        wanted |= {f"/aws/rds/cluster/{stacks.name}/{kind}" for kind in cluster["EnableCloudwatchLogsExports"]}
    assert wanted <= set(groups)
    made_first = {
        dependency
        for template in stacks.templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] in ("AWS::RDS::DBCluster", "AWS::RedshiftServerless::Namespace")
        for dependency in listed(resource["DependsOn"])
    }
    assert wanted == {
        group["LogGroupName"]
        for name, group in stacks.resources("AWS::Logs::LogGroup").items()
        if name.partition("/")[2] in made_first
    }

"""What the deployment's templates promise: least privilege, nothing public, nothing lost, jobs as their steps say."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from aws_cdk import App, RemovalPolicy

from deployment.synthesized import EXAMPLES, Synthesized, example_configuration, listed, synthesized
from infra.acknowledged import EXPLAINED
from infra.configuration import Configuration, Deployment, Warehouse
from infra.parts.names import camel
from infra.parts.reader import reader_sql
from infra.parts.removal import removal_of_data
from infra.stacks.warehouse import trust_conditions
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.steps import Part
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.runners.state_machine import state_machine
from rental_analytics.settings import parse_settings

pytestmark = pytest.mark.service

WITHOUT_RESOURCE = {
    "PutMetrics": "a metric has no ARN; held to two namespaces",
    "FollowOwnStatements": "a statement has no ARN; held to the caller's own",
    "FindNetwork": "EC2's Describe actions take no resource",
    "DeliverLogs": "log deliveries take no resource",
    "Trace": "X-Ray takes no resource",
}
"""Statements on `*`, by Sid, with the reason why each stands."""

TAGGED = (
    "AWS::DynamoDB::GlobalTable",
    "AWS::EC2::VPC",
    "AWS::Glue::Job",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::RedshiftServerless::Namespace",
    "AWS::RedshiftServerless::Workgroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
)

REVOKED = "REVOKE ASSUMEROLE ON ALL FROM PUBLIC FOR ALL"


@pytest.fixture(scope="module", params=EXAMPLES)
def stacks(request: pytest.FixtureRequest) -> Synthesized:
    return synthesized(request.param)


@pytest.fixture(scope="module")
def minimal() -> Synthesized:
    return synthesized("minimal")


def test_cdk_nag_finds_nothing_that_is_not_explained(stacks: Synthesized) -> None:
    unexplained = [
        (rule, place)
        for rule, place in stacks.findings
        if not any(re.fullmatch(pattern, rule) and re.search(where, place) for pattern, where, _ in EXPLAINED)
    ]
    assert unexplained == []


def test_every_explanation_explains_something() -> None:
    found = [finding for name in EXAMPLES for finding in synthesized(name).findings]
    stale = [
        (pattern, where)
        for pattern, where, _ in EXPLAINED
        if not any(re.fullmatch(pattern, rule) and re.search(where, place) for rule, place in found)
    ]
    assert stale == []


def test_no_action_is_a_wildcard_and_every_star_has_a_reason(stacks: Synthesized) -> None:
    for name, statement in stacks.statements():
        assert not [action for action in listed(statement["Action"]) if "*" in action], (name, statement)
        if "*" in listed(statement["Resource"]):
            assert statement.get("Sid") in WITHOUT_RESOURCE, (name, statement)
    for name, role in stacks.resources("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, name


def test_only_the_named_account_may_let_a_service_use_a_role(stacks: Synthesized) -> None:
    for name, role in stacks.resources("AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            service = statement["Principal"]["Service"]
            # Lambda takes the role of a function that only this account can make; it is not documented to name it.
            if service != "lambda.amazonaws.com":
                assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}, (
                    name
                )


def test_role_of_copy_can_do_without_the_account() -> None:
    assert trust_conditions(Configuration()).keys() == {"StringEquals"}
    assert trust_conditions(Configuration(warehouse=Warehouse(copy_role_names_account=False))) == {}


def test_nothing_is_public(stacks: Synthesized) -> None:
    kinds = {resource["Type"] for template in stacks.templates.values() for resource in template["Resources"].values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::Route"}
    for subnet in stacks.resources("AWS::EC2::Subnet").values():
        assert subnet["MapPublicIpOnLaunch"] is False
    for instance in stacks.resources("AWS::RDS::DBInstance").values():
        assert instance["PubliclyAccessible"] is False
    for bucket in stacks.resources("AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    for group in stacks.resources("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group
    for rule in stacks.resources("AWS::EC2::SecurityGroupIngress").values():
        assert "SourceSecurityGroupId" in rule, rule


def test_warehouse_is_private_and_demands_tls(stacks: Synthesized) -> None:
    (workgroup,) = stacks.resources("AWS::RedshiftServerless::Workgroup").values()
    (namespace,) = stacks.resources("AWS::RedshiftServerless::Namespace").values()
    assert (workgroup["PubliclyAccessible"], workgroup["EnhancedVpcRouting"]) == (False, True)
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in workgroup["ConfigParameters"]
    assert len(workgroup["SubnetIds"]) == 3
    assert workgroup["BaseCapacity"] <= workgroup["MaxCapacity"]
    assert (namespace["ManageAdminPassword"], len(namespace["LogExports"])) == (True, 3)
    assert {"KmsKeyId", "AdminPasswordSecretKmsKeyId"} <= set(namespace)


def test_only_loaders_may_let_copy_take_its_role(stacks: Synthesized) -> None:
    """By default everybody may; a grant takes effect only once that is revoked."""
    (asked,) = [one for one in stacks.resources("AWS::CloudFormation::CustomResource").values() if "Members" in one]
    (revoked,) = [place for place, sql in enumerate(asked["Statements"]) if sql == REVOKED]
    granted = [place for place, sql in enumerate(asked["Statements"]) if "GRANT ASSUMEROLE" in json.dumps(sql)]
    assert len(granted) == 3 and revoked < min(granted)
    given = [f'GRANT ROLE {role} TO "{name}"' for role, names in asked["Members"].items() for name in names]
    assert set(given) <= set(map(str, asked["Statements"]))


def test_events_may_publish_and_encrypt_without_a_condition(stacks: Synthesized) -> None:
    """EventBridge names no account and no rule: what asks for one keeps every alert back."""
    policies = [key["KeyPolicy"] for key in stacks.resources("AWS::KMS::Key").values()]
    policies += [policy["PolicyDocument"] for policy in stacks.resources("AWS::SNS::TopicPolicy").values()]
    allowed = [
        action
        for policy in policies
        for statement in policy["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"} and "Condition" not in statement
        for action in listed(statement["Action"])
    ]
    assert sorted(allowed) == ["kms:Decrypt", "kms:GenerateDataKey*", "sns:Publish"]


def test_buckets_are_encrypted_versioned_and_asked_by_tls_alone(stacks: Synthesized) -> None:
    policies = stacks.resources("AWS::S3::BucketPolicy")
    for name, bucket in stacks.resources("AWS::S3::Bucket").items():
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        # Access logs can be delivered to no other kind of key.
        wanted = "AES256" if "AccessLogs" in name else "aws:kms"
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == wanted
        (policy,) = [one for one in policies.values() if one["Bucket"] == {"Ref": name.partition("/")[2]}]
        denied = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        assert {"aws:SecureTransport": "false"} in [one["Condition"].get("Bool") for one in denied]


def test_manifests_of_the_lake_are_created_only(stacks: Synthesized) -> None:
    (statement,) = [
        statement
        for policy in stacks.resources("AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "CreateOnly"
    ]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:PutObject")
    assert statement["Condition"] == {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    assert [re.search(r"/(\w+)/\*", json.dumps(resource))[1] for resource in statement["Resource"]] == [
        "runs",
        "history",
    ]  # type: ignore[index]


def test_aurora_is_encrypted_protected_and_asked_by_tls_alone(minimal: Synthesized) -> None:
    (cluster,) = minimal.resources("AWS::RDS::DBCluster").values()
    assert cluster["StorageEncrypted"] and cluster["DeletionProtection"] and cluster["EnableIAMDatabaseAuthentication"]
    (parameters,) = minimal.resources("AWS::RDS::DBClusterParameterGroup").values()
    assert parameters["Parameters"]["require_secure_transport"] == "ON"
    # An export of this log that the database does not write would stay empty.
    assert {"slow_query_log": "1", "log_output": "FILE"}.items() <= parameters["Parameters"].items()
    for secret in minimal.resources("AWS::SecretsManager::Secret").values():
        assert secret["GenerateSecretString"]["ExcludePunctuation"] is True


def test_functions_run_again_with_new_code_and_end_in_time(stacks: Synthesized) -> None:
    asked = stacks.resources("AWS::CloudFormation::CustomResource")
    assert {one["ServiceTimeout"] for one in asked.values()} == {900}
    assert len({one["Code"] for one in asked.values()}) == 1
    assert len(asked) >= 2


def test_old_versions_do_not_stay(stacks: Synthesized) -> None:
    for bucket in stacks.resources("AWS::S3::Bucket").values():
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert any("NoncurrentVersionExpiration" in rule for rule in rules)
        # S3 takes a rule's days or its markers, and not both.
        assert not [rule for rule in rules if {"ExpirationInDays", "ExpiredObjectDeleteMarker"} <= set(rule)]


def test_rows_in_the_lake_expire_where_the_file_says_so(stacks: Synthesized) -> None:
    (lake,) = (one for name, one in stacks.resources("AWS::S3::Bucket").items() if "/Lake" in name)
    found = {
        rule["Prefix"]: rule["ExpirationInDays"]
        for rule in lake["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    days = example_configuration("production").storage.keep_days
    expiring = {f"{stacks.name}/{folder}/": days for folder in ("curated", "raw", "rejected")}
    assert found == (expiring if stacks is synthesized("production") else {})


def test_a_database_that_is_there_is_left_alone() -> None:
    production = synthesized("production")
    assert not production.resources("AWS::RDS::DBCluster")
    output = production.templates["source"]["Outputs"]["ReaderSql"]["Value"]
    assert output == "; ".join(reader_sql("rental"))


def test_jobs_are_as_their_steps_say(stacks: Synthesized) -> None:
    jobs = stacks.resources("AWS::Glue::Job")
    assert list(jobs) == [f"processing/{camel(step)}Job" for step in STEPS]
    for step, job in zip(STEPS, jobs.values(), strict=True):
        arguments = job["DefaultArguments"]
        assert (job["GlueVersion"], job["Command"]["Name"]) == ("5.1", "glueetl")
        assert (job["MaxRetries"], job["ExecutionProperty"]) == (0, {"MaxConcurrentRuns": 1})
        assert job["NumberOfWorkers"] == workers_of(step, stacks)
        assert job["Timeout"] * 60 == step.timeout.total_seconds()
        assert "SecurityConfiguration" in job and "MaxCapacity" not in job
        assert arguments["--step"] == step.name
        assert arguments["--python-modules-installer-option"] == "--no-index --no-deps"
        assert ("Connections" in job) == (Part.DATABASE in step.uses)
        assert ("--enable-auto-scaling" in arguments) == (Part.ENGINE in step.uses)
        told = json.dumps(arguments["--set"])
        assert ("source.secret_arn=" in told) == (Part.DATABASE in step.uses)
        assert ("warehouse.url=" in told) == (Part.WAREHOUSE in step.uses)
    assert len({json.dumps(job["Role"]) for job in jobs.values()}) == len(STEPS)


def workers_of(step: Step, stacks: Synthesized) -> int:
    """What the examples say: one leaves it to the steps, the other sets it for those that compute."""
    wanted = example_configuration("production").jobs.most_workers
    return wanted or 0 if stacks is synthesized("production") and Part.ENGINE in step.uses else step.workers


def test_extract_cannot_reach_the_warehouse_nor_the_others_the_secret(stacks: Synthesized) -> None:
    for step in STEPS:
        actions = {
            action
            for name, statement in stacks.statements()
            if name.startswith(f"processing/{camel(step)}Role")
            for action in listed(statement["Action"])
        }
        assert ("secretsmanager:GetSecretValue" in actions) == (Part.DATABASE in step.uses)
        assert any(action.startswith("redshift") for action in actions) == (Part.WAREHOUSE in step.uses)
        assert any(action.startswith("ec2:") for action in actions) == (Part.DATABASE in step.uses)


def test_folders_that_jobs_write_are_their_own(stacks: Synthesized) -> None:
    """All hold the lock and leave records of their runs; what they make, no other makes."""
    shared = {"drafts", "locks", "runs"}
    writers: dict[str, list[str]] = {}
    for step in STEPS:
        for name, statement in stacks.statements():
            if name.startswith(f"processing/{camel(step)}Role") and statement.get("Sid") == "WriteLake":
                for resource in listed(statement["Resource"]):
                    folder = re.search(r"/([\w.]+)(?:/\*)?\"\]", json.dumps(resource))
                    assert folder
                    writers.setdefault(folder[1], []).append(step.name)
    assert {folder: steps for folder, steps in writers.items() if folder not in shared and len(steps) > 1} == {}


def test_machine_is_the_one_that_rental_asl_prints(stacks: Synthesized) -> None:
    (machine,) = stacks.resources("AWS::StepFunctions::StateMachine").values()
    assert json.loads(machine["DefinitionString"]) == state_machine()
    placeholders = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    assert placeholders == set(machine["DefinitionSubstitutions"])
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_what_can_be_tagged_is_tagged(stacks: Synthesized) -> None:
    untagged = [
        name
        for kind in TAGGED
        for name, resource in stacks.resources(kind).items()
        if "rental-marketplace-analytics" not in json.dumps(resource)
    ]
    assert untagged == []


@pytest.mark.parametrize(
    ("in_file", "in_command", "kept"), [(False, "", True), (True, "", True), (False, "yes", True), (True, "yes", False)]
)
def test_data_is_deleted_only_when_two_switches_agree(in_file: bool, in_command: str, kept: bool) -> None:
    deployment = Deployment(delete_data=in_file)
    app = App(context={"delete_data": in_command})
    assert removal_of_data(app, Configuration(deployment=deployment)) == (
        RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if kept else RemovalPolicy.DESTROY
    )


def test_stacks_are_protected_until_the_file_says_that_data_may_go(stacks: Synthesized) -> None:
    manifest = json.loads((stacks.folder / "manifest.json").read_text("utf-8"))["artifacts"]
    protected = {
        name: one["properties"].get("terminationProtection")
        for name, one in manifest.items()
        if one["type"] == "aws:cloudformation:stack"
    }
    assert len(protected) == 7 and set(protected.values()) == {True}


KEPT = (
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBSubnetGroup",
    "AWS::RedshiftServerless::Namespace",
    "AWS::SecretsManager::Secret",
)
"""What holds data, and what that cannot be without."""


def test_what_holds_data_is_kept_when_its_stack_goes(stacks: Synthesized) -> None:
    """But not when the first deployment fails: its names would be taken at the next one."""
    assert set(stacks.policies(*KEPT).values()) == {("RetainExceptOnCreate", "Retain")}


def test_jobs_have_what_the_company_says_of_the_pipeline(tmp_path: Path) -> None:
    production = synthesized("production")
    (texts,) = [
        one["Texts"] for one in production.resources("AWS::CloudFormation::CustomResource").values() if "Texts" in one
    ]
    jobs = production.resources("AWS::Glue::Job")
    (extra,) = [
        job["DefaultArguments"]["--extra-files"] for job in jobs.values() if "--extra-files" in job["DefaultArguments"]
    ]
    rates = json.dumps(extra).rpartition("/")[2].rstrip('"]}')
    settings = parse_settings(texts["rental.toml"], "rental.toml", tmp_path)
    assert settings.source.overlap == timedelta(minutes=30)
    assert settings.quality.max_rejected_share == 0.1
    assert settings.schema_drift("user_viewing") == "evolve" and settings.schema_drift("bookings") == "freeze"
    assert settings.rates_file == tmp_path / rates
    assert (settings.engine.master, settings.monitoring.cloudwatch) == ("provided", True)


def test_only_the_job_that_converts_is_given_the_rates() -> None:
    for name, job in synthesized("production").resources("AWS::Glue::Job").items():
        assert ("--extra-files" in job["DefaultArguments"]) == (name == "processing/TransformJob")
    for job in synthesized("minimal").resources("AWS::Glue::Job").values():
        assert "--extra-files" not in job["DefaultArguments"]


def test_deployment_takes_no_code_from_a_run_at_work(stacks: Synthesized) -> None:
    """Glue reads wheels and files also when it adds a worker: what its role may read has no version in it."""
    readers = [one for name, one in stacks.statements() if one.get("Sid") in ("ReadCode", "WriteCode")]
    assert len(readers) == len(STEPS) + 1
    for statement in readers:
        (resource,) = listed(statement["Resource"])
        assert resource["Fn::Join"][1][1] == "/jobs/*"
    for job in stacks.resources("AWS::Glue::Job").values():
        arguments = job["DefaultArguments"]
        places = [job["Command"]["ScriptLocation"], *(arguments.get(name, "") for name in CODE_ARGUMENTS)]
        assert all(re.search(r"/jobs/[0-9a-f]{16}/", json.dumps(place)) for place in places if place)


def test_every_table_of_the_marketplace_is_watched(stacks: Synthesized) -> None:
    made = [name for name, model in load_contracts().curated.items() if model.source]
    shown = json.dumps(stacks.resources("AWS::CloudWatch::Dashboard"))
    (rejected,) = [
        alarm for alarm in stacks.resources("AWS::CloudWatch::Alarm").values() if "rejected" in alarm["AlarmName"]
    ]
    assert len(made) >= 4
    for name in made:
        assert name in shown and f'"{name}"' in json.dumps(rejected), name


CODE_ARGUMENTS = ("--config", "--additional-python-modules", "--extra-files")


def test_uploads_are_read_with_the_key_of_their_bucket() -> None:
    key = example_configuration("production").deployment.bootstrap_key_arn
    found = [
        (one["Sid"], one["Resource"])
        for _, one in synthesized("production").statements()
        if key in listed(one["Resource"])
    ]
    assert sorted(found) == [("DecryptArchive", key)]

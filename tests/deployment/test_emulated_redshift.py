"""Redshift Serverless of the emulated AWS: IAM is asked, the stand-in for Redshift runs the statements."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from servers.aws.server import REGION, EmulatedAws
from servers.aws.warehouse import connected_redshift
from servers.postgresql import PostgreSQL

pytestmark = pytest.mark.service

ACCOUNT, LAKE = "123456789012", "redshift-lake"
WORKGROUP, DATABASE = "rental", "numbers"
DATA = "redshift-data"


def role(name: str, service: str, **more: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    properties = {"RoleName": name, "AssumeRolePolicyDocument": document, **more}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Load": role("load", "glue.amazonaws.com", Tags=[{"Key": "RedshiftDbRoles", "Value": "loader:nobody"}]),
        "Read": role("read", "glue.amazonaws.com"),
        "Copy": role("copy", "redshift.amazonaws.com"),
        "Foreign": role("foreign", "glue.amazonaws.com"),
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "KeyPolicy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ],
                }
            },
        },
        "Namespace": {
            "Type": "AWS::RedshiftServerless::Namespace",
            "Properties": {
                "NamespaceName": WORKGROUP,
                "DbName": DATABASE,
                "AdminUsername": "boss",
                "ManageAdminPassword": True,
                "AdminPasswordSecretKmsKeyId": {"Ref": "Key"},
                "IamRoles": [{"Fn::GetAtt": ["Copy", "Arn"]}, {"Fn::GetAtt": ["Foreign", "Arn"]}],
                "DefaultIamRoleArn": {"Fn::GetAtt": ["Copy", "Arn"]},
            },
        },
        "Workgroup": {
            "Type": "AWS::RedshiftServerless::Workgroup",
            "Properties": {"WorkgroupName": WORKGROUP, "NamespaceName": {"Ref": "Namespace"}, "BaseCapacity": 8},
        },
    },
    "Outputs": {
        "Workgroup": {"Value": {"Fn::GetAtt": ["Workgroup", "Workgroup.WorkgroupArn"]}},
        "Secret": {"Value": {"Fn::GetAtt": ["Namespace", "Namespace.AdminPasswordSecretArn"]}},
        "Key": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}},
    },
}


class Warehouse:
    """The workgroup, as one role or as the admin."""

    def __init__(self, aws: EmulatedAws, outputs: dict[str, str]) -> None:
        self.aws = aws
        self.arn, self.secret, self.key = (outputs[name] for name in ("Workgroup", "Secret", "Key"))

    def start(self, sql: str, name: str | None = None, **more: Any) -> tuple[Any, str]:
        client = self.aws.client(DATA, self.aws.assume(name, "glue.amazonaws.com")) if name else self.aws.client(DATA)
        place = {"WorkgroupName": WORKGROUP, "Database": DATABASE}
        return client, client.execute_statement(Sql=sql, **place, **more)["Id"]

    def run(self, sql: str, name: str | None = None, **more: Any) -> dict[str, Any]:
        """Run one statement as a role, or as the account's root, who is the admin here."""
        client, statement = self.start(sql, name, **more)
        while (answer := client.describe_statement(Id=statement))["Status"] not in {"FINISHED", "FAILED", "ABORTED"}:
            time.sleep(0.02)
        return dict(answer)

    def done(self, *sqls: str, name: str | None = None) -> None:
        for sql in sqls:
            answer = self.run(sql, name)
            assert answer["Status"] == "FINISHED", answer.get("Error")

    def error(self, sql: str, name: str | None = None) -> str:
        answer = self.run(sql, name)
        assert answer["Status"] == "FAILED", answer
        return str(answer["Error"])

    def let_use(self, name: str) -> None:
        """Give a role what the Data API asks for."""
        for action in ("redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"):
            self.aws.allow(name, action, self.arn)
        self.aws.allow(name, "redshift-data:DescribeStatement")


@pytest.fixture
def warehouse(empty: EmulatedAws, postgresql: PostgreSQL) -> Iterator[Warehouse]:
    aws = empty
    with connected_redshift(aws, postgresql):
        cloudformation = aws.client("cloudformation")
        body = json.dumps(TEMPLATE)
        cloudformation.create_stack(StackName="redshift", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        wait = {"Delay": 1, "MaxAttempts": 30}
        cloudformation.get_waiter("stack_create_complete").wait(StackName="redshift", WaiterConfig=wait)
        (stack,) = cloudformation.describe_stacks(StackName="redshift")["Stacks"]
        yield Warehouse(aws, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})


def test_role_needs_the_right_to_the_workgroup_and_to_log_in(warehouse: Warehouse) -> None:
    from botocore.exceptions import ClientError

    for action in ("redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"):
        with pytest.raises(ClientError, match=action):
            warehouse.start("SELECT 1", "read")
        warehouse.aws.allow("read", action, warehouse.arn)
    client, statement = warehouse.start("SELECT 1", "read")
    with pytest.raises(ClientError, match="redshift-data:DescribeStatement"):
        client.describe_statement(Id=statement)


def test_statement_belongs_to_who_started_it(warehouse: Warehouse) -> None:
    from botocore.exceptions import ClientError

    warehouse.let_use("load")
    warehouse.let_use("read")
    owned = {"StringNotEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
    deny = {"Effect": "Deny", "Action": "redshift-data:DescribeStatement", "Resource": "*", "Condition": owned}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    warehouse.aws.client("iam").put_role_policy(RoleName="read", PolicyName="own", PolicyDocument=document)
    mine, statement = warehouse.start("SELECT 1", "read")
    assert mine.describe_statement(Id=statement)["Database"] == DATABASE
    _, other = warehouse.start("SELECT 1", "load")
    with pytest.raises(ClientError, match="redshift-data:DescribeStatement"):
        mine.describe_statement(Id=other)


def test_user_of_a_role_has_the_database_roles_of_its_tag(warehouse: Warehouse) -> None:
    warehouse.done("CREATE SCHEMA curated", "CREATE TABLE curated.a (id BIGINT)", "CREATE ROLE loader")
    warehouse.done("GRANT USAGE ON SCHEMA curated TO ROLE loader", "GRANT INSERT ON TABLE curated.a TO ROLE loader")
    for name in ("load", "read"):
        warehouse.let_use(name)
    warehouse.done("INSERT INTO curated.a (id) VALUES (1)", name="load")
    assert "permission denied" in warehouse.error("INSERT INTO curated.a (id) VALUES (1)", "read")
    warehouse.done('GRANT ROLE loader TO "IAMR:read"')
    warehouse.done("INSERT INTO curated.a (id) VALUES (2)", name="read")
    warehouse.done('REVOKE ROLE loader FROM "IAMR:read"')
    assert "permission denied" in warehouse.error("INSERT INTO curated.a (id) VALUES (3)", "read")
    # The deployment's function passes over users that are gone, and knows them by these words.
    assert "does not exist" in warehouse.error('REVOKE ROLE loader FROM "IAMR:nobody"')


def test_user_may_be_made_before_it_logs_in(warehouse: Warehouse) -> None:
    create = 'CREATE USER "IAMR:read" PASSWORD DISABLE'
    arn = f"arn:aws:iam::{ACCOUNT}:role/copy"
    warehouse.done(create, "CREATE SCHEMA curated", 'GRANT USAGE ON SCHEMA curated TO "IAMR:read"')
    warehouse.done("REVOKE ASSUMEROLE ON ALL FROM PUBLIC FOR ALL")
    warehouse.done(f"GRANT ASSUMEROLE ON '{arn}' TO \"IAMR:read\" FOR COPY")
    assert "already exists" in warehouse.error(create)
    warehouse.let_use("read")
    warehouse.done("SELECT 1", name="read")


def test_admin_is_who_may_read_the_admins_secret(warehouse: Warehouse) -> None:
    from botocore.exceptions import ClientError

    warehouse.aws.allow("read", "redshift-data:ExecuteStatement", warehouse.arn)
    for action, resource in (
        ("secretsmanager:GetSecretValue", warehouse.secret),
        ("kms:Decrypt", warehouse.key),
    ):
        with pytest.raises(ClientError, match=action):
            warehouse.start("SELECT 1", "read", SecretArn=warehouse.secret)
        warehouse.aws.allow("read", action, resource)
    warehouse.aws.allow("read", "redshift-data:DescribeStatement")
    assert warehouse.run("CREATE SCHEMA made_by_admin", "read", SecretArn=warehouse.secret)["Status"] == "FINISHED"
    content = json.loads(
        warehouse.aws.client("secretsmanager").get_secret_value(SecretId=warehouse.secret)["SecretString"]
    )
    assert content["username"] == "boss"
    other = warehouse.aws.client("secretsmanager").create_secret(Name="other", SecretString="{}")["ARN"]
    with pytest.raises(ClientError, match="is not that of the admin"):
        warehouse.start("SELECT 1", SecretArn=other)


@pytest.fixture
def copied(warehouse: Warehouse) -> str:
    """A COPY of one Parquet file, without its IAM_ROLE."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    s3 = warehouse.aws.client("s3")
    s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": REGION})
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([1, 2], pa.int64())}), buffer)
    content = buffer.getvalue()
    s3.put_object(Bucket=LAKE, Key="part.parquet", Body=content)
    entry = {"url": f"s3://{LAKE}/part.parquet", "mandatory": True, "meta": {"content_length": len(content)}}
    s3.put_object(Bucket=LAKE, Key="manifest", Body=json.dumps({"entries": [entry]}))
    warehouse.done("CREATE TABLE public.a (id BIGINT)")
    return f"COPY public.a (id) FROM 's3://{LAKE}/manifest' IAM_ROLE {{}} FORMAT AS PARQUET MANIFEST"


def test_copy_reads_by_the_role_it_names(warehouse: Warehouse, copied: str) -> None:
    arn = f"'arn:aws:iam::{ACCOUNT}:role/{{}}'".format
    assert "Access Denied" in warehouse.error(copied.format(arn("copy")))
    warehouse.aws.allow("copy", "s3:GetObject", f"arn:aws:s3:::{LAKE}/*")
    for named in (arn("copy"), "DEFAULT"):
        answer = warehouse.run(copied.format(named))
        assert (answer["Status"], answer["ResultRows"]) == ("FINISHED", 2), answer.get("Error")
    # One that the namespace does not have, and one that does not trust Redshift.
    for name in ("load", "foreign"):
        assert "is not authorized to assume IAM Role" in warehouse.error(copied.format(arn(name)))

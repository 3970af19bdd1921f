"""Alerts, metrics, schedules and secrets of the emulated AWS, under the policies that AWS would ask."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deployment.deployed import Deployed
from rental_analytics.pipeline import STEPS

pytestmark = pytest.mark.service

EXTRACT = STEPS[0]
ACCOUNT = "123456789012"
FAULT = {"raise": "QualityError: bad. Remedy: fix it."}


OF_THIS_ACCOUNT = {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}


@pytest.mark.parametrize("own", [OF_THIS_ACCOUNT, {"Principal": {"Service": "s3.amazonaws.com"}}])
def test_topic_has_to_let_events_publish(deployed: Deployed, own: dict[str, object]) -> None:
    topic = deployed.names["Alerts"]
    rights = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [rights | own | {"Resource": topic}]})
    deployed.aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    deployed.order(EXTRACT, FAULT)
    assert deployed.run()["status"] == "FAILED"
    assert deployed.alerts(0) == []


@pytest.mark.parametrize(("own", "is_allowed"), [(None, False), (OF_THIS_ACCOUNT, False), ({}, True)])
def test_key_of_the_topic_has_to_let_events_encrypt(
    deployed: Deployed, own: dict[str, object] | None, is_allowed: bool
) -> None:
    statements = [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*"}]
    if own is not None:
        events = {"Service": "events.amazonaws.com"}
        rights = {"Effect": "Allow", "Principal": events, "Action": ["kms:GenerateDataKey*", "kms:Decrypt"]}
        statements.append(rights | own)
    policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": "*"} for statement in statements]}
    key = deployed.aws.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    deployed.aws.client("sns").set_topic_attributes(
        TopicArn=deployed.names["Alerts"], AttributeName="KmsMasterKeyId", AttributeValue=key
    )
    deployed.order(EXTRACT, FAULT)
    assert deployed.run()["status"] == "FAILED"
    assert len(deployed.alerts(int(is_allowed))) == is_allowed


def test_secret_needs_the_right_to_its_key(deployed: Deployed) -> None:
    from botocore.exceptions import ClientError

    aws, role = deployed.aws, deployed.names["JobRole"]
    rights = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [rights | {"Resource": "*"}]})
    key = aws.client("kms").create_key(Policy=document)["KeyMetadata"]["Arn"]
    secret = aws.client("secretsmanager").create_secret(Name="reader", SecretString="x", KmsKeyId=key)["ARN"]
    client = aws.client("secretsmanager", aws.assume(role, "glue.amazonaws.com"))
    with pytest.raises(ClientError, match="secretsmanager:GetSecretValue"):
        client.get_secret_value(SecretId=secret)
    aws.allow(role, "secretsmanager:GetSecretValue", secret)
    with pytest.raises(ClientError, match="kms:Decrypt"):
        client.get_secret_value(SecretId=secret)
    aws.allow(role, "kms:Decrypt", key)
    assert client.get_secret_value(SecretId=secret)["SecretString"] == "x"


def test_metrics_raise_an_alarm(deployed: Deployed) -> None:
    aws = deployed.aws
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="rejected",
        Namespace="Rental",
        MetricName="RejectedShare",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    aws.allow(deployed.names["JobRole"], "cloudwatch:PutMetricData")
    job = aws.client("cloudwatch", aws.assume(deployed.names["JobRole"], "glue.amazonaws.com"))
    now = datetime.now(UTC)
    job.put_metric_data(
        Namespace="Rental", MetricData=[{"MetricName": "RejectedShare", "Value": 0.3, "Timestamp": now}]
    )
    found = cloudwatch.get_metric_statistics(
        Namespace="Rental",
        MetricName="RejectedShare",
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Maximum"],
    )
    assert [point["Maximum"] for point in found["Datapoints"]] == [0.3]
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["rejected"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"


def test_schedule_starts_the_machine_by_its_role(deployed: Deployed) -> None:
    aws, machine = deployed.aws, deployed.names["Machine"]
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="schedule", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    aws.client("scheduler").create_schedule(
        Name="nightly",
        ScheduleExpression="cron(0 3 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": machine, "RoleArn": role, "Input": json.dumps({"as_of": "2026-03-01"})},
    )
    with pytest.raises(RuntimeError, match="states:StartExecution"):
        aws.fire_schedule("nightly")
    aws.allow("schedule", "states:StartExecution", machine)
    aws.fire_schedule("nightly")
    (execution,) = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert deployed.end(execution["executionArn"])["status"] == "SUCCEEDED"
    assert {run["arguments"]["as_of"] for run in deployed.seen(EXTRACT)} == {"2026-03-01"}


def test_metrics_go_to_the_namespaces_that_a_policy_names(deployed: Deployed) -> None:
    from botocore.exceptions import ClientError

    aws, role = deployed.aws, deployed.names["JobRole"]
    condition = {"StringEquals": {"cloudwatch:namespace": ["Rental", "Glue"]}}
    statement = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="metrics", PolicyDocument=document)
    job = aws.client("cloudwatch", aws.assume(role, "glue.amazonaws.com"))
    job.put_metric_data(Namespace="Rental", MetricData=[{"MetricName": "Rows", "Value": 1}])
    # So many numbers that the client compresses them.
    job.put_metric_data(
        Namespace="Glue", MetricData=[{"MetricName": f"{'Rows' * 40}{n}", "Value": n} for n in range(99)]
    )
    with pytest.raises(ClientError, match="cloudwatch:PutMetricData"):
        job.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "Rows", "Value": 1}])


def test_role_may_do_everything_where_nothing_is_enforced(deployed: Deployed) -> None:
    from botocore.exceptions import ClientError

    job = deployed.aws.client("s3", deployed.aws.assume(deployed.names["JobRole"], "glue.amazonaws.com"))
    with pytest.raises(ClientError, match="AccessDenied"):
        job.list_buckets()
    deployed.aws.configure(enforced=False)
    assert job.list_buckets()["Buckets"]

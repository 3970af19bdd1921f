"""A small deployment around the real state machine: five jobs that run `stand_in_job.py`, lock, topic and rule."""

import json
from datetime import timedelta
from typing import Any

from rental_analytics.pipeline import STEPS, Step
from rental_analytics.runners.state_machine import Waiting, job_substitution, state_machine

WAITING = Waiting(
    api_call=timedelta(seconds=1),
    api_calls=3,
    job=timedelta(seconds=1),
    lake=timedelta(seconds=1),
    lake_tries=4,
)
PIPELINE = "rental"
OUTPUTS = ("Data", "Locks", "Machine", "MachineRole", "JobRole", "Alerts")
Document = dict[str, Any]


def template(scripts: str) -> Document:
    """The template; `scripts` is the bucket with `stand_in_job.py`."""
    names = {step: job_substitution(step) for step in STEPS}
    jobs = {name: _job(step, scripts) for step, name in names.items()}
    resources = {
        "Data": _resource("S3::Bucket"),
        "JobRole": _role("glue.amazonaws.com", _job_rights(scripts)),
        **jobs,
        "Locks": _resource(
            "DynamoDB::Table",
            AttributeDefinitions=[{"AttributeName": "pipeline", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pipeline", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        ),
        "MachineRole": _role("states.amazonaws.com", _machine_rights(list(names.values()))),
        "Machine": _resource(
            "StepFunctions::StateMachine",
            StateMachineName=PIPELINE,
            DefinitionString=json.dumps(state_machine(WAITING)),
            DefinitionSubstitutions={name: _ref(name) for name in names.values()}
            | {"LockTable": _ref("Locks"), "Pipeline": PIPELINE},
            RoleArn=_attribute("MachineRole", "Arn"),
        ),
        "Alerts": _resource("SNS::Topic", TopicName=f"{PIPELINE}-alerts"),
        "Undelivered": _resource(
            "CloudWatch::Alarm",
            AlarmName=f"{PIPELINE}-undelivered",
            AlarmActions=[_ref("Alerts")],
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Period=300,
            Statistic="Maximum",
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        ),
        "AlertsPolicy": _resource(
            "SNS::TopicPolicy",
            Topics=[_ref("Alerts")],
            PolicyDocument=_document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]},
                    "Action": "sns:Publish",
                    "Resource": _ref("Alerts"),
                }
            ),
        ),
        "Failed": _resource(
            "Events::Rule",
            EventPattern={
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [_ref("Machine")]},
            },
            Targets=[{"Id": "Alerts", "Arn": _ref("Alerts")}],
        ),
    }
    outputs = {name: {"Value": _ref(name)} for name in (*OUTPUTS, *names.values())}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs}


def _job(step: Step, scripts: str) -> Document:
    return _resource(
        "Glue::Job",
        Role=_attribute("JobRole", "Arn"),
        Command={"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": f"s3://{scripts}/stand_in_job.py"},
        DefaultArguments={"--step": step.name, "--bucket": _ref("Data")},
        GlueVersion="5.1",
        WorkerType="G.1X",
        NumberOfWorkers=2,
        Timeout=5,
        MaxRetries=0,
        ExecutionProperty={"MaxConcurrentRuns": 1},
    )


def _job_rights(scripts: str) -> list[Document]:
    data = {"Fn::Sub": "${Data.Arn}/*"}
    return [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{scripts}/*"},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": data},
        # Without it S3 does not tell an object that is missing from one that is denied.
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": _attribute("Data", "Arn")},
    ]


def _machine_rights(jobs: list[str]) -> list[Document]:
    calls = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
    arns = [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:job/${{{job}}}"} for job in jobs
    ]
    items = ["dynamodb:PutItem", "dynamodb:DeleteItem"]
    return [
        {"Effect": "Allow", "Action": calls, "Resource": arns},
        {"Effect": "Allow", "Action": items, "Resource": _attribute("Locks", "Arn")},
    ]


def _role(service: str, rights: list[Document]) -> Document:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policy = {"PolicyName": "rights", "PolicyDocument": _document(*rights)}
    return _resource("IAM::Role", AssumeRolePolicyDocument=_document(trust), Policies=[policy])


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _resource(kind: str, **properties: Any) -> Document:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _ref(name: str) -> Document:
    return {"Ref": name}


def _attribute(name: str, attribute: str) -> Document:
    return {"Fn::GetAtt": [name, attribute]}

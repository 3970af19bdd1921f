"""The state machine that runs the jobs in order, its lock, its schedule, and who is told when a run fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.configuration import Configuration
from infra.parts.stack_options import StackOptions
from rental_analytics.contracts.steps import StepName
from rental_analytics.pipeline import STEPS
from rental_analytics.runners.state_machine import (
    LOCK_TABLE,
    PIPELINE,
    Waiting,
    job_substitution,
    state_machine,
)

RUNBOOK = "docs/cookbooks/failed-run.md"
ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")


class OrchestrationStack(Stack):
    """
    Attributes:
        machine: the state machine.
        topic: for alerts.
        dead_letters: starts that the schedule could not make.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        key: kms.IKey,
        jobs: Mapping[StepName, glue.CfnJob],
        **stack: Unpack[StackOptions],
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._configuration, self._key = configuration, key
        self._name = configuration.deployment.name
        self._jobs = jobs
        self._lock = self._made_lock()
        self.machine = self._made_machine()
        self.topic = self._made_topic()
        self.dead_letters = self._made_queue()
        self._tell_failures()
        self._schedule()

    def _made_lock(self) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            "Lock",
            table_name=f"{self._name}-lock",
            partition_key=dynamodb.Attribute(name="pipeline", type=dynamodb.AttributeType.STRING),
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self._key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # A lock is worth nothing without a run that holds it.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _made_machine(self) -> sfn.CfnStateMachine:
        group = logs.LogGroup(
            self,
            "MachineLog",
            # Step Functions lets this prefix write without a policy of the account growing too long.
            log_group_name=f"/aws/vendedlogs/states/{self._name}",
            encryption_key=self._key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._made_machine_role()
        waits = self._configuration.waits
        waiting = Waiting(
            api_call=timedelta(seconds=waits.api_call),
            job=timedelta(seconds=waits.job),
            lake=timedelta(seconds=waits.lake),
        )
        names = {job_substitution(step): self._jobs[step.name].ref for step in STEPS}
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=self._name,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=json.dumps(state_machine(waiting), indent=1),
            definition_substitutions={LOCK_TABLE: self._lock.table_name, PIPELINE: self._name, **names},
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # Errors name keys of rows; they stand in the execution's own history, which fewer can read.
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=group.log_group_arn
                        )
                    )
                ],
            ),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        machine.node.add_dependency(role)
        return machine

    def _made_machine_role(self) -> iam.Role:
        role = iam.Role(
            self,
            "MachineRole",
            role_name=f"{self._name}-machine",
            description="Starts the five jobs and holds the lock",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        job_arn = f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}:job"
        statements = [
            iam.PolicyStatement(
                sid="RunJobs",
                actions=["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
                resources=[f"{job_arn}/{job.ref}" for job in self._jobs.values()],
            ),
            iam.PolicyStatement(
                sid="HoldLock",
                actions=["dynamodb:PutItem", "dynamodb:DeleteItem"],
                resources=[self._lock.table_arn],
            ),
            iam.PolicyStatement(
                sid="UseKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._key.key_arn]
            ),
            # Deliveries of logs and traces have no resources to name.
            iam.PolicyStatement(
                sid="DeliverLogs",
                actions=[
                    "logs:CreateLogDelivery",
                    "logs:DeleteLogDelivery",
                    "logs:DescribeLogGroups",
                    "logs:DescribeResourcePolicies",
                    "logs:GetLogDelivery",
                    "logs:ListLogDeliveries",
                    "logs:PutResourcePolicy",
                    "logs:UpdateLogDelivery",
                ],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="Trace",
                actions=[
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    "xray:PutTelemetryRecords",
                    "xray:PutTraceSegments",
                ],
                resources=["*"],
            ),
        ]
        for statement in statements:
            role.add_to_policy(statement)
        return role

    def _made_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Alerts", topic_name=f"{self._name}-alerts", master_key=self._key, enforce_ssl=True)
        # EventBridge may publish by what its target adds: a condition in a topic's policy keeps it out.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="PublishAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        for number, email in enumerate(self._configuration.monitoring.email, start=1):
            # The first has had its name since there could be but one.
            id_ = "Email" if number == 1 else f"Email{number}"
            sns.Subscription(self, id_, topic=topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email)
        return topic

    def _made_queue(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{self._name}-dead-letters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _tell_failures(self) -> None:
        """One alert for each run that ends badly, whether the machine, its time limit or a person ended it."""
        detail = events.EventField.from_path
        message = (
            f"{self._name}: a run ended as {detail('$.detail.status')}. {detail('$.detail.error')}: "
            f"{detail('$.detail.cause')} Execution {detail('$.detail.executionArn')}. "
            f"What to do: {self._configuration.monitoring.runbook_url}{RUNBOOK}"
        )
        events.Rule(
            self,
            "EndedBadly",
            rule_name=f"{self._name}-ended-badly",
            description="A run failed, took too long or was stopped",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [self.machine.ref], "status": list(ENDED_BADLY)},
            ),
            targets=[
                targets.SnsTopic(
                    self.topic,
                    message=events.RuleTargetInput.from_text(message),
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=8,
                    max_event_age=Duration.hours(6),
                )
            ],
        )

    def _schedule(self) -> None:
        role = iam.Role(
            self,
            "ScheduleRole",
            role_name=f"{self._name}-schedule",
            description="Starts a run",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(sid="StartRun", actions=["states:StartExecution"], resources=[self.machine.ref])
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="KeepFailedStarts", actions=["sqs:SendMessage"], resources=[self.dead_letters.queue_arn]
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="UseKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._key.key_arn]
            )
        )
        wanted = self._configuration.schedule
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            name=self._name,
            description="Begins a run; one that finds another at work ends as Skipped",
            schedule_expression=wanted.expression,
            schedule_expression_timezone=wanted.zone,
            state="ENABLED" if wanted.enabled else "DISABLED",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            kms_key_arn=self._key.key_arn,
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.machine.ref,
                role_arn=role.role_arn,
                input="{}",
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=10
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn),
            ),
        )
        schedule.node.add_dependency(role)

"""What the deployment relies on of Glue, Step Functions, EventBridge and KMS, and how each is seen."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rental_analytics.doctor.glue.alerts import Alerts
from rental_analytics.doctor.glue.deployment import Deployment, Ended
from rental_analytics.doctor.results import DifferenceError, SkippedError
from rental_analytics.pipeline import STEPS
from rental_analytics.runners.state_machine import SKIPPED, SUCCESS, failure

LOG_PREFIX = "--custom-logGroup-prefix"
NO_DAY = "2026-02-30"
"""What the state machine lets through, and a job does not."""


@dataclass
class Checks:
    """Checks of a deployment, to be made in the order of `all`; later ones look at what earlier ones started.

    Args:
        namespace: of the numbers in CloudWatch.
        runs: whether a run of the whole pipeline may be started.
    """

    deployment: Deployment
    alerts: Alerts
    namespace: str = "Rental"
    runs: bool = True
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _refused: Ended | None = None
    _run: Ended | None = None
    _second: Ended | None = None

    def all(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Name and check of each claim."""
        for check in (
            self.unknown_input_is_refused,
            self.failure_is_an_alert,
            self.alarm_is_an_alert,
            self.error_names_its_class,
            self.run_succeeds,
            self.second_start_is_skipped,
            self.lock_is_released,
            self.numbers_arrive,
            self.output_is_logged,
            self.logs_are_kept_and_encrypted,
        ):
            yield check.__name__.replace("_", "-"), check

    def unknown_input_is_refused(self) -> str:
        """JSONata's `$error` ends an execution before it takes the lock or starts a job."""
        self._refused = end = self.deployment.end(self.deployment.start(verify="x"))
        wanted = end.status == "FAILED" and len(end.path) == 1 and "unknown parameters: verify" in end.cause
        return _need(wanted, f"{end.status} with {end.error}: {end.cause}")

    def failure_is_an_alert(self) -> str:
        """EventBridge may use topic and key."""
        if self._refused is None:
            raise SkippedError("no execution failed", "see unknown-input-is-refused.")
        wanted = self._refused.arn
        text = self.deployment.awaited("an alert about the failed execution", lambda: self.alerts.about(wanted))
        return f"a message: {text[:80]}"

    def alarm_is_an_alert(self) -> str:
        """CloudWatch may use topic and key."""
        alarm, cloudwatch = self.deployment.alarm, self.deployment.client("cloudwatch")
        before = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        if not before:
            raise SkippedError(f"there is no alarm {alarm}", "deploy the stack of monitoring.")
        reason = "make verify-glue asks whether alarms are delivered"
        # A state that it has already is no change.
        for state in ("OK", "ALARM"):
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason=reason)
        try:
            self.deployment.awaited("an alert about the alarm", lambda: self.alerts.about('"ALARM"'))
        finally:
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=before[0]["StateValue"], StateReason=reason)
        return f"a message about {alarm}"

    def error_names_its_class(self) -> str:
        """ErrorMessage of a job run has what the script raised, and the machine finds the class in it."""
        end = self.deployment.end(self.deployment.start(run_id=f"verify-{secrets.token_hex(4)}", as_of=NO_DAY))
        step = STEPS[0]
        wanted = end.error == "ConfigurationError" and end.path[-1] == failure(step)
        return _need(wanted, f"the execution ended in {end.path[-1]} with {end.error}: {end.cause}")

    def run_succeeds(self) -> str:
        """Wheels without an index, S3A, TLS to the database, and Redshift takes the role of COPY."""
        self._need_run()
        first = self.deployment.start()
        look = lambda: self.deployment.status(first) != "RUNNING" or self._is_at_work()  # noqa: E731
        self.deployment.awaited("a job of the run", look)
        self._second = self.deployment.end(self.deployment.start())
        end = self.deployment.end(first)
        if end.path[-1:] != (SUCCESS,):
            raise DifferenceError(f"{end.status} with {end.error}: {end.cause}")
        self._run = end
        return f"all {len(STEPS)} jobs succeeded"

    def second_start_is_skipped(self) -> str:
        """A condition that DynamoDB refuses arrives under the name that `Catch` has."""
        self._need_run()
        if self._second is None:
            raise SkippedError("no run was at work", "see run-succeeds.")
        path = self._second.path
        return _need(path[-1:] == (SKIPPED,), f"the second execution went through {', '.join(path)}")

    def lock_is_released(self) -> str:
        """Whatever happened above, the next run can begin."""
        key = {"pipeline": {"S": self.deployment.name}}
        held = self.deployment.client("dynamodb").get_item(TableName=self.deployment.lock, Key=key).get("Item")
        return _need(not held, f"the lock is held by {held['execution']['S']}" if held else "nobody holds the lock")

    def numbers_arrive(self) -> str:
        """A job may send metrics from where it runs."""
        self._need_success()
        cloudwatch = self.deployment.client("cloudwatch")

        def look() -> Any:
            found = cloudwatch.get_metric_statistics(
                Namespace=self.namespace,
                MetricName="RunsSucceeded",
                Dimensions=[{"Name": "Pipeline", "Value": self.deployment.name}],
                StartTime=self.began - timedelta(minutes=1),
                EndTime=datetime.now(UTC) + timedelta(minutes=1),
                Period=60,
                Statistics=["Sum"],
            )
            return sum(point["Sum"] for point in found["Datapoints"])

        return f"RunsSucceeded is {self.deployment.awaited('the number RunsSucceeded', look):g}"

    def output_is_logged(self) -> str:
        """Glue writes the output of a job into the groups that the deployment made."""
        self._need_success()
        logs, seen = self.deployment.client("logs"), []
        for job in self.deployment.jobs:
            run, prefix = self._newest_run(job), self._log_prefix(job)
            groups = [group["logGroupName"] for group in self._groups(prefix)]
            with_stream = [
                group
                for group in groups
                if logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=run)["logStreams"]
            ]
            if not with_stream:
                raise DifferenceError(f"no group of {', '.join(groups) or 'none'} has a stream of run {run} of {job}")
            seen += with_stream
        return f"streams in {', '.join(sorted(set(seen)))}"

    def logs_are_kept_and_encrypted(self) -> str:
        """Groups that Glue made itself have neither retention nor key."""
        self._need_success()
        prefixes = {self._log_prefix(job) for job in self.deployment.jobs}
        groups = [group for prefix in sorted(prefixes) for group in self._groups(prefix)]
        bare = [
            group["logGroupName"] for group in groups if not group.get("retentionInDays") or not group.get("kmsKeyId")
        ]
        return _need(groups and not bare, f"without retention or key: {', '.join(bare)}" if bare else f"{len(groups)}")

    def _is_at_work(self) -> bool:
        runs = self.deployment.client("glue").get_job_runs(JobName=self.deployment.jobs[0], MaxResults=1)["JobRuns"]
        return bool(runs) and runs[0]["JobRunState"] in {"STARTING", "RUNNING", "WAITING"}

    def _newest_run(self, job: str) -> str:
        runs = self.deployment.client("glue").get_job_runs(JobName=job, MaxResults=1)["JobRuns"]
        return str(runs[0]["Id"])

    def _log_prefix(self, job: str) -> str:
        arguments = self.deployment.client("glue").get_job(JobName=job)["Job"].get("DefaultArguments", {})
        if LOG_PREFIX not in arguments:
            raise SkippedError(f"{job} has no {LOG_PREFIX}", "deploy the stack of processing.")
        return str(arguments[LOG_PREFIX])

    def _groups(self, prefix: str) -> list[dict[str, Any]]:
        pages = self.deployment.client("logs").get_paginator("describe_log_groups")
        return [group for page in pages.paginate(logGroupNamePrefix=prefix) for group in page["logGroups"]]

    def _need_run(self) -> None:
        if not self.runs:
            raise SkippedError("no run was asked for", "leave out RUN=no: it reads the source and fills the warehouse.")

    def _need_success(self) -> None:
        self._need_run()
        if self._run is None:
            raise SkippedError("no run succeeded", "see run-succeeds.")


def _need(holds: object, seen: str) -> str:
    if not holds:
        raise DifferenceError(seen)
    return seen

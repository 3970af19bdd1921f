"""What is watched, who is told, and where to look: alarms with a runbook each, a dashboard, saved queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.configuration import Configuration
from infra.parts.names import CURATED_TABLES, METRICS_NAMESPACE, dpu_of
from infra.parts.stack_options import StackOptions
from infra.stacks.orchestration import OrchestrationStack
from infra.stacks.processing import ProcessingStack
from rental_analytics.contracts.steps import StepName
from rental_analytics.pipeline import STEPS

RUNBOOKS = "docs/cookbooks/alarms.md"
SECONDS_PER_HOUR = 3600
BAND = 4
"""Standard deviations around what is usual."""

QUERIES = {
    "failures": (
        "fields at, run_id, step, error, message, remedy",
        "filter event = 'failed'",
        "sort @timestamp desc",
        "limit 50",
    ),
    "retries": (
        "fields at, run_id, step, reason, message, attempt, attempts",
        "filter event = 'retry'",
        "sort @timestamp desc",
        "limit 200",
    ),
    "slowest work": (
        "filter event = 'work_done'",
        "stats max(seconds) as slowest, avg(seconds) as usual, max(rows) as most_rows by step, table",
        "sort slowest desc",
    ),
    "one run": (
        "fields at, step, event, message, table, rows, seconds",
        "filter run_id = 'PUT THE RUN HERE'",
        "sort @timestamp asc",
        "limit 1000",
    ),
}
"""Logs Insights queries over the jobs' output, whose lines docs/reference/logs.md describes."""


class MonitoringStack(Stack):
    """
    Attributes:
        alarms: by name, as the runbook calls them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        orchestration: OrchestrationStack,
        processing: ProcessingStack,
        **stack: Unpack[StackOptions],
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._configuration = configuration
        self._name = configuration.deployment.name
        self._topic = orchestration.topic
        self.alarms: dict[str, cloudwatch.CfnAlarm] = {}
        self._watch_runs()
        self._watch_rows()
        self._watch_costs()
        self._watch_dead_letters(orchestration)
        self._draw(orchestration)
        for title, lines in QUERIES.items():
            logs.CfnQueryDefinition(
                self,
                f"Query{title.title().replace(' ', '')}",
                name=f"{self._name}/{title}",
                query_string="\n| ".join(lines),
                log_group_names=[group.log_group_name for group in processing.output_logs],
            )

    def _watch_runs(self) -> None:
        wanted, hour = self._configuration.monitoring, Duration.hours(1)
        # Where runs begin by hand alone, none is late.
        if self._configuration.schedule.enabled:
            self._alarm(
                "late",
                f"No run has succeeded for {wanted.late_after_hours} hours",
                metric=self._metric("RunsSucceeded", hour, "Sum"),
                threshold=1,
                comparison="LessThanThreshold",
                periods=wanted.late_after_hours,
                missing="breaching",
            )
        self._alarm(
            "stale",
            f"Runs succeed, but there is no event, or the newest is older than {wanted.stale_after_hours} hours: "
            "are there new rows?",
            # It is 1 from monitoring.late_after on, which is stale_after_hours here, and where there is no data at all.
            metric=self._metric("DataLate", hour, "Maximum"),
            threshold=0,
            comparison="GreaterThanThreshold",
        )
        self._alarm(
            "rejected",
            f"More than {wanted.max_rejected_share:.0%} of a table's rows broke a rule and were rejected",
            metrics=_greatest([self._of_table("RejectedShare", hour, "Maximum", table) for table in CURATED_TABLES]),
            threshold=wanted.max_rejected_share,
            comparison="GreaterThanThreshold",
        )

    def _watch_rows(self) -> None:
        """Far fewer or more rows than on other days: half a table deleted, a loop in an application."""
        rows = self._metric("RowsIn", Duration.days(1), "Sum", Step=StepName.EXTRACT)
        self._alarm(
            "unusual",
            "The rows that a day's runs read are far from what is usual",
            metrics=[
                cloudwatch.CfnAlarm.MetricDataQueryProperty(id="rows", metric_stat=_stat(rows), return_data=True),
                cloudwatch.CfnAlarm.MetricDataQueryProperty(
                    id="usual", expression=f"ANOMALY_DETECTION_BAND(rows, {BAND})", label="usual", return_data=True
                ),
            ],
            comparison="LessThanLowerOrGreaterThanUpperThreshold",
            threshold_metric="usual",
        )

    def _watch_costs(self) -> None:
        """What the jobs may have used, failed ones too. Those that were killed are not in it: their runs are alerts."""
        limit = self._configuration.monitoring.dpu_hours_per_day
        terms, queries = [], []
        for number, step in enumerate(STEPS):
            dpu = dpu_of(self._configuration, step)
            seconds = self._metric("JobSeconds", Duration.days(1), "Sum", Step=step.name)
            queries.append(
                cloudwatch.CfnAlarm.MetricDataQueryProperty(
                    id=f"s{number}", metric_stat=_stat(seconds), return_data=False
                )
            )
            terms.append(f"FILL(s{number}, 0) * {dpu}")
        total = cloudwatch.CfnAlarm.MetricDataQueryProperty(
            id="hours", expression=f"({' + '.join(terms)}) / {SECONDS_PER_HOUR}", label="DPU-hours", return_data=True
        )
        self._alarm(
            "costly",
            f"The Glue jobs of a day may have used more than {limit:g} DPU-hours",
            metrics=[*queries, total],
            threshold=limit,
            comparison="GreaterThanThreshold",
        )

    def _watch_dead_letters(self, orchestration: OrchestrationStack) -> None:
        self._alarm(
            "undelivered",
            "A run could not be started, or an alert not be delivered",
            metric=orchestration.dead_letters.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=0,
            comparison="GreaterThanThreshold",
        )

    def _metric(self, name: str, period: Duration, statistic: str, **dimensions: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"Pipeline": self._name, **{key: str(value) for key, value in dimensions.items()}},
            period=period,
            statistic=statistic,
        )

    def _of_table(self, name: str, period: Duration, statistic: str, table: str) -> cloudwatch.Metric:
        """A number of a curated table, as it is counted in `transform`."""
        return self._metric(name, period, statistic, Step=StepName.TRANSFORM, Table=table)

    def _alarm(
        self,
        name: str,
        description: str,
        *,
        comparison: str,
        metric: cloudwatch.IMetric | None = None,
        metrics: Sequence[cloudwatch.CfnAlarm.MetricDataQueryProperty] | None = None,
        threshold: float | None = None,
        threshold_metric: str | None = None,
        periods: int = 1,
        missing: str = "ignore",
    ) -> None:
        runbook = f"{self._configuration.monitoring.runbook_url}{RUNBOOKS}#{name}"
        queries = metrics or [
            cloudwatch.CfnAlarm.MetricDataQueryProperty(id="value", metric_stat=_stat(metric), return_data=True)
        ]
        self.alarms[name] = cloudwatch.CfnAlarm(
            self,
            f"{name.capitalize()}Alarm",
            alarm_name=f"{self._name}-{name}",
            alarm_description=f"{description}. What to do: {runbook}",
            metrics=list(queries),
            comparison_operator=comparison,
            threshold=threshold,
            threshold_metric_id=threshold_metric,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            treat_missing_data=missing,
            alarm_actions=[self._topic.topic_arn],
            ok_actions=[self._topic.topic_arn],
        )

    def _draw(self, orchestration: OrchestrationStack) -> None:
        day = Duration.days(1)
        machine = {"StateMachineArn": orchestration.machine.ref}

        def runs(name: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/States", metric_name=name, dimensions_map=machine, period=day, statistic="Sum"
            )

        ends = [runs(f"Executions{end}") for end in ("Succeeded", "Failed", "TimedOut", "Aborted")]
        rows = [self._of_table("RowsIn", day, "Sum", table) for table in CURATED_TABLES]
        rejected = [self._of_table("RejectedShare", day, "Maximum", table) for table in CURATED_TABLES]
        seconds = [self._metric("Seconds", day, "Sum", Step=step.name) for step in STEPS]
        graphs = (
            ("Runs", ends),
            ("Age of the newest event, hours", [self._metric("FreshnessHours", day, "Maximum")]),
            ("Seconds of each step", seconds),
            ("Rows read", rows),
            ("Share of rejected rows", rejected),
        )
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._name)
        board.add_widgets(
            cloudwatch.AlarmStatusWidget(
                title="Alarms",
                width=24,
                alarms=[
                    cloudwatch.Alarm.from_alarm_arn(self, f"{name.capitalize()}Status", alarm.attr_arn)
                    for name, alarm in self.alarms.items()
                ],
            )
        )
        board.add_widgets(*(cloudwatch.GraphWidget(title=title, left=metrics, width=12) for title, metrics in graphs))


def _greatest(metrics: Sequence[cloudwatch.Metric]) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    """The greatest of several metrics; one without data does not count."""
    parts = [
        cloudwatch.CfnAlarm.MetricDataQueryProperty(id=f"m{number}", metric_stat=_stat(metric), return_data=False)
        for number, metric in enumerate(metrics)
    ]
    greatest = cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id="greatest", expression=f"MAX([{', '.join(part.id for part in parts)}])", label="greatest", return_data=True
    )
    return [*parts, greatest]


def _stat(metric: cloudwatch.IMetric | None) -> cloudwatch.CfnAlarm.MetricStatProperty:
    assert isinstance(metric, cloudwatch.Metric)
    return cloudwatch.CfnAlarm.MetricStatProperty(
        metric=cloudwatch.CfnAlarm.MetricProperty(
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=str(value))
                for name, value in (metric.dimensions or {}).items()
            ],
        ),
        period=round(metric.period.to_seconds()),
        stat=metric.statistic,
    )

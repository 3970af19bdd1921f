"""Numbers of a run for Amazon CloudWatch; docs/reference/monitoring.md has a table of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from datetime import time as time_of_day
from functools import cached_property
from typing import Any

from rental_analytics.aws.errors import error_code
from rental_analytics.aws.sessions import make_client
from rental_analytics.contracts.configuration import MonitoringSettings
from rental_analytics.contracts.events import DataSeen, Event, RunChanged, StepEnded, TableDone, WorkEnded
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import ConfigurationError, LockHeldError
from rental_analytics.monitoring.events import EventStream

METRICS: Mapping[str, tuple[str, str]] = {
    "RunsSucceeded": ("Count", "1 for a run that succeeded, 0 for one that failed"),
    "RunsFailed": ("Count", "1 for a run, or a start, that failed; 0 for one that succeeded"),
    "StepsFailed": ("Count", "1 for an attempt at a step that failed, 0 for one that succeeded"),
    "Seconds": ("Seconds", "how long a step took; for a table, how long it was read"),
    "JobSeconds": ("Seconds", "how long a job's process took, whether it succeeded or failed; only sent by jobs"),
    "RowsIn": ("Count", "rows that a step read or judged"),
    "RowsOut": ("Count", "rows that a step wrote to the lake or the warehouse"),
    "RowsSuperseded": ("Count", "rows that a newer one of the same key stood for, in `transform`"),
    "RowsRejected": ("Count", "rows that broke a rule and were set aside, in `transform`"),
    "RejectedShare": ("None", "`RowsRejected` of `RowsIn`, from 0 to 1; not sent for a table without rows"),
    "BytesWritten": ("Bytes", "bytes that a step wrote to the lake"),
    "FreshnessHours": (
        "None",
        "hours from the end of the newest day on which something happened to the moment up to which the source was "
        "read; 0 where that day is not over",
    ),
    "DataLate": ("Count", "1 where `FreshnessHours` is more than `monitoring.late_after`, or there is no data; else 0"),
}
"""Unit and meaning of each metric."""

_MOST_AT_ONCE = 1_000
_HOUR = timedelta(hours=1)
_DIMENSIONS = ("Pipeline", "Step", "Table")


class CloudWatchListener:
    """Sends what it hears when a step, a run or the program ends.

    What CloudWatch does not take is lost, and told once: numbers about a run are not worth a run.

    Args:
        region: None leaves it to boto3.
        events: takes the note about what was not taken.
        job: step of the job that this process is, and when it began by the monotonic clock.
    """

    def __init__(
        self,
        settings: MonitoringSettings,
        region: str | None,
        events: EventStream,
        job: tuple[StepName, float] | None = None,
    ) -> None:
        self._settings = settings
        self._region = region
        self._events = events
        self._job = job
        self._waiting: list[dict[str, Any]] = []
        self._has_told = False
        self._has_worked = self._has_failed = False

    def hear(self, event: Event) -> None:
        """Take in the numbers of one event."""
        self._waiting += [self._datum(name, value, place) for name, value, *place in self._numbers(event)]
        if isinstance(event, StepEnded | RunChanged):
            self._send()

    def fail(self, error: Exception) -> None:
        """Count an error that ended the program, unless its run was counted as failed.

        A run that waits for another one to end has not failed.
        """
        if not self._has_failed and not isinstance(error, LockHeldError):
            self._waiting += [self._datum(name, value, []) for name, value in _of_run(failed=True)]
        self._send()

    def end(self) -> None:
        """Tell how long the job took, however it ended; a process that is killed cannot."""
        if self._job:
            step, began = self._job
            self._waiting.append(self._datum("JobSeconds", time.monotonic() - began, [step]))
            self._send()

    def _numbers(self, event: Event) -> Iterator[tuple[Any, ...]]:
        """Name, value, and what it is of: nothing more for the pipeline, else a step, or a step and a table."""
        match event:
            case WorkEnded(work, _, seconds, failed=False) if work.table:
                yield "Seconds", seconds, work.step, work.table
            case TableDone():
                yield from _of_table(event)
            case DataSeen():
                yield from self._freshness(event)
            case StepEnded(record) if record.status != "skipped":
                self._has_worked = True
                yield "StepsFailed", int(record.status == "failed"), record.step
                if record.status == "succeeded":
                    yield "Seconds", record.seconds, record.step
                    yield "RowsIn", record.rows_in, record.step
                    yield "RowsOut", record.rows_out, record.step
                    yield "BytesWritten", record.bytes, record.step
            # A job that is repeated says again that its run succeeded.
            case RunChanged(record) if record.status == "failed" or (record.status == "succeeded" and self._has_worked):
                self._has_failed = record.status == "failed"
                yield from _of_run(failed=self._has_failed)

    def _freshness(self, seen: DataSeen) -> Iterator[tuple[str, float]]:
        if seen.newest_day is None:
            yield "DataLate", 1
            return
        end = datetime.combine(seen.newest_day, time_of_day()) + timedelta(days=1)
        age = max(seen.upper_bound.replace(tzinfo=None) - end, timedelta(0))
        yield "FreshnessHours", age / _HOUR
        yield "DataLate", int(age > self._settings.late_after)

    def _datum(self, name: str, value: float, place: list[str]) -> dict[str, Any]:
        dimensions = zip(_DIMENSIONS, (self._settings.pipeline, *map(str, place)), strict=False)
        return {
            "MetricName": name,
            "Dimensions": [{"Name": dimension, "Value": text} for dimension, text in dimensions],
            "Value": float(value),
            "Unit": METRICS[name][0],
        }

    @cached_property
    def _client(self) -> Any:
        where = "AWS_REGION"
        return make_client("cloudwatch", "CloudWatch", where, region=self._region, attempts=2, read_timeout=10)

    def _send(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        waiting, self._waiting = self._waiting, []
        try:
            for start in range(0, len(waiting), _MOST_AT_ONCE):
                data = waiting[start : start + _MOST_AT_ONCE]
                self._client.put_metric_data(Namespace=self._settings.cloudwatch_namespace, MetricData=data)
        except ClientError as error:
            self._tell_once(
                f"CloudWatch refused them: {error_code(error.response)}; PutMetricData needs the right "
                f"cloudwatch:PutMetricData for the namespace {self._settings.cloudwatch_namespace}"
            )
        except (BotoCoreError, ConfigurationError) as error:
            self._tell_once(f"CloudWatch cannot be reached: {str(error).rstrip('.')}")

    def _tell_once(self, why: str) -> None:
        if not self._has_told:
            self._has_told = True
            told = f"not all numbers of this run reach CloudWatch, and it goes on without them: {why}"
            self._events.note(told, topic="monitoring")


def _of_run(*, failed: bool) -> Iterator[tuple[str, float]]:
    yield "RunsSucceeded", int(not failed)
    yield "RunsFailed", int(failed)


def _of_table(done: TableDone) -> Iterator[tuple[str, float, StepName, str]]:
    counted = {
        "RowsIn": done.rows_in,
        "RowsOut": done.rows_out,
        "RowsSuperseded": done.superseded,
        "RowsRejected": done.rejected,
        "RejectedShare": done.rejected / done.rows_in if done.rejected is not None and done.rows_in else None,
    }
    for name, value in counted.items():
        if value is not None:
            yield name, value, done.step, done.table

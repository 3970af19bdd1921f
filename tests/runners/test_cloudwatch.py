"""Numbers of runs in CloudWatch: read back from an emulated one (MiniStack), and missed without harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rental_analytics.contracts.configuration import MonitoringSettings
from rental_analytics.contracts.events import DataSeen, TableDone
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import LockHeldError
from rental_analytics.monitoring.cloudwatch import METRICS, CloudWatchListener
from rental_analytics.monitoring.events import EventStream
from rental_analytics.pipeline import STEP_NAMES
from rental_analytics.settings import load_settings
from rental_analytics.storage.local import LocalLake
from rental_analytics.storage.lock import RunLock
from runners.jobs import Jobs
from runs.harness import Pipeline, Source
from servers.s3 import S3Server, start_s3

ON = "monitoring.cloudwatch=true"
AT_ONCE = "retries.attempts=1"


class Sent:
    """What arrived in a namespace."""

    def __init__(self, client: Any, namespace: str) -> None:
        self._client = client
        self.setting = f"monitoring.cloudwatch_namespace={namespace}"
        self._namespace = namespace

    @property
    def places(self) -> set[tuple[str, ...]]:
        """Names of metrics with the values of their dimensions."""
        found = set[tuple[str, ...]]()
        for page in self._client.get_paginator("list_metrics").paginate(Namespace=self._namespace):
            for metric in page["Metrics"]:
                dimensions = {item["Name"]: item["Value"] for item in metric["Dimensions"]}
                assert list(dimensions) == ["Pipeline", "Step", "Table"][: len(dimensions)]
                found.add((metric["MetricName"], *dimensions.values()))
        return found

    def values(self, name: str, *place: str) -> list[float]:
        """Sum and number of what was sent under a name."""
        now = datetime.now(UTC)
        answer = self._client.get_metric_statistics(
            Namespace=self._namespace,
            MetricName=name,
            Dimensions=[
                {"Name": dimension, "Value": value}
                for dimension, value in zip(("Pipeline", "Step", "Table"), ("rental", *place), strict=False)
            ],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=86_400,
            Statistics=["Sum", "SampleCount"],
        )
        assert {point["Unit"] for point in answer["Datapoints"]} <= {METRICS[name][0]}
        points = answer["Datapoints"]
        return [sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)]


@pytest.fixture(scope="module")
def monitoring() -> Iterator[S3Server]:
    with start_s3(services="monitoring") as server:
        yield server


@pytest.fixture
def sent(monitoring: S3Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Sent]:
    """CloudWatch as this process's clients find it, with a namespace that nobody used before."""
    for name, value in monitoring.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", monitoring.endpoint_url)
    with closing(monitoring.client("cloudwatch")) as client:
        yield Sent(client, f"Test/{request.node.name}")


@pytest.mark.service
def test_numbers_of_a_run_in_one_process_and_of_one_that_fails(sent: Sent, pipeline: Pipeline, source: Source) -> None:
    source.insert("bookings", {"booking_id": 3, "booking_status": "maybe", "updated_at": "2024-03-02"})
    pipeline.run(ON, sent.setting, run_id="first")
    assert sent.values("RunsSucceeded") == [1, 1]
    assert sent.values("RunsFailed") == [0, 1]
    assert sent.values("RowsIn", "extract") == [8, 1]
    assert sent.values("RowsOut", "extract", "bookings") == [3, 1]
    assert sent.values("Seconds", "extract", "bookings")[1] == 1
    assert sent.values("RowsIn", "transform", "bookings") == [3, 1]
    assert sent.values("RowsOut", "transform", "bookings") == [2, 1]
    assert sent.values("RowsRejected", "transform", "bookings") == [1, 1]
    assert sent.values("RejectedShare", "transform", "bookings") == [pytest.approx(1 / 3), 1]
    assert sent.values("RejectedShare", "transform", "viewings") == [0, 1]
    assert sent.values("RowsOut", "load-raw", "raw_data.bookings") == [3, 1]
    assert sent.values("RowsOut", "load-curated", "curated.bookings") == [2, 1]
    for step in ("extract", "transform", "load-raw", "load-curated", "metrics"):
        seconds, samples = sent.values("Seconds", step)
        assert (seconds > 0, samples, sent.values("StepsFailed", step)) == (True, 1, [0, 1])
    newest = pipeline.rows("SELECT MAX(as_of) FROM ops.runs")[0][0]
    age = (datetime.now(UTC).replace(tzinfo=None) - datetime.combine(newest, datetime.min.time())) / timedelta(hours=1)
    hours, samples = sent.values("FreshnessHours")
    assert samples == 1 and hours == pytest.approx(age - 24, abs=1)
    assert sent.values("DataLate") == [1, 1]
    assert {place[0] for place in sent.places} == set(METRICS) - {"JobSeconds"}

    source.execute("DROP TABLE user_viewing")
    with pytest.raises(Exception, match="no table user_viewing"):
        pipeline.run(ON, sent.setting, AT_ONCE, run_id="second")
    assert sent.values("RunsFailed") == [1, 2]
    assert sent.values("RunsSucceeded") == [1, 2]
    assert sent.values("StepsFailed", "extract") == [1, 2]


@pytest.mark.service
def test_jobs_send_numbers_each_of_its_step(sent: Sent, jobs: Jobs, source: Source, pipeline: Pipeline) -> None:
    settings = (ON, sent.setting, AT_ONCE, "monitoring.pipeline=rental")
    assert jobs.do_all("first", *settings).code == 0
    assert sent.values("RunsSucceeded") == [1, 1]
    assert sent.values("RowsOut", "extract", "bookings") == [2, 1]
    assert sent.values("StepsFailed", "metrics") == [0, 1]
    assert [sent.values("JobSeconds", step)[1] for step in STEP_NAMES] == [1] * len(STEP_NAMES)
    # A job that is repeated does nothing, and says so by no number.
    assert jobs.do("extract", "first", *settings).code == 0
    assert sent.values("RowsOut", "extract") == [sent.values("RowsOut", "extract")[0], 1]
    # A start that fails before a run begins is a run that failed; one that waits for another is none.
    assert jobs.do("extract", "next", *settings, "source.url=sqlite:///gone/none.db").code != 0
    assert sent.values("RunsFailed") == [1, 2]
    # Time is paid for whether or not it led to anything.
    assert sent.values("JobSeconds", "extract")[1] == 3
    lock = RunLock(LocalLake(pipeline.folder / "lake"))
    lock.acquire("other")
    assert jobs.do("extract", "next", *settings).code == LockHeldError.exit_code
    lock.release()
    assert sent.values("RunsFailed") == [1, 2]


@pytest.mark.slow
def test_off_by_default(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CloudWatchListener, "__init__", lambda *_: pytest.fail("nobody asked for it"))
    assert jobs.do("extract", "nightly").code == 0


@pytest.mark.slow
def test_run_goes_on_where_cloudwatch_does_not_answer(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1")
    end = jobs.do("extract", "nightly", ON)
    assert end.code == 0
    told = [line["message"] for line in end.events("note") if line["message"].startswith("monitoring: ")]
    assert len(told) == 1 and "CloudWatch cannot be reached" in told[0]


@pytest.mark.slow
def test_run_goes_on_where_cloudwatch_refuses(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    class Refusing:
        def put_metric_data(self, **_: object) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutMetricData")

    monkeypatch.setattr(CloudWatchListener, "_client", Refusing())
    end = jobs.do_all("nightly", ON)
    assert end.code == 0
    told = [
        line for line in end.events("note") if "cloudwatch:PutMetricData for the namespace Rental" in line["message"]
    ]
    assert len(told) == len({line["step"] for line in told}) == 5


class Taking:
    """A client that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def put_metric_data(self, **call: Any) -> None:
        self.calls.append(call)


@pytest.fixture
def taking(monkeypatch: pytest.MonkeyPatch) -> Taking:
    taking = Taking()
    monkeypatch.setattr(CloudWatchListener, "_client", taking)
    return taking


@pytest.mark.fast
@pytest.mark.parametrize(
    ("newest", "hours", "late"),
    [
        (date(2024, 5, 3), 0, 0),
        (date(2024, 5, 2), 12, 0),
        (date(2024, 4, 30), 60, 1),
        (None, None, 1),
    ],
)
def test_age_is_that_of_the_newest_day_at_the_moment_of_reading(
    taking: Taking, newest: date | None, hours: float | None, late: int
) -> None:
    listener = CloudWatchListener(MonitoringSettings(), None, EventStream())
    listener.hear(DataSeen(newest, newest, datetime(2024, 5, 3, 12, tzinfo=UTC)))
    assert not taking.calls
    listener.fail(RuntimeError())
    (call,) = taking.calls
    found = {datum["MetricName"]: datum["Value"] for datum in call["MetricData"]}
    expected = {"DataLate": late, "RunsFailed": 1, "RunsSucceeded": 0}
    assert found == expected | ({} if hours is None else {"FreshnessHours": hours})


@pytest.mark.fast
def test_numbers_go_in_batches_that_cloudwatch_takes(taking: Taking) -> None:
    listener = CloudWatchListener(MonitoringSettings(cloudwatch_namespace="Company/Rental"), None, EventStream())
    for number in range(600):
        listener.hear(TableDone(StepName.EXTRACT, f"table_{number}", 1, rows_in=2))
    listener.fail(LockHeldError("held.", remedy="wait."))
    assert [len(call["MetricData"]) for call in taking.calls] == [1_000, 200]
    assert {call["Namespace"] for call in taking.calls} == {"Company/Rental"}


@pytest.mark.fast
@pytest.mark.parametrize("wrong", ["AWS/Glue", "", "a b", "x" * 256])
def test_namespace_is_one_of_ones_own(tmp_path: Any, wrong: str) -> None:
    file = tmp_path / "rental.toml"
    file.write_text('[source]\nurl = "sqlite:///m.db"\n')
    with pytest.raises(Exception, match=r"monitoring\.cloudwatch_namespace"):
        load_settings(file, [f"monitoring.cloudwatch_namespace={wrong}"])

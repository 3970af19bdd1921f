"""What Spark may stop for: doing what the remedy says, the run succeeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.program import rental_program
from rental_analytics.engines.spark import reads as spark_reads
from rental_analytics.engines.spark import session as spark_session
from rental_analytics.engines.spark.errors import translated
from rental_analytics.engines.spark.session import SparkStepSession
from runs.harness import Pipeline, Source, failure
from servers.spark import OF_A_PROCESS

pytestmark = pytest.mark.slow

Patch = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("bookings", {"booking_id": 1})
    return source


def spark_says(text: str) -> Patch:
    """Let each query end with what Spark said."""

    def frame(_session: SparkStepSession, _sql: str) -> None:
        from pyspark.errors import PySparkException

        with translated():
            raise PySparkException(text)

    return lambda patch: patch.setattr(SparkStepSession, "frame", frame)


def one_row_more(patch: pytest.MonkeyPatch) -> None:
    honest = spark_session._rows_of_a_file
    patch.setattr(spark_session, "_rows_of_a_file", lambda file: honest(file) + 1)


CAUSES: dict[str, tuple[Patch, str]] = {
    "spark-cluster-ended": (
        spark_says("Cannot call methods on a stopped SparkContext."),
        "look at the cluster's log; run again once it is up.",
    ),
    "spark-lake-unavailable": (
        spark_says("x.S3Exception: Please reduce your request rate (Status Code: 503)"),
        "check the network, and that their credentials may read, write and delete there; then run again.",
    ),
    "engine-stopped": (
        spark_says("org.apache.spark.SparkException: Job aborted due to stage failure"),
        "run again; if it comes again, --debug shows the whole error.",
    ),
    "spark-rows-not-told": (
        lambda patch: patch.setattr(spark_reads, "_PATIENCE", 0),
        "run again; if it comes again, raise spark.scheduler.listenerbus.eventqueue.capacity.",
    ),
    "spark-rows-not-stored": (
        one_row_more,
        "run again; nothing of this run counts. If it comes again, Spark's machines do not write where this one "
        "reads: see docs/reference/spark.md.",
    ),
}


@pytest.mark.usefixtures("spark")
@pytest.mark.remedy("spark-cluster-ended")
@pytest.mark.remedy("spark-lake-unavailable")
@pytest.mark.remedy("engine-stopped")
@pytest.mark.remedy("spark-rows-not-told")
@pytest.mark.remedy("spark-rows-not-stored")
def test_what_is_over_when_run_again(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other stops a run on one lake; none is in the way of the run that nothing stops."""
    pipeline = Pipeline(tmp_path / "run", source.url, "engine.kind=spark", "retries.attempts=1")
    found = {}
    for cause, (change, _) in CAUSES.items():
        with monkeypatch.context() as patch:
            change(patch)
            error = failure(pipeline.extract)
        found[cause] = (error.reason, error.remedy)
    assert found == {reason: (reason, remedy) for reason, (_, remedy) in CAUSES.items()}
    pipeline.extract()


@pytest.mark.usefixtures("spark")
@pytest.mark.remedy("source-file-not-shared")
@pytest.mark.parametrize("cure", ["engine.kind=duckdb", "engine.master=local[*]"])
def test_a_file_that_other_machines_cannot_read(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cure: str
) -> None:
    honest = SparkStepSession.__init__

    def as_on_a_cluster(session: SparkStepSession, *given: Any, **options: Any) -> None:
        honest(session, *given, **options)
        session._writes_to_lake = True

    pipeline = Pipeline(tmp_path / "run", source.url, "engine.kind=spark")
    with monkeypatch.context() as patch:
        patch.setattr(SparkStepSession, "__init__", as_on_a_cluster)
        error = failure(pipeline.extract)
    assert (error.reason, error.exit_code) == ("source-file-not-shared", 2)
    assert error.remedy == "set engine.kind to duckdb, or engine.master to local[*]."
    pipeline.extract(cure)


@pytest.mark.usefixtures("spark")
@pytest.mark.remedy("spark-not-usable")
def test_a_master_that_is_none(source: Source, tmp_path: Path) -> None:
    """In processes of their own, which have no Spark yet."""
    folder = Pipeline(tmp_path / "run", source.url).folder
    with (folder / "rental.toml").open("a") as config:
        config.write(OF_A_PROCESS)
    spark = ("run", "--step", "extract", "--set", "engine.kind=spark", "--set")
    refused = rental_program(folder, *spark, "engine.master=spark:nowhere")
    assert refused.code == 1
    assert "Spark cannot be used at spark:nowhere" in refused.err
    assert "check engine.master" in refused.err
    rental_program(folder, *spark, "engine.master=local[1]").ok()

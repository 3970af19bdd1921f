"""Spark on several executor processes: what they read and write themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.program import rental_program
from rental_analytics.databases.mysql import jdbc
from rental_analytics.engines.spark.engine import SparkEngine
from rental_analytics.engines.spark.session import SparkStepSession
from runs.harness import CONFIG, Source
from servers.mysql import MySqlServer, numbers
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from servers.spark import JAVA, assert_written_in_place, connector_j, s3a_jars, start_spark_cluster
from support.breadth import examples
from warehouses.twins import DuckDb, Redshift, Rows, environment

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.service

SCHEMAS = ("raw_data", "curated", "presentation")
ROWS = examples(9, 120_000)
CLUSTER = """
[engine]
kind = "spark"
master = "{master}"
[engine.spark]
"spark.driver.host" = "127.0.0.1"
"spark.executor.memory" = "512m"
"spark.executor.cores" = "1"
"spark.driver.extraJavaOptions" = "{java}"
"spark.executor.extraJavaOptions" = "{java}"
"spark.sql.ui.explainMode" = "simple"
"spark.eventLog.enabled" = "true"
"spark.eventLog.dir" = "file://{log}"
"""
BUCKET = """
"spark.driver.extraClassPath" = "{jars}"
"spark.executor.extraClassPath" = "{jars}"
"spark.hadoop.fs.s3.impl" = "org.apache.hadoop.fs.s3a.S3AFileSystem"
"spark.hadoop.fs.s3a.endpoint" = "{endpoint}"
"spark.hadoop.fs.s3a.path.style.access" = "true"
"spark.hadoop.fs.s3a.access.key" = "{access}"
"spark.hadoop.fs.s3a.secret.key" = "{secret}"
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with start_spark_cluster() as master:
        yield master


@pytest.fixture(scope="module")
def marketplace(mysql: MySqlServer) -> Source:
    """A marketplace whose viewings are many enough to be read by several statements."""
    source = Source.mysql(mysql)
    source.create(optional=True)
    source.execute("ALTER TABLE user_viewing ADD PRIMARY KEY (id)")
    moment = "2024-05-01 10:00:00.000000"
    source.insert("apartments", *({"id": number, "last_modified_timestamp": moment} for number in range(1, 9)))
    source.insert("apartment_attributes", *({"id": number, "cityname": "Oslo"} for number in range(1, 9)))
    source.insert("bookings", *({"booking_id": number, "updated_at": moment} for number in range(1, 9)))
    source.insert("bookings", {"booking_id": 9, "updated_at": moment, "booking_status": "it's lost"})
    source.execute(
        "INSERT INTO user_viewing (id, user_id, apartment_id, viewed_at, is_wishlisted, call_to_action) "
        "SELECT seq * 7, seq % 999, 1 + seq % 8, TIMESTAMP('2024-01-01') + INTERVAL seq SECOND, seq % 2, 'call' "
        f"FROM {numbers(1, ROWS)}"
    )
    source.execute("ANALYZE TABLE user_viewing")
    return source


@pytest.fixture(scope="module")
def expected(marketplace: Source, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Rows]]:
    """The tables after one run and, in `make matrix`, after another."""
    pipeline = DuckDb(tmp_path_factory.mktemp("duckdb") / "run", marketplace.url)
    found = []
    for _ in range(examples(1, 2)):
        pipeline.run()
        found.append(pipeline.every(*SCHEMAS) | pipeline.told())
    return found


def test_machines_that_share_a_folder_as_the_lake(
    spark: SparkSession,
    marketplace: Source,
    expected: list[dict[str, Rows]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a cluster, nothing goes through files of this machine but the lake; that executors do it shows below."""
    monkeypatch.setattr(SparkEngine, "_is_local", property(lambda _engine: False))
    monkeypatch.setattr(jdbc, "_FEWEST_ROWS", ROWS // 3)
    pipeline = DuckDb(tmp_path / "run", marketplace.url, "engine.kind=spark")
    held: list[str] = []
    honest = SparkStepSession.close

    def closing(session: SparkStepSession) -> None:
        assert session._scratch is None
        assert not session._writes_to_lake
        held.extend(session._folders.values())
        honest(session)

    monkeypatch.setattr(SparkStepSession, "close", closing)
    pipeline.run()

    assert pipeline.every(*SCHEMAS) | pipeline.told() == expected[0]
    lake = pipeline.folder / "lake"
    assert held
    assert [folder for folder in held if not Path(folder).is_relative_to(lake)] == []
    assert [file for folder in held for file in Path(folder).rglob("*.parquet")] == []


@pytest.mark.exhaustive
def test_executors_fill_a_bucket_that_redshift_loads(
    cluster: str,
    mysql: MySqlServer,
    marketplace: Source,
    expected: list[dict[str, Rows]],
    tmp_path: Path,
    s3: S3Server,
    redshift: RedshiftStandIn,
) -> None:
    """As on AWS: files that Spark's machines wrote, copied by Redshift; the source's certificate is checked."""
    bucket = s3.create_bucket()
    pipeline = Redshift(tmp_path / "run", marketplace.url, f"s3://{bucket}/rental", redshift)
    (pipeline.folder / "log").mkdir()
    config = CONFIG.format(url=marketplace.url) + CLUSTER.format(master=cluster, log=pipeline.folder / "log", java=JAVA)
    jars = s3a_jars().replace(",", ":")
    config += BUCKET.format(jars=jars, endpoint=s3.endpoint_url, access=ACCESS_KEY, secret=SECRET_KEY)
    (pipeline.folder / "rental.toml").write_text(config)
    if authority := mysql.authority():
        # Connector/J finds its trust store in the working folder of each executor.
        trusting = ("source.tls=verify_ca", f"source.tls_ca={authority}", f"engine.jdbc_driver={connector_j()}")
        pipeline.settings += trusting
    command = ["run", *(text for setting in pipeline.settings for text in ("--set", setting))]

    rental_program(pipeline.folder, *command, env=environment(s3, redshift)).ok()
    assert pipeline.every(*SCHEMAS) | pipeline.told() == expected[0]
    again = rental_program(pipeline.folder, *command, env=environment(s3, redshift)).ok()
    assert "swept" not in again.err

    assert pipeline.every(*SCHEMAS) | pipeline.told() == expected[1]
    assert executors_that_wrote(pipeline.folder / "log") == {"0", "1"}
    assert_written_in_place(s3, bucket)


def executors_that_wrote(folder: Path) -> set[str]:
    """Which executors wrote rows, as Spark's own record of its tasks tells."""
    found = set()
    for file in folder.iterdir():
        for line in file.read_text().splitlines():
            event = json.loads(line)
            if event["Event"] == "SparkListenerTaskEnd" and event["Task Metrics"]["Output Metrics"]["Records Written"]:
                found.add(event["Task Info"]["Executor ID"])
    return found

"""Spark on several executor processes: what they read and write themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.program import rental_process
from pipeline.harness import CONFIG, Source
from servers.mariadb import MariaDB
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from servers.spark import assert_written_in_place, s3a_jars, start_spark_cluster
from warehouses.twins import DuckDb, Redshift, Rows, environment

pytestmark = pytest.mark.service

SCHEMAS = ("raw_data", "curated", "presentation")
ROWS = 120_000
CLUSTER = """
[engine]
kind = "spark"
master = "{master}"
[engine.spark]
"spark.driver.host" = "127.0.0.1"
"spark.executor.memory" = "512m"
"spark.executor.extraJavaOptions" = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
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
def marketplace(mariadb: MariaDB) -> Source:
    """A marketplace whose viewings are many enough to be read by several statements."""
    database = mariadb.create_database()

    def execute(sql: str) -> None:
        with closing(mariadb.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            connection.commit()

    source = Source(mariadb.url(database), execute)
    source.create(optional=True)
    execute("ALTER TABLE user_viewing ADD PRIMARY KEY (id)")
    moment = "2024-05-01 10:00:00.000000"
    source.insert("apartments", *({"id": number, "last_modified_timestamp": moment} for number in range(1, 9)))
    source.insert("apartment_attributes", *({"id": number, "cityname": "Oslo"} for number in range(1, 9)))
    source.insert("bookings", *({"booking_id": number, "updated_at": moment} for number in range(1, 9)))
    source.insert("bookings", {"booking_id": 9, "updated_at": moment, "booking_status": "it's lost"})
    execute(
        "INSERT INTO user_viewing (id, user_id, apartment_id, viewed_at, is_wishlisted, call_to_action) "
        "SELECT seq * 7, seq % 999, 1 + seq % 8, TIMESTAMP('2024-01-01') + INTERVAL seq SECOND, seq % 2, 'call' "
        f"FROM seq_1_to_{ROWS}"
    )
    execute("ANALYZE TABLE user_viewing")
    return source


@pytest.fixture(scope="module")
def expected(marketplace: Source, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Rows]]:
    """The tables after one run and after another."""
    pipeline = DuckDb(tmp_path_factory.mktemp("duckdb") / "run", marketplace.url)
    found = []
    for _ in range(2):
        pipeline.run()
        found.append(pipeline.every(*SCHEMAS) | pipeline.told())
    return found


def test_executors_read_and_write_a_folder(
    cluster: str, marketplace: Source, expected: list[dict[str, Rows]], tmp_path: Path
) -> None:
    pipeline = DuckDb(tmp_path / "run", marketplace.url)
    (pipeline.folder / "log").mkdir()
    config = CLUSTER.format(master=cluster, log=pipeline.folder / "log")

    (pipeline.folder / "rental.toml").write_text(CONFIG.format(url=marketplace.url) + config)

    rental_process(pipeline.folder, "run").ok()

    assert pipeline.every(*SCHEMAS) | pipeline.told() == expected[0]
    assert executors_that_wrote(pipeline.folder / "log") == {"0", "1"}


def test_executors_fill_a_bucket_that_redshift_loads(
    cluster: str,
    marketplace: Source,
    expected: list[dict[str, Rows]],
    tmp_path: Path,
    s3: S3Server,
    redshift: RedshiftStandIn,
) -> None:
    """As on AWS: Spark's own files, written by its machines, copied by Redshift."""
    bucket = s3.create_bucket()
    pipeline = Redshift(tmp_path / "run", marketplace.url, f"s3://{bucket}/rental", redshift)
    (pipeline.folder / "log").mkdir()
    config = CONFIG.format(url=marketplace.url) + CLUSTER.format(master=cluster, log=pipeline.folder / "log")
    jars = s3a_jars().replace(",", ":")
    config += BUCKET.format(jars=jars, endpoint=s3.endpoint_url, access=ACCESS_KEY, secret=SECRET_KEY)
    (pipeline.folder / "rental.toml").write_text(config)
    command = ["run", *(text for setting in pipeline.settings for text in ("--set", setting))]

    rental_process(pipeline.folder, *command, env=environment(s3, redshift)).ok()
    assert pipeline.every(*SCHEMAS) | pipeline.told() == expected[0]
    again = rental_process(pipeline.folder, *command, env=environment(s3, redshift)).ok()
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

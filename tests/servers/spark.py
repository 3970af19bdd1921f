"""One Spark for a whole test session, which engines in this process use; and a cluster of several processes."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.engines.spark import engine as spark
from rental_analytics.engines.spark.driver import without_giving_methods
from rental_analytics.engines.spark.engine import SparkEngine
from rental_analytics.settings import find_java
from servers.process import free_port, running, temporary_folder
from servers.s3 import S3Server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ARCHIVE = Path(__file__).parents[2] / ".venv/share/spark.jsa"
"""Spark's classes as Java has them once it has read them; where it is missing, or of another Java, Java reads them."""
# The quick compiler alone: tests run many small queries, each once. Its code, and what Spark compiles, stay in memory.
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m -XX:MetaspaceSize=400m"
JAVA = f"{_QUICK} -XX:SharedArchiveFile={ARCHIVE} -Xlog:disable"
# A run has more queries than Spark usually keeps compiled, and the next run has the same. Few rows are one partition.
# Spark describes each plan for its pages, which no one looks at here: a short description is enough.
_OPTIONS = {
    "spark.sql.codegen.cache.maxEntries": "5000",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.ui.explainMode": "simple",
}
_NAMES = ("functions", "PythonUtils", "org.apache.spark.sql.Observation")
"""What Python asks Java for with each statement; Java looks for each part of a name in 250 jars."""

OF_A_PROCESS = f"""
[engine.spark]
"spark.driver.extraJavaOptions" = "{JAVA}"
"spark.sql.ui.explainMode" = "simple"
"""
"""Added to the configuration of a `rental` that starts a Spark of its own."""


@contextmanager
def start_spark() -> Iterator[SparkSession]:
    """Run Spark on two cores of this machine, with both drivers; engines take MySQL's unless they name another."""
    find_java()
    mysql_driver, *others = spark.DRIVER_JARS = (connector_j(), *spark.DRIVER_JARS)
    with temporary_folder("drivers-") as folder:
        safe = [str(without_giving_methods(jar, folder)) for jar in others]
        options = {**_OPTIONS, "spark.jars": ",".join(safe), "spark.driver.extraJavaOptions": f"{JAVA} -Xmn400m"}
        engine = SparkEngine("local[2]", "1GB", mysql_driver, options)
        try:
            session = engine.start()
            _keep_names(session)
            yield session
        finally:
            engine.close()


def _keep_names(session: SparkSession) -> None:
    """Let Java look for the names once."""
    for name in _NAMES:
        place = session._jvm
        for part in name.split("."):
            found = getattr(place, part)
            setattr(place, part, found)
            place = found


def make_archive(archive: Path) -> None:
    """Let Java keep the classes that a run with Spark needs."""
    from pyspark import SparkContext

    from rental_marketplace import MarketplaceOptions, generate
    from runs.harness import Pipeline

    find_java()
    options = {"spark.driver.extraJavaOptions": f"{_QUICK} -XX:ArchiveClassesAtExit={archive}"}
    with temporary_folder("archive-") as folder:
        url = f"sqlite:///{folder / 'marketplace.db'}"
        generate(
            url, MarketplaceOptions(listings=30, bookings=90, viewings=90, end_date=date(2024, 3, 4), dirty_rate=0.5)
        )
        engine = SparkEngine("local[2]", "1GB", options=options)
        with closing(engine):
            engine.start()
            Pipeline(folder / "run", url, "engine.kind=spark").run(steps=("extract", "transform"))
    java = SparkContext._gateway.proc  # type: ignore[union-attr]
    java.stdin.close()
    java.wait()


def connector_j() -> Path:
    """MySQL's own JDBC driver; `scripts/setup_spark.sh --tests` fetches it."""
    found = list((Path(__file__).parents[2] / ".venv/share/connector-j").glob("*.jar"))
    if not found:
        raise FileNotFoundError("MySQL's JDBC driver is missing: run scripts/setup_spark.sh --tests")
    return found[0]


def s3a_jars() -> str:
    """Hadoop's file system for S3, for Spark's property `spark.jars`; `scripts/setup_spark.sh --tests` fetches it."""
    found = sorted((Path(__file__).parents[2] / ".venv/share/s3a").glob("*.jar"))
    if not found:
        raise FileNotFoundError("The jars for S3 are missing: run scripts/setup_spark.sh --tests")
    return ",".join(map(str, found))


@contextmanager
def start_spark_cluster() -> Iterator[str]:
    """Run a master and a worker with two cores, each a process of its own; gives the master's URL."""
    find_java()
    home = Path(str(find_spec("pyspark").origin)).parent  # type: ignore[union-attr]
    program = str(home / "bin/spark-class")
    host, port = "127.0.0.1", free_port()
    master = f"spark://{host}:{port}"
    package = "org.apache.spark.deploy"
    with temporary_folder("spark-") as folder, ExitStack() as stack:
        env = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": host, "SPARK_DAEMON_JAVA_OPTS": JAVA}
        command = [program, f"{package}.master.Master", "--host", host, "--port", str(port), "--webui-port", "0"]
        stack.enter_context(running(command, log=folder / "master", is_ready=lambda: _answers(host, port), env=env))
        command = [program, f"{package}.worker.Worker", "--host", host, "--port", str(free_port()), "--webui-port", "0"]
        command += ["--cores", "2", "--memory", "1g", "--work-dir", str(folder / "work"), master]
        log = folder / "worker"
        stack.enter_context(running(command, log=log, is_ready=lambda: _registered(log), env=env))
        yield master


def assert_written_in_place(server: S3Server, bucket: str) -> None:
    """Spark's machines wrote to the bucket themselves: their files have own folders; nothing else lies there."""
    with closing(server.client()) as client:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    files = [key for key in keys if key.split("/")[1] in {"raw", "curated", "rejected", "state"}]
    assert files
    assert [key for key in files if not re.search(r"/run_id=[^/]+/[a-z-]+-[0-9a-f]{8}/part-[^/]+\.parquet$", key)] == []
    assert [key for key in keys if "/drafts/" in key] == []


def _answers(host: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((host, port)) == 0


def _registered(log: Path) -> bool:
    return "Successfully registered with master" in log.read_text(errors="replace")


if __name__ == "__main__":
    make_archive(Path(sys.argv[1]))

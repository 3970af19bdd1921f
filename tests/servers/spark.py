"""One Spark for a whole test session; engines of `engine.kind = spark` in this process use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.engines.spark import SparkEngine
from rental_analytics.settings import find_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The quick compiler alone: tests run many small queries, each once.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@contextmanager
def start_spark() -> Iterator[SparkSession]:
    """Run Spark on two cores of this machine."""
    find_java()
    engine = SparkEngine("local[2]", "1GB")
    engine.options["spark.driver.extraJavaOptions"] += f" {_JAVA}"
    try:
        yield engine.start()
    finally:
        engine.close()


def s3a_jars() -> str:
    """Hadoop's file system for S3, for Spark's property `spark.jars`; `scripts/setup_spark.sh --tests` fetches it."""
    found = sorted((Path(__file__).parents[2] / ".venv/share/s3a").glob("*.jar"))
    if not found:
        raise FileNotFoundError("The jars for S3 are missing: run scripts/setup_spark.sh --tests")
    return ",".join(map(str, found))

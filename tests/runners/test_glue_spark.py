"""The jobs as Glue runs them: spark-submit, the wheels alone, and machines that write to the bucket themselves."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from runners.jobs import OF_GLUE, JobEnd, Jobs
from runs.harness import ENGINE, Pipeline, Source
from servers.mysql import MySqlServer
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from servers.spark import JAVA, assert_written_in_place, connector_j, s3a_jars

ON_GLUE = (sys.version_info[:2], sys.platform, platform.machine()) == ((3, 11), "linux", "x86_64")
SCHEMAS = ("raw_data", "curated", "presentation")
CONFIG = """
[engine]
kind = "spark"
master = "provided"
[lake]
url = "s3://{bucket}/rental"
"""


def _submit(script: Path, python: Path, server: S3Server, *arguments: str) -> JobEnd:
    """A job in the Spark that spark-submit sets up, as Glue sets up its own."""
    home = Path(str(find_spec("pyspark").origin)).parent  # type: ignore[union-attr]
    jars = f"{s3a_jars()},{connector_j()}".replace(",", ":")
    conf = {
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": JAVA,
        "spark.driver.host": "127.0.0.1",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": server.endpoint_url,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.access.key": ACCESS_KEY,
        "spark.hadoop.fs.s3a.secret.key": SECRET_KEY,
    }
    options = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    command = [home / "bin/spark-submit", "--master", "local[2]", *options, script, *OF_GLUE, *arguments]
    env = {"PATH": os.environ["PATH"], "PYSPARK_PYTHON": str(python), "SPARK_HOME": str(home), **server.environment()}
    if home_of_java := os.environ.get("JAVA_HOME"):
        env["JAVA_HOME"] = home_of_java
    run = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=400)
    # spark-submit lets the job's standard error out by its standard output.
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return JobEnd(run.returncode, lines, run.stdout + run.stderr)


@pytest.mark.exhaustive
@pytest.mark.service
@pytest.mark.skipif(not ON_GLUE, reason="the wheels are for Python 3.11 on Linux x86_64")
def test_jobs_on_spark_with_these_wheels_alone(
    built: Path, bare: Path, mysql: MySqlServer, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source.mysql(mysql)
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00"}, {"id": 3, "price": "-1"})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "apartment_id": 99, "updated_at": "2024-03-02"})
    source.insert("user_viewing", {}, {"user_id": 8})
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    pipeline, alone = (Pipeline(tmp_path / name, source.url, every_metric=True) for name in ("jobs", "alone"))
    config = pipeline.folder / "rental.toml"
    bucket = s3.create_bucket()
    config.write_text(config.read_text().removesuffix(ENGINE) + CONFIG.format(bucket=bucket))
    trusting = []
    if authority := mysql.authority():
        with closing(s3.client()) as client:
            client.put_object(Bucket=bucket, Key="authorities/bundle.pem", Body=authority.read_bytes())
        trusting = ["--set", f"source.tls=verify_ca source.tls_ca=s3://{bucket}/authorities/bundle.pem"]
    script, jobs = built / "rental_glue_job.py", Jobs(pipeline)

    for step in ("extract", "transform"):
        arguments = ["--step", step, "--run_id", "nightly", "--config", str(config)]
        end = _submit(script, bare, s3, *arguments, *trusting)
        assert end.code == 0, end.errors[-3000:]
        assert end.events("job_succeeded")
    for step in ("load-raw", "load-curated", "metrics"):
        assert jobs.do(step, "nightly").code == 0
    alone.run()

    assert pipeline.tables(*SCHEMAS) == alone.tables(*SCHEMAS)
    assert_written_in_place(s3, bucket)
    assert pipeline.rows("SELECT engine FROM ops.runs") == [("spark",)]


@pytest.mark.service
@pytest.mark.skipif(not ON_GLUE, reason="the wheels are for Python 3.11 on Linux x86_64")
@pytest.mark.exhaustive
def test_a_job_that_fails_on_spark_says_why(built: Path, bare: Path, s3: S3Server, tmp_path: Path) -> None:
    config = tmp_path / "rental.toml"
    lake = CONFIG.format(bucket=s3.create_bucket())
    config.write_text(f'[source]\nurl = "mysql://reader@127.0.0.1:1/rental"\n[retries]\nattempts = 1\n{lake}')
    arguments = ["--step", "extract", "--run_id", "nightly", "--config", str(config)]
    end = _submit(built / "rental_glue_job.py", bare, s3, *arguments)

    assert end.code == 1
    assert end.events("failed")[0]["error"] == "SourceUnavailableError"
    assert "SourceUnavailableError: The database mysql://reader@127.0.0.1:1/rental cannot be reached" in end.errors

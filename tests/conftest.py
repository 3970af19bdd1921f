"""What every test shares: a clean environment, the cost markers, the servers."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from servers.mariadb import MariaDB, start_mariadb
from servers.postgresql import PostgreSQL, start_postgresql
from servers.redshift_stand_in import RedshiftStandIn, start_redshift_stand_in
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server, start_s3
from servers.spark import start_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COST_MARKERS = {"fast", "service", "slow"}


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    unmarked = [item.nodeid for item in items if COST_MARKERS.isdisjoint(mark.name for mark in item.iter_markers())]
    if unmarked:
        raise pytest.UsageError("These tests have none of the markers fast, service and slow: " + ", ".join(unmarked))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's settings or credentials, nor asks a cloud's metadata service for them."""
    for name in list(os.environ):
        if name.startswith(("RENTAL_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One MariaDB server for the whole session; take a database of your own with `create_database`."""
    with start_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3 server for the whole session; take a bucket of your own with `create_bucket`."""
    with start_s3() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One PostgreSQL server for the whole session; take a database of your own with `create_database`."""
    with start_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def redshift(postgresql: PostgreSQL, s3: S3Server) -> Iterator[RedshiftStandIn]:
    """One stand-in for Redshift for the whole session; take a database of your own with `create_database`."""
    with start_redshift_stand_in(postgresql, s3, {"default": (ACCESS_KEY, SECRET_KEY)}) as server:
        yield server


@pytest.fixture(scope="session")
def spark() -> Iterator["SparkSession"]:
    """One Spark for the whole session, which every engine of kind `spark` in this process uses."""
    with start_spark() as session:
        yield session

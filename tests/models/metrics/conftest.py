"""The warehouses that the tests of the metrics share."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from metrics.redshift_warehouse import RedshiftMetrics
from metrics.spark_warehouse import SparkMetrics
from metrics.warehouse import MetricWarehouse
from parity.engines import open_engine, open_session
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.engines.spark.session import SparkStepSession
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import reaching


@pytest.fixture(scope="session")
def metric_warehouse() -> MetricWarehouse:
    return MetricWarehouse()


@pytest.fixture(scope="session")
def metric_warehouse_of_texts() -> MetricWarehouse:
    """One where ids are texts, as in all that end so."""
    return MetricWarehouse("text")


@pytest.fixture(scope="session")
def spark_metrics(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkMetrics]:
    yield from _spark(request, tmp_path_factory.mktemp("metrics"))


@pytest.fixture(scope="session")
def spark_metrics_of_texts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkMetrics]:
    yield from _spark(request, tmp_path_factory.mktemp("metrics"), "text")


@pytest.fixture(scope="session")
def redshift_metrics(s3: S3Server, redshift: RedshiftStandIn) -> Iterator[RedshiftMetrics]:
    yield from _redshift(s3, redshift)


@pytest.fixture(scope="session")
def redshift_metrics_of_texts(s3: S3Server, redshift: RedshiftStandIn) -> Iterator[RedshiftMetrics]:
    yield from _redshift(s3, redshift, "text")


def _spark(request: pytest.FixtureRequest, folder: Path, ids: IdKind = "integer") -> Iterator[SparkMetrics]:
    with open_engine("spark", request) as engine, open_session(engine, folder) as session:
        assert isinstance(session, SparkStepSession)
        yield SparkMetrics(session, ids)


def _redshift(s3: S3Server, redshift: RedshiftStandIn, ids: IdKind = "integer") -> Iterator[RedshiftMetrics]:
    database = redshift.create_database()
    with (
        pytest.MonkeyPatch.context() as patch,
        reaching(patch, s3, redshift),
        closing(redshift.connect(database)) as connection,
    ):
        yield RedshiftMetrics(database, connection, ids)

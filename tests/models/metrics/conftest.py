"""The warehouses that the tests of the metrics share."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from metrics.redshift_warehouse import RedshiftMetrics
from metrics.spark_warehouse import SparkMetrics
from metrics.warehouse import MetricWarehouse
from parity.engines import open_engine, open_session
from rental_analytics.engines.spark.session import SparkStepSession
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import reaching


@pytest.fixture(scope="session")
def metric_warehouse() -> MetricWarehouse:
    return MetricWarehouse()


@pytest.fixture(scope="session")
def spark_metrics(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkMetrics]:
    folder = tmp_path_factory.mktemp("metrics")
    with open_engine("spark", request) as engine, open_session(engine, folder) as session:
        assert isinstance(session, SparkStepSession)
        yield SparkMetrics(session)


@pytest.fixture(scope="session")
def redshift_metrics(s3: S3Server, redshift: RedshiftStandIn) -> Iterator[RedshiftMetrics]:
    database = redshift.create_database()
    with (
        pytest.MonkeyPatch.context() as patch,
        reaching(patch, s3, redshift),
        closing(redshift.connect(database)) as connection,
    ):
        yield RedshiftMetrics(database, connection)

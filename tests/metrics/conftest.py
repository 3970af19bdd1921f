"""The warehouses that the tests of the metrics share."""

from collections.abc import Iterator

import pytest

from metrics.spark_warehouse import SparkMetrics
from metrics.warehouse import MetricWarehouse
from parity.engines import open_engine, open_session
from rental_analytics.engines.spark_session import SparkStepSession


@pytest.fixture(scope="session")
def metric_warehouse() -> MetricWarehouse:
    return MetricWarehouse()


@pytest.fixture(scope="session")
def spark_metrics(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkMetrics]:
    folder = tmp_path_factory.mktemp("metrics")
    with open_engine("spark", request) as engine, open_session(engine, folder) as session:
        assert isinstance(session, SparkStepSession)
        yield SparkMetrics(session)

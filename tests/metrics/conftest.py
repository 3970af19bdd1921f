"""The warehouse that the tests of the metrics share."""

import pytest

from metrics.warehouse import MetricWarehouse


@pytest.fixture(scope="session")
def metric_warehouse() -> MetricWarehouse:
    return MetricWarehouse()

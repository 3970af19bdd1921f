"""The page of metrics has each that is sent, with its unit and meaning."""

import re

import pytest

from docs.pages import pages
from rental_analytics.monitoring.cloudwatch import METRICS

pytestmark = pytest.mark.fast


def test_every_metric_is_documented() -> None:
    page = pages()["docs/reference/monitoring.md"]
    rows = re.findall(r"^\| `(\w+)` \| Pipeline[^|]* \| (\w+) \| (.+) \|$", page, flags=re.MULTILINE)
    assert {name: (unit, meaning) for name, unit, meaning in rows} == METRICS

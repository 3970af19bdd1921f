"""`connect()` gives the same answers from DuckDB and from the stand-in for Redshift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rental_analytics.analysis.connection import Connection
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.errors import ConfigurationError

pytestmark = [pytest.mark.service, pytest.mark.xdist_group("analysts")]
METRICS = load_contracts().presentation
Both = tuple[Connection, Connection]


def in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Texts are sorted differently, and NULL comes first or last."""
    return sorted(rows, key=lambda row: [(value is None, str(value)) for value in row.values()])


def test_every_metric(both: Both) -> None:
    for name in METRICS:
        one, other = (connection.metric(name) for connection in both)
        assert one.columns == other.columns == list(METRICS[name].columns)
        assert len(one) > 0, name
        assert in_order(one.rows()) == in_order(other.rows())
        assert [str(kind) for kind in one.arrow().schema.types] == [str(kind) for kind in other.arrow().schema.types]


def test_parameters(both: Both) -> None:
    newest = both[0].query("SELECT MAX(month_start) AS month FROM presentation.stay_revenue_monthly").rows()[0]["month"]
    sql = (
        "SELECT city, :text AS text, :none AS none FROM presentation.stay_revenue_city_monthly "
        "WHERE month_start = :month AND city IN :cities AND revenue >= :least ORDER BY city"
    )
    parameters = {"text": "a\\b'c:d", "none": None, "month": newest, "cities": ["Unknown", "O'Hara"], "least": 0.5}
    one, other = (connection.query(sql, parameters).rows() for connection in both)
    assert one == other
    assert {row["text"] for row in one} <= {"a\\b'c:d"}
    values = [connection.query("SELECT :text AS text", {"text": "a\\b'c:d"}).rows() for connection in both]
    assert values == [[{"text": "a\\b'c:d"}]] * 2


def test_they_are_only_read(both: Both) -> None:
    for connection in both:
        with pytest.raises(ConfigurationError) as caught:
            connection.query("DELETE FROM presentation.stay_revenue_monthly")
        assert caught.value.reason == "query-not-reading"


def test_a_metric_that_is_not_there(both: Both) -> None:
    for connection in both:
        with pytest.raises(ConfigurationError) as caught:
            connection.query("SELECT a FROM presentation.nothing")
        assert caught.value.reason == "query-failed"
        assert connection.url in repr(connection)


def test_pandas_and_polars(both: Both) -> None:
    frames = [connection.metric("stay_revenue_monthly").pandas() for connection in both]
    assert frames[0].equals(frames[1])
    assert frames[0].dtypes.equals(frames[1].dtypes)
    one, other = (connection.metric("stay_revenue_monthly").polars() for connection in both)
    assert one.equals(other)

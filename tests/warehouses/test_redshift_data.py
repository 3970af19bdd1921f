"""What the client of the Data API does with what it is told, and how long it waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rental_analytics.warehouses.redshift import RedshiftWarehouse
from rental_analytics.warehouses.redshift_data import Target
from servers.redshift_stand_in import RedshiftStandIn

Make = Callable[..., RedshiftWarehouse]


@pytest.fixture
def warehouse(aws: None, redshift: RedshiftStandIn) -> RedshiftWarehouse:
    """An empty database."""
    return RedshiftWarehouse(Target("test-workgroup", redshift.create_database()))


def counted(monkeypatch: pytest.MonkeyPatch, warehouse: RedshiftWarehouse, call: str) -> list[Any]:
    """The calls of one kind that the client makes from now on."""
    client, made = warehouse._api._client, list[Any]()
    answer = getattr(client, call)
    monkeypatch.setattr(client, call, lambda **asked: (made.append(asked), answer(**asked))[1])
    return made


@pytest.mark.service
def test_a_users_own_limit_does_not_bring_more_pages_than_are_shown(
    monkeypatch: pytest.MonkeyPatch, warehouse: RedshiftWarehouse, redshift: RedshiftStandIn
) -> None:
    monkeypatch.setattr("servers.redshift_api.PAGE_ROWS", 10)
    redshift.execute("CREATE TABLE public.numbers AS SELECT generate_series(1, 95) AS a", warehouse.target.database)
    sql = "SELECT a FROM public.numbers ORDER BY a LIMIT 90"
    asked = counted(monkeypatch, warehouse, "get_statement_result")
    assert warehouse.query(sql, 25).column("a").to_pylist() == list(range(1, 26))
    assert len(asked) == 3
    assert warehouse.query(sql).column("a").to_pylist() == list(range(1, 91))
    assert len(asked) == 3 + 9

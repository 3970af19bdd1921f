"""The pipeline on a company's own database, configured by `rental init --from` and a person's edits."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from metrics.references import reference_of
from rental_analytics.cli import main
from rental_analytics.contracts.loader import load_contracts
from runs.harness import Pipeline, Source
from servers.mysql import MySqlServer
from support.company import Company, edited

PASSWORD = "read only"
AS_OF, LATER = date(2024, 4, 5), date(2024, 4, 20)
OF_MORE_DAYS = {"booking_pickup_daily", "seasonality_monthly"}
"""Metrics of which a first week shows nothing."""
Rows = list[tuple[Any, ...]]


class Shop:
    """The company in a database, and the URL by which a user that may only read reaches it.

    Args:
        kind: of the database: `sqlite`, `mysql` or `mariadb`.
        ids: `integer` or `text`.
        folder: where a SQLite file is put.
    """

    def __init__(self, kind: str, ids: str, request: pytest.FixtureRequest, folder: Path) -> None:
        self._ids = ids
        if kind == "sqlite":
            source = Source.sqlite(folder / "shop.db")
            self.url = f"sqlite:///{folder / 'shop.db'}"
        else:
            server: MySqlServer = request.getfixturevalue(kind)
            database = server.create_database()
            source = Source.mysql(server, database)
            server.execute(f"CREATE USER IF NOT EXISTS 'analyst'@'%' IDENTIFIED BY '{PASSWORD}'")
            server.execute(f"GRANT SELECT ON {database}.* TO 'analyst'@'%'")
            self.url = server.url(database, "analyst")
        self.company = Company(source.execute, "sqlite" if kind == "sqlite" else "mysql", ids)

    def configure(self, pipeline: Pipeline) -> None:
        """Write the pipeline's file as a person would: `rental init --from`, then edits of it."""
        config = pipeline.folder / "rental.toml"
        config.unlink()
        arguments = ["rental", "init", "--from", self.url, "--config", str(config)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", arguments)
            patch.setattr(sys, "excepthook", sys.excepthook)
            with pytest.raises(SystemExit) as end:
                main()
        assert not end.value.code
        text = config.read_text()
        assert PASSWORD not in text
        assert ('ids = "text"' in text) == (self._ids == "text")
        config.write_text(edited(text))


def assert_metrics(ask: Callable[[str], Rows], company: Company, as_of: date) -> None:
    """Each metric is what its slow reference makes of what the company has."""
    marketplace = company.marketplace(as_of)
    for name, model in load_contracts().presentation.items():
        rows = ask(f"SELECT {', '.join(model.columns)} FROM presentation.{name}")
        assert rows or name in OF_MORE_DAYS, name
        assert Counter(rows) == Counter(reference_of(model)(marketplace)), name


def run_twice(pipeline: Pipeline, shop: Shop, ask: Callable[[str], Rows] | None = None) -> None:
    """A first load and a later run, each of which gives the company's numbers.

    Args:
        ask: asks the warehouse, where the pipeline does not.
    """
    shop.configure(pipeline)
    ask = ask or pipeline.rows
    pipeline.run(as_of=AS_OF)
    assert_metrics(ask, shop.company, AS_OF)
    assert ask("SELECT COUNT(*) FROM ops.rejected_rows") == [(0,)]
    assert ask("SELECT COUNT(*) FROM curated.viewings WHERE user_id IS NULL") == [(10,)]
    assert ask("SELECT DISTINCT currency FROM curated.bookings") == [("EUR",)]
    shop.company.change()
    pipeline.run(as_of=LATER)
    assert_metrics(ask, shop.company, LATER)

"""What `rental docs --format` writes is read by MetricFlow, whose numbers are those of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.conftest import Rental
from rental_analytics.catalogue.semantic.tables import SemanticTable, Taking, semantic_tables
from rental_analytics.contracts.columns import decimal_places
from rental_analytics.contracts.loader import load_contracts

if TYPE_CHECKING:
    from support.metricflow import MetricFlow

TABLES = semantic_tables(load_contracts())
Asked = tuple["MetricFlow", Any]


@pytest.fixture
def asked(loaded: Path, rental: Rental) -> Iterator[Asked]:
    """MetricFlow, and a connection, over the warehouse of a run and what the command wrote."""
    import duckdb

    from support.metricflow import MetricFlow, manifest_of

    rental(loaded, "docs", "--format", "dbt").ok()
    folder = loaded / "rental-dbt"
    files = {PurePosixPath(file.relative_to(folder).as_posix()): file.read_text() for file in folder.rglob("*.yml")}
    with duckdb.connect(loaded / "warehouse.duckdb", read_only=True) as connection:
        yield MetricFlow(manifest_of(files), connection), connection


def grouped_by(table: SemanticTable) -> list[str]:
    """MetricFlow's names of the columns of a table's key."""
    held = {dimension.column: dimension.granularity for dimension in table.dimensions}
    names = {table.period.column: f"metric_time__{table.period.length}"}
    for name in table.model.key:
        if name in table.ids:
            names[name] = name.removesuffix("_id")
        elif name not in names:
            names[name] = f"{table.model.name}__{name}" + (f"__{held[name]}" if held[name] else "")
    return [names[name] for name in table.model.key]


def rounded(value: float | None, kind: str) -> Decimal | None:
    """Halves away from zero, as a ratio is rounded; a DOUBLE has the digits that it is written with."""
    if value is None:
        return None
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimal_places(kind)), ROUND_HALF_UP)


@pytest.mark.slow
def test_metricflow_answers_as_the_tables_do(asked: Asked) -> None:
    metricflow, connection = asked
    for table in TABLES:
        key = ", ".join(table.model.key)
        for metric in table.metrics:
            rows = connection.execute(f"SELECT {key}, {metric.column} FROM {table.model.relation}").fetchall()
            expected = {row[:-1]: row[-1] for row in rows}
            found = metricflow.ask(metric.name, *grouped_by(table))
            if metric.taking is Taking.RATIO:
                kind = table.model.columns[metric.column].type
                found = {name: rounded(value, kind) for name, value in found.items()}
            assert found == expected, metric.name


@pytest.mark.slow
def test_metrics_of_longer_times_and_of_all_cities(asked: Asked) -> None:
    metricflow, connection = asked

    def one(sql: str) -> dict[tuple[Any, ...], Any]:
        return {row[:-1]: row[-1] for row in connection.execute(sql).fetchall()}

    # Revenue and nights are added up, and divided then: an average of rates would be another number.
    revpar = one(
        "SELECT CAST(DATE_TRUNC('year', month_start) AS DATE), CAST(SUM(revenue) AS DOUBLE) / SUM(available_nights)"
        " FROM presentation.stay_revenue_monthly GROUP BY ALL"
    )
    assert metricflow.ask("stay_revenue_monthly_revpar", "metric_time__year") == pytest.approx(revpar)
    of_cities = metricflow.ask("stay_revenue_city_monthly_revpar", "metric_time__year")
    assert of_cities == pytest.approx(revpar)

    # Of a month's weeks the last one says how many listings are on offer, added up over cities.
    active = one(
        "SELECT CAST(DATE_TRUNC('month', week_start) AS DATE), ARG_MAX(active_listings, week_start)"
        " FROM presentation.listing_supply_weekly WHERE active_listings > 0 GROUP BY ALL"
    )
    assert metricflow.ask("listing_supply_weekly_active_listings", "metric_time__month") == active
    assert metricflow.ask("average_listing_price_city_weekly_active_listings", "metric_time__month") == active


@pytest.mark.fast
def test_the_format_decides_the_folder(tmp_path: Path, rental: Rental) -> None:
    assert rental(tmp_path, "docs", "--format", "dbt").ok().out == "Metrics: rental-dbt/dbt_project.yml\n"
    written = rental(tmp_path, "docs", "--format", "ossie").ok()
    assert written.out == "Metrics: rental-ossie/rental_metrics.ossie.yaml\n"
    rental(tmp_path, "docs", "--format", "ossie", "--out", "elsewhere").ok()

    assert {path.name for path in tmp_path.iterdir()} == {"rental-dbt", "rental-ossie", "elsewhere"}
    model = yaml.safe_load((tmp_path / "elsewhere" / "rental_metrics.ossie.yaml").read_text(encoding="utf-8"))
    assert model["version"] == "0.1.1"

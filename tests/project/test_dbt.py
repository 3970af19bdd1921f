"""dbt reads and runs the project that `rental docs --format dbt` writes, and MetricFlow what dbt makes of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rental_analytics.catalogue import dbt_project, write_files
from rental_analytics.contracts.loader import load_contracts

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts()
PROFILE = """\
rental_metrics:
  target: test
  outputs:
    test: {type: duckdb, path: dbt.duckdb, attach: [{path: warehouse.duckdb, alias: warehouse, read_only: true}]}
"""
REVPAR = [("2024-01-01", 300, 10, 30), ("2024-02-01", 500, 20, 29)]


def in_project(folder: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    told = subprocess.run(
        [
            ROOT / "build/dbt/bin/dbt",
            "--warn-error",
            *arguments,
            "--vars",
            json.dumps({"rental_database": "warehouse"}),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A DuckDB warehouse with the presentation tables, and rows in one of them."""
    import duckdb

    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA presentation")
        for name, model in CONTRACTS.presentation.items():
            columns = ", ".join(f"{column} {spec.type}" for column, spec in model.columns.items())
            connection.execute(f"CREATE TABLE presentation.{name} ({columns})")
        for month, revenue, booked, available in REVPAR:
            connection.execute(
                "INSERT INTO presentation.stay_revenue_monthly BY NAME SELECT CAST(? AS DATE) AS month_start,"
                " ? AS revenue, ? AS booked_nights, ? AS available_nights, 'EUR' AS currency",
                [month, revenue, booked, available],
            )
    return tmp_path


@pytest.mark.slow
@pytest.mark.exhaustive
def test_dbt_reads_and_runs_the_project(warehouse: Path) -> None:
    import duckdb
    from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest

    from support.metricflow import MetricFlow

    subprocess.run([ROOT / "scripts/setup_dbt.sh"], cwd=ROOT, check=True, capture_output=True)
    write_files(dbt_project(CONTRACTS), warehouse, {})
    (warehouse / "profiles.yml").write_text(PROFILE)
    in_project(warehouse, "parse")
    in_project(warehouse, "run")

    manifest = parse_manifest_from_dbt_generated_manifest((warehouse / "target/semantic_manifest.json").read_text())
    with duckdb.connect(warehouse / "dbt.duckdb", read_only=True) as connection:
        connection.execute(f"ATTACH '{warehouse / 'warehouse.duckdb'}' AS warehouse (READ_ONLY)")
        found = MetricFlow(manifest, connection).ask("stay_revenue_monthly_revpar", "metric_time__year")
        days = connection.execute("SELECT COUNT(*), MIN(date_day), MAX(date_day) FROM rental_days").fetchone()
    assert list(found.values()) == [pytest.approx(800 / 59)]
    assert days is not None
    assert [str(value) for value in days] == ["47482", "1970-01-01", "2099-12-31"]

"""The metrics as dbt, MetricFlow and Apache Ossie read them: every number, in files that fit their schemas."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import sqlglot
import yaml
from jsonschema import Draft202012Validator

from catalogue.contents import HOSTILE
from rental_analytics.catalogue import dbt_project, ossie_model, write_files
from rental_analytics.catalogue.semantic.tables import SemanticTable, Taking, semantic_tables, without_metrics
from rental_analytics.contracts.loader import Contracts, load_contracts

pytestmark = pytest.mark.fast
CONTRACTS = load_contracts()
TABLES = {table.model.name: table for table in semantic_tables(CONTRACTS)}
PROJECT = dbt_project(CONTRACTS)


def document(text: str) -> Any:
    return yaml.safe_load(text)


def takings(table: SemanticTable) -> dict[str, Taking]:
    return {metric.column: metric.taking for metric in table.metrics}


def test_every_number_is_a_metric_or_known_to_be_none() -> None:
    assert {name: table.left_out for name, table in TABLES.items() if table.left_out} == {
        # Its numerator is in no column.
        "average_listing_price_city_weekly": ("average_price",),
        "popular_locations_weekly": ("location_rank",),
    }
    # Cohorts add up at the same age alone, and a month of the year is at no place in time.
    assert without_metrics(CONTRACTS) == ("customer_cohorts_monthly", "seasonality_monthly")
    for name, table in TABLES.items():
        model = CONTRACTS.presentation[name]
        assert model.catalogue
        assert {*takings(table), *table.left_out} == {*model.catalogue.measures}


def test_how_rows_are_taken_together() -> None:
    assert takings(TABLES["stay_revenue_monthly"]) == {
        "booked_nights": Taking.SUM,
        "available_nights": Taking.SUM,
        "revenue": Taking.SUM,
        "adr": Taking.RATIO,
        "revpar": Taking.RATIO,
        "occupancy_rate": Taking.RATIO,
    }
    # Listings on offer add up over cities, and not over weeks.
    assert takings(TABLES["average_listing_price_city_weekly"]) == {"active_listings": Taking.SUM_OF_LAST}
    # One row per week: of several, the last one.
    assert takings(TABLES["average_listing_price_weekly"]) == {
        "active_listings": Taking.LAST,
        "average_price": Taking.LAST,
    }
    assert takings(TABLES["booking_lead_time_monthly"])["median_lead_days"] is Taking.LAST


def test_a_semantic_model_of_dbt() -> None:
    found = document(PROJECT[PurePosixPath("models/revenue_per_listing_monthly.yml")])
    model = found["semantic_models"][0]
    adr = next(metric for metric in found["metrics"] if metric["name"] == "revenue_per_listing_monthly_adr")

    assert model["model"] == "ref('revenue_per_listing_monthly')"
    assert model["defaults"] == {"agg_time_dimension": "month_start"}
    assert model["entities"] == [{"name": "listing", "type": "foreign", "expr": "listing_id"}]
    assert [(dimension["name"], dimension["type"]) for dimension in model["dimensions"]] == [
        ("month_start", "time"),
        ("currency", "categorical"),
    ]
    assert model["dimensions"][0]["type_params"] == {"time_granularity": "month"}
    assert [(measure["expr"], measure["agg"]) for measure in model["measures"]] == [
        ("nights", "sum"),
        ("available_nights", "sum"),
        ("revenue", "sum"),
    ]
    assert adr["label"] == "Adr (revenue per listing monthly)"
    assert adr["type_params"] == {
        "numerator": {"name": "revenue_per_listing_monthly_revenue"},
        "denominator": {"name": "revenue_per_listing_monthly_nights"},
    }
    assert adr["config"]["meta"]["unit"] == "reporting currency per booked night"
    assert "Formula: revenue / nights." in adr["description"]


def test_each_model_of_dbt_has_its_view_and_its_source() -> None:
    sources = document(PROJECT[PurePosixPath("models/sources.yml")])["sources"][0]

    assert sources["schema"] == "presentation"
    assert [table["name"] for table in sources["tables"]] == [*TABLES]
    for name in TABLES:
        assert f"{{{{ source('presentation', '{name}') }}}}" in PROJECT[PurePosixPath(f"models/{name}.sql")]


def test_metricflow_reads_it_without_a_remark() -> None:
    from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator

    from support.metricflow import manifest_of

    manifest = manifest_of(PROJECT)
    found = SemanticManifestValidator().validate_semantic_manifest(manifest)

    assert found.all_issues == ()
    assert {metric.name for metric in manifest.metrics} == {
        metric.name for table in TABLES.values() for metric in table.metrics
    }


def test_ossie_fits_its_published_schema() -> None:
    (text,) = ossie_model(CONTRACTS).values()
    schema = json.loads(Path(__file__).with_name("ossie-0.1.1.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document(text))
    model = document(text)["semantic_model"][0]
    fields = {dataset["name"]: {field["name"] for field in dataset["fields"]} for dataset in model["datasets"]}

    assert {name: [*columns] for name, columns in fields.items()}.keys() == TABLES.keys()
    for name, columns in fields.items():
        assert columns == {*CONTRACTS.presentation[name].columns}
    for metric in model["metrics"]:
        (told,) = metric["expression"]["dialects"]
        expression = sqlglot.parse_one(told["expression"], read="")
        for column in expression.find_all(sqlglot.exp.Column):
            assert column.name in fields[column.table]


def test_ossie_has_the_metrics_that_add_up_over_all_rows() -> None:
    (text,) = ossie_model(CONTRACTS).values()
    told = {
        metric["name"]: metric["expression"]["dialects"][0]["expression"]
        for metric in document(text)["semantic_model"][0]["metrics"]
    }

    assert told["stay_revenue_monthly_revenue"] == "SUM(stay_revenue_monthly.revenue)"
    assert told["stay_revenue_monthly_revpar"] == (
        "SUM(stay_revenue_monthly.revenue) / NULLIF(SUM(stay_revenue_monthly.available_nights), 0)"
    )
    assert "average_listing_price_city_weekly_active_listings" not in told
    assert "repeat_customer_rate_daily_repeat_customer_rate" not in told


def with_texts(words: str) -> Contracts:
    """One table, all of whose texts are the same."""
    table = CONTRACTS.presentation["occupancy_rate_monthly"]
    columns = {name: column.model_copy(update={"description": words}) for name, column in table.columns.items()}
    changed = table.model_copy(update={"definition": words, "description": words, "columns": columns})
    return Contracts(CONTRACTS.sources, CONTRACTS.curated, CONTRACTS.intermediate, {table.name: changed})


@pytest.mark.parametrize("words", HOSTILE)
def test_texts_stay_texts(words: str) -> None:
    project = dbt_project(with_texts(words))
    found = document(project[PurePosixPath("models/occupancy_rate_monthly.yml")])
    (ossie,) = ossie_model(with_texts(words)).values()

    described = found["semantic_models"][0]["description"]
    assert described.replace("{ ", "{") == words.replace("{ ", "{")
    assert not {"{{", "{%", "{#"} & {described[place : place + 2] for place in range(len(described))}
    assert document(ossie)["semantic_model"][0]["datasets"][0]["description"] == words


def test_files_are_written_beside_pages_and_replace_their_own(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    write_files(PROJECT, tmp_path, {})
    old = tmp_path / "models" / "gone_daily.sql"
    old.write_text((tmp_path / "models" / "rental_days.sql").read_text())
    (tmp_path / "models" / "own.sql").write_text("SELECT 1")
    write_files(PROJECT, tmp_path, {})

    there = {PurePosixPath(file.relative_to(tmp_path).as_posix()) for file in tmp_path.rglob("*") if file.is_file()}
    assert there == {*PROJECT, PurePosixPath("README.md"), PurePosixPath("models/own.sql")}

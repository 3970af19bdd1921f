"""The command line on the stand-in for Redshift: what users ask works as on DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from cli.conftest import CONFIGURATION, RATES, Rental, rental
from cli.program import assert_refused, rental_process
from rental_marketplace import MarketplaceOptions, generate
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import environment

__all__ = ["rental"]
pytestmark = [pytest.mark.service, pytest.mark.usefixtures("aws")]
OPTIONS = MarketplaceOptions(listings=30, bookings=120, viewings=100, end_date=date(2024, 3, 31), dirty_rate=0.05)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, s3: S3Server, redshift: RedshiftStandIn) -> Iterator[Path]:
    """A folder whose configuration names a bucket and a database of the stand-in, where `rental run` was done."""
    folder = tmp_path_factory.mktemp("redshift")
    generate(f"sqlite:///{folder / 'marketplace.db'}", OPTIONS)
    (folder / "rates.csv").write_text(RATES)
    (folder / "rental.toml").write_text(
        f"""{CONFIGURATION}
[lake]
url = "s3://{s3.create_bucket()}/lake"
[warehouse]
url = "redshift://test-workgroup/{redshift.create_database()}?region=us-east-1"
[quality]
max_rejected_share = 1
"""
    )
    redshift.faults.clear()
    run = rental_process(folder, "run", "--run-id", "first", env=environment(s3, redshift)).ok()
    assert "Occupancy, share of available nights that were booked" in run.out
    yield folder


def test_status(loaded: Path, rental: Rental) -> None:
    shown = rental(loaded, "status").ok().out
    assert "first" in shown
    assert "succeeded" in shown
    told = json.loads(rental(loaded, "status", "first", "--json").ok().out)
    assert [step["step"] for step in told["run_steps"]] == [
        "extract",
        "transform",
        "load-raw",
        "load-curated",
        "metrics",
    ]
    assert {row["table_name"] for row in told["run_accounting"]} == {
        "bookings",
        "listing_attributes",
        "listings",
        "viewings",
    }


def test_report(loaded: Path, rental: Rental) -> None:
    rental(loaded, "report", "--out", "report.html").ok()
    page = (loaded / "report.html").read_text(encoding="utf-8")
    assert "Occupancy rate" in page
    assert page.count("<svg") >= 3


def test_query(loaded: Path, rental: Rental) -> None:
    rows = json.loads(
        rental(
            loaded,
            "query",
            "SELECT booking_id, reporting_total_price, booked_at, checkin_date, is_deleted FROM curated.bookings "
            "WHERE status = 'confirmed' ORDER BY booking_id",
            "--limit",
            "2",
            "--json",
        )
        .ok()
        .out
    )
    assert len(rows) == 2
    assert set(rows[0]) == {"booking_id", "reporting_total_price", "booked_at", "checkin_date", "is_deleted"}
    told = rental(loaded, "query", "SELECT booking_id FROM curated.bookings", "--limit", "3").ok()
    assert "There are more rows than 3" in told.err
    decimals = json.loads(rental(loaded, "query", "SELECT 1.50 AS a, CAST(NULL AS DATE) AS b", "--json").ok().out)
    assert decimals == [{"a": "1.50", "b": None}]
    assert "(no rows)" in rental(loaded, "query", "SELECT 1 AS a FROM ops.runs WHERE FALSE").ok().out


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM curated.bookings", "begins with DELETE"),
        ("DROP TABLE curated.bookings", "begins with DROP"),
        ("SELECT * INTO curated.other FROM curated.bookings", "changes what is there"),
        ("TRUNCATE curated.bookings", "begins with TRUNCATE"),
        ("GRANT ALL ON curated.bookings TO PUBLIC", "begins with GRANT"),
        ("CALL something()", "begins with CALL"),
        ("UNLOAD ('SELECT 1') TO 's3://bucket/' IAM_ROLE default", "begins with UNLOAD"),
        ("SELECT 1; SELECT 2;", "but there are 2"),
        ("", "empty"),
        ("/* nothing */", "empty"),
        ("SHOW search_path; DROP TABLE curated.bookings", "but there are 2"),
        ("EXPLAIN DELETE FROM curated.bookings", "begins with DELETE"),
        ("EXPLAIN ANALYZE DELETE FROM curated.bookings", "begins with ANALYZE"),
        ("WITH gone AS (SELECT 1) DELETE FROM curated.bookings", "changes what is there"),
        ("SELECT * FROM curated.bookings FOR UPDATE", "changes what is there"),
        ("LOCK curated.bookings", "begins with LOCK"),
        ("SELECT FROM WHERE", "does not parse: Expected table name at 'WHERE', line 1"),
        ("SELECT 'a", "does not parse"),
        ("SELECT nothing FROM curated.bookings", "nothing"),
        ("SELECT 1 FROM curated.nothing", "nothing"),
        ("SELECT connection_type FROM curated.bookings", "connection_type"),
    ],
)
def test_what_is_no_query_is_refused(loaded: Path, rental: Rental, sql: str, told: str) -> None:
    assert_refused(rental(loaded, "query", sql), 2, told)


def test_texts_are_shown_as_they_are(loaded: Path, rental: Rental) -> None:
    """Rich knows `:secret:` as a picture, and every ARN of a secret has it."""
    assert ":secret: :smile:" in rental(loaded, "query", "SELECT ':secret: :smile:' AS a").ok().out


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW search_path",
        "EXPLAIN SELECT 1 AS a",
        "EXPLAIN VERBOSE SELECT 1 AS a;",
        "/* first */ SELECT 1 AS a; -- last",
        "SELECT ';--' AS a",
    ],
)
def test_show_and_explain_tell_nothing_else(loaded: Path, rental: Rental, sql: str) -> None:
    told = rental(loaded, "query", sql, "--json").ok()

    assert json.loads(told.out)
    assert told.err == ""


def test_who_only_reads_needs_to_know_the_warehouse_alone(loaded: Path, rental: Rental, tmp_path: Path) -> None:
    url = next(line for line in (loaded / "rental.toml").read_text().splitlines() if "redshift://" in line)
    (tmp_path / "rental.toml").write_text(f"[warehouse]\n{url}\n")

    assert json.loads(rental(tmp_path, "query", "SELECT 1 AS a", "--json").ok().out) == [{"a": 1}]
    assert "first" in rental(tmp_path, "status").ok().out
    assert_refused(rental(tmp_path, "run"), 2, "source.url is missing")
    assert_refused(rental(loaded, "run", "--set", "lake.url=lake"), 2, "Redshift loads from a bucket")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("warehouse.url=redshift://test-workgroup", "is not understood"),
        ("warehouse.url=redshift://user:secret@test-workgroup/db", "is not understood"),
        ("warehouse.url=redshift://test-workgroup/db?zone=1", "is not understood"),
        ("warehouse.url=redshift://test-workgroup/nowhere?region=us-east-1", 'database "nowhere" does not exist'),
        ("warehouse.url=redshift://another/db?region=us-east-1", "cannot be used"),
    ],
)
def test_wrong_configuration(loaded: Path, rental: Rental, setting: str, told: str) -> None:
    line = assert_refused(rental(loaded, "status", "--set", setting), 2, told)
    assert "secret" not in line


def test_copy_without_the_role(loaded: Path, rental: Rental) -> None:
    role = "warehouse.iam_role=arn:aws:iam::123456789012:role/other"
    failed = rental(loaded, "run", "--run-id", "refused", "--full-refresh", "--set", role)
    assert failed.code == 1
    assert "IAM Role" in failed.err
    assert "warehouse.iam_role may read" in failed.err
    assert "Traceback" not in failed.err
    rental(loaded, "run", "--resume", "refused", "--quiet").ok()

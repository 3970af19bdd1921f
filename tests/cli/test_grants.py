"""`rental grants` prints SQL for Redshift, and says of a DuckDB file that it needs none."""

from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import assert_refused

pytestmark = pytest.mark.fast

USERS = ("--loader", "IAMR:load-raw", "--loader", "IAMR:metrics", "--analyst", "IAM:maria", "--operator", "IAM:sam")


def test_in_general(tmp_path: Path, rental: Rental) -> None:
    shown = rental(tmp_path, "grants", *USERS).ok().out

    assert shown.startswith("-- Roles and rights. ")
    for user, role in (
        ("IAMR:load-raw", "loader"),
        ("IAMR:metrics", "loader"),
        ("IAM:maria", "analyst"),
        ("IAM:sam", "operator"),
    ):
        assert f'GRANT ROLE {role} TO "{user}";' in shown


def test_of_the_configured_warehouse(configured: Path, rental: Rental) -> None:
    place = ("--set", "warehouse.url=redshift://analytics/marketplace?region=eu-west-1")
    shown = rental(configured, "grants", *USERS, *place).ok().out

    assert shown.startswith("-- Roles and rights of redshift://analytics/marketplace. ")


def test_a_duckdb_file_has_no_users(configured: Path, rental: Rental) -> None:
    assert_refused(rental(configured, "grants", *USERS), 2, "Roles and grants are for Redshift", "duckdb:///")


def test_a_name_that_is_none(tmp_path: Path, rental: Rental) -> None:
    assert_refused(rental(tmp_path, "grants", "--analyst", ""), 2, "not the name of a database user")


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:iam::123456789012:role/rental-load",
        "IAMR:a,IAMR:b",
        "iamr:a",
        "Iam:maria",
        "PUBLIC",
        "public",
        "loader",
        "Analyst",
        "operator",
        "IAM:",
    ],
)
def test_what_no_database_user_is_called(tmp_path: Path, rental: Rental, name: str) -> None:
    assert_refused(rental(tmp_path, "grants", "--loader", name), 2, name, "IAMR:name", "IAM:name")


def test_no_loader_is_told_where_it_is_seen(tmp_path: Path, rental: Rental) -> None:
    shown = rental(tmp_path, "grants", "--analyst", "IAM:maria").ok()

    assert "No --loader is named" in shown.err
    assert rental(tmp_path, "grants", *USERS).ok().err == ""


def test_a_file_needs_to_know_nothing_of_the_source(tmp_path: Path, rental: Rental) -> None:
    (tmp_path / "rental.toml").write_text('[warehouse]\nurl = "redshift://analytics/marketplace"\n')

    assert "redshift://analytics/marketplace" in rental(tmp_path, "grants", *USERS).ok().out


def test_a_file_that_is_not_there(tmp_path: Path, rental: Rental) -> None:
    assert_refused(rental(tmp_path, "grants", "--config", "other.toml"), 2, "other.toml")

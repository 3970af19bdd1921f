"""`rental docs` needs no warehouse, follows a configuration, and names every column that a warehouse has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.conftest import Rental
from cli.program import assert_refused
from rental_analytics.catalogue import read_content
from rental_analytics.contracts.loader import load_contracts


@pytest.mark.fast
def test_docs_of_any_marketplace_in_an_empty_folder(tmp_path: Path, rental: Rental) -> None:
    result = rental(tmp_path, "docs").ok()

    assert result.out == "Documentation: docs-site/index.html\n"
    assert [path.name for path in tmp_path.iterdir()] == ["docs-site"]
    page = (tmp_path / "docs-site" / "index.html").read_text(encoding="utf-8")
    assert "Written without a configuration" in page
    assert (tmp_path / "docs-site" / "metrics" / "occupancy_rate_monthly.md").is_file()
    rental(tmp_path, "docs", "--out", "docs-site").ok()
    assert (tmp_path / "docs-site" / "index.html").read_text(encoding="utf-8") == page


@pytest.mark.fast
def test_docs_follow_the_configuration(configured: Path, rental: Rental) -> None:
    with (configured / "rental.toml").open("a") as file:
        file.write('[marketplace]\nids = "text"\n[tables.bookings]\nname = "reservations"\n')
        file.write('columns = { booking_id = "id" }\nconstants = { currency = "EUR" }\n')
    rental(configured, "docs").ok()
    folder = configured / "docs-site"
    source = (folder / "dictionary" / "source.md").read_text(encoding="utf-8")
    lineage = (folder / "lineage.md").read_text(encoding="utf-8")

    assert "## source.reservations\n" in source
    assert "| `id` | `text id` | yes | no | Identifies the booking (read as booking_id) |" in source
    assert "| `booking_id` | `VARCHAR` | yes | no |" in (folder / "dictionary" / "curated.md").read_text(
        encoding="utf-8"
    )
    assert "| `booking_id` | `source.reservations.id` |" in lineage
    assert "`configuration.tables.bookings.constants.currency`" in lineage
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "Written without a configuration" not in page
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= set(re.findall(r' id="([^"]+)"', page))


@pytest.mark.fast
def test_a_configuration_that_cannot_be_is_one_error(configured: Path, rental: Rental) -> None:
    with (configured / "rental.toml").open("a") as file:
        file.write('[tables.bokings]\nname = "reservations"\n')
    assert_refused(rental(configured, "docs"), 2, "tables.bokings", "known are")
    assert_refused(rental(configured, "docs", "--config", "other.toml"), 2, "no configuration file other.toml")
    assert not (configured / "docs-site").exists()


@pytest.mark.fast
def test_what_a_run_needs_and_what_is_no_folder_is_refused(configured: Path, rental: Rental) -> None:
    (configured / "lake").mkdir()
    assert_refused(rental(configured, "docs", "--out", "lake/docs"), 2, "lies in the lake (lake.url)", "another folder")
    assert_refused(rental(configured, "docs", "--out", "rental.toml"), 2, "is the configuration file", "another folder")
    assert_refused(rental(configured, "docs", "--out", "rates.csv"), 2, "is the file of", "another folder")
    (configured / "taken").write_text("mine")
    assert_refused(rental(configured, "docs", "--out", "taken"), 2, "which is not a folder", "name a folder")
    assert_refused(rental(configured, "docs", "--out", "taken/docs"), 2, "cannot be written", "another folder")
    assert list((configured / "lake").iterdir()) == []


@pytest.mark.slow
def test_every_column_of_a_warehouse_is_in_the_dictionary(loaded: Path, rental: Rental) -> None:
    asked = "SELECT table_schema || '.' || table_name AS relation, column_name FROM information_schema.columns"
    rows = json.loads(rental(loaded, "query", asked, "--json", "--limit", "100000").ok().out)
    tables = read_content(load_contracts()).tables

    assert {(row["relation"], row["column_name"]) for row in rows} == {
        (table.relation, column.name) for table in tables for column in table.columns if table.place != "source"
    }

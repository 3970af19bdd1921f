"""No column of a source takes the name of one that the pipeline has beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rental_analytics
from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.databases.base import COUNTED, CatalogueColumn, ColumnOrigin, Database
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.errors import ContractError

pytestmark = pytest.mark.fast

TABLE = SourceTable.model_validate(
    {
        "name": "bookings",
        "description": "Bookings",
        "unknown_columns": "keep",
        "columns": {"booking_id": {"type": "integer", "description": "Identifies the booking"}},
    }
)
STEPS = Path(rental_analytics.__file__).parent / "steps"
TEMPLATES = "".join(template.read_text() for template in STEPS.glob("**/*.sql.j2"))


def origin(name: str) -> ColumnOrigin:
    """As a column is kept that the contract does not name."""
    return ColumnOrigin(TABLE, name.lower(), "bookings", CatalogueColumn(name, "int"))


@pytest.mark.parametrize("database", [SqliteDatabase(Path("none.db")), MySqlDatabase("none", 3306, "root", "", "none")])
def test_names_that_templates_use_are_not_kept(database: Database) -> None:
    names = {COUNTED, "_first", "_loaded_at", *re.findall(r"(?<!\w)_[a-z_]+", TEMPLATES)}
    assert {"_occurrence", "_occurrences", "_rows", "_hash", "_newest", "_row_id"} <= names
    for name in names:
        with pytest.raises(ContractError) as raised:
            database.raw_column(origin(name.title()), SourceType.ANY)
        assert raised.value.reason == "column-name-not-usable", name
    assert database.raw_column(origin("Occurrence_"), SourceType.ANY).name == "occurrence_"


def test_columns_beside_those_of_a_source_begin_with_an_underscore() -> None:
    extract = "".join(template.read_text() for template in STEPS.glob("extract/*.sql.j2"))
    named = re.findall(r"\bAS (\w+)(?:,|\n *FROM\b)", extract)
    # These stand beside no column of a source.
    assert {name for name in named if not name.startswith("_")} == {"day", "too_few"}

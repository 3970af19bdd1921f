"""Ids in contracts: kind `id` and type `ID`, and what they become where the ids of a marketplace are texts."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rental_analytics.contracts.columns import ModelColumn
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.marketplace import is_id
from rental_analytics.contracts.model import DerivedModel
from rental_analytics.contracts.source_table import SourceColumn, SourceType
from rental_analytics.quality.rules import narrowed
from rental_analytics.warehouses.converted_ids import converted_id

pytestmark = pytest.mark.fast

ID = {"type": "ID", "description": "Tells them apart"}


def column(**given: Any) -> ModelColumn:
    return ModelColumn.model_validate(ID | given)


def test_an_id_has_the_type_of_the_marketplace() -> None:
    made = column(nullable=False)
    assert (made.type, made.max_bytes, made.declared_type, made.is_id) == ("BIGINT", None, "ID", True)
    texts = made.with_ids("text")
    assert (texts.type, texts.max_bytes, texts.declared_type, texts.nullable) == ("VARCHAR", 64, "ID", False)
    assert texts.with_ids("integer") == made
    other = column(type="BIGINT")
    assert other.with_ids("text") is other
    for one in (made, texts, other):
        assert ModelColumn.model_validate(one.model_dump()) == one


@pytest.mark.parametrize(
    "given", [{"max_bytes": 10}, {"is_id": True, "type": "DATE"}, {"ratio": {"of": "a", "to": "b"}}]
)
def test_what_an_id_cannot_have(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        column(**given)


def test_an_id_is_no_number_to_divide() -> None:
    rate = {"type": "DECIMAL(9,6)", "description": "A rate", "ratio": {"of": "listing_id", "to": "rooms"}}
    rooms = {"type": "BIGINT", "description": "Rooms"}
    with pytest.raises(ValidationError, match="'listing_id' is ID"):
        DerivedModel.model_validate(
            {
                "name": "rates",
                "layer": "presentation",
                "description": "Rates",
                "definition": "Rates",
                "grain": "one row per listing",
                "key": ["listing_id"],
                "columns": {"listing_id": ID, "rooms": rooms, "rate": rate},
                "query": "SELECT 1",
            }
        )


def test_a_source_leaves_it_to_the_setting_what_its_ids_are() -> None:
    with pytest.raises(ValidationError, match=r"marketplace\.ids; use id"):
        SourceColumn.model_validate({"type": "text id", "description": "Tells them apart"})
    made = load_contracts()
    assert made.with_ids("integer") is made
    texts = made.with_ids("text")
    for name, table in made.sources.items():
        assert table.ids == texts.sources[name].ids != ()
        assert {texts.sources[name].columns[key].type for key in table.ids} == {SourceType.TEXT_ID}
        assert {*table.key, *table.references} <= {*table.ids}
    for model in (*texts.curated.values(), *texts.intermediate.values(), *texts.presentation.values()):
        assert [name for name, one in model.columns.items() if one.is_id] == [
            name for name in model.columns if name.endswith("_id")
        ]


TEXTS = {
    "a": True,
    " a": True,
    "🏠" * 16: True,
    "🏠" * 16 + "a": False,
    "a" * 64: True,
    "a" * 65: False,
    "a ": False,
    " ": False,
    "": False,
    "a\tb": True,
    "a\0b": False,
    "\\": True,
}


@pytest.mark.parametrize(("text", "fits"), TEXTS.items())
def test_texts_that_can_be_ids(text: str, fits: bool) -> None:
    import duckdb

    assert is_id(text) == fits
    sql = f"SELECT {narrowed('key', column().with_ids('text'))} FROM (SELECT $text AS key)"
    assert duckdb.execute(sql, {"text": text}).fetchone() == (text if fits else None,)


NUMBERS = {
    "0": 0,
    "-5": -5,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "9223372036854775808": None,
    "9" * 38: None,
    "9" * 64: None,
    "05": None,
    "+5": None,
    " 5": None,
    "5.0": None,
    "-0": None,
    "1_000": None,
    "a": None,
    None: None,
}


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_texts_become_numbers_where_these_are_written_so(text: str | None, number: int | None) -> None:
    import duckdb

    held = duckdb.execute(f"SELECT {converted_id('key', 'BIGINT')} FROM (SELECT CAST(? AS VARCHAR) AS key)", [text])
    assert held.fetchone() == (number,)
    if number is not None:
        back = duckdb.execute(
            f"SELECT {converted_id('key', 'VARCHAR')} FROM (SELECT CAST(? AS BIGINT) AS key)", [number]
        )
        assert back.fetchone() == (text,)


def test_numbers_that_a_smaller_column_holds() -> None:
    import duckdb

    for kind, most in (("SMALLINT", 2**15 - 1), ("INTEGER", 2**31 - 1), ("DECIMAL(20,0)", 10**20 - 1)):
        expression = converted_id("key", kind)
        found = duckdb.execute(f"SELECT {expression} FROM (VALUES (?), (?)) AS texts (key)", [str(most), str(most + 1)])
        assert found.fetchall() == [(most,), (None,)]

"""Comparing what a source table is with what it was."""

from __future__ import annotations

from datetime import datetime

import pytest

from rental_analytics.contracts.base import common_type
from rental_analytics.contracts.manifest import ExtractedTable, FileColumn, SeenColumn
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.databases.base import RawColumn, ReadPlan
from rental_analytics.steps.extract.drift import drifts

pytestmark = pytest.mark.fast

CONTRACT = SourceTable.model_validate(
    {
        "name": "tickets",
        "description": "Tickets sold",
        "key": ["id"],
        "columns": {
            "id": {"type": "integer", "description": "The key"},
            "seat": {"type": "any", "description": "Where", "required": False},
        },
    }
)
RAW_TYPES = {"int": "INTEGER", "bigint": "BIGINT", "bigint unsigned": "DECIMAL(20,0)", "double": "DOUBLE"}
NAMED = CONTRACT.columns.keys()


def catalogue(*columns: str) -> tuple[SeenColumn, ...]:
    """`name type`, with `!` behind it for NOT NULL."""
    return tuple(
        SeenColumn(name=name, type=kind.removesuffix("!"), nullable=not kind.endswith("!"))
        for name, _, kind in (column.partition(" ") for column in columns)
    )


def raw_columns(seen: tuple[SeenColumn, ...]) -> dict[str, str]:
    return {
        column.name.lower(): RAW_TYPES.get(column.type.partition("(")[0], "VARCHAR")
        for column in seen
        if column.name.lower() in NAMED
    }


def compared(was: tuple[SeenColumn, ...], now: tuple[SeenColumn, ...]) -> list[str]:
    before = ExtractedTable(
        mode=ReadMode.SNAPSHOT,
        complete=True,
        key=("id",),
        columns=tuple(FileColumn(name=name, type=kind) for name, kind in raw_columns(was).items()),
        present=tuple(raw_columns(was)),
        window_upper=datetime.fromisoformat("2024-01-01"),
        catalogue=was,
    )
    plan = ReadPlan(
        table=CONTRACT,
        mode=ReadMode.SNAPSHOT,
        columns=tuple(RawColumn(name, kind, name, name, source=name) for name, kind in raw_columns(now).items()),
        key=("id",),
        cursor=None,
        unique_key=True,
        relation=CONTRACT.name,
        catalogue=now,
    )
    return [f"{drift.kind} {drift.column}".strip() for drift in drifts(plan, before)]


@pytest.mark.parametrize(
    ("was", "now", "kinds"),
    [
        (["id int", "seat text"], ["id int", "seat text"], []),
        (["id int(11)", "Seat text"], ["ID int", "seat text"], []),
        (["id int"], ["id int", "seat text"], ["added seat"]),
        (["id int", "x text"], ["id int"], ["dropped x"]),
        (["id int", "a text"], ["id int", "b text"], ["renamed a"]),
        (["id int", "a text"], ["id int", "b double"], ["dropped a", "added b"]),
        (["id int", "a text"], ["id int", "b text", "c text"], ["dropped a", "added b", "added c"]),
        (["id int", "a text", "x int"], ["id int", "y int", "b text"], ["renamed a", "renamed x"]),
        (["id int"], ["id bigint unsigned"], ["widened id"]),
        (["id bigint"], ["id int"], ["narrowed id"]),
        (["id int", "seat int"], ["id int", "seat text"], ["incompatible seat"]),
        (["id int", "seat varchar(5)"], ["id int", "seat varchar(6)"], ["retyped seat"]),
        (["id int", "x int"], ["id int", "x text"], ["retyped x"]),
        (["id int!"], ["id int"], ["nullable id"]),
        (["id int"], ["id int!"], ["not null id"]),
        (["id int!"], ["id bigint"], ["widened id", "nullable id"]),
        (["id int", "seat enum('a','b')"], ["id int", "seat enum('a','b','B')"], ["values added seat"]),
        (["id int", "seat set('a','b')"], ["id int", "seat set('b')"], ["values removed seat"]),
        (
            ["id int", "seat enum('a')"],
            ["id int", "seat enum('it''s, b')"],
            ["values added seat", "values removed seat"],
        ),
        (["id int", "seat enum('a','b')"], ["id int", "seat enum('b','a')"], ["retyped seat"]),
        (["id int", "seat enum('a')"], ["id int", "seat text"], ["retyped seat"]),
        (["id int", "seat text"], ["seat text", "id int"], ["reordered"]),
        ([], ["id int"], []),
    ],
)
def test_kinds(was: list[str], now: list[str], kinds: list[str]) -> None:
    assert compared(catalogue(*was), catalogue(*now)) == kinds


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("SMALLINT", "BIGINT", "BIGINT"),
        ("BIGINT", "DECIMAL(20,0)", "DECIMAL(20,0)"),
        ("INTEGER", "DECIMAL(5,1)", "DECIMAL(11,1)"),
        ("DECIMAL(12,2)", "DECIMAL(10,2)", "DECIMAL(12,2)"),
        ("DECIMAL(12,2)", "DECIMAL(12,4)", "DECIMAL(14,4)"),
        ("DECIMAL(38,10)", "DECIMAL(28,0)", "DECIMAL(38,10)"),
        ("DECIMAL(38,10)", "DECIMAL(29,0)", None),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("VARCHAR", "VARCHAR", "VARCHAR"),
        ("INTEGER", "VARCHAR", None),
        ("SMALLINT", "BOOLEAN", None),
        ("DECIMAL(12,2)", "DOUBLE", None),
        ("HUGEINT", "BIGINT", None),
    ],
)
def test_common_type(first: str, second: str, common: str | None) -> None:
    assert common_type(first, second) == common_type(second, first) == common

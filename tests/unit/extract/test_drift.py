"""What a difference between two reads is said to lead to, and what stops a run before it reads anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from rental_analytics.contracts.manifest import ExtractedTable, ExtractManifest, FileColumn, SeenColumn
from rental_analytics.contracts.source_table import ReadMode, SourceTable
from rental_analytics.databases.base import RawColumn, ReadPlan
from rental_analytics.errors import ContractError
from rental_analytics.steps.extract.drift import _check_held, _check_waiting, drifts, held_types
from rental_analytics.steps.extract.remapped import Remapping, remapping

pytestmark = pytest.mark.fast

TYPES = {"int": "INTEGER", "bigint": "BIGINT", "text": "VARCHAR"}
CONTRACT = SourceTable.model_validate(
    {
        "name": "tickets",
        "description": "Tickets sold",
        "columns": {
            name: {"type": "any", "description": "A column", "required": False} for name in ("id", "seat", "row_name")
        },
    }
)


def catalogue(**columns: str) -> tuple[SeenColumn, ...]:
    return tuple(SeenColumn(name=name, type=kind, nullable=True) for name, kind in columns.items())


def read(mode: ReadMode = ReadMode.INCREMENTAL, *, present: tuple[str, ...] = (), **columns: str) -> ExtractedTable:
    named = {name: TYPES[kind] for name, kind in columns.items() if name in CONTRACT.columns}
    return ExtractedTable(
        mode=mode,
        complete=True,
        key=(),
        columns=tuple(FileColumn(name=name, type=kind) for name, kind in named.items()),
        present=present or tuple(named),
        window_upper=datetime.fromisoformat("2024-01-01"),
        catalogue=catalogue(**columns),
    )


def planned(mode: ReadMode = ReadMode.INCREMENTAL, **columns: str) -> ReadPlan:
    named = {name: TYPES[kind] for name, kind in columns.items() if name in CONTRACT.columns}
    return ReadPlan(
        table=CONTRACT,
        mode=mode,
        columns=tuple(RawColumn(name, kind, name, name, source=name) for name, kind in named.items()),
        key=(),
        cursor=None,
        unique_key=False,
        relation="tickets",
        catalogue=catalogue(**columns),
    )


INCREMENTAL, SNAPSHOT, APPEND = ReadMode.INCREMENTAL, ReadMode.SNAPSHOT, ReadMode.APPEND
KEPT = "it is NULL in rows that are read from now on, those loaded before keep their values"


@pytest.mark.parametrize(
    ("was", "now", "modes", "effect"),
    [
        ({"seat": "int"}, {}, (INCREMENTAL, INCREMENTAL), KEPT),
        ({"seat": "int"}, {}, (APPEND, APPEND), KEPT),
        ({"seat": "int"}, {}, (SNAPSHOT, SNAPSHOT), "it is NULL in every row from now on"),
        (
            {"seat": "int"},
            {},
            (INCREMENTAL, SNAPSHOT),
            "it is NULL in every row from now on, and the table is read as snapshot from now on",
        ),
        ({"x": "int"}, {}, (INCREMENTAL, INCREMENTAL), "it was ignored before"),
        ({}, {"x": "int"}, (INCREMENTAL, INCREMENTAL), "it is ignored, since the contract does not name it"),
        ({}, {"seat": "int"}, (INCREMENTAL, INCREMENTAL), "the table is read whole this time"),
        ({}, {"seat": "int"}, (SNAPSHOT, SNAPSHOT), "every row has it from now on"),
        ({}, {"seat": "int"}, (APPEND, APPEND), "it is NULL in rows loaded before"),
        (
            {},
            {"seat": "int"},
            (SNAPSHOT, INCREMENTAL),
            "the table is read as incremental from now on, whole this time",
        ),
        (
            {"seat": "int"},
            {"place": "int"},
            (SNAPSHOT, SNAPSHOT),
            "seat: it is NULL in every row from now on; place: it is ignored, since the contract does not name it; "
            'tables.tickets.columns.seat = "place" or a view can give it the name seat again',
        ),
        ({"x": "int"}, {"x": "bigint"}, (SNAPSHOT, SNAPSHOT), "it is ignored, since the contract does not name it"),
        ({"seat": "int"}, {"seat": "bigint"}, (SNAPSHOT, SNAPSHOT), "its raw column grows from INTEGER to BIGINT"),
        ({"seat": "bigint"}, {"seat": "int"}, (SNAPSHOT, SNAPSHOT), "its raw column stays BIGINT"),
        (
            {"seat": "int"},
            {"seat": "text"},
            (SNAPSHOT, SNAPSHOT),
            "its raw column has held INTEGER and cannot take VARCHAR",
        ),
    ],
)
def test_effects(was: dict[str, str], now: dict[str, str], modes: tuple[ReadMode, ReadMode], effect: str) -> None:
    before = read(modes[0], id="int", **was)
    (drift,) = drifts(planned(modes[1], id="int", **now), before)
    assert drift.effect == effect
    assert str(drift) == f"{drift.change}; {effect}"


def test_differences_are_in_the_order_of_the_columns() -> None:
    before = read(id="int", seat="int", row_name="int")
    after = planned(row_name="bigint", seat="bigint", id="bigint", x="text")
    assert [drift.column for drift in drifts(after, before)] == ["id", "seat", "row_name", "x"]


def mapped(plan: ReadPlan, relation: str = "tickets", **sources: str) -> ReadPlan:
    """The plan where the source calls some of its columns otherwise."""
    columns = [replace(column, source=sources.get(column.name, column.source)) for column in plan.columns]
    seen = [
        column.model_copy(update={"name": sources.get(column.name, column.name)})
        for column in plan.catalogue
        if column.name not in sources.values()
    ]
    return replace(plan, columns=tuple(columns), catalogue=tuple(seen), relation=relation)


def seen_by(plan: ReadPlan, before: ExtractedTable) -> ExtractedTable:
    """The extract that left what a plan read."""
    update = {"catalogue": plan.catalogue, "sources": plan.sources, "relation": plan.relation}
    return before.model_copy(update=update)


def test_a_column_that_is_ours_under_both_names_is_compared_with_itself() -> None:
    before = seen_by(mapped(planned(id="int", seat="int"), seat="Place"), read(id="int", seat="int"))
    assert drifts(mapped(planned(id="int", seat="int"), seat="stand"), before) == ()
    (drift,) = drifts(mapped(planned(id="int", seat="bigint"), seat="stand"), before)
    assert str(drift) == ("column seat (tickets.stand) was int, is bigint; its raw column grows from INTEGER to BIGINT")


def test_a_column_that_is_read_from_a_neighbour_is_no_drift() -> None:
    """Nothing came and nothing went; that the mapping changed is told elsewhere."""
    two = {"id": "int", "seat": "int", "row_name": "int"}
    before = read(**two)
    swapped = planned(**two)
    names = {"seat": "row_name", "row_name": "seat"}
    columns = tuple(replace(column, source=names.get(column.name, column.name)) for column in swapped.columns)
    assert drifts(replace(swapped, columns=columns), before) == ()
    ignored = read(id="int", x="int")
    now = planned(id="int", x="int", seat="int")
    mapped_now = replace(
        now,
        columns=tuple(replace(c, source={"seat": "x"}.get(c.name, c.name)) for c in now.columns),
        catalogue=ignored.catalogue,
    )
    assert drifts(mapped_now, ignored) == ()


def test_both_names_are_told() -> None:
    before = seen_by(mapped(planned(id="int", seat="int"), "places", seat="stand"), read(id="int", seat="int"))
    assert [str(drift) for drift in drifts(planned(id="int"), before)] == [
        f"column seat (places.stand) int is gone; {KEPT}"
    ]
    (drift,) = drifts(mapped(planned(id="int", seat="int"), seat="stand"), read(id="int"))
    assert str(drift) == "column seat (tickets.stand) int is new; the table is read whole this time"


CHOSEN, FOLLOWED, SAME = "chosen", "followed", "same"


@pytest.mark.parametrize(
    ("was", "now", "there", "found"),
    [
        pytest.param({"source": "a"}, {"source": "a"}, "a", SAME, id="as before"),
        pytest.param({"source": "a"}, {"source": "A"}, "a", SAME, id="in other case"),
        pytest.param({"source": "a"}, {"source": "b"}, "ab", CHOSEN, id="another column"),
        pytest.param({"source": "a"}, {"source": "b"}, "b", FOLLOWED, id="renamed in the source"),
        pytest.param({"source": "seat"}, {"source": "b"}, "b", FOLLOWED, id="renamed from our name"),
        pytest.param({"source": "b"}, {"source": "seat"}, "", FOLLOWED, id="renamed to our name"),
        pytest.param({"source": "a"}, {}, "a", CHOSEN, id="no more, though there"),
        pytest.param({"source": "a"}, {}, "", SAME, id="gone: that is drift"),
        pytest.param({"source": "a"}, {"constant": "5"}, "a", CHOSEN, id="a constant, though there"),
        pytest.param({"source": "a"}, {"constant": "5"}, "", FOLLOWED, id="a constant for what is gone"),
        pytest.param({}, {"source": "a"}, "a", FOLLOWED, id="was NULL"),
        pytest.param({}, {"source": "seat"}, "", SAME, id="came by its name: that is drift"),
        pytest.param({}, {"constant": "5"}, "", FOLLOWED, id="was NULL, a constant"),
        pytest.param({"constant": "5"}, {"constant": "5"}, "", SAME, id="the same constant"),
        pytest.param({"constant": "5"}, {"constant": "6"}, "", CHOSEN, id="another constant"),
        pytest.param({"constant": "5"}, {"source": "seat"}, "", CHOSEN, id="a column in place of a constant"),
        pytest.param({"constant": "5"}, {}, "", CHOSEN, id="a constant that went"),
    ],
)
def test_what_a_changed_mapping_is(was: dict[str, str], now: dict[str, str], there: str, found: str) -> None:
    before = ExtractedTable(
        mode=INCREMENTAL,
        complete=True,
        key=(),
        columns=(),
        present=("seat",) if was else (),
        sources={"seat": was["source"]} if "source" in was else {},
        constants={"seat": was["constant"]} if "constant" in was else {},
        window_upper=datetime.fromisoformat("2024-01-01"),
    )
    plan = planned(**dict.fromkeys([*there, *(["seat"] if now.get("source") == "seat" else [])], "int"))
    select = now.get("source", "")
    column = RawColumn("seat", "INTEGER", select, "", source=select, constant=now.get("constant"))
    change = remapping(replace(plan, columns=(column,)), before)
    assert (bool(change.chosen), bool(change.followed)) == (found == CHOSEN, found == FOLLOWED), change


def test_a_table_that_is_read_from_another_one() -> None:
    before = read(id="int").model_copy(update={"relation": "places"})
    assert remapping(planned(id="int"), before).chosen == ("it is read from tickets, and was from places",)
    # Before it was noted, a table had our name.
    assert remapping(planned(id="int"), read(id="int")) == Remapping()


def manifest(**tables: ExtractedTable) -> ExtractManifest:
    return ExtractManifest(
        run_id="20240101T000000Z-00000001",
        sequence=1,
        engine="duckdb",
        covers=("20240101T000000Z-00000001",),
        upper_bound=datetime.fromisoformat("2024-01-01"),
        tables=tables,
    )


@pytest.mark.parametrize(
    ("given", "stops"),
    [
        ({}, False),
        ({"others": {"seat": "text"}}, False),
        ({"tickets": {"seat": "bigint"}}, False),
        ({"tickets": {"row_name": "text"}}, False),
        ({"tickets": {"seat": "text"}}, True),
    ],
)
def test_runs_that_wait_to_be_loaded(given: dict[str, dict[str, str]], stops: bool) -> None:
    waiting = [manifest(**{name: read(**columns) for name, columns in given.items()})]
    if not stops:
        _check_waiting(planned(seat="int"), waiting)
        return
    with pytest.raises(ContractError) as caught:
        _check_waiting(planned(seat="int"), waiting)
    assert (caught.value.reason, caught.value.table) == ("column-changed-before-load", "tickets")
    # A full refresh converts ids.
    _check_waiting(planned(seat="int"), waiting, converted=["seat"])


@pytest.mark.parametrize(
    ("present", "held", "stops"),
    [
        (("seat",), {"seat": "VARCHAR"}, True),
        (("seat",), {"seat": "BIGINT"}, False),
        (("id",), {"seat": "VARCHAR"}, False),
        (("seat",), {"id": "VARCHAR"}, False),
        (("seat",), {}, False),
    ],
)
def test_what_a_raw_column_held_before(present: tuple[str, ...], held: dict[str, str], stops: bool) -> None:
    before = read(id="int", seat="int", present=present).model_copy(update={"held_types": held})
    if not stops:
        _check_held(planned(seat="int"), before)
        return
    with pytest.raises(ContractError, match=r"raw_data\.tickets\.seat is VARCHAR and cannot take INTEGER"):
        _check_held(planned(seat="int"), before)


def test_types_that_hold_all_that_was_read() -> None:
    before = read(id="int", seat="bigint", row_name="text").model_copy(update={"held_types": {"seat": "DECIMAL(20,0)"}})
    columns: tuple[Any, ...] = read(id="bigint", seat="int", row_name="int").columns
    assert held_types(columns, ("id", "seat"), None) == {"id": "BIGINT", "seat": "INTEGER"}
    assert held_types(columns, ("id", "seat"), before) == {"id": "BIGINT", "seat": "DECIMAL(20,0)"}
    own = before.model_copy(update={"held_types": {}})
    assert held_types(columns, ("id", "row_name"), own) == {"id": "BIGINT", "seat": "BIGINT", "row_name": "INTEGER"}


def test_a_read_that_kept_no_catalogue_is_not_compared() -> None:
    before = read(id="int").model_copy(update={"catalogue": ()})
    assert drifts(replace(planned(id="text"), mode=SNAPSHOT), before) == ()

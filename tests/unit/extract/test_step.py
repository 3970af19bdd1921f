"""What step `extract` asks of a read, and what it refuses before and after one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from extract.reads import CONTRACT, day
from rental_analytics.contracts.configuration import QualitySettings
from rental_analytics.contracts.manifest import ExtractedTable, ExtractManifest, LakeFile, RunParameters
from rental_analytics.contracts.source_table import ReadMode
from rental_analytics.databases.base import RawColumn, ReadPlan, Window
from rental_analytics.errors import ConfigurationError, QualityError
from rental_analytics.steps.extract import step
from rental_analytics.steps.read_start import ReadStart

pytestmark = pytest.mark.fast

INCREMENTAL, SNAPSHOT, APPEND = ReadMode.INCREMENTAL, ReadMode.SNAPSHOT, ReadMode.APPEND
RUN = "20240101T000000Z-0000000"


def run(**values: Any) -> RunParameters:
    given: dict[str, Any] = {
        "run_id": f"{RUN}9",
        "sequence": 9,
        "started_at": day(20).astimezone(),
        "upper_bound": day(20),
    }
    return RunParameters(**given | values)


def context(parameters: RunParameters, **more: Any) -> Any:
    source = SimpleNamespace(overlap=timedelta(days=1))
    return SimpleNamespace(run=parameters, settings=SimpleNamespace(source=source, quality=QualitySettings()), **more)


def plan(mode: ReadMode = INCREMENTAL, *names: str, key: tuple[str, ...] = ("hall", "seat")) -> ReadPlan:
    columns = tuple(RawColumn(name, "BIGINT", name, name, source=name) for name in names or ("hall", "seat"))
    absent = RawColumn("row_name", "VARCHAR", "", "")
    return ReadPlan(CONTRACT, mode, (*columns, absent), key, "moved_at", unique_key=True, relation="seats")


def table(mode: ReadMode = INCREMENTAL, **values: Any) -> ExtractedTable:
    given: dict[str, Any] = {
        "mode": mode,
        "complete": False,
        "key": ("hall", "seat"),
        "columns": (),
        "present": ("hall", "seat"),
        "window_upper": day(10),
        "newest_cursor": day(9),
        "overlap_start": day(8.5),
    }
    return ExtractedTable(**given | values)


def manifest(number: int) -> ExtractManifest:
    run_id = f"{RUN}{number}"
    return ExtractManifest(
        run_id=run_id, sequence=number, engine="duckdb", covers=(run_id,), upper_bound=day(number), tables={}
    )


@pytest.mark.parametrize(
    ("previous", "planned", "given", "complete"),
    [
        pytest.param(table(), plan(), {}, False, id="as before"),
        pytest.param(None, plan(), {}, True, id="never read"),
        pytest.param(table(), plan(), {"full_refresh": True}, True, id="a full refresh"),
        pytest.param(table(SNAPSHOT), plan(), {}, True, id="another mode"),
        pytest.param(table(key=("hall",)), plan(), {}, True, id="another key"),
        pytest.param(table(), plan(INCREMENTAL, "hall", "seat", "price"), {}, True, id="a column more"),
        pytest.param(table(), plan(INCREMENTAL, "hall"), {}, False, id="a column less"),
        pytest.param(table(SNAPSHOT), plan(SNAPSHOT, "hall", "price"), {}, False, id="a column more in a snapshot"),
        pytest.param(
            table(),
            plan(),
            {"backfill_from": date(2024, 1, 2), "backfill_to": date(2024, 1, 3)},
            False,
            id="a backfill",
        ),
        pytest.param(
            table(SNAPSHOT),
            plan(SNAPSHOT),
            {"backfill_from": date(2024, 1, 2), "backfill_to": date(2024, 1, 3)},
            True,
            id="a backfill of a snapshot",
        ),
    ],
)
def test_when_a_table_is_read_whole(
    previous: ExtractedTable | None, planned: ReadPlan, given: dict[str, Any], complete: bool
) -> None:
    request = step._request(context(run(**given)), planned, previous, complete=False)
    assert request.complete is complete
    assert request.window.upper == day(20)
    assert request.window.lower == (None if complete or planned.mode is SNAPSHOT else day(8))
    assert request.backfill == (Window(day(2), day(4)) if given.get("backfill_from") else None)
    told = step._request(context(run(**given)), planned, previous, complete=True)
    assert (told.complete, told.window.lower) == (True, None)
    same = previous is not None and previous.mode is planned.mode and previous.key == planned.key
    assert request.previous == (previous if same else None)


def test_the_last_day_that_there_is() -> None:
    asked = run(backfill_from=date(9999, 12, 30), backfill_to=date(9999, 12, 31))
    assert step._range(asked) == Window(datetime.fromisoformat("9999-12-30"), datetime.fromisoformat("9999-12-31"))


@pytest.mark.parametrize(
    ("previous", "lower"),
    [
        (table(), day(8)),
        (table(newest_cursor=day(30)), day(9)),
        (table(newest_cursor=None), None),
        (table(SNAPSHOT), None),
        (table(APPEND), day(8.5)),
        (table(APPEND, overlap_start=day(5)), day(8)),
        (table(APPEND, overlap_start=None), day(8)),
    ],
)
def test_where_a_window_starts(previous: ExtractedTable, lower: datetime | None) -> None:
    assert step._lower_bound(previous, timedelta(days=1)) == lower


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (ReadStart(None), "no run has read the source yet"),
        (ReadStart(None, (), (f"{RUN}1",), complete=True), f"what run {RUN}1 read is not loaded yet"),
        (ReadStart(manifest(1)), None),
        (ReadStart(manifest(1), (manifest(2), manifest(3))), f"what run {RUN}3 read is not loaded yet"),
        (ReadStart(manifest(1), (manifest(2),), (f"{RUN}3", f"{RUN}4")), f"what run {RUN}2 read is not loaded yet"),
        (
            ReadStart(manifest(1), (manifest(2),), (f"{RUN}3", f"{RUN}4"), complete=True),
            f"what run {RUN}4 read is not loaded yet",
        ),
        (ReadStart(manifest(1), (), (f"{RUN}3",)), None),
    ],
)
def test_what_a_backfill_stands_on(start: ReadStart, told: str | None) -> None:
    step._check_backfill(context(run()), start)
    backfill = context(run(backfill_from=date(2024, 1, 2), backfill_to=date(2024, 1, 3)))
    if told is None:
        step._check_backfill(backfill, start)
        return
    with pytest.raises(ConfigurationError, match=f"nothing to backfill: {told}") as caught:
        step._check_backfill(backfill, start)
    assert caught.value.reason == "nothing-to-backfill"


@pytest.mark.parametrize(
    ("replaced", "complete", "note"),
    [
        ((), False, []),
        ((), True, []),
        (("one",), False, ["re-reads what run one read and never loaded"]),
        (("one", "two"), False, ["re-reads what run one and 1 run after it read and never loaded"]),
        (
            ("one", "two", "three"),
            True,
            ["re-reads what run one and 2 runs after it read and never loaded, each table in full"],
        ),
    ],
)
def test_what_is_read_again_is_told(replaced: tuple[str, ...], complete: bool, note: list[str]) -> None:
    notes: list[str] = []
    events = SimpleNamespace(note=lambda text, topic: notes.append(text))
    step._note_replaced(context(run(), events=events), ReadStart(None, (), replaced, complete))
    assert notes == note


def test_only_what_is_loaded_can_be_emptied() -> None:
    gone = (LakeFile(path=f"raw/seats/run_id={RUN}9/deletes-0.parquet", rows=100, bytes=1),)
    for loaded in (False, True):
        manifests = SimpleNamespace(latest=lambda _step, before, loaded=loaded: "a load" if loaded else None)
        asked = ("seats", table(held=0, deletes=gone), table(held=100))
        if not loaded:
            step._check_deleted(context(run(), manifests=manifests), *asked)
            continue
        with pytest.raises(QualityError) as caught:
            step._check_deleted(context(run(), manifests=manifests), *asked)
        assert caught.value.reason == "too-many-rows-vanished"

"""What a check stopped, or a transform could not take, is replaced by the corrected rows of the next run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError, QualityError, RentalError, WarehouseError
from rental_analytics.steps.transform.transformation import Transformation
from rental_analytics.warehouses.change_kinds import NoteLoad
from runs.harness import LOADING, Kept, Pipeline, Source, failure
from support.breadth import sampled

pytestmark = pytest.mark.slow

STRICT = "quality.max_rejected_share=0.2"
VIEWINGS = "SELECT (SELECT COUNT(*) FROM raw_data.user_viewing), (SELECT COUNT(*) FROM curated.viewings)"
BOOKINGS = "SELECT booking_id, status FROM curated.bookings WHERE NOT is_deleted ORDER BY 1"
CURSOR = "2024-03-05 00:00:00.000000"


def day(number: int) -> str:
    return f"2024-03-{number:02} 00:00:00.000000"


def fill(source: Source) -> None:
    """Ten bookings and ten viewings of one listing; nothing is wrong with them."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", *({"booking_id": number, "updated_at": CURSOR} for number in range(1, 11)))
    source.insert("user_viewing", *({"id": number, "viewed_at": day(number)} for number in range(1, 11)))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    fill(source)
    return source


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url, STRICT)


Loaded = tuple[Source, Pipeline]


@pytest.fixture
def loaded(kept: Callable[[str], Kept], tmp_path: Path) -> Loaded:
    """The source, and the pipeline that has read it."""
    return kept("sqlite").again(tmp_path / "run", STRICT)


def spoil_viewings(source: Source) -> None:
    source.execute("UPDATE user_viewing SET apartment_id = NULL WHERE id <= 4")


def correct_viewings(source: Source) -> None:
    source.execute("UPDATE user_viewing SET apartment_id = 1 WHERE id <= 4")


def spoil_bookings(source: Source) -> None:
    source.execute("UPDATE bookings SET booking_status = 'maybe' WHERE booking_id <= 4")


def correct_bookings(source: Source) -> None:
    """Their cursors stay where they are."""
    source.execute("UPDATE bookings SET booking_status = 'pending' WHERE booking_id <= 4")


def same_as_undisturbed(pipeline: Pipeline, source: Source, *, numbers: bool) -> None:
    fresh = Pipeline(pipeline.folder.parent / "fresh", source.url)
    fresh.run(steps=() if numbers else LOADING)
    schemas = ("raw_data", "curated", "presentation") if numbers else ("raw_data", "curated")
    wanted, found = fresh.tables(*schemas), pipeline.tables(*schemas)
    assert {name: (found[name], rows) for name, rows in wanted.items() if found[name] != rows} == {}


def stopped(pipeline: Pipeline, *settings: str, **options: Any) -> QualityError:
    error = failure(pipeline.load, *settings, **options)
    assert isinstance(error, QualityError), error
    assert error.reason == "too-many-rows-rejected"
    return error


@pytest.mark.remedy("too-many-rows-rejected")
def test_a_first_load_that_was_stopped_is_read_again_once_the_source_is_corrected(
    source: Source, pipeline: Pipeline
) -> None:
    spoil_viewings(source)
    spoil_bookings(source)
    assert "after correcting the source `rental run`;" in stopped(pipeline).remedy

    correct_viewings(source)
    correct_bookings(source)
    pipeline.run()

    assert pipeline.rows(VIEWINGS) == [(10, 10)]
    same_as_undisturbed(pipeline, source, numbers=True)
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(10, 10)]


def test_a_later_run_that_was_stopped_leaves_what_was_loaded_and_is_read_again(
    loaded: Loaded,
) -> None:
    source, pipeline = loaded
    for number in range(11, 21):
        listing = None if number <= 14 else 1
        source.insert("user_viewing", {"id": number, "viewed_at": day(number), "apartment_id": listing})
        status = "maybe" if number <= 14 else "confirmed"
        source.insert("bookings", {"booking_id": number, "updated_at": day(6), "booking_status": status})
    source.execute("DELETE FROM bookings WHERE booking_id = 10")
    first = stopped(pipeline)
    second = stopped(pipeline)
    assert pipeline.rows(VIEWINGS) == [(10, 10)]

    source.execute("UPDATE user_viewing SET apartment_id = 1")
    source.execute("UPDATE bookings SET booking_status = 'pending' WHERE booking_status = 'maybe'")
    pipeline.load()

    assert pipeline.rows(VIEWINGS) == [(20, 20)]
    assert [key for key, _ in pipeline.rows(BOOKINGS)] == [key for key in range(1, 21) if key != 10]
    for error in (first, second):
        refused = failure(pipeline.load, resume=error.run_id)
        assert isinstance(refused, ConfigurationError) and "includes its rows" in refused.message


def test_a_row_that_was_never_loaded_may_be_gone_when_it_is_read_again(loaded: Loaded) -> None:
    """And the files in which it was read are removed."""
    source, pipeline = loaded
    source.insert("bookings", {"booking_id": 11, "updated_at": day(6), "booking_status": "maybe"})
    source.insert("user_viewing", {"id": 11, "viewed_at": day(11), "apartment_id": None})
    error = stopped(pipeline)
    source.execute("DELETE FROM bookings WHERE booking_id = 11")
    source.execute("UPDATE user_viewing SET apartment_id = 1")
    pipeline.load()
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(10,)]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.bookings") == [(10,)]
    assert pipeline.rows(VIEWINGS) == [(11, 11)]
    pipeline.load()
    left = {
        path.relative_to(pipeline.folder / "lake").parts[0]
        for path in pipeline.folder.rglob(f"run_id={error.run_id}/*")
    }
    assert left == {"rejected"}


@pytest.mark.parametrize("mode", ["snapshot", "append"])
def test_tables_read_otherwise(loaded: Loaded, mode: str) -> None:
    source, first = loaded
    tables = ("user_viewing",) if mode == "append" else ("user_viewing", "bookings")
    pipeline = Pipeline(first.folder, source.url, STRICT, *(f"tables.{name}.mode={mode}" for name in tables))
    if mode == "snapshot":
        pipeline.load()
    source.execute("UPDATE bookings SET booking_status = 'maybe', updated_at = '2024-03-06' WHERE booking_id <= 4")
    stopped(pipeline)
    source.execute("UPDATE bookings SET booking_status = 'pending' WHERE booking_id <= 4")
    pipeline.load()
    assert pipeline.rows(BOOKINGS) == [(key, "pending" if key <= 4 else "confirmed") for key in range(1, 11)]
    assert pipeline.rows(VIEWINGS) == [(10, 10)]


@pytest.mark.remedy("too-many-rows-rejected")
def test_a_full_refresh_is_compared_with_what_was_loaded(source: Source, pipeline: Pipeline) -> None:
    source.execute("UPDATE user_viewing SET apartment_id = NULL")
    stopped(pipeline)
    # The bad rows are gone for good: most of what was read, and nothing of what was loaded.
    source.execute("DELETE FROM user_viewing WHERE id > 1")
    source.execute("DELETE FROM bookings WHERE booking_id > 1")
    source.execute("UPDATE user_viewing SET apartment_id = 1")
    low = ("quality.max_deleted_share=0", "quality.min_deleted_rows=1")
    pipeline.load(*low, full_refresh=True)
    assert pipeline.rows(VIEWINGS) == [(1, 1)]

    source.execute("UPDATE user_viewing SET apartment_id = NULL")
    error = stopped(pipeline, *low, full_refresh=True)
    assert "`rental run --full-refresh`" in error.remedy
    source.execute("UPDATE user_viewing SET apartment_id = 1")
    pipeline.load(*low, full_refresh=True)
    assert pipeline.rows(VIEWINGS) == [(1, 1)]
    same_as_undisturbed(pipeline, source, numbers=False)


@pytest.mark.remedy("too-many-rows-rejected")
def test_a_backfill_that_was_stopped_is_done_again(loaded: Loaded) -> None:
    source, pipeline = loaded
    days = (date(2024, 3, 1), date(2024, 3, 5))
    source.execute("UPDATE user_viewing SET apartment_id = NULL, call_to_action = 'share' WHERE id <= 4")
    error = stopped(pipeline, backfill=days)
    assert "`rental backfill --from 2024-03-01 --to 2024-03-05`" in error.remedy
    correct_viewings(source)
    pipeline.load(backfill=days)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings WHERE call_to_action = 'share'") == [(4,)]
    assert pipeline.rows(VIEWINGS) == [(10, 10)]


@pytest.mark.remedy("run-stopped-by-check")
@pytest.mark.remedy("too-many-rows-rejected")
def test_a_step_alone_does_not_lead_around_the_check_and_the_remedy_does(loaded: Loaded) -> None:
    source, pipeline = loaded
    source.insert("user_viewing", {"id": 11, "viewed_at": day(11), "apartment_id": None})
    error = stopped(pipeline, run_id="bad")
    for step in ("load-raw", "load-curated"):
        refused = failure(pipeline.run, resume="bad", steps=(step,))
        assert (refused.reason, refused.exit_code) == ("run-stopped-by-check", 3)
    assert pipeline.rows(VIEWINGS) == [(10, 10)]
    assert "`rental run --resume bad --set quality.max_rejected_share=1`" in error.remedy
    pipeline.load("quality.max_rejected_share=1", resume="bad")
    assert pipeline.rows(VIEWINGS) == [(11, 10)]
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(11, 10)]


def test_a_stopped_full_refresh_does_not_hide_another_source(loaded: Loaded, tmp_path: Path) -> None:
    """What the next run would go on from was read from the first one."""
    _, pipeline = loaded
    other = Source.sqlite(tmp_path / "other.db")
    other.create(optional=True)
    other.insert("apartments", {"id": 1})
    other.insert("user_viewing", {"id": 1, "apartment_id": None})
    moved = f"source.url={other.url}"
    stopped(pipeline, moved, "quality.max_deleted_share=1", full_refresh=True)
    assert failure(pipeline.load, moved).reason == "source-is-another"
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(10, 10)]


@pytest.mark.parametrize("stops", sampled([1, 2], [2]))
def test_rows_that_raw_data_may_hold_already_are_read_whole(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch, stops: int
) -> None:
    """A run ended between the two loads, and the one after it was stopped: the raw rows of the first are loaded."""
    source, pipeline = loaded
    source.insert("user_viewing", {"id": 11, "viewed_at": day(11)}, {"id": 12, "viewed_at": day(12)})
    source.insert("bookings", {"booking_id": 11, "updated_at": day(6)})

    def fail(note: NoteLoad) -> str:
        if note.step == "load-curated":
            raise WarehouseError("the disk is full.", remedy="make room.")
        return super(NoteLoad, note).sql

    with monkeypatch.context() as patched:
        patched.setattr(NoteLoad, "sql", property(fail))
        assert isinstance(failure(pipeline.load), WarehouseError)
    assert pipeline.rows(VIEWINGS) == [(12, 10)]
    source.insert("user_viewing", {"id": 13, "viewed_at": day(13), "apartment_id": None})
    for _ in range(stops):
        stopped(pipeline, "quality.max_rejected_share=0")
    source.execute("UPDATE user_viewing SET apartment_id = 1")
    source.execute("DELETE FROM bookings WHERE booking_id = 11")
    pipeline.load("quality.max_deleted_share=1")

    assert any("each table in full" in note for note in pipeline.notes)
    assert pipeline.rows(VIEWINGS) == [(13, 13)]
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.bookings WHERE NOT _is_deleted") == [(10,)]


def test_what_a_transform_could_not_take_is_read_again(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    source, pipeline = loaded
    source.insert("user_viewing", {"id": 11, "viewed_at": day(11)})

    def fail(*_: object) -> None:
        raise RentalError("a value does not fit.", remedy="correct it.")

    with monkeypatch.context() as patched:
        patched.setattr(Transformation, "run", fail)
        failure(pipeline.load)
    source.execute("UPDATE user_viewing SET call_to_action = 'corrected' WHERE id = 11")
    pipeline.load()
    assert pipeline.rows("SELECT call_to_action FROM curated.viewings WHERE viewed_at = '2024-03-11'") == [
        ("corrected",)
    ]
    assert pipeline.rows(VIEWINGS) == [(11, 11)]


@pytest.mark.remedy("too-many-rows-vanished")
def test_rows_that_are_gone_for_good(loaded: Loaded) -> None:
    source, pipeline = loaded
    source.execute("DELETE FROM bookings")
    error = failure(pipeline.load)
    assert isinstance(error, QualityError) and "--set quality.max_deleted_share=1" in error.remedy
    pipeline.load("quality.max_deleted_share=1")
    assert pipeline.rows(BOOKINGS) == []

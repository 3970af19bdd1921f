"""Runs continued in the wrong order, lakes and warehouses that do not match, listings that contradict themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import ConfigurationError, LakeError, SourceError
from rental_analytics.steps.extract import step as extract
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake
from runs.harness import ON_MYSQL, ON_ONE_SOURCE, Kept, Pipeline, Source, failure

STRICT = "quality.max_rejected_share=0"
VIEWINGS = "SELECT (SELECT COUNT(*) FROM raw_data.user_viewing), (SELECT COUNT(*) FROM curated.viewings)"


def day(number: int) -> str:
    return f"2024-03-{number:02} 00:00:00.000000"


def fill(source: Source) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1, "price": "100.00"}, {"id": 2, "price": "50.00"})
    source.insert("apartments", {"id": 3, "last_modified_timestamp": "2093-01-01"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "currency": "EUR", "total_price": "300.00"})
    source.insert("user_viewing", {"viewed_at": day(1)})


@pytest.fixture
def filled(source: Source) -> Source:
    fill(source)
    return source


Loaded = tuple[Source, Pipeline]


@pytest.fixture
def loaded(kept: Callable[[str], Kept], kind: str, tmp_path: Path) -> Loaded:
    """The source, and the pipeline that has read it."""
    return kept(kind).again(tmp_path / "run")


def versions(pipeline: Pipeline, listing: int) -> list[tuple[Any, ...]]:
    columns = "reporting_price, is_active"
    sql = f"SELECT {columns} FROM curated.listing_versions WHERE listing_id = {listing} ORDER BY valid_from"
    return [(price and int(price), active) for price, active in pipeline.rows(sql)]


@pytest.mark.remedy("run-taken-over")
@ON_ONE_SOURCE
def test_two_stopped_runs_continued_in_turn(loaded: Loaded) -> None:
    filled, pipeline = loaded
    filled.insert("user_viewing", {"viewed_at": day(2), "apartment_id": None}, {"viewed_at": day(2)})
    first = failure(pipeline.load, STRICT)
    filled.insert("user_viewing", {"viewed_at": day(3)})
    second = failure(pipeline.load, STRICT)
    refused = failure(pipeline.load, resume=first.run_id)
    assert isinstance(refused, ConfigurationError)
    assert f"run {second.run_id} includes its rows" in refused.message
    pipeline.load(resume=second.run_id)
    assert pipeline.rows(VIEWINGS) == [(4, 3)]
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(4, 3)]


@pytest.mark.remedy("transform-outdated")
@ON_ONE_SOURCE
def test_two_unfinished_runs_continued_in_turn(loaded: Loaded) -> None:
    filled, pipeline = loaded
    filled.insert("user_viewing", {"viewed_at": day(2)})
    first = pipeline.run(steps=("extract", "transform")).run
    filled.insert("user_viewing", {"viewed_at": day(3)})
    second = pipeline.run(steps=("extract", "transform")).run
    pipeline.load(resume=first.run_id)
    refused = failure(pipeline.load, resume=second.run_id)
    assert isinstance(refused, LakeError)
    assert "another run has loaded since" in refused.message
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(3, 3)]


@ON_ONE_SOURCE
def test_extract_of_an_older_run_after_that_of_a_newer_one(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    filled, pipeline = loaded
    filled.insert("user_viewing", {"viewed_at": day(2)})
    with monkeypatch.context() as patched:
        patched.setattr(extract, "plan_reads", lambda _context: _fail())
        first = failure(pipeline.load)
    second = pipeline.extract()
    refused = failure(pipeline.load, resume=first.run_id)
    assert isinstance(refused, ConfigurationError)
    assert "includes its rows" in refused.message
    pipeline.load(resume=second.run.run_id)
    assert pipeline.rows(VIEWINGS) == [(2, 2)]


def _fail() -> None:
    raise SourceError("the connection is gone.", remedy="run again.")


@ON_ONE_SOURCE
def test_run_id_used_again_after_a_crash_at_its_start(
    filled: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = LocalLake.create

    def die(self: Lake, path: str, content: bytes) -> bool:
        if path == "runs/nightly/run.json":
            raise LakeError("the process died.", remedy="run again.")
        return create(self, path, content)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(LocalLake, "create", die)
        failure(pipeline.load, run_id="nightly")
    pipeline.load(run_id="nightly")
    filled.insert("user_viewing", {"viewed_at": day(2)})
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(2, 2)]


@ON_ONE_SOURCE
def test_write_that_is_repeated_since_its_answer_was_lost(
    filled: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = LocalLake.create

    def twice(self: Lake, path: str, content: bytes) -> bool:
        create(self, path, content)  # type: ignore[arg-type]
        return create(self, path, content) if path.endswith("extract.json") else True  # type: ignore[arg-type]

    monkeypatch.setattr(LocalLake, "create", twice)
    pipeline.load()
    assert pipeline.rows(VIEWINGS) == [(1, 1)]


@ON_ONE_SOURCE
def test_warehouse_of_another_lake_is_refused(loaded: Loaded, tmp_path: Path) -> None:
    filled, pipeline = loaded
    warehouse = f"warehouse.url=duckdb:///{pipeline.folder}/warehouse.duckdb"
    other = Pipeline(tmp_path / "other", filled.url, warehouse)
    assert isinstance(failure(other.load), ConfigurationError)
    other.load(full_refresh=True)
    other.load()
    refused = failure(pipeline.load)
    assert isinstance(refused, ConfigurationError)
    assert f"was filled from the lake {other.folder}/lake" in refused.message
    pipeline.load(full_refresh=True)
    assert pipeline.rows(VIEWINGS) == [(1, 1)]


@ON_MYSQL
def test_optional_column_that_comes_later(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=False, tables=("apartments", "apartment_attributes", "user_viewing"))
    source.execute(
        "CREATE TABLE bookings (booking_id BIGINT PRIMARY KEY, user_id BIGINT, apartment_id BIGINT, "
        "booking_date DATETIME(6), checkin_date DATE, checkout_date DATE, total_price DECIMAL(12,2), "
        "currency VARCHAR(10), booking_status VARCHAR(20), updated_at DATETIME(6))"
    )
    source.insert("bookings", {"booking_id": 1, "updated_at": day(1)}, {"booking_id": 2, "updated_at": day(20)})
    source.insert("user_viewing", {"viewed_at": day(1)}, {"viewed_at": day(1)})
    pipeline.load()
    source.execute("ALTER TABLE bookings ADD COLUMN num_guests INT DEFAULT 2")
    source.execute("ALTER TABLE user_viewing ADD COLUMN id BIGINT DEFAULT 9")
    source.insert("user_viewing", {"viewed_at": day(1)})
    pipeline.load()
    assert pipeline.rows("SELECT booking_id, guests FROM curated.bookings ORDER BY 1") == [(1, 2), (2, 2)]
    assert pipeline.rows(VIEWINGS) == [(3, 3)]


@ON_ONE_SOURCE
def test_listings_that_are_deleted_and_come_back(loaded: Loaded) -> None:
    """One comes back as it was; another was deleted before the moment that it claims, and stays deleted."""
    filled, pipeline = loaded
    filled.execute("DELETE FROM apartments WHERE id = 1")
    filled.execute("UPDATE apartments SET last_modified_timestamp = '2094-01-01', price = 150 WHERE id = 3")
    pipeline.load()
    assert versions(pipeline, 1) == [(100, True), (None, False)]
    filled.insert("apartments", {"id": 1, "price": "100.00"})
    filled.execute("DELETE FROM apartments WHERE id = 3")
    pipeline.load()
    assert versions(pipeline, 1) == [(100, True), (None, False), (100, True)]
    assert versions(pipeline, 3)[-1] == (None, False)
    assert versions(pipeline, 2) == [(50, True)]


@ON_ONE_SOURCE
def test_change_without_a_moment_counts_from_when_it_was_seen(loaded: Loaded) -> None:
    filled, pipeline = loaded
    for price in (200, 300):
        filled.execute(f"UPDATE apartments SET price = {price}, last_modified_timestamp = NULL WHERE id = 1")
        pipeline.load()
    assert versions(pipeline, 1) == [(100, True), (200, True), (300, True)]
    before = pipeline.tables("curated")
    pipeline.load(full_refresh=True)
    assert pipeline.tables("curated") == before


@pytest.mark.slow
def test_rows_that_come_late_where_the_key_is_held_as_text(tmp_path: Path) -> None:
    """Under a contract that wants whole numbers: '01' and '1' would be one key, so the first stops the run."""
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True, tables=("apartments", "apartment_attributes", "user_viewing"))
    source.execute(
        "CREATE TABLE bookings (booking_id TEXT PRIMARY KEY, user_id, apartment_id, booking_date, checkin_date, "
        "checkout_date, total_price, currency, booking_status, updated_at)"
    )
    source.insert("bookings", {"booking_id": "1", "updated_at": day(20)})
    pipeline = Pipeline(tmp_path / "run", source.url)
    pipeline.load()
    source.insert("bookings", {"booking_id": "02", "updated_at": day(1)}, {"booking_id": "3", "updated_at": day(21)})
    assert "bookings.booking_id holds '02'" in failure(pipeline.load).message
    source.execute("UPDATE bookings SET booking_id = '2' WHERE booking_id = '02'")
    pipeline.load()
    moments = "SELECT booking_id, CAST(modified_at AS VARCHAR) FROM curated.bookings ORDER BY 1"
    assert pipeline.rows(moments) == [(key, f"2024-03-{day} 00:00:00") for key, day in ((1, 20), (2, "01"), (3, 21))]


@ON_ONE_SOURCE
def test_rates_that_name_a_day_twice_are_refused(filled: Source, pipeline: Pipeline) -> None:
    rates = pipeline.folder / "rates.csv"
    rates.write_text(rates.read_text() + rates.read_text().splitlines()[1] + "\n")
    error = failure(pipeline.load)
    assert isinstance(error, ConfigurationError)
    assert "twice" in error.message


@ON_ONE_SOURCE
def test_new_rates_are_told_and_applied_by_a_full_refresh(loaded: Loaded) -> None:
    _, pipeline = loaded
    price = "SELECT reporting_total_price FROM curated.bookings WHERE booking_id = 2"
    assert [str(value) for (value,) in pipeline.rows(price)] == ["324.39"]
    rates = pipeline.folder / "rates.csv"
    rates.write_text(rates.read_text() + "2024-03-01,EUR,1.20000000\n")
    pipeline.load()
    assert any("exchange rates have changed" in note for note in pipeline.notes)
    pipeline.load(full_refresh=True)
    assert [str(value) for (value,) in pipeline.rows(price)] == ["360.00"]


@ON_ONE_SOURCE
def test_a_full_refresh_keeps_the_versions_a_stopped_run_saw(loaded: Loaded) -> None:
    filled, pipeline = loaded
    for price, moment in ((110, "2024-02-01 10:00:00.000000"), (120, "2024-03-01 10:00:00.000000")):
        filled.execute(f"UPDATE apartments SET price = {price}, last_modified_timestamp = '{moment}' WHERE id = 1")
        if price == 110:
            pipeline.extract()
    pipeline.load(full_refresh=True)
    assert versions(pipeline, 1) == [(100, True), (110, True), (120, True)]
    assert (
        pipeline.rows("SELECT extracted, curated FROM ops.row_accounting WHERE table_name = 'listings'") == [(3, 3)] * 2
    )

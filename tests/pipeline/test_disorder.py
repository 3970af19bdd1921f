"""Runs continued in the wrong order, lakes and warehouses that do not match, listings that contradict themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.harness import ON_ONE_SOURCE, Pipeline, Source, failure
from rental_analytics.errors import ConfigurationError, LakeError, SourceError
from rental_analytics.steps.extract import step as extract
from rental_analytics.storage.base import Lake
from rental_analytics.storage.local import LocalLake

AnotherPipeline = Callable[..., Pipeline]
STRICT = "quality.max_rejected_share=0"
VIEWINGS = "SELECT (SELECT COUNT(*) FROM raw_data.user_viewing), (SELECT COUNT(*) FROM curated.viewings)"


def day(number: int) -> str:
    return f"2024-03-{number:02} 00:00:00.000000"


@pytest.fixture
def filled(source: Source) -> Source:
    source.create(optional=True)
    source.insert("apartments", {"id": 1, "price": "100.00"}, {"id": 2, "price": "50.00"})
    source.insert("bookings", {"booking_id": 1})
    source.insert("user_viewing", {"viewed_at": day(1)})
    return source


def versions(pipeline: Pipeline, listing: int) -> list[tuple[Any, ...]]:
    sql = f"SELECT price_usd, is_active FROM curated.listing_versions WHERE listing_id = {listing} ORDER BY valid_from"
    return [(price and int(price), active) for price, active in pipeline.rows(sql)]


@pytest.mark.remedy("run-taken-over")
@ON_ONE_SOURCE
def test_two_stopped_runs_continued_in_turn(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run()
    filled.insert("user_viewing", {"viewed_at": day(2), "apartment_id": None}, {"viewed_at": day(2)})
    first = failure(pipeline.run, STRICT)
    filled.insert("user_viewing", {"viewed_at": day(3)})
    second = failure(pipeline.run, STRICT)
    refused = failure(pipeline.run, resume=first.run_id)
    assert isinstance(refused, ConfigurationError)
    assert f"run {second.run_id} includes its rows" in refused.message
    pipeline.run(resume=second.run_id)
    assert pipeline.rows(VIEWINGS) == [(4, 3)]
    pipeline.run()
    assert pipeline.rows(VIEWINGS) == [(4, 3)]


@pytest.mark.remedy("transform-outdated")
@ON_ONE_SOURCE
def test_two_unfinished_runs_continued_in_turn(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run()
    filled.insert("user_viewing", {"viewed_at": day(2)})
    first = pipeline.run(steps=("extract", "transform")).run
    filled.insert("user_viewing", {"viewed_at": day(3)})
    second = pipeline.run(steps=("extract", "transform")).run
    pipeline.run(resume=first.run_id)
    refused = failure(pipeline.run, resume=second.run_id)
    assert isinstance(refused, LakeError)
    assert "another run has loaded since" in refused.message
    pipeline.run()
    assert pipeline.rows(VIEWINGS) == [(3, 3)]


@ON_ONE_SOURCE
def test_extract_of_an_older_run_after_that_of_a_newer_one(
    filled: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run()
    filled.insert("user_viewing", {"viewed_at": day(2)})
    with monkeypatch.context() as patched:
        patched.setattr(extract, "plan_reads", lambda _context: _fail())
        first = failure(pipeline.run)
    second = pipeline.run(steps=("extract",))
    refused = failure(pipeline.run, resume=first.run_id)
    assert isinstance(refused, ConfigurationError)
    assert "includes its rows" in refused.message
    pipeline.run(resume=second.run.run_id)
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
        failure(pipeline.run, run_id="nightly")
    pipeline.run(run_id="nightly")
    filled.insert("user_viewing", {"viewed_at": day(2)})
    pipeline.run()
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
    pipeline.run()
    assert pipeline.rows(VIEWINGS) == [(1, 1)]


@ON_ONE_SOURCE
def test_warehouse_of_another_lake_is_refused(
    filled: Source, pipeline: Pipeline, another_pipeline: AnotherPipeline
) -> None:
    pipeline.run()
    other = another_pipeline("other", f"warehouse.url=duckdb:///{pipeline.folder}/warehouse.duckdb")
    assert isinstance(failure(other.run), ConfigurationError)
    other.run(full_refresh=True)
    other.run()
    refused = failure(pipeline.run)
    assert isinstance(refused, ConfigurationError)
    assert f"was filled from the lake {other.folder}/lake" in refused.message
    pipeline.run(full_refresh=True)
    assert pipeline.rows(VIEWINGS) == [(1, 1)]


def test_optional_column_that_comes_later(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=False, tables=("apartments", "apartment_attributes", "user_viewing"))
    source.execute(
        "CREATE TABLE bookings (booking_id BIGINT PRIMARY KEY, user_id BIGINT, apartment_id BIGINT, "
        "booking_date DATETIME(6), checkin_date DATE, checkout_date DATE, total_price DECIMAL(12,2), "
        "currency VARCHAR(10), booking_status VARCHAR(20), updated_at DATETIME(6))"
    )
    source.insert("bookings", {"booking_id": 1, "updated_at": day(1)}, {"booking_id": 2, "updated_at": day(20)})
    source.insert("user_viewing", {"viewed_at": day(1)}, {"viewed_at": day(1)})
    pipeline.run()
    source.execute("ALTER TABLE bookings ADD COLUMN num_guests INT DEFAULT 2")
    source.execute("ALTER TABLE user_viewing ADD COLUMN id BIGINT DEFAULT 9")
    source.insert("user_viewing", {"viewed_at": day(1)})
    pipeline.run()
    assert pipeline.rows("SELECT booking_id, guests FROM curated.bookings ORDER BY 1") == [(1, 2), (2, 2)]
    assert pipeline.rows(VIEWINGS) == [(3, 3)]


@ON_ONE_SOURCE
def test_listing_that_comes_back_as_it_was_is_active_again(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run()
    filled.execute("DELETE FROM apartments WHERE id = 1")
    pipeline.run()
    assert versions(pipeline, 1) == [(100, True), (None, False)]
    filled.insert("apartments", {"id": 1, "price": "100.00"})
    pipeline.run()
    assert versions(pipeline, 1) == [(100, True), (None, False), (100, True)]


def test_change_without_a_moment_counts_from_when_it_was_seen(filled: Source, pipeline: Pipeline) -> None:
    pipeline.run()
    for price in (200, 300):
        filled.execute(f"UPDATE apartments SET price = {price}, last_modified_timestamp = NULL WHERE id = 1")
        pipeline.run()
    assert versions(pipeline, 1) == [(100, True), (200, True), (300, True)]
    before = pipeline.tables("curated")
    pipeline.run(full_refresh=True)
    assert pipeline.tables("curated") == before


@ON_ONE_SOURCE
def test_listing_deleted_before_the_moment_it_claims_stays_deleted(filled: Source, pipeline: Pipeline) -> None:
    filled.execute("UPDATE apartments SET last_modified_timestamp = '2093-01-01' WHERE id = 1")
    pipeline.run()
    filled.execute("UPDATE apartments SET last_modified_timestamp = '2094-01-01', price = 150 WHERE id = 1")
    pipeline.run()
    filled.execute("DELETE FROM apartments WHERE id = 1")
    pipeline.run()
    assert versions(pipeline, 1)[-1] == (None, False)
    assert versions(pipeline, 2) == [(50, True)]


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
    pipeline.run()
    source.insert("bookings", {"booking_id": "02", "updated_at": day(1)}, {"booking_id": "3", "updated_at": day(21)})
    assert "bookings.booking_id holds '02'" in failure(pipeline.run).message
    source.execute("UPDATE bookings SET booking_id = '2' WHERE booking_id = '02'")
    pipeline.run()
    moments = "SELECT booking_id, CAST(modified_at AS VARCHAR) FROM curated.bookings ORDER BY 1"
    assert pipeline.rows(moments) == [(key, f"2024-03-{day} 00:00:00") for key, day in ((1, 20), (2, "01"), (3, 21))]


@ON_ONE_SOURCE
def test_rates_that_name_a_day_twice_are_refused(filled: Source, pipeline: Pipeline) -> None:
    rates = pipeline.folder / "rates.csv"
    rates.write_text(rates.read_text() + rates.read_text().splitlines()[1] + "\n")
    error = failure(pipeline.run)
    assert isinstance(error, ConfigurationError)
    assert "twice" in error.message


@ON_ONE_SOURCE
def test_new_rates_are_told_and_applied_by_a_full_refresh(filled: Source, pipeline: Pipeline) -> None:
    filled.insert("bookings", {"booking_id": 2, "currency": "EUR", "total_price": "300.00"})
    price = "SELECT total_price_usd FROM curated.bookings WHERE booking_id = 2"
    pipeline.run()
    assert [str(value) for (value,) in pipeline.rows(price)] == ["324.39"]
    rates = pipeline.folder / "rates.csv"
    rates.write_text(rates.read_text() + "2024-03-01,EUR,1.20000000\n")
    pipeline.run()
    assert any("exchange rates have changed" in note for note in pipeline.notes)
    pipeline.run(full_refresh=True)
    assert [str(value) for (value,) in pipeline.rows(price)] == ["360.00"]


def test_a_full_refresh_keeps_the_versions_a_stopped_run_saw(source: Source, pipeline: Pipeline) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    pipeline.run()
    for price, moment in ((110, "2024-02-01 10:00:00.000000"), (120, "2024-03-01 10:00:00.000000")):
        source.execute(f"UPDATE apartments SET price = {price}, last_modified_timestamp = '{moment}'")
        if price == 110:
            pipeline.run(steps=("extract",))
    pipeline.run(full_refresh=True)
    prices = pipeline.rows("SELECT price_usd FROM curated.listing_versions ORDER BY valid_from")
    assert prices == [(100,), (110,), (120,)]
    assert (
        pipeline.rows("SELECT extracted, curated FROM ops.row_accounting WHERE table_name = 'listings'") == [(1, 1)] * 2
    )

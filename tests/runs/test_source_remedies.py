"""What a source may be refused for: doing what the remedy says, the run succeeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.databases import mapping
from rental_analytics.errors import RentalError
from rental_analytics.steps.extract import source_rows
from runs.harness import REQUIRED, Pipeline, Source, failure
from support.checked import with_checks

pytestmark = pytest.mark.slow

EXTRACT = ("extract",)
CURATED = ("extract", "transform", "load-curated")
BOOKINGS = ", ".join(REQUIRED["bookings"])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=False)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1})
    source.insert("user_viewing", {}, {}, {})
    return source


def stopped(pipeline: Pipeline, reason: str, *settings: str, **options: object) -> RentalError:
    error = failure(pipeline.run, *settings, **options)
    assert error.reason == reason
    return error


@pytest.mark.remedy("source-table-missing")
@pytest.mark.remedy("source-column-missing")
@pytest.mark.remedy("column-type-unusable")
def test_tables_and_columns_that_contracts_want(source: Source, pipeline: Pipeline) -> None:
    source.execute("ALTER TABLE bookings RENAME TO old_bookings")
    error = stopped(pipeline, "source-table-missing")
    assert "make the table or a view of that name" in error.remedy
    source.execute("CREATE VIEW bookings AS SELECT booking_id FROM old_bookings")
    error = stopped(pipeline, "source-column-missing")
    assert "put a view that has it in the place of the table" in error.remedy
    source.execute("DROP VIEW bookings")
    listed = BOOKINGS.replace("checkin_date", "CAST(checkin_date AS TEXT) AS checkin_date")
    source.execute(f"CREATE VIEW bookings AS SELECT {listed} FROM old_bookings")
    pipeline.extract()

    source.execute("ALTER TABLE apartments RENAME TO old_apartments")
    source.create(optional=False, tables=("apartments",))
    source.execute("ALTER TABLE apartments DROP COLUMN price")
    source.execute("ALTER TABLE apartments ADD COLUMN price DATE")
    error = stopped(pipeline, "column-type-unusable")
    assert "change the column, put a view in its place" in error.remedy
    source.execute("DROP TABLE apartments")
    source.execute("CREATE VIEW apartments AS SELECT * FROM old_apartments")
    pipeline.run(steps=CURATED)
    assert pipeline.rows("SELECT booking_id FROM curated.bookings") == [(1,)]


@pytest.mark.remedy("sqlite-file-missing")
@pytest.mark.remedy("sqlite-not-readable")
def test_a_file_that_is_not_there_or_no_database(source: Source, pipeline: Pipeline, tmp_path: Path) -> None:
    error = stopped(pipeline, "sqlite-file-missing", "source.url=sqlite:///missing.db")
    assert "correct source.url" in error.remedy
    (tmp_path / "notes.db").write_text("This is no database. " * 100)
    error = stopped(pipeline, "sqlite-not-readable", f"source.url=sqlite:///{tmp_path / 'notes.db'}")
    assert error.remedy == "point source.url to a SQLite database that you may read."
    pipeline.extract(f"source.url={source.url}")


@pytest.mark.usefixtures("source")
@pytest.mark.remedy("read-mode-not-possible")
@pytest.mark.parametrize("mode", ["tables.bookings.mode=incremental", "tables.bookings.mode=append"])
def test_a_mode_that_a_table_cannot_be_read_in(pipeline: Pipeline, mode: str) -> None:
    error = stopped(pipeline, "read-mode-not-possible", mode)
    assert "remove tables.bookings.mode from the configuration" in error.remedy
    pipeline.extract()


@pytest.mark.remedy("read-mode-not-possible")
def test_a_column_that_makes_a_mode_possible(source: Source, pipeline: Pipeline) -> None:
    mode = "tables.bookings.mode=incremental"
    assert "or add the column updated_at" in stopped(pipeline, "read-mode-not-possible", mode).remedy
    source.execute("ALTER TABLE bookings ADD COLUMN updated_at DATETIME(6)")
    pipeline.extract(mode)


@pytest.mark.usefixtures("source")
@pytest.mark.remedy("step-out-of-order")
def test_steps_are_done_one_by_one_in_their_order(pipeline: Pipeline) -> None:
    error = stopped(pipeline, "step-out-of-order", steps=("transform",), run_id="first")
    assert error.remedy.startswith("run the steps in order: extract, transform, load-raw, load-curated, metrics")
    pipeline.run(resume="first", steps=EXTRACT)
    error = stopped(pipeline, "step-out-of-order", resume="first", steps=("load-curated",))
    for step in ("transform", "load-raw", "load-curated", "metrics"):
        pipeline.run(resume="first", steps=(step,))
    assert pipeline.rows("SELECT booking_id FROM curated.bookings") == [(1,)]
    assert pipeline.rows("SELECT COUNT(*) FROM presentation.top_listings_weekly") == [(1,)]
    again = failure(pipeline.run, run_id="first")
    assert "exists already" in again.message


@pytest.mark.remedy("too-many-rows-to-number")
def test_more_rows_than_a_read_can_number(source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_rows, "FETCHED_OFFSET", 2)
    error = stopped(pipeline, "too-many-rows-to-number")
    assert (error.table, error.remedy) == (
        "user_viewing",
        "put a view in its place that leaves out rows that are no longer needed.",
    )
    source.execute("ALTER TABLE user_viewing RENAME TO all_viewings")
    source.execute("CREATE VIEW user_viewing AS SELECT * FROM all_viewings WHERE rowid > 1")
    pipeline.extract()


@pytest.mark.usefixtures("source")
@pytest.mark.remedy("model-without-earlier-rows")
def test_a_model_that_comes_after_its_rows(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    all_contracts = load_contracts()
    curated = {name: model for name, model in all_contracts.curated.items() if name != "viewings"}
    with monkeypatch.context() as patch:
        patch.setattr(
            mapping, "load_contracts", lambda: replace(all_contracts, curated=curated, intermediate={}, presentation={})
        )
        pipeline.run(steps=CURATED)
    error = stopped(pipeline, "model-without-earlier-rows")
    assert (error.table, error.remedy) == ("viewings", "fill it with `rental run --full-refresh`.")
    pipeline.run(full_refresh=True, steps=CURATED)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.viewings") == [(3,)]


@pytest.mark.remedy("check-broken")
def test_a_check_of_a_table_that_rows_break(
    source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = {"name": "too_dear", "severity": "fail", "when": "total_price > 1000"}
    checked = with_checks(load_contracts(), "curated.bookings", table=[check])
    monkeypatch.setattr(mapping, "load_contracts", lambda: checked)
    source.execute("UPDATE bookings SET total_price = 5000")
    error = stopped(pipeline, "check-broken")
    assert (error.table, error.exit_code) == ("bookings", 3)
    assert error.remedy.startswith("correct the rows in the source, then `rental run`")
    source.execute("UPDATE bookings SET total_price = 500")
    pipeline.run(steps=CURATED)
    assert pipeline.rows("SELECT CAST(total_price AS INTEGER) FROM curated.bookings") == [(500,)]

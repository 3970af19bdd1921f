"""Nothing is ordered by a runner's clock: one that is wrong, once or on one of two machines, changes no later run."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.clocks import clock_off_by
from pipeline.harness import Pipeline, Source, failure
from rental_analytics.errors import SourceError
from rental_analytics.steps.transform import step as transform
from runners.jobs import Jobs, status

OFF = {
    "45 seconds ahead": timedelta(seconds=45),
    "5 years ahead": timedelta(days=5 * 365),
    "2 days behind": -timedelta(days=2),
}
TABLES = ("raw_data", "curated", "presentation")
pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "updated_at": "2024-03-02"})
    source.insert("user_viewing", {}, {"user_id": 8})
    return source


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "run", source.url)


@pytest.fixture
def changes(source: Source) -> Iterator[Callable[[], None]]:
    """Another booking and another viewing each time."""
    numbers = iter(range(3, 100))

    def change() -> None:
        number = next(numbers)
        source.insert("bookings", {"booking_id": number, "updated_at": f"2024-03-{number:02d}"})
        source.insert("user_viewing", {"user_id": number, "viewed_at": f"2024-03-{number:02d}"})

    return change


def undisturbed(pipeline: Pipeline, tmp_path: Path, source: Source) -> None:
    """The tables are those of one run over the source as it is now."""
    other = Pipeline(tmp_path / "undisturbed", source.url)
    other.run()
    assert pipeline.tables("curated", "presentation") == other.tables("curated", "presentation")


@pytest.mark.parametrize("off", OFF)
def test_a_clock_that_was_wrong_once(
    pipeline: Pipeline, source: Source, changes: Callable[[], None], tmp_path: Path, off: str
) -> None:
    pipeline.run(run_id="first")
    changes()
    with clock_off_by(OFF[off]):
        pipeline.run(run_id="wrong")
    started = pipeline.rows("SELECT started_at FROM ops.runs WHERE run_id = 'wrong'")[0][0].replace(tzinfo=UTC)
    assert abs(started - datetime.now(UTC) - OFF[off]) < timedelta(seconds=30)
    changes()
    pipeline.run(run_id="second")
    changes()
    pipeline.run(run_id="whole", full_refresh=True)
    changes()
    pipeline.run(run_id="third")
    assert pipeline.rows("SELECT run_id, sequence FROM ops.loads WHERE step = 'load-curated' ORDER BY sequence") == [
        ("first", 2), ("wrong", 4), ("second", 6), ("whole", 8), ("third", 10)
    ]  # fmt: skip
    assert pipeline.rows("SELECT DISTINCT run_id FROM ops.freshness") == [("third",)]
    assert pipeline.rows("SELECT DISTINCT status FROM ops.runs") == [("succeeded",)]
    undisturbed(pipeline, tmp_path, source)


@pytest.mark.parametrize("off", ["5 years ahead"])
def test_a_full_refresh_and_a_continued_run_by_a_wrong_clock(
    pipeline: Pipeline,
    source: Source,
    changes: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    off: str,
) -> None:
    pipeline.run()
    changes()
    with clock_off_by(OFF[off]):
        pipeline.run(full_refresh=True)
    changes()
    with monkeypatch.context() as patch:
        patch.setattr(transform, "load_reference_data", fail)
        failure(pipeline.run, run_id="broken")
    with clock_off_by(OFF[off]):
        pipeline.run(resume="broken")
    changes()
    pipeline.run()
    undisturbed(pipeline, tmp_path, source)


def fail(*_: object) -> None:
    raise SourceError("it broke.", remedy="run again.")


def test_two_machines_whose_clocks_differ(
    pipeline: Pipeline, source: Source, changes: Callable[[], None], tmp_path: Path
) -> None:
    for number in range(6):
        with clock_off_by(timedelta(seconds=60) * (number % 2)):
            pipeline.run()
        changes()
    pipeline.run()
    undisturbed(pipeline, tmp_path, source)


@pytest.mark.parametrize("off", ["5 years ahead"])
def test_jobs_on_machines_of_their_own(
    pipeline: Pipeline, source: Source, changes: Callable[[], None], tmp_path: Path, off: str
) -> None:
    """Of those that note in the lake and those that note in the warehouse, every second one's clock is wrong."""
    jobs = Jobs(pipeline)
    for number, run_id in enumerate(("first", "second", "third")):
        for place, step in enumerate(("extract", "transform", "load-raw", "load-curated", "metrics")):
            with clock_off_by(OFF[off] * ((place + number) % 2)):
                end = jobs.do(step, run_id)
            assert end.code == 0, end.errors
        changes()
    assert jobs.do_all("fourth").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"] * 4
    undisturbed(pipeline, tmp_path, source)


@pytest.mark.parametrize("off", ["5 years ahead"])
def test_the_newest_note_of_a_run_counts(pipeline: Pipeline, off: str) -> None:
    """A failure in the lake, then an end in the warehouse, then another job in the lake: each by another clock."""
    jobs = Jobs(pipeline)
    with clock_off_by(OFF[off]):
        assert jobs.do("extract", "nightly").code == 0
        assert jobs.do("transform", "nightly", "reference.exchange_rates=nowhere.csv").code == 2
    assert jobs.do("transform", "nightly").code == 0
    assert jobs.do("load-raw", "nightly").code == 0
    with clock_off_by(OFF[off]):
        assert jobs.do("load-curated", "nightly").code == 0
    assert jobs.do("metrics", "nightly").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"]
    with clock_off_by(-OFF[off]):
        assert jobs.do("transform", "nightly").code == 0
    pipeline.run()
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"] * 2
    records = (pipeline.folder / "lake" / "runs" / "nightly" / "records").glob("*.json")
    taken_in = pipeline.rows("SELECT lake_records FROM ops.runs WHERE run_id = 'nightly'")
    assert taken_in == [(len(list(records)),)]


def test_warehouse_whose_loads_are_not_numbered_goes_on(
    pipeline: Pipeline, source: Source, changes: Callable[[], None], tmp_path: Path
) -> None:
    """The rows lie in the order they came, whatever moments stand in them."""
    import duckdb

    for _ in range(3):
        pipeline.run()
        changes()
    with duckdb.connect(str(pipeline.folder / "warehouse.duckdb")) as connection:
        for table in ("loads", "lakes"):
            connection.execute(f"ALTER TABLE ops.{table} DROP COLUMN sequence")
        connection.execute("ALTER TABLE ops.runs DROP COLUMN lake_records")
        connection.execute(
            "UPDATE ops.loads SET loaded_at = loaded_at + INTERVAL 5 YEAR "
            "WHERE run_id = (SELECT run_id FROM ops.runs WHERE sequence = 2)"
        )
    pipeline.run()
    changes()
    pipeline.run()
    counted = "SELECT COUNT(*), COUNT(DISTINCT sequence), MAX(sequence) FROM ops.loads"
    assert pipeline.rows(counted) == [(10, 10, 10)]
    undisturbed(pipeline, tmp_path, source)

"""Nothing is ordered by a runner's clock: one that is wrong, once or on one of two machines, changes no later run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rental_analytics.errors import SourceError
from rental_analytics.steps.transform import step as transform
from runners.jobs import Jobs, status
from runs.clocks import clock_off_by
from runs.harness import Kept, Pipeline, Source, failure

OFF = {
    "45 seconds ahead": timedelta(seconds=45),
    "5 years ahead": timedelta(days=5 * 365),
    "2 days behind": -timedelta(days=2),
    "a minute behind": -timedelta(seconds=60),
}
FAR = OFF["5 years ahead"]
pytestmark = pytest.mark.slow


CHANGES = 2 * len(OFF) + 1
"""Until the last run of each test."""
Changes = Callable[..., None]


def fill(source: Source) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00"})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "updated_at": "2024-03-02"})
    source.insert("user_viewing", {}, {"user_id": 8})


def change(source: Source, number: int) -> None:
    """Another booking and another viewing."""
    source.insert("bookings", {"booking_id": number, "updated_at": f"2024-03-{number:02d}"})
    source.insert("user_viewing", {"user_id": number, "viewed_at": f"2024-03-{number:02d}"})


@pytest.fixture
def filled(kept: Callable[[str], Kept], tmp_path: Path) -> tuple[Source, Pipeline]:
    """A source, and the pipeline after its first run."""
    return kept("sqlite").again(tmp_path / "run")


@pytest.fixture
def pipeline(filled: tuple[Source, Pipeline]) -> Pipeline:
    return filled[1]


@pytest.fixture
def changes(filled: tuple[Source, Pipeline]) -> Changes:
    """Changes the source once, or as often as is left."""
    numbers = iter(range(3, 3 + CHANGES))

    def make(*, rest: bool = False) -> None:
        for number in numbers if rest else (next(numbers),):
            change(filled[0], number)

    return make


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    """The tables of one run over the source as it is after all changes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = Source.sqlite(folder / "marketplace.db")
    fill(source)
    for number in range(3, 3 + CHANGES):
        change(source, number)
    pipeline = Pipeline(folder / "run", source.url)
    pipeline.run()
    return pipeline.tables("curated", "presentation")


def counts(pipeline: Pipeline) -> tuple[object, ...]:
    sql = "SELECT (SELECT COUNT(*) FROM curated.bookings), (SELECT COUNT(*) FROM curated.viewings)"
    return pipeline.rows(sql)[0]


def test_clocks_that_are_wrong_in_every_second_run(
    pipeline: Pipeline, changes: Changes, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    """As where two machines do runs in turn; at the end one reads all."""
    held = 2
    for name, off in OFF.items():
        changes()
        with clock_off_by(off):
            pipeline.load(run_id=f"wrong-{name[0]}")
        ((started,),) = pipeline.rows(f"SELECT started_at FROM ops.runs WHERE run_id = 'wrong-{name[0]}'")
        assert abs(started.replace(tzinfo=UTC) - datetime.now(UTC) - off) < timedelta(seconds=30)
        changes()
        pipeline.load(run_id=f"right-{name[0]}")
        held += 2
        assert counts(pipeline) == (held, held)
    pipeline.load(run_id="whole", full_refresh=True)
    changes()
    pipeline.run(run_id="last")
    loads = pipeline.rows("SELECT run_id, sequence FROM ops.loads WHERE step = 'load-curated' ORDER BY sequence")
    runs = [f"{kind}-{name[0]}" for name in OFF for kind in ("wrong", "right")]
    assert loads[1:] == [(run, 2 * place) for place, run in enumerate([*runs, "whole", "last"], start=2)]
    assert pipeline.rows("SELECT DISTINCT run_id FROM ops.freshness") == [("last",)]
    assert pipeline.rows("SELECT DISTINCT status FROM ops.runs") == [("succeeded",)]
    assert pipeline.tables("curated", "presentation") == undisturbed


def test_a_full_refresh_and_a_continued_run_by_a_wrong_clock(
    pipeline: Pipeline,
    changes: Changes,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: dict[str, list[tuple[object, ...]]],
) -> None:
    changes()
    with clock_off_by(FAR):
        pipeline.load(full_refresh=True)
    changes()
    with monkeypatch.context() as patch:
        patch.setattr(transform, "load_reference_data", fail)
        failure(pipeline.load, run_id="broken")
    with clock_off_by(FAR):
        pipeline.load(resume="broken")
    changes(rest=True)
    pipeline.run()
    assert pipeline.tables("curated", "presentation") == undisturbed


def fail(*_: object) -> None:
    raise SourceError("it broke.", remedy="run again.")


def test_jobs_on_machines_of_their_own(
    pipeline: Pipeline, changes: Changes, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    """Of those that note in the lake and those that note in the warehouse, every second one's clock is wrong."""
    jobs = Jobs(pipeline)
    for number, run_id in enumerate(("second", "third")):
        changes()
        for place, step in enumerate(("extract", "transform", "load-raw", "load-curated", "metrics")):
            with clock_off_by(FAR * ((place + number) % 2)):
                end = jobs.do(step, run_id)
            assert end.code == 0, end.errors
    changes(rest=True)
    assert jobs.do_all("fourth").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"] * 4
    # Jobs make every metric.
    assert undisturbed.items() <= pipeline.tables("curated", "presentation").items()


def test_the_newest_note_of_a_run_counts(pipeline: Pipeline) -> None:
    """A failure in the lake, then an end in the warehouse, then another job in the lake: each by another clock."""
    jobs = Jobs(pipeline)
    with clock_off_by(FAR):
        assert jobs.do("extract", "nightly").code == 0
        assert jobs.do("transform", "nightly", "reference.exchange_rates=nowhere.csv").code == 2
    assert jobs.do("transform", "nightly").code == 0
    assert jobs.do("load-raw", "nightly").code == 0
    with clock_off_by(FAR):
        assert jobs.do("load-curated", "nightly").code == 0
    assert jobs.do("metrics", "nightly").code == 0
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"] * 2
    with clock_off_by(-FAR):
        assert jobs.do("transform", "nightly").code == 0
    pipeline.run(steps=("extract",))
    assert [run[2] for run in status(pipeline)["runs"]] == ["succeeded"] * 3
    records = (pipeline.folder / "lake" / "runs" / "nightly" / "records").glob("*.json")
    taken_in = pipeline.rows("SELECT lake_records FROM ops.runs WHERE run_id = 'nightly'")
    assert taken_in == [(len(list(records)),)]


def test_warehouse_whose_loads_are_not_numbered_goes_on(
    pipeline: Pipeline, changes: Changes, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    """The rows lie in the order they came, whatever moments stand in them."""
    import duckdb

    for _ in range(2):
        changes()
        pipeline.load()
    with duckdb.connect(str(pipeline.folder / "warehouse.duckdb")) as connection:
        for table in ("loads", "lakes"):
            connection.execute(f"ALTER TABLE ops.{table} DROP COLUMN sequence")
        connection.execute("ALTER TABLE ops.runs DROP COLUMN lake_records")
        connection.execute(
            "UPDATE ops.loads SET loaded_at = loaded_at + INTERVAL 5 YEAR "
            "WHERE run_id = (SELECT run_id FROM ops.runs WHERE sequence = 2)"
        )
    changes()
    pipeline.load()
    changes(rest=True)
    pipeline.run()
    counted = "SELECT COUNT(*), COUNT(DISTINCT sequence), MAX(sequence) FROM ops.loads"
    assert pipeline.rows(counted) == [(10, 10, 10)]
    assert pipeline.tables("curated", "presentation") == undisturbed

"""Readers and runs never keep each other out, and whoever reads sees what one run left."""

import json
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.failpoints import arm
from runs.crashes import RENTAL, SETTINGS, make_scenario, pass_a_day, rental
from runs.harness import LOADING, Pipeline, Source, failure
from support.breadth import examples
from support.reader import Reader

pytestmark = pytest.mark.slow

Ask = Callable[[str], list[tuple[Any, ...]]]
View = tuple[Any, ...]
SCHEMAS = ("curated", "presentation")
PLACES = {
    "warehouse-copied",
    "raw-published",
    "load-raw-filled",
    "load-curated-filled",
    "load-curated-committed",
    "warehouse-publish-due",
    "warehouse-published",
    "run-succeeded",
}


def look(ask: Ask, schema: str) -> View:
    """All rows of all tables of a schema as one number per table; for metrics also the run they say they are of."""
    tables = ask(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{schema}' ORDER BY 1")
    prints = [f"(SELECT BIT_XOR(HASH({name})) + COUNT(*) FROM {schema}.{name})" for (name,) in tables]
    run = "(SELECT run_id FROM ops.run_parameters)" if schema == "presentation" else "NULL"
    return ask(f"SELECT {', '.join([run, *prints])}")[0]


@dataclass
class Known:
    """What each schema held when a run had ended."""

    views: dict[str, list[View]] = field(default_factory=lambda: {schema: [] for schema in SCHEMAS})

    def note(self, pipeline: Pipeline) -> None:
        for schema in SCHEMAS:
            view = look(pipeline.rows, schema)
            assert len(view) > 5
            if view not in self.views[schema]:
                self.views[schema].append(view)

    def assert_only(self, seen: dict[str, Counter[View]]) -> None:
        for schema in SCHEMAS:
            unknown = [view for view in seen[schema] if view not in self.views[schema]]
            assert unknown == [], schema


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, and in `run` what two runs on it left."""
    folder = tmp_path_factory.mktemp("template")
    make_scenario(folder / "run", Source.sqlite(folder / "marketplace.db"))
    return folder


@pytest.fixture
def source(template: Path, tmp_path: Path) -> Source:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Source.sqlite(tmp_path / "marketplace.db")


@pytest.fixture
def pipeline(source: Source, tmp_path: Path) -> Pipeline:
    (tmp_path / "run" / "tmp").mkdir()
    return Pipeline(tmp_path / "run", source.url, *SETTINGS)


@contextmanager
def looking(look_once: Callable[[], None], pause: float) -> Iterator[None]:
    """Look again and again in a thread; what goes wrong there goes wrong here."""
    ended, wrong = threading.Event(), []

    def work() -> None:
        try:
            while not ended.is_set():
                look_once()
                time.sleep(pause)
        except BaseException as error:  # noqa: BLE001 told to the test
            wrong.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if wrong:
        raise wrong[0]


def test_who_comes_at_any_place_of_a_run_sees_the_last_one(pipeline: Pipeline, source: Source) -> None:
    """Of a whole run, and of some steps; where something is done for each table, when one is done and when some are."""
    seen, come_to = list[tuple[str, tuple[View, ...]]](), Counter[str]()

    def come(name: str) -> None:
        come_to[name] += 1
        if come_to[name] > examples(2, 1000):
            return
        with pipeline._asking() as ask:
            seen.append((name, tuple(look(ask, schema) for schema in SCHEMAS)))

    def assert_seen_when_published(**options: Any) -> set[str]:
        come_to.clear()
        come("before")
        arm(come)
        try:
            pipeline.run(**options)
        finally:
            arm(None)
        come("after")
        places, views = [name for name, _ in seen], [view for _, view in seen]
        seen.clear()
        shown = places.index("warehouse-published")
        assert set(views[:shown]) == {views[0]}
        assert set(views[shown:]) == {views[-1]} != {views[0]}
        return set(places)

    places = assert_seen_when_published(run_id="third")
    assert {"load-curated-table-loaded", "load-curated-filled", "metrics-table-built", "metrics-filled"} <= places
    pass_a_day(source, "2024-03-12", 12)
    assert_seen_when_published(run_id="fourth", steps=LOADING)


@pytest.mark.parametrize("runs", [examples(4, 50)])
def test_notebooks_and_runs_do_not_meet(pipeline: Pipeline, source: Source, runs: int) -> None:
    """One notebook stays open all the time, one is opened in each run and one between runs; each keeps what it saw."""
    file, told = pipeline.folder / "warehouse.duckdb", "SELECT MAX(sequence) FROM ops.runs"
    open_ones = deque[tuple[Reader, list[tuple[object, ...]]]]()

    def open_one() -> None:
        reader = Reader(file)
        open_ones.append((reader, reader.ask(told)))

    places = cycle(sorted(PLACES))
    with Reader(file) as first, ExitStack() as stack:
        views = {schema: look(first.ask, schema) for schema in SCHEMAS}
        for number in range(runs):
            place = next(places)
            arm(lambda name, place=place: open_one() if name == place and len(open_ones) % 2 == 0 else None)
            stack.callback(arm, None)
            pipeline.run() if number % 4 else pipeline.load()
            arm(None)
            if len(open_ones) % 2 == 0:
                open_one()
            open_one()
            assert open_ones[-1][1] == [(number + 3,)]
            assert open_ones[-2][1] in ([(number + 2,)], [(number + 3,)])
            if number % 10 == 0:
                pass_a_day(source, f"2024-03-{12 + number // 10}", 12 + number // 10)
            while len(open_ones) > 4:
                reader, saw = open_ones.popleft()
                assert reader.ask(told) == saw
                reader.close()
        assert {schema: look(first.ask, schema) for schema in SCHEMAS} == views
        for reader, saw in open_ones:
            assert reader.ask(told) == saw
            reader.close()
    assert pipeline.rows("SELECT COUNT(*) FROM ops.runs WHERE status = 'succeeded'") == [(runs + 2,)]
    assert not (pipeline.folder / "warehouse.duckdb.work").exists()


def test_another_process_sees_the_tables_of_one_run(pipeline: Pipeline, source: Source) -> None:
    """Runs are killed, and the next goes on; readers see none of what the dead ones did until another has ended."""
    known = Known()
    known.note(pipeline)
    seen: dict[str, Counter[View]] = {schema: Counter() for schema in SCHEMAS}

    def look_from_outside() -> None:
        with pipeline._asking() as ask:
            for schema in SCHEMAS:
                seen[schema][look(ask, schema)] += 1

    killed = ["load-curated-table-loaded", "metrics-table-built", "warehouse-publish-due", None]
    for number, failpoint in enumerate(killed, start=12):
        with looking(look_from_outside, pause=examples(0.4, 0.2)):
            times = 2 if failpoint and "table" in failpoint else 1
            code, said = rental(pipeline, die_at=(failpoint, times) if failpoint else None)
        assert code == (-signal.SIGKILL if failpoint else 0), said
        known.note(pipeline)
        pass_a_day(source, f"2024-03-{number:02}", number)
    known.assert_only(seen)
    assert all(seen.values())
    assert [len(known.views[schema]) for schema in SCHEMAS] == [2, 2]


def test_what_is_changed_by_hand_after_a_killed_run_counts(pipeline: Pipeline) -> None:
    """The dead run's copy had what the lake says is loaded; the next one is told, and nobody's table is lost."""
    import duckdb

    code, said = rental(pipeline, die_at=("load-curated-manifest-written", 1))
    assert code == -signal.SIGKILL, said
    checked = subprocess.run(
        [RENTAL, "status", "--check", "--json"], cwd=pipeline.folder, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, json.loads(checked.stdout)["check"]["reason"]) == (1, "last-run-died")
    with duckdb.connect(str(pipeline.folder / "warehouse.duckdb")) as shell:
        shell.execute("CREATE TABLE presentation.of_mine AS SELECT 42 AS answer")
    assert failure(pipeline.run).reason == "lake-and-warehouse-apart"
    assert pipeline.rows("FROM presentation.of_mine") == [(42,)]
    pipeline.run(full_refresh=True)
    assert pipeline.rows("FROM presentation.of_mine") == [(42,)]


def test_commands_answer_during_a_run(pipeline: Pipeline) -> None:
    pipeline.every_metric = True
    pipeline.run(steps=("metrics",))
    ended = list[tuple[int, str]]()

    def ask(name: str) -> None:
        if name == "metrics-filled":
            for command in (
                ["query", "SELECT * FROM presentation.top_listings_weekly"],
                ["report", "--out", "during.html"],
                ["status", "--check"],
                ["status", "third", "--json"],
            ):
                done = subprocess.run(
                    [RENTAL, *command], cwd=pipeline.folder, capture_output=True, text=True, check=False
                )
                ended.append((done.returncode, done.stdout + done.stderr))

    arm(ask)
    try:
        pipeline.run(run_id="third")
    finally:
        arm(None)
    assert [code for code, _ in ended] == [0, 0, 0, 0], ended
    assert "running" in ended[2][1]
    record = json.loads(ended[3][1])
    assert (record["run"][0]["run_id"], record["run"][0]["status"]) == ("third", "running")
    assert [step["step"] for step in record["run_steps"]] == ["extract", "transform", "load-raw", "load-curated"]

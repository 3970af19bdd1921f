"""Whoever reads while runs rebuild the tables sees those of one run, or is told that the warehouse is held."""

import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.errors import LockHeldError
from rental_analytics.failpoints import arm
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from runs.crashes import RENTAL, SETTINGS, make_scenario, pass_a_day, rental
from runs.harness import Pipeline, Source

pytestmark = pytest.mark.slow

Ask = Callable[[str], list[tuple[Any, ...]]]
View = tuple[Any, ...]
HELD = 4
SCHEMAS = ("curated", "presentation")


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


class SecondConnection:
    """Looks at the warehouse beside the run that has it open in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[str, Counter[View]] = {schema: Counter() for schema in SCHEMAS}
        self.places = Counter[str]()
        self._connections: list[Any] = []
        self._closing = threading.RLock()
        open_warehouse, close_warehouse = DuckDbWarehouse.open, DuckDbWarehouse.close

        def open_and_tell(warehouse: DuckDbWarehouse, *, read_only: bool = False) -> None:
            open_warehouse(warehouse, read_only=read_only)
            if not read_only:
                self._connections.append(warehouse._connection.session)

        def close_unseen(warehouse: DuckDbWarehouse) -> None:
            with self._closing:
                self._connections.clear()
                close_warehouse(warehouse)

        monkeypatch.setattr(DuckDbWarehouse, "open", open_and_tell)
        monkeypatch.setattr(DuckDbWarehouse, "close", close_unseen)

    def look(self, place: str) -> None:
        """Both schemas as they are at one moment; nothing where no run has the warehouse open."""
        with self._closing:
            if not self._connections:
                return
            with closing(self._connections[-1].cursor()) as cursor:
                cursor.begin()
                for schema in SCHEMAS:
                    self.seen[schema][look(lambda sql: cursor.execute(sql).fetchall(), schema)] += 1
                cursor.commit()
            self.places[place] += 1


def test_second_connection_of_the_process_sees_the_tables_of_one_run(
    pipeline: Pipeline, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Known()
    known.note(pipeline)
    beside = SecondConnection(monkeypatch)
    for number in (12, 13, 14):
        arm(beside.look)
        try:
            with looking(lambda: beside.look("at any moment"), pause=0.03):
                pipeline.run()
        finally:
            arm(None)
        known.note(pipeline)
        pass_a_day(source, f"2024-03-{number:02}", number)
    assert {"load-curated-table-loaded", "load-curated-filled", "metrics-table-built", "metrics-filled"} <= set(
        beside.places
    )
    assert beside.places["at any moment"] > 10
    known.assert_only(beside.seen)
    assert all(set(beside.seen[schema]) == set(known.views[schema]) for schema in SCHEMAS)
    assert all(len(known.views[schema]) == 4 for schema in SCHEMAS)


def test_another_process_sees_the_tables_of_one_run_or_is_told_to_wait(pipeline: Pipeline, source: Source) -> None:
    known = Known()
    known.note(pipeline)
    seen: dict[str, Counter[View]] = {schema: Counter() for schema in SCHEMAS}
    told = Counter[str]()

    def look_from_outside() -> None:
        try:
            with pipeline._asking() as ask:
                for schema in SCHEMAS:
                    seen[schema][look(ask, schema)] += 1
        except LockHeldError:
            told["held"] += 1
        else:
            told["seen"] += 1

    killed = ["load-curated-table-loaded", "metrics-table-built", "load-curated-filled", "metrics-filled", None]
    for number, failpoint in enumerate(killed, start=12):
        with looking(look_from_outside, pause=0.2):
            _run_once_nobody_reads(pipeline, failpoint)
        known.note(pipeline)
        pass_a_day(source, f"2024-03-{number:02}", number)
    known.assert_only(seen)
    assert told["held"] and told["seen"]
    # Two runs died before curated rows were committed, and all but one before the metrics were.
    assert [len(known.views[schema]) for schema in SCHEMAS] == [4, 2]


def _run_once_nobody_reads(pipeline: Pipeline, failpoint: str | None) -> None:
    """A reader that is at work keeps a run out in the same way."""
    for _ in range(50):
        code, said = rental(pipeline, die_at=(failpoint, 2 if "table" in failpoint else 1) if failpoint else None)
        if code != HELD:
            assert code == (-signal.SIGKILL if failpoint else 0), said
            return
    raise AssertionError("the warehouse was never free")


def test_command_line_tells_that_a_run_holds_the_warehouse(pipeline: Pipeline) -> None:
    codes = list[int]()

    def ask(name: str) -> None:
        if name == "metrics-filled":
            command = [RENTAL, "query", "SELECT * FROM presentation.top_listings_weekly"]
            codes.append(subprocess.run(command, cwd=pipeline.folder, capture_output=True, check=False).returncode)

    arm(ask)
    try:
        pipeline.run()
    finally:
        arm(None)
    assert codes == [HELD]

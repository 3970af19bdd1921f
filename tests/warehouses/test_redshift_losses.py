"""A connection lost at any statement of a load or a rebuild, then another try: no row twice, none missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.errors import RentalError, WarehouseError
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.storage.s3 import S3Lake
from rental_analytics.warehouses.base import Load, QueryParameters
from rental_analytics.warehouses.redshift.data_api import Target
from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from rental_marketplace import MarketplaceOptions, advance, generate
from runs.harness import failure
from servers.postgresql import PostgreSQL
from servers.redshift_faults import BEGINNING
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from support.breadth import examples, sampled
from warehouses.twins import Redshift, environment, same_staging_names, sums_of

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("aws")]

OPTIONS = MarketplaceOptions(listings=20, bookings=60, viewings=60, seed=5, end_date=date(2024, 3, 4), dirty_rate=0.2)
METRICS = 2
"""How many are rebuilt: what is sent for one is sent for each."""
LOSSES = {
    "unheard": (BEGINNING, True),
    "begun unheard of": (BEGINNING, False),
    "end unheard of": (("DescribeStatement", "CancelStatement"), False),
    "result unanswered": (("GetStatementResult",), False),
}
"""Operations about one statement or batch that get no answer, and whether they are not even worked off."""
ALIKE = {"raw_data.apartment_attributes", "curated.listing_attributes"}
"""Tables that are not loaded here: all that is sent for them is sent for `apartments` and `listings` too."""
STEPS = sampled(["load-raw", "load-curated", "metrics"], ["load-curated", "metrics"])
"""Both loads go the same way: one of them is tried by each run of the suite."""
Action = Callable[[RedshiftWarehouse], Any]


@dataclass(frozen=True)
class Counted:
    """What tables are before an undisturbed step and after it, the statements it takes, in how many transactions."""

    before: dict[str, Any]
    wanted: dict[str, Any]
    statements: list[str]
    begun: int


@dataclass(frozen=True)
class Scene:
    """Databases as they are before each of the steps of a second run, and what the steps do."""

    stand_in: RedshiftStandIn
    postgresql: PostgreSQL
    before: dict[str, str]
    actions: dict[str, Action]
    loads: dict[str, Load]
    lake: S3Lake
    _counted: dict[str, Counted] = field(default_factory=dict)

    def warehouse(self, step: str) -> tuple[RedshiftWarehouse, str]:
        """A warehouse of its own, as it is before a step."""
        database = self.postgresql.create_database(self.before[step])
        return RedshiftWarehouse(Target("test-workgroup", database)), database

    def tables(self, database: str) -> dict[str, Any]:
        """What a step can change, staging tables included: of each table how many rows it has and a sum of them."""
        return sums_of(self.stand_in, database, "raw_data", "curated", "presentation", "ops")

    def counted(self, step: str) -> Counted:
        """What an undisturbed step does."""
        if step not in self._counted:
            warehouse, database = self.warehouse(step)
            before, begun = self.tables(database), self.stand_in.faults.begun
            with same_staging_names():
                self.actions[step](warehouse)
            begun = self.stand_in.faults.begun - begun
            wanted, statements = self.tables(database), list(self.stand_in.statements[database])
            assert before != wanted
            self._counted[step] = Counted(before, wanted, statements, begun)
        return self._counted[step]


def is_staged(name: str) -> bool:
    return name.startswith("ops.stage_")


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL, s3: S3Server, redshift: RedshiftStandIn
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("losses")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(s3, redshift).items():
            patch.setenv(name, value)
        redshift.faults.clear()
        yield _made(folder, postgresql, s3.create_bucket(), redshift, patch)


@pytest.fixture
def same_texts() -> Iterator[None]:
    """At every try the same is sent, so that it is known beforehand."""
    with same_staging_names():
        yield


def _made(
    folder: Path, postgresql: PostgreSQL, bucket: str, stand_in: RedshiftStandIn, patch: pytest.MonkeyPatch
) -> Scene:
    url = f"sqlite:///{folder / 'marketplace.db'}"
    generate(url, OPTIONS)
    pipeline = Redshift(folder / "run", url, f"s3://{bucket}/lake", stand_in)
    pipeline.run(run_id="first")
    advance(url, 3, dirty_rate=0.2)
    before: dict[str, str] = {}
    loads: dict[str, Load] = {}
    models = load_contracts().rebuild_order[:METRICS]
    load, rebuild = RedshiftWarehouse.load, RedshiftWarehouse.rebuild

    def noted(self: RedshiftWarehouse, one: Load, lake: Any) -> Any:
        before[one.step] = postgresql.create_database(pipeline.database)
        tables = tuple(table for table in one.tables if table.relation not in ALIKE)
        assert len(tables) == len(one.tables) - 1
        loads[one.step] = replace(one, tables=tables)
        return load(self, one, lake)

    def noted_rebuild(self: RedshiftWarehouse, *arguments: Any) -> Any:
        before["metrics"] = postgresql.create_database(pipeline.database)
        return rebuild(self, *arguments)

    with patch.context() as spying:
        spying.setattr(RedshiftWarehouse, "load", noted)
        spying.setattr(RedshiftWarehouse, "rebuild", noted_rebuild)
        pipeline.run("quality.max_deleted_share=1", run_id="second")
    lake = S3Lake(bucket, "lake")
    actions: dict[str, Action] = {
        step: lambda warehouse, one=one: warehouse.load(one, lake) for step, one in loads.items()
    }
    actions["metrics"] = lambda warehouse: warehouse.rebuild(
        models,
        QueryParameters("second", date(2024, 3, 4), "USD", date(2024, 3, 1)),
        Comparisons(datetime(2024, 3, 5)),  # noqa: DTZ001 UTC
    )
    return Scene(stand_in, postgresql, before, actions, loads, lake)


class Tries:
    """A step that is tried again and again, and is lost at another place each time."""

    def __init__(self, scene: Scene, step: str) -> None:
        self._scene = scene
        self._step = step
        counted = scene.counted(step)
        self._before, self._wanted = counted.before, counted.wanted
        self.ended = 0
        self._begin()

    def _begin(self) -> None:
        self._warehouse, self._database = self._scene.warehouse(self._step)

    def lose(self, place: str) -> None:
        """Try with the failures that are set: nothing is done, or all; where all is, start anew."""
        ended = False
        try:
            self._scene.actions[self._step](self._warehouse)
        except RentalError as error:
            ended = True
            assert error.transient, error
        self.ended += ended
        assert self._scene.stand_in.faults.lost, f"{place} did not come"
        self._scene.stand_in.faults.clear()
        # What nobody could cancel goes on, and may leave staging tables.
        self._scene.stand_in.rest()
        left = self._scene.tables(self._database)
        done = {name: rows for name, rows in left.items() if not is_staged(name)}
        assert done in (self._before, self._wanted), place
        assert ended or done == self._wanted, place
        if done == self._wanted:
            self.finish(place)
            self._begin()
        elif left != done:
            self._warehouse.open()
            assert self._scene.tables(self._database) == self._before, place

    def finish(self, place: str) -> None:
        """Once more, undisturbed; nothing must tell of the tries before."""
        self._warehouse.open()
        self._scene.actions[self._step](self._warehouse)
        assert self._scene.tables(self._database) == self._wanted, place


@pytest.mark.usefixtures("same_texts")
@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_connection_to_the_database_lost_at_any_statement(scene: Scene, step: str) -> None:
    statements = scene.counted(step).statements
    tries = Tries(scene, step)
    for number, sql in list(enumerate(statements))[:: examples(3, 1)]:
        scene.stand_in.faults.lose(sql, statements[: number + 1].count(sql))
        tries.lose(f"statement {number + 1} of {len(statements)}: {sql}")
    tries.finish("at last")
    # Removing staging tables, comments and ANALYZE may fail without harm.
    assert tries.ended >= len(statements) // examples(3, 1) // 2


@pytest.mark.usefixtures("same_texts")
@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_answers_lost_at_any_transaction(scene: Scene, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So often that the client gives up, be it before it is heard or when all is done."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    begun = scene.counted(step).begun
    assert begun >= len(LOSSES)
    tries = Tries(scene, step)
    # Five is no multiple of the four kinds: each comes, at other places.
    for number in range(1, begun + 1, examples(5, 1)):
        # Each kind comes at every fourth.
        loss = list(LOSSES)[number % len(LOSSES)]
        operations, before = LOSSES[loss]
        scene.stand_in.faults.silence(number, operations, before)
        tries.lose(f"{loss}: transaction {number} of {begun}")
    tries.finish("at last")
    assert tries.ended > 0


@pytest.mark.parametrize("step", ["load-raw", "load-curated"])
def test_two_processes_load_one_manifest_at_once(scene: Scene, step: str) -> None:
    """One of them may have been given up by its orchestrator, and go on all the same."""
    wanted = scene.counted(step).wanted
    _, database = scene.warehouse(step)
    ends: list[RentalError | None] = []

    def load() -> None:
        try:
            scene.actions[step](RedshiftWarehouse(Target("test-workgroup", database)))
            ends.append(None)
        except RentalError as error:
            ends.append(error)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None in ends
    assert scene.tables(database) == wanted


def test_a_load_that_comes_late_is_refused(scene: Scene) -> None:
    load = scene.loads["load-curated"]
    assert load.follows
    warehouse, database = scene.warehouse("load-curated")
    between = replace(load, run_id="between", manifest_hash="f" * 64)
    warehouse.load(between, scene.lake)
    tables = scene.tables(database)
    error = failure(warehouse.load, load, scene.lake)
    assert isinstance(error, WarehouseError)
    assert "Another process loaded into redshift://" in error.message
    assert scene.tables(database) == tables


def test_the_same_manifest_twice_adds_nothing(scene: Scene) -> None:
    for step in ("load-raw", "load-curated"):
        warehouse, database = scene.warehouse(step)
        first = scene.actions[step](warehouse)
        tables = scene.tables(database)
        again = scene.actions[step](warehouse)
        assert sum(table.inserted for table in first.values()) > 0
        assert all(table.inserted == table.deleted == 0 for table in again.values())
        assert scene.tables(database) == tables


def test_what_a_killed_process_left_is_removed(scene: Scene) -> None:
    warehouse, database = scene.warehouse("load-raw")
    scene.stand_in.execute('CREATE TABLE ops."stage_00000000_0" (a INTEGER)', database)
    warehouse.open()
    assert not any(name.startswith("ops.stage_") for name in scene.tables(database))


def test_an_interrupted_load_is_cancelled(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse, database = scene.warehouse("load-curated")
    tables = scene.tables(database)
    scene.stand_in.faults.slow(0.2)
    waits, sleep, here = count(), time.sleep, threading.current_thread()

    def interrupted(seconds: float) -> None:
        """As Ctrl-C comes: to one thread alone, which others sleep beside."""
        if threading.current_thread() is here and next(waits) == 6:
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr("rental_analytics.warehouses.redshift.data_api.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scene.actions["load-curated"](warehouse)
    monkeypatch.undo()
    scene.stand_in.faults.clear()
    scene.stand_in.rest()
    listed = scene.stand_in.client().list_statements(Status="ALL", Database=database)["Statements"]
    assert "ABORTED" in {one["Status"] for one in listed}
    with suppress(RentalError):
        warehouse.open()
    assert scene.tables(database) == tables

"""A check of severity fail stops the step it is made in, whichever kind it is, and readers keep what they had."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.databases import mapping
from rental_analytics.errors import QualityError
from runs.harness import LOADING, Pipeline, Source, failure
from support.checked import with_checks

pytestmark = pytest.mark.slow

STEPS = (*LOADING, "metrics")
SEEN = ("presentation", "intermediate")
NEXT = "next"
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"


@dataclass(frozen=True)
class Broken:
    """A check that rows of the run called `next` break.

    Args:
        relation: the table, as in `with_checks`.
        told: how the message goes on behind `Check ... of ... is`.
    """

    step: str
    relation: str
    check: str
    told: str
    column: str = ""
    item: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return "when" if "when" in self.item else next(key for key in self.item if key != "name")

    @property
    def table(self) -> str:
        """What results call the table."""
        schema, _, name = self.relation.partition(".")
        return f"raw_data.{name}" if schema == "source" else name

    def declared(self, contracts: Contracts | None = None, severity: str = "fail") -> Contracts:
        """Contracts that have it besides their own, by default those of the package."""
        item = {**self.item, "severity": severity}
        columns, table = ({self.column: [item]}, []) if self.column else ({}, [item])
        return with_checks(contracts or load_contracts(), self.relation, columns, table)


def of_column(step: str, place: str, told: str, check: str = "", **item: Any) -> Broken:
    relation, _, column = place.rpartition(".")
    (kind,) = (key for key in item if key != "name")
    return Broken(step, relation, check or f"{column}_{kind}", told, column, item)


def of_table(step: str, relation: str, told: str, check: str, **item: Any) -> Broken:
    return Broken(step, relation, check, told, item={**item, **({"name": check} if "when" in item else {})})


READ, MADE, LIVES, SHOWN = (
    "source.bookings",
    "curated.bookings",
    "load-curated",
    "presentation.bookings_per_user_weekly",
)
TWO_DAYS = {"within": "2 days"}
BROKEN = [
    of_column("extract", f"{READ}.payment_status", "broken by 2 rows, such as 3", not_null=True),
    of_column("extract", f"{READ}.user_id", "broken by 1 row, such as 8", unique=True),
    of_column("extract", f"{READ}.booking_status", "broken by 2 rows, such as 3", accepted_values=["pending", "new"]),
    of_column("extract", f"{READ}.total_price", "broken by 1 row, such as 4", range={"max": 300}),
    of_table("extract", READ, "broken by 1 row, such as 4", "dear", when="total_price > 300"),
    of_table(
        "extract",
        "source.apartments",
        "broken: the newest is 2024-01-02 10:00:00",
        "last_modified_timestamp_freshness",
        freshness={"column": "last_modified_timestamp", **TWO_DAYS},
    ),
    of_table(
        "extract",
        READ,
        "broken: 2 rows, 0 to 0 are usual",
        "row_count_near_usual",
        row_count_near_usual={"within": 0.5},
    ),
    of_column("transform", f"{MADE}.payment_status", "broken by 2 rows, such as 3", not_null=True),
    of_column("transform", f"{MADE}.status", "broken by 2 rows, such as 3", accepted_values=["pending", "canceled"]),
    of_column("transform", f"{MADE}.reporting_total_price", "broken by 1 row, such as 4", range={"below": 400}),
    of_table("transform", MADE, "broken by 1 row, such as 4", "dear", when="reporting_total_price > 300"),
    of_table(
        "transform",
        MADE,
        "broken: 2 rows, 0 to 0 are usual",
        "row_count_near_usual",
        row_count_near_usual={"within": 9},
    ),
    of_column(LIVES, f"{MADE}.user_id", "broken by 2 rows, such as 7", unique=True),
    of_column(
        LIVES,
        "curated.viewings.listing_id",
        "broken by 1 row, such as 99",
        relationships={"to": "curated.listings", "column": "listing_id"},
    ),
    of_table(
        LIVES,
        "curated.listings",
        "broken: the newest is 2024-01-02 10:00:00",
        "modified_at_freshness",
        freshness={"column": "modified_at", **TWO_DAYS},
    ),
    of_column(
        "metrics", "presentation.top_listings_weekly.city", "broken by 1 row, such as 2024-02-26,2", not_null=True
    ),
    of_column("metrics", f"{SHOWN}.week_start", "broken by 1 row, such as 2024-02-26", unique=True),
    of_column(
        "metrics",
        "presentation.top_listings_weekly.currency",
        "broken by 2 rows, such as 2024-02-26,1",
        accepted_values=["EUR", "CHF"],
    ),
    of_column("metrics", f"{SHOWN}.bookings", "broken by 2 rows, such as 2024-02-26,7", range={"above": 2}),
    of_table("metrics", SHOWN, "broken by 1 row, such as 2024-02-26,8", "new", when="user_id > 7"),
    of_column(
        "metrics",
        "presentation.top_listings_weekly.listing_id",
        "broken by 1 row, such as 99",
        relationships={"to": "curated.listings", "column": "listing_id"},
    ),
    of_table(
        "metrics",
        SHOWN,
        "broken: the newest is 2024-02-26",
        "week_start_freshness",
        freshness={"column": "week_start", **TWO_DAYS},
    ),
    of_table(
        "metrics",
        SHOWN,
        "broken: 2 rows, 1 to 1 are usual",
        "row_count_near_usual",
        row_count_near_usual={"within": 0.5},
    ),
]


def fill(source: Source) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    known = {"payment_status": "paid", "updated_at": "2024-03-01 12:00:00.000000"}
    source.insert("bookings", {"booking_id": 1, **known}, {"booking_id": 2, "apartment_id": 99, **known})
    source.insert("user_viewing", {}, {})


def change(source: Source) -> None:
    """What the run called `next` reads."""
    moved = {"user_id": 8, "updated_at": "2024-03-02 12:00:00.000000"}
    source.insert("bookings", {"booking_id": 3, **moved}, {"booking_id": 4, "total_price": "400.00", **moved})
    source.insert("user_viewing", {"apartment_id": 99, "viewed_at": "2024-03-02 11:00:00.000000"})


@dataclass(frozen=True)
class Scene:
    """A pipeline before a step of its next run, its source, and the tables that readers see."""

    source: Source
    pipeline: Pipeline
    seen: dict[str, list[tuple[Any, ...]]]

    def check(self, contracts: Contracts, patch: pytest.MonkeyPatch) -> None:
        """Let the next runs have these contracts."""
        patch.setattr(mapping, "load_contracts", lambda: contracts)

    def do(self, step: str) -> None:
        """Do a step of the next run."""
        if step == "extract":
            self.pipeline.run(steps=(step,), run_id=NEXT)
        else:
            self.pipeline.run(steps=(step,), resume=NEXT)

    def found(self, check: Broken) -> list[tuple[Any, ...]]:
        """What `ops` tells of a check."""
        return self.pipeline.rows(
            "SELECT run_id, severity, failed_rows, sample FROM ops.check_results "
            f"WHERE table_name = '{check.table}' AND check_name = '{check.check}'"
        )


At = Callable[[str], Scene]


@pytest.fixture(scope="module")
def steps_done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[tuple[Any, ...]]]]:
    """A folder for each step, in which the steps before it are done, and the tables of the run before.

    Four runs are usual ones, of which three read nothing; that of the first, which reads everything, is like no other.
    """
    folder = tmp_path_factory.mktemp("steps")
    source = Source.sqlite(folder / "marketplace.db")
    fill(source)
    pipeline = Pipeline(folder / "run", source.url)
    for _ in range(4):
        pipeline.run()
    seen = pipeline.tables(*SEEN)
    change(source)
    scene = Scene(source, pipeline, seen)
    before = tmp_path_factory.mktemp("before")
    for step in STEPS:
        shutil.copytree(folder, before / step)
        if step != STEPS[-1]:
            scene.do(step)
    return before, seen


@pytest.fixture
def at(steps_done: tuple[Path, dict[str, list[tuple[Any, ...]]]], tmp_path: Path) -> At:
    """A copy of the folder of a step."""

    def copied(step: str) -> Scene:
        before, seen = steps_done
        shutil.copytree(before / step, tmp_path, dirs_exist_ok=True)
        source = Source.sqlite(tmp_path / "marketplace.db")
        return Scene(source, Pipeline(tmp_path / "run", source.url), seen)

    return copied


def test_each_step_has_every_kind_that_it_can_have() -> None:
    rows = {"not_null", "accepted_values", "range", "when"}
    assert {step: {broken.kind for broken in BROKEN if broken.step == step} for step in STEPS} == {
        "extract": rows | {"unique", "freshness", "row_count_near_usual"},
        "transform": rows | {"row_count_near_usual"},
        "load-raw": set(),
        "load-curated": {"unique", "relationships", "freshness"},
        "metrics": rows | {"unique", "relationships", "freshness", "row_count_near_usual"},
    }


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.step}-{broken.kind}")
def test_a_broken_check_stops_its_step(at: At, broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = at(broken.step)
    scene.check(broken.declared(), monkeypatch)
    error = failure(scene.do, broken.step)
    assert isinstance(error, QualityError)
    assert (error.exit_code, error.step) == (3, broken.step)
    relation = broken.table if broken.step in {"extract", "transform"} else broken.relation
    assert f"Check {broken.check} of {relation} is {broken.told}; " in error.message
    assert "in the source" in error.remedy
    assert scene.pipeline.tables(*SEEN) == scene.seen
    (found,) = [row for row in scene.found(broken) if row[0] == NEXT]
    rows = int(broken.told.split()[2]) if broken.told.startswith("broken by") else 1
    sample = broken.told.split("such as ")[-1].removeprefix("broken: ")
    assert found == (NEXT, "fail", rows, sample)


def named(step: str, kind: str) -> Broken:
    (found,) = (broken for broken in BROKEN if (broken.step, broken.kind) == (step, kind))
    return found


@pytest.mark.parametrize("step", ["extract", "transform"])
def test_rows_that_are_corrected_are_read_again(at: At, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = at(step)
    scene.check(named(step, "when").declared(), monkeypatch)
    assert failure(scene.do, step).reason == "check-broken"
    # Its cursor does not move.
    scene.source.execute("UPDATE bookings SET total_price = 300 WHERE booking_id = 4")
    scene.pipeline.run()
    assert f"extract: re-reads what run {NEXT} read and never loaded" in scene.pipeline.notes
    assert scene.pipeline.rows("SELECT SUM(bookings) FROM presentation.bookings_per_user_weekly") == [(4,)]


@pytest.mark.remedy("run-stopped-by-check")
def test_what_a_check_stopped_is_taken_in_by_no_step_that_is_asked_for_alone(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = at("extract")
    scene.check(named("extract", "when").declared(), monkeypatch)
    failure(scene.do, "extract")
    for step in ("transform", "load-raw"):
        error = failure(scene.do, step)
        assert (error.reason, error.exit_code) == ("run-stopped-by-check", 3)
        assert failure(scene.pipeline.run, steps=(step,)).reason == "run-stopped-by-check"
    scene.source.execute("UPDATE bookings SET total_price = 300 WHERE booking_id = 4")
    scene.pipeline.load()
    assert scene.pipeline.rows("SELECT COUNT(*) FROM curated.bookings") == [(4,)]


@pytest.mark.remedy("loaded-check-broken")
def test_loaded_rows_that_break_a_check_keep_metrics_as_they_are_until_they_are_corrected(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = at("load-curated")
    scene.check(named("load-curated", "relationships").declared(), monkeypatch)
    failure(scene.do, "load-curated")
    for again in (lambda: scene.do("load-curated"), lambda: scene.pipeline.run(steps=("metrics",)), scene.pipeline.run):
        assert failure(again).reason == "loaded-check-broken"
        assert scene.pipeline.tables(*SEEN) == scene.seen
    scene.source.insert("apartments", {"id": 99, "last_modified_timestamp": "2024-03-03 10:00:00.000000"})
    scene.pipeline.run()
    assert scene.pipeline.rows("SELECT COUNT(*) FROM presentation.bookings_per_user_weekly") == [(2,)]


def test_ops_tells_what_stopped_a_job_that_has_no_warehouse(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, broken = at("extract"), named("extract", "range")
    scene.check(broken.declared(), monkeypatch)
    assert isinstance(failure(scene.pipeline.extract, run_id=NEXT), QualityError)
    scene.check(load_contracts(), monkeypatch)
    scene.pipeline.load()
    assert [row for row in scene.found(broken) if row[0] == NEXT] == [(NEXT, "fail", 1, "4")]


def test_checks_that_warn_stop_nothing_and_are_told(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = at("extract")
    told = [named("extract", "range"), named("transform", "accepted_values"), named("load-curated", "relationships")]
    told += [named("extract", "freshness"), named("metrics", "unique")]
    contracts = load_contracts()
    for broken in told:
        contracts = broken.declared(contracts, "warn")
    scene.check(contracts, monkeypatch)
    scene.pipeline.run(run_id=NEXT)
    rows = [[row[1:3] for row in scene.found(broken) if row[0] == NEXT] for broken in told]
    assert rows == [[("warn", 1)], [("warn", 2)], [("warn", 1)], [("warn", 1)], [("warn", 1)]]
    stale = "last_modified_timestamp_freshness (the newest is 2024-01-02 10:00:00)"
    assert {
        "bookings: kept with a warning: total_price_range 1",
        f"apartments: kept with a warning: {stale}",
        "bookings: kept with a warning: status_accepted_values 2",
    } <= {*scene.pipeline.notes}


def test_a_check_of_a_column_that_rejects_is_a_rule(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = at("transform")
    broken = of_column("transform", f"{MADE}.currency", "", accepted_values=["EUR"])
    scene.check(broken.declared(severity="reject"), monkeypatch)
    scene.do("transform")
    told = "currency_accepted_values 2 ('USD' 2)"
    assert f"bookings: 2 rows rejected ({told}); see ops.rejected_rows" in scene.pipeline.notes

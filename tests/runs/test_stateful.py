"""A marketplace that changes in any way, and runs of any kind in between: in the end the order of things does not show.

Each change of a row moves its cursor to a moment that row never had: one that does not is documented as unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from rental_analytics.errors import ConfigurationError, LakeError, QualityError, RentalError
from rental_analytics.failpoints import FAILPOINTS, arm
from rental_analytics.pipeline import STEP_NAMES
from runs.harness import BOOKING, KEYS, LISTING, VIEWING, Pipeline, Source, _literal
from servers.mysql import MySqlServer
from support.breadth import examples

if TYPE_CHECKING:
    from pymysql.connections import Connection

DATA = ("raw_data", "curated", "presentation")
BEGIN = datetime.fromisoformat("2024-03-01 12:00:00")
# A fresh start cannot know what a row was before, nor which ones there were.
HISTORY = {
    "curated.booking_versions",
    "curated.listing_versions",
    "presentation.average_listing_price_weekly",
    "presentation.occupancy_rate_monthly",
}
CURSORS = {
    "apartments": "last_modified_timestamp",
    "apartment_attributes": "last_modified_timestamp",
    "bookings": "updated_at",
}
NEXT, SAME, BACK, NULL = "next moment", "moment of the change before", "older moment", "no moment"


def mostly(usual: list[Any], unusual: list[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[st.sampled_from(usual)] * 3, st.sampled_from(unusual))


VALUES = {
    "apartments": st.fixed_dictionaries(
        {
            "title": st.sampled_from(["Loft", "O'Brien's", None]),
            "price": mostly(["100.00", "49.99"], ["0", "-1", None]),
            "currency": mostly(["USD", "eur "], ["XXX", None]),
            "listing_created_on": mostly(["2024-01-01 10:00:00", "2024-02-20 00:00:00"], [None]),
            "is_active": st.sampled_from([1, 1, 0, None]),
        }
    ),
    "apartment_attributes": st.fixed_dictionaries(
        {"cityname": st.sampled_from(["Bern", " Thun", None]), "state": st.sampled_from(["BE", None])}
    ),
    "bookings": st.fixed_dictionaries(
        {
            "user_id": mostly([7, 8], [None]),
            "apartment_id": mostly([1, 2, 3], [99, None]),
            "booking_date": mostly(["2024-02-26 09:00:00", "2024-03-01 12:00:00"], [None]),
            "checkin_date": mostly(["2024-03-10", "2024-04-01"], ["2024-03-20", None]),
            "checkout_date": mostly(["2024-04-02", "2024-04-03"], ["2024-03-10"]),
            "total_price": mostly(["300.00", "0.01"], ["-1", None]),
            "currency": mostly(["USD", "GBP"], ["XXX"]),
            "booking_status": mostly(["confirmed", "Checked out", "pending", "canceled"], ["maybe"]),
        }
    ),
}
USUAL = {"apartments": LISTING, "apartment_attributes": {}, "bookings": BOOKING}
PUT = st.sampled_from(list(CURSORS)).flatmap(
    lambda table: st.tuples(
        st.just(table),
        st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
        VALUES[table],
        st.sampled_from([NEXT, NEXT, NEXT, SAME, BACK, NULL]),
    )
)
REMOVE = st.tuples(st.sampled_from(list(CURSORS)), st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True))
VIEW = st.tuples(
    mostly([7, 8], [None]), st.sampled_from([1, 2, 99]), st.integers(-600, 600), st.integers(1, 3), st.booleans()
)


class Marketplace(RuleBasedStateMachine):
    """The source, a pipeline on it, and what may happen to both."""

    server: MySqlServer
    database: str

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.folder = Path(self.resources.enter_context(TemporaryDirectory()))
        self.connection: Connection[Any] = self.resources.enter_context(closing(self.server.connect(self.database)))
        self.source = Source(self.server.url(self.database), self.execute)
        for table in (*CURSORS, "user_viewing"):
            self.execute(f"DELETE FROM {table}")
        self.moments: dict[tuple[str, int], set[datetime | None]] = {}
        self.newest = self.oldest = self.last_viewed = BEGIN
        self.last_run: str | None = None
        self.unfinished: str | None = None
        self.modes: tuple[str, ...] = ()

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def make_pipeline(self, name: str) -> Pipeline:
        return Pipeline(self.folder / name, self.source.url, *self.modes, "quality.max_deleted_share=1")

    @initialize(whole=st.sampled_from([False, False, True]))
    def begin(self, *, whole: bool) -> None:
        """Tables are read as they usually are, or all of them whole each time."""
        self.modes = tuple(f"tables.{table}.mode=snapshot" for table in (*CURSORS, "user_viewing")) if whole else ()
        self.pipeline = self.make_pipeline("run")

    # What happens in the source

    @rule(puts=st.lists(PUT, min_size=1, max_size=4))
    def put(self, puts: list[tuple[str, list[int], dict[str, Any], str]]) -> None:
        """Insert rows, or change them: all rows of one put get one moment."""
        for table, keys, values, kind in puts:
            moment = self.moment(table, keys, kind)
            for key in keys:
                self.moments.setdefault((table, key), set()).add(moment)
                row = {KEYS[table]: key, **USUAL[table], **values, CURSORS[table]: moment}
                if self.execute(f"SELECT 1 FROM {table} WHERE {KEYS[table]} = {key}"):
                    changes = ", ".join(f"{name} = {_literal(value)}" for name, value in row.items())
                    self.execute(f"UPDATE {table} SET {changes} WHERE {KEYS[table]} = {key}")
                else:
                    self.source.insert(table, row)

    def moment(self, table: str, keys: list[int], kind: str) -> datetime | None:
        """A cursor value that none of these rows ever had; NULL is read every time, so it may come again."""
        if kind == NULL:
            return None
        if kind == BACK:
            self.oldest -= timedelta(hours=1)
            return self.oldest
        if kind == NEXT or any(self.newest in self.moments.get((table, key), ()) for key in keys):
            self.newest += timedelta(minutes=7)
        return self.newest

    @rule(removals=st.lists(REMOVE, min_size=1, max_size=2))
    def remove(self, removals: list[tuple[str, list[int]]]) -> None:
        for table, keys in removals:
            self.execute(f"DELETE FROM {table} WHERE {KEYS[table]} IN ({', '.join(map(str, keys))})")

    @rule(views=st.lists(VIEW, min_size=1, max_size=4))
    def view(self, views: list[tuple[int | None, int, int, int, bool]]) -> None:
        """Views, late ones within the overlap too, identical ones, and some that are rejected."""
        for user, listing, seconds, copies, timed in views:
            seen = self.last_viewed + timedelta(seconds=seconds)
            row = {**VIEWING, "user_id": user, "apartment_id": listing, "viewed_at": seen if timed or user else None}
            self.source.insert("user_viewing", *[row] * copies)
            self.last_viewed = max(seen, self.last_viewed)

    @precondition(lambda self: self.modes)
    @rule(user=st.sampled_from([7, 8]), gone=st.booleans())
    def change_views(self, *, user: int, gone: bool) -> None:
        """Only a snapshot sees that events change."""
        change = "DELETE FROM user_viewing" if gone else "UPDATE user_viewing SET is_wishlisted = 1 - is_wishlisted"
        self.execute(f"{change} WHERE user_id = {user}")

    # What the pipeline does

    @rule(full_refresh=st.sampled_from([False, False, False, True]))
    def run(self, *, full_refresh: bool) -> None:
        self.last_run = self.pipeline.run(full_refresh=full_refresh).run.run_id
        self.unfinished = None

    @rule(full_refresh=st.sampled_from([False, False, True]))
    def run_strictly(self, *, full_refresh: bool) -> None:
        """A check may stop the run; the next one reads again what this one read, unless this one is let through."""
        try:
            outcome = self.pipeline.run("quality.max_rejected_share=0", full_refresh=full_refresh)
            self.last_run, self.unfinished = outcome.run.run_id, None
        except QualityError as error:
            self.unfinished = error.run_id

    @rule(count=st.integers(1, 4))
    def run_some_steps(self, count: int) -> None:
        self.unfinished = self.pipeline.run(steps=STEP_NAMES[:count]).run.run_id

    @rule(place=st.sampled_from(list(FAILPOINTS)), full_refresh=st.sampled_from([False, False, True]))
    def run_into_an_error(self, place: str, *, full_refresh: bool) -> None:
        with failing_at(place):
            try:
                self.run(full_refresh=full_refresh)
            except RentalError as error:
                assert "injected" in error.message
                self.unfinished = error.run_id

    @precondition(lambda self: self.unfinished)
    @rule(whole=st.booleans())
    def resume(self, *, whole: bool) -> None:
        """Continue a run with all its steps, or with extract and transform only."""
        assert self.unfinished
        self.pipeline.run(resume=self.unfinished, steps=() if whole else STEP_NAMES[:2])
        if whole:
            self.last_run, self.unfinished = self.unfinished, None

    @precondition(lambda self: self.last_run)
    @rule(first=st.integers(-2, 1), days=st.integers(0, 3))
    def backfill(self, first: int, days: int) -> None:
        begin = date(2024, 3, 1) + timedelta(days=first)
        try:
            self.pipeline.run(backfill=(begin, begin + timedelta(days=days)))
        except ConfigurationError as error:
            assert "is not loaded yet" in error.message
        else:
            self.unfinished = None

    # What holds in the end

    def teardown(self) -> None:
        with self.resources:
            if hasattr(self, "pipeline"):
                self.check()

    def check(self) -> None:
        run_id = self.pipeline.run().run.run_id
        before = self.pipeline.tables(*DATA)

        # The number of changes picks the step.
        step = STEP_NAMES[len(self.moments) % len(STEP_NAMES)]
        self.pipeline.run(resume=run_id, steps=(step,))
        self.pipeline.run()
        assert different(before, self.pipeline.tables(*DATA)) == {}, f"after {step} and one more increment"

        self.pipeline.run(full_refresh=True)
        assert different(before, self.pipeline.tables(*DATA)) == {}, "after a full refresh"

        fresh = self.make_pipeline("fresh")
        fresh.run(steps=[step for step in STEP_NAMES if step != "load-raw"])
        assert different(present(fresh), present(self.pipeline)) == {}, "against a fresh start"
        for pipeline in (self.pipeline, fresh):
            check_accounts(pipeline)


@contextmanager
def failing_at(place: str) -> Iterator[None]:
    """Every time the place is reached while the block runs, an error comes of it."""

    def fail(name: str) -> None:
        if name == place:
            raise LakeError(f"injected at {name}.", remedy="run again.")

    arm(fail)
    try:
        yield
    finally:
        arm(None)


def different(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Tables whose rows are not the same, with the rows that only one side has."""
    return {
        name: {
            "lacks": [row for row in wanted.get(name, []) if row not in found.get(name, [])],
            "has": [row for row in found.get(name, []) if row not in wanted.get(name, [])],
            "rows": (len(wanted.get(name, [])), len(found.get(name, []))),
        }
        for name in wanted.keys() | found.keys()
        if wanted.get(name) != found.get(name)
    }


def present(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Curated and presentation without history and deleted rows."""
    tables = {name: rows for name, rows in pipeline.tables("curated", "presentation").items() if name not in HISTORY}
    with pipeline._asking() as ask:
        for name in tables:
            if ("is_deleted",) in ask(f"SELECT column_name FROM (DESCRIBE {name})"):
                hidden = "_run_id, _loaded_at"
                tables[name] = ask(f"SELECT * EXCLUDE ({hidden}) FROM {name} WHERE NOT is_deleted ORDER BY ALL")
    return tables


def check_accounts(pipeline: Pipeline) -> None:
    """Each row that a run extracted is curated, superseded or rejected, and rejected rows are kept, one by one."""
    uneven = "SELECT * FROM ops.row_accounting WHERE extracted <> curated + superseded + rejected"
    assert pipeline.rows(uneven) == []
    rejected = pipeline.rows(
        "SELECT run_id, table_name, rejected FROM ops.row_accounting WHERE rejected > 0 ORDER BY ALL"
    )
    kept = "SELECT run_id, table_name, COUNT(*) FROM ops.rejected_rows GROUP BY ALL ORDER BY ALL"
    assert pipeline.rows(kept) == rejected


@pytest.mark.service
@pytest.mark.slow
def test_the_order_of_changes_and_runs_does_not_show_in_the_end(mysql: MySqlServer) -> None:
    database = mysql.create_database()
    Source(mysql.url(database), lambda sql: mysql.execute(sql, database)).create(optional=True)
    machine = type("Marketplace", (Marketplace,), {"server": mysql, "database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(2, 12),
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            # Examples take seconds: the first that fails is told as it is.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )

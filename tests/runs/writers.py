"""Processes that keep changing a marketplace, and commit in another order than that of their cursor values."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.synchronize import Barrier, Event
from typing import TYPE_CHECKING, Any

from runs.forked import processes

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

WRITERS = 8
FIRST_KEYS = range(1, 81)
HOT_KEYS = range(1, 4)
"""Keys that all writers update, and none deletes; the others belong to writer `key % WRITERS`."""
_DEADLOCK, _LOCK_WAIT = 1213, 1205
_MARGIN = 0.2
_LONG_AGO = datetime.fromisoformat("2000-01-01")
_signals: list[Any] = []


@dataclass(frozen=True)
class KeyedTable:
    """A table with a key and a change cursor; a change writes `texts` and `numbers` anew."""

    name: str
    key: str
    cursor: str
    text: str
    number: str
    fixed: dict[str, object]

    @property
    def columns(self) -> list[str]:
        return [self.key, self.cursor, self.text, self.number, *self.fixed]

    def values(self, key: int, cursor: datetime | None, serial: int) -> list[object]:
        return [key, cursor, f"change {serial}", 1 + serial % 90, *self.fixed.values()]


TABLES = (
    KeyedTable(
        "apartments",
        "id",
        "last_modified_timestamp",
        "title",
        "price",
        {"currency": "EUR", "listing_created_on": datetime(2024, 1, 1, 10), "is_active": 1},  # noqa: DTZ001
    ),
    KeyedTable(
        "apartment_attributes",
        "id",
        "last_modified_timestamp",
        "body",
        "square_feet",
        {"cityname": "Bern", "state": "BE", "amenities": "Wifi, Bath"},
    ),
    KeyedTable(
        "bookings",
        "booking_id",
        "updated_at",
        "payment_status",
        "total_price",
        {
            "user_id": 7,
            "apartment_id": 1,
            "booking_date": datetime(2024, 3, 1, 12),  # noqa: DTZ001
            "checkin_date": "2024-03-10",
            "checkout_date": "2024-03-13",
            "currency": "USD",
            "booking_status": "completed",
        },
    ),
)


@dataclass(frozen=True)
class WriterPlan:
    """What a writer does.

    Args:
        longest: seconds a transaction waits at most between its cursor value and its commit.
        latest: seconds after which it is rolled back rather than committed; None for never.
        viewings: whether it also adds rows to `user_viewing`.
    """

    host: str
    port: int
    database: str
    number: int
    longest: float
    latest: float | None
    viewings: bool


@dataclass
class WriterLog:
    """What a writer did: cursor value and moment of each commit, changes by kind, keys that it left deleted."""

    commits: list[tuple[datetime, datetime]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    gone: dict[str, set[int]] = field(default_factory=dict)


@dataclass
class _Keys:
    """The writer's own keys of a table, with the clock of each one's last change, and those it deleted."""

    alive: dict[int, datetime]
    gone: set[int]
    next_key: int


@contextmanager
def writing(plans: list[WriterPlan]) -> Iterator[list[Future[WriterLog]]]:
    """Let writers work, each in a process of its own, while the block runs; their logs are there after it."""
    context = processes()
    stop, ready = context.Event(), context.Barrier(len(plans) + 1)
    with ProcessPoolExecutor(len(plans), context, _take_signals, (stop, ready)) as pool:
        logs = [pool.submit(_write, plan) for plan in plans]
        try:
            ready.wait(60)
            yield logs
        finally:
            stop.set()


def _take_signals(stop: Event, ready: Barrier) -> None:
    _signals[:] = [stop, ready]


def _write(plan: WriterPlan) -> WriterLog:
    import pymysql

    stop, ready = _signals
    with closing(
        pymysql.connect(
            host=plan.host,
            port=plan.port,
            user="root",
            database=plan.database,
            charset="utf8mb4",
            init_command="SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 2",
        )
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        writer = _Writer(plan)
        ready.wait(60)
        while not stop.is_set():
            kept, began = deepcopy(writer.keys), time.monotonic()
            connection.begin()
            with connection.cursor() as cursor:
                try:
                    moment, kinds = writer.change(cursor)
                except pymysql.OperationalError as error:
                    if error.args[0] not in {_DEADLOCK, _LOCK_WAIT}:
                        raise
                    moment = None
                stop.wait(writer.pause)
                age = time.monotonic() - began + writer.lateness
                if moment is None or (plan.latest and age > plan.latest):
                    connection.rollback()
                    writer.keys = kept
                    continue
                connection.commit()
                writer.log.commits.append((moment, _clock(cursor)))
                writer.log.kinds.update(kinds)
    writer.log.gone = {name: keys.gone for name, keys in writer.keys.items()}
    return writer.log


class _Writer:
    def __init__(self, plan: WriterPlan) -> None:
        self.plan = plan
        self.random = random.Random(plan.number)
        self.log = WriterLog()
        self.pause = self.lateness = 0.0
        self.keys: dict[str, _Keys] = {}
        for table in TABLES:
            own = [key for key in FIRST_KEYS if key not in HOT_KEYS and key % WRITERS == plan.number]
            self.keys[table.name] = _Keys(dict.fromkeys(own, _LONG_AGO), set(), 1000 * WRITERS + plan.number)
        self._serial = plan.number
        self._actions: dict[str, tuple[int, Callable[..., None]]] = {
            "insert": (6, self._insert),
            "update": (6, self._update),
            "delete": (3, self._delete),
            "equal timestamps": (2, self._update_at_equal_moments),
            "cursor NULL": (2, self._update_to_null),
            "cursor set back": (2, self._set_back),
            "deleted and inserted again": (2, self._replace),
            "inserted again later": (2, self._bring_back),
            "bulk update": (1, self._update_all),
            "viewings": (8 if plan.viewings else 0, self._view),
        }

    def change(self, cursor: Cursor) -> tuple[datetime, list[str]]:
        """Do up to four changes in the transaction that has begun; all take the clock of its beginning."""
        moment, self.lateness = _clock(cursor), 0.0
        if self.random.random() < 0.15:
            self.pause = self.random.uniform(0, 0.1)
            self._update_hot_key(cursor, moment)
            return moment, ["contended update"]
        self.pause = self.plan.longest * self.random.random() ** 3
        weights = [weight for weight, _ in self._actions.values()]
        kinds = self.random.choices(list(self._actions), weights, k=self.random.randint(1, 4))
        for kind in kinds:
            self._actions[kind][1](cursor, self.random.choice(TABLES), moment)
        return moment, kinds

    def _insert(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        keys = self.keys[table.name]
        new = [keys.next_key + place * WRITERS for place in range(self.random.randint(1, 4))]
        keys.next_key = new[-1] + WRITERS
        self._add(cursor, table, new, moment)

    def _update(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        self._set(cursor, table, self._some(table, 2), moment, moment)

    def _update_hot_key(self, cursor: Cursor, moment: datetime) -> None:
        table = self.random.choice(TABLES)
        self._execute_update(cursor, table, [self.random.choice(HOT_KEYS)], moment)

    def _delete(self, cursor: Cursor, table: KeyedTable, _moment: datetime) -> None:
        self._remove(cursor, table, self._some(table, 2))

    def _update_at_equal_moments(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        """Many rows, also of several writers and transactions, have one cursor value, which is new to each of them."""
        tenth = self._tenth(moment, moment)
        keys = self.keys[table.name].alive
        self._set(cursor, table, [key for key in self._some(table, 6) if keys[key] < tenth], moment, tenth)

    def _update_to_null(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        self._set(cursor, table, self._some(table, 2), moment, None)

    def _set_back(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        earlier = moment - timedelta(seconds=self.random.uniform(0.001, 86_400))
        self._set(cursor, table, self._some(table, 2), moment, earlier)

    def _replace(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        keys = self._some(table, 2)
        self._remove(cursor, table, keys)
        self._add(cursor, table, keys, moment)

    def _bring_back(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        gone = sorted(self.keys[table.name].gone)
        self._add(cursor, table, self.random.sample(gone, min(2, len(gone))), moment)

    def _update_all(self, cursor: Cursor, table: KeyedTable, moment: datetime) -> None:
        self._set(cursor, table, list(self.keys[table.name].alive), moment, moment)

    def _view(self, cursor: Cursor, _table: KeyedTable, moment: datetime) -> None:
        """New views, as late as the overlap allows, views that are there already, and some that are rejected."""
        room = max((self.plan.latest or 0) - self.pause - _MARGIN, 0)
        # A tenth of a second has views of several writers: identical rows come in different transactions.
        seen = self._tenth(moment - timedelta(seconds=self.random.uniform(0, room)), moment)
        user = None if self.random.random() < 0.05 else self.random.choice((7, 8))
        copies = self.random.choice((1, 1, 2, 3))
        row = (user, self.random.choice((1, 2)), None if self.random.random() < 0.02 else seen, 0)
        cursor.executemany(
            "INSERT INTO user_viewing (user_id, apartment_id, viewed_at, is_wishlisted) VALUES (%s, %s, %s, %s)",
            [row] * copies,
        )

    def _tenth(self, value: datetime, moment: datetime) -> datetime:
        """The tenth of a second that holds a value; how late that makes the transaction is noted."""
        tenth = value.replace(microsecond=value.microsecond // 100_000 * 100_000)
        self.lateness = max(self.lateness, (moment - tenth).total_seconds())
        return tenth

    def _some(self, table: KeyedTable, most: int) -> list[int]:
        alive = sorted(self.keys[table.name].alive)
        return self.random.sample(alive, min(self.random.randint(1, most), len(alive)))

    def _add(self, cursor: Cursor, table: KeyedTable, keys: list[int], moment: datetime) -> None:
        listed, marks = ", ".join(table.columns), ", ".join(["%s"] * len(table.columns))
        rows = [table.values(key, moment, self._next_serial()) for key in keys]
        cursor.executemany(f"INSERT INTO {table.name} ({listed}) VALUES ({marks})", rows)
        own = self.keys[table.name]
        own.gone -= set(keys)
        own.alive |= dict.fromkeys(keys, moment)

    def _remove(self, cursor: Cursor, table: KeyedTable, keys: list[int]) -> None:
        if not keys:
            return
        cursor.execute(f"DELETE FROM {table.name} WHERE {table.key} IN %s", (keys,))
        own = self.keys[table.name]
        own.gone |= set(keys)
        for key in keys:
            del own.alive[key]

    def _set(
        self, cursor: Cursor, table: KeyedTable, keys: list[int], moment: datetime, changed: datetime | None
    ) -> None:
        self._execute_update(cursor, table, keys, changed)
        self.keys[table.name].alive |= dict.fromkeys(keys, moment)

    def _execute_update(self, cursor: Cursor, table: KeyedTable, keys: list[int], changed: datetime | None) -> None:
        if not keys:
            return
        _, _, text, number, *_ = table.values(0, changed, self._next_serial())
        cursor.execute(
            f"UPDATE {table.name} SET {table.cursor} = %s, {table.text} = %s, {table.number} = %s "
            f"WHERE {table.key} IN %s",
            (changed, text, number, keys),
        )

    def _next_serial(self) -> int:
        self._serial += WRITERS
        return self._serial


def _clock(cursor: Cursor) -> datetime:
    cursor.execute("SELECT UTC_TIMESTAMP(6)")
    (moment,) = cursor.fetchone() or ()
    assert isinstance(moment, datetime)
    return moment

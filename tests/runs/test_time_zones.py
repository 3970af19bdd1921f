"""The same instants and the same local times, whatever the zones of the server and of those who write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rental_analytics.databases.mysql.database import MySqlDatabase
from runs.harness import BOOKING, LISTING, OPTIONAL, REQUIRED, VIEWING, Pipeline
from servers.mysql import KeptSession, MySqlServer, start_mysql
from support.breadth import examples, sampled

pytestmark = pytest.mark.service
PACIFIC = "America/Los_Angeles"
UTC_AND_BEHIND = {"UTC": "+00:00", "behind": PACIFIC}
ZONES = examples(UTC_AND_BEHIND, UTC_AND_BEHIND | {"ahead": "+07:00"})
RAW = ("extract", "load-raw")
ROWS = ("extract", "transform", "load-raw", "load-curated")
Rows = list[tuple[Any, ...]]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(moment: datetime, zone: str) -> datetime:
    """What a clock in the zone shows, without the zone."""
    if zone[0] in "+-":
        return (moment + timedelta(hours=int(zone[:3]))).replace(tzinfo=None)
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


SPRING, AUTUMN = utc("2024-03-10 10:00"), utc("2024-11-03 09:00")
"""When the clocks of Los Angeles change: 2:00 becomes 3:00, and 2:00 becomes 1:00."""

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
BEFORE = [
    utc("2024-03-03 17:30"),  # Monday 00:30 seven hours ahead
    utc("2024-03-04 07:30"),  # Sunday 23:30 in Los Angeles
    SPRING - TICK,
    SPRING,
    SPRING + timedelta(minutes=30),
    utc("2024-03-11 06:30"),  # Sunday 23:30 in Los Angeles
    AUTUMN - timedelta(minutes=30),
    AUTUMN - TICK,
]
DURING = [AUTUMN, AUTUMN + timedelta(minutes=30), AUTUMN + HOUR - TICK]
AFTER = [AUTUMN + HOUR, utc("2024-11-04 07:30")]


@dataclass
class Clock:
    """What `server_time` says; a test sets it."""

    now: datetime


class Marketplace:
    """The four tables on a server in a zone, written by sessions in a zone at given instants."""

    def __init__(self, server: MySqlServer, zone: str, moments: str) -> None:
        server.execute(f"SET GLOBAL time_zone = '{zone}'")
        self._server = server
        self._database = server.create_database()
        self._session = KeptSession(server, self._database, init_command=f"SET SESSION time_zone = '{zone}'")
        self.url = server.url(self._database)
        for table, columns in REQUIRED.items():
            kinds = (columns | OPTIONAL.get(table, {})).items()
            listed = (f"{name} {moments if kind == 'DATETIME(6)' else kind}" for name, kind in kinds)
            server.execute(f"CREATE TABLE {table} ({', '.join(listed)})", self._database)
        for table, key in {"apartments": "id", "apartment_attributes": "id", "bookings": "booking_id"}.items():
            server.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})", self._database)

    def at(self, moment: datetime, *statements: str) -> None:
        """Execute statements in a session whose clock shows this instant."""
        self._session.execute(f"SET SESSION timestamp = {moment.timestamp():.6f}")
        for statement in statements:
            self._session.execute(statement)

    def rows(self, sql: str) -> Rows:
        return self._server.execute(sql, self._database)


def insert(table: str, **values: Any) -> str:
    usual = {"apartments": LISTING, "bookings": BOOKING, "user_viewing": VIEWING}[table]
    full = {name: value for name, value in {**usual, **values}.items() if value is not ...}
    listed = ", ".join(str(value) if isinstance(value, int) else f"'{value}'" for value in full.values())
    return f"INSERT INTO {table} ({', '.join(full)}) VALUES ({listed})"


@pytest.fixture(scope="module")
def server() -> Iterator[MySqlServer]:
    """A server of this module's own, since its time zone changes."""
    with start_mysql() as started:
        started.load_time_zone(PACIFIC)
        yield started


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The database server's clock, as the pipeline sees it."""
    shown = Clock(utc("2024-01-01"))
    monkeypatch.setattr(MySqlDatabase, "server_time", lambda _: shown.now.replace(tzinfo=None))
    return shown


def test_server_knows_the_clock_changes(server: MySqlServer) -> None:
    shown = "SELECT CONVERT_TZ('{}', '+00:00', '" + PACIFIC + "')"
    for moment in (*BEFORE, *DURING, *AFTER, SPRING + timedelta(days=500)):
        assert server.execute(shown.format(moment.replace(tzinfo=None))) == [(local(moment, PACIFIC),)]


def test_timestamps_are_the_same_instants_in_every_zone(server: MySqlServer, tmp_path: Path) -> None:
    kind = "TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)"
    results = []
    for name, zone in ZONES.items():
        marketplace = Marketplace(server, zone, kind)
        pipeline = Pipeline(tmp_path / name, marketplace.url)
        tables = []
        for number, moment in enumerate((*BEFORE, *DURING, *AFTER)):
            # Of a local time that comes twice only the server's own default is the instant.
            repeated = AUTUMN - HOUR <= moment < AUTUMN + HOUR
            written = ... if repeated else local(moment, zone)
            marketplace.at(
                moment,
                insert("apartments", id=number, listing_created_on=written, last_modified_timestamp=written),
                insert("bookings", booking_id=number, booking_date=written),
                insert("user_viewing", viewed_at=written),
            )
            if moment in (BEFORE[-1], DURING[-1], AFTER[-1]):
                change = "SET booking_status = 'canceled', booking_date = booking_date WHERE booking_id = {}"
                marketplace.at(moment, f"UPDATE bookings {change.format(number - 1)}")
                # What is made of raw rows is seen once all are there.
                pipeline.run(steps=() if moment == AFTER[-1] else RAW)
                tables.append(pipeline.tables("raw_data", "curated", "presentation"))
        results.append(tables)
        instants = [moment.replace(tzinfo=None) for moment in (*BEFORE, *DURING, *AFTER)]
        booked = pipeline.rows("SELECT booking_date FROM raw_data.bookings ORDER BY booking_id")
        assert booked == [(instant,) for instant in instants]
        changed = {len(BEFORE) - 2: BEFORE[-1], len(BEFORE) + len(DURING) - 2: DURING[-1], len(instants) - 2: AFTER[-1]}
        moved = [changed.get(number, moment).replace(tzinfo=None) for number, moment in enumerate(instants)]
        assert pipeline.rows("SELECT updated_at FROM raw_data.bookings ORDER BY booking_id") == [(m,) for m in moved]
        viewed = pipeline.rows("SELECT viewed_at FROM curated.viewings ORDER BY 1")
        assert viewed == [(instant,) for instant in sorted(instants)]
        weeks = Counter(instant.date() - timedelta(days=instant.weekday()) for instant in instants)
        assert weeks[date(2024, 2, 26)] == weeks[date(2024, 11, 4)] == 1
        counted = (
            "SELECT week_start, bookings + canceled_bookings FROM presentation.bookings_per_user_weekly ORDER BY 1"
        )
        assert pipeline.rows(counted) == sorted(weeks.items())
    assert all(result == results[0] for result in results)


LOCAL_TIMES = [
    "2024-03-10 01:59:59.999999",
    "2024-03-10 02:30:00.000000",  # does not exist in Los Angeles
    "2024-03-10 03:00:00.000000",
    "2024-11-03 00:59:59.999999",
    "2024-11-03 01:30:00.000000",  # comes twice in Los Angeles
    "2024-11-03 23:30:00.000000",
]


def test_datetimes_arrive_as_written_in_every_zone(server: MySqlServer, tmp_path: Path) -> None:
    results = []
    for name, zone in ZONES.items():
        marketplace = Marketplace(server, zone, "DATETIME(6)")
        pipeline = Pipeline(tmp_path / name, marketplace.url)
        for number, text in enumerate(LOCAL_TIMES):
            marketplace.at(
                AUTUMN,
                insert("apartments", id=number, listing_created_on=text, last_modified_timestamp=text),
                insert("bookings", booking_id=number, booking_date=text, updated_at=text),
                insert("user_viewing", viewed_at=text),
            )
            if number == 2:
                pipeline.run(steps=RAW)
        pipeline.run()
        results.append(pipeline.tables("raw_data", "curated", "presentation"))
    assert all(result == results[0] for result in results)
    written = [(datetime.fromisoformat(text),) for text in LOCAL_TIMES]
    assert pipeline.rows("SELECT booked_at FROM curated.bookings ORDER BY booking_id") == written
    assert pipeline.rows("SELECT modified_at FROM curated.listings ORDER BY listing_id") == written
    assert pipeline.rows("SELECT viewed_at FROM raw_data.user_viewing ORDER BY 1") == written


def times(change: datetime, minutes: int, hours: float = 1.5) -> Iterator[datetime]:
    """Instants from before a clock change until after it."""
    moment = change - timedelta(hours=hours)
    while moment <= change + timedelta(hours=hours):
        yield moment
        moment += timedelta(minutes=minutes)


BOOKING_CLOCK = "DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)"


@pytest.mark.parametrize(
    ("zone", "change"),
    sampled([("+07:00", AUTUMN), (PACIFIC, SPRING), (PACIFIC, AUTUMN)], [(PACIFIC, AUTUMN)]),
    ids=["ahead of UTC", "the skipped hour", "the repeated hour"],
)
def test_rows_whose_cursor_is_local_time_are_all_found(
    server: MySqlServer, clock: Clock, tmp_path: Path, zone: str, change: datetime
) -> None:
    """Inserts, updates and deletes all the time; runs in between; the cursor goes back in the repeated hour."""
    marketplace = Marketplace(server, zone, BOOKING_CLOCK)
    pipeline = Pipeline(tmp_path / "run", marketplace.url)
    update = "UPDATE bookings SET num_guests = {}, booking_date = booking_date WHERE booking_id = {}"
    for number, moment in enumerate(times(change, 10)):
        booked = local(moment, zone)
        marketplace.at(moment + timedelta(minutes=1), insert("bookings", booking_id=number, booking_date=booked))
        for other in range(number % 3, number, 3):
            marketplace.at(
                moment + timedelta(minutes=2, seconds=other, microseconds=number), update.format(number, other)
            )
        if number % 7 == 6:
            marketplace.at(moment, f"DELETE FROM bookings WHERE booking_id = {number - 5}")
        if number % 4 == 3:
            clock.now = moment + timedelta(minutes=9)
            pipeline.run(steps=RAW)
            columns = "booking_id, num_guests, updated_at"
            wanted = marketplace.rows(f"SELECT {columns} FROM bookings ORDER BY 1")
            found = pipeline.rows(f"SELECT {columns} FROM raw_data.bookings WHERE NOT _is_deleted ORDER BY 1")
            assert found == wanted, f"{clock.now} UTC, {local(clock.now, zone)} there"
    wanted = marketplace.rows(f"SELECT {columns} FROM bookings ORDER BY 1")
    clock.now += timedelta(hours=12)
    pipeline.run(steps=ROWS)
    assert pipeline.rows(f"SELECT {columns} FROM raw_data.bookings WHERE NOT _is_deleted ORDER BY 1") == wanted
    kept = "SELECT booking_id, guests, modified_at FROM curated.bookings WHERE NOT is_deleted ORDER BY 1"
    assert pipeline.rows(kept) == wanted


def test_update_in_the_repeated_hour_moves_the_cursor_back(server: MySqlServer, clock: Clock, tmp_path: Path) -> None:
    marketplace = Marketplace(server, PACIFIC, BOOKING_CLOCK)
    pipeline = Pipeline(tmp_path / "run", marketplace.url)
    marketplace.at(AUTUMN - timedelta(minutes=10), *(insert("bookings", booking_id=number) for number in range(3)))
    clock.now = AUTUMN
    pipeline.run(steps=ROWS)
    marketplace.at(AUTUMN + timedelta(minutes=5), "UPDATE bookings SET num_guests = 4 WHERE booking_id = 1")
    clock.now = AUTUMN + timedelta(minutes=15)
    pipeline.run(steps=ROWS)
    assert pipeline.rows("SELECT booking_id, guests FROM curated.bookings ORDER BY 1") == [(0, None), (1, 4), (2, None)]


@pytest.mark.parametrize(
    ("zone", "change", "settings"),
    sampled(
        [("+07:00", AUTUMN, ()), (PACIFIC, SPRING, ()), (PACIFIC, AUTUMN, ("source.overlap=75 minutes",))],
        [("+07:00", AUTUMN, ())],
    ),
    ids=["ahead of UTC", "the skipped hour", "the repeated hour"],
)
def test_events_in_local_time_are_found_once_each(
    server: MySqlServer, clock: Clock, tmp_path: Path, zone: str, change: datetime, settings: Sequence[str]
) -> None:
    marketplace = Marketplace(server, zone, "DATETIME(6)")
    pipeline = Pipeline(tmp_path / "run", marketplace.url, *settings)
    for number, moment in enumerate(times(change, 10)):
        # In the repeated hour the same local times come again, some of them in rows that are the same throughout.
        seen = local(moment, zone)
        marketplace.at(
            moment, insert("user_viewing", viewed_at=seen), insert("user_viewing", user_id=100 + number, viewed_at=seen)
        )
        if number % 5 == 3:
            clock.now = moment + timedelta(minutes=5)
            pipeline.run(steps=RAW)
            wanted = Counter(marketplace.rows("SELECT user_id, viewed_at FROM user_viewing"))
            found = Counter(pipeline.rows("SELECT user_id, viewed_at FROM raw_data.user_viewing"))
            assert found == wanted, f"{clock.now} UTC, {local(clock.now, zone)} there"
    pipeline.run(steps=ROWS)
    everything = Counter(marketplace.rows("SELECT user_id, viewed_at FROM user_viewing"))
    for seen_in in ("raw_data.user_viewing", "curated.viewings"):
        assert Counter(pipeline.rows(f"SELECT user_id, viewed_at FROM {seen_in}")) == everything

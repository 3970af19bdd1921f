"""A source that falls silent: an attempt ends, a line tells of waiting, signals are obeyed, the lock stays."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.program import as_started, environment
from rental_analytics.errors import SourceUnavailableError
from runs.crash_driver import run
from runs.forked import Forked, forked
from runs.harness import Pipeline, Source, failure
from servers.mysql import MySqlServer, numbers
from servers.relay import NEVER, Relay, start_relay
from support.breadth import sampled

pytestmark = pytest.mark.service

PHASES = {
    "greeting": "greeting",
    "login": "(?s)^.{4}.{28}",
    "session": "SET SESSION",
    "catalogue": "information_schema.columns",
    "census": r"(?s)SELECT\s+`booking_id`.*`bookings`",
    "rows": "(?s)total_price.*`bookings`",
}
SIGNALLED = [
    ("greeting", signal.SIGINT),
    ("catalogue", signal.SIGTERM),
    ("census", signal.SIGINT),
    ("rows", signal.SIGTERM),
    ("greeting", signal.SIGTERM),
    ("catalogue", signal.SIGINT),
    ("census", signal.SIGTERM),
    ("rows", signal.SIGINT),
]
ONE_ATTEMPT = ("retries.attempts=1", "source.timeout=1")
SilentSource = Callable[..., AbstractContextManager[tuple[str, Relay]]]


@pytest.fixture(autouse=True)
def _listening() -> Iterator[None]:
    """A shell that runs the tests in the background lets them ignore Ctrl-C, and so would the programs they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def database(mysql: MySqlServer) -> str:
    return mysql.create_database()


@pytest.fixture(scope="module")
def source(mysql: MySqlServer, database: str) -> Source:
    """A marketplace with many bookings, that nothing here changes."""
    with closing(mysql.connect(database)) as connection, connection.cursor() as cursor:
        source = Source(mysql.url(database), cursor.execute)
        source.create(optional=True)
        source.insert("apartments", {"id": 1})
        source.insert("bookings", {"booking_id": 1})
        columns = "user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, currency"
        cursor.execute(
            f"INSERT INTO bookings (booking_id, booking_status, {columns}) "
            f"SELECT seq, 'confirmed', {columns} FROM {numbers(2, 20_000)} JOIN bookings WHERE booking_id = 1"
        )
    return source


@pytest.fixture
def silent_source(mysql: MySqlServer, database: str, source: Source) -> SilentSource:
    """Gives `source.url=...` of a relay that falls silent at a phase."""

    @contextmanager
    def start(phase: str, after: int = 0, times: int = NEVER) -> Iterator[tuple[str, Relay]]:
        with start_relay(mysql.host, mysql.port, silent_at=PHASES[phase], silent_after=after, times=times) as relay:
            yield f"source.url=mysql://root@{relay.host}:{relay.port}/{database}", relay

    return start


@pytest.mark.parametrize("phase", PHASES)
def test_an_attempt_ends(silent_source: SilentSource, pipeline: Pipeline, phase: str) -> None:
    with silent_source(phase, 100_000 if phase == "rows" else 0) as (url, relay):
        began = time.monotonic()
        error = failure(pipeline.run, *ONE_ATTEMPT, "source.tls=off", url)
        seconds = time.monotonic() - began
        assert relay.silences == 1
    assert isinstance(error, SourceUnavailableError)
    assert (error.reason, error.exit_code) == ("source-silent", 1)
    assert "sent nothing for 1 seconds" in error.message
    assert seconds < 6
    (line,) = [note for note in pipeline.notes if "waiting for" in note]
    assert "the attempt ends after 1 s (source.timeout)" in line


@pytest.mark.parametrize("phase", ["greeting", "census", "rows"])
def test_what_was_silent_once_is_tried_again(silent_source: SilentSource, pipeline: Pipeline, phase: str) -> None:
    with silent_source(phase, 100_000 if phase == "rows" else 0, times=1) as (url, relay):
        settings = ("source.timeout=1", "retries.first_wait=0", "source.tls=off", url)
        pipeline.run(*settings, steps=("extract", "load-raw"))
        assert relay.silences == 1
    assert pipeline.rows("SELECT COUNT(*), COUNT(DISTINCT booking_id) FROM raw_data.bookings") == [(20_000, 20_000)]
    (again,) = [note for note in pipeline.notes if "; again in" in note]
    assert "sent nothing for 1 seconds" in again


def started(folder: Path, url: str, *settings: str) -> AbstractContextManager[Forked]:
    (folder / "rental.toml").write_text("")
    given = [word for setting in (url, "source.tls=off", *settings) for word in ("--set", setting)]
    command = ["run", "--run-id", "r1", "--log-json", *given]
    return forked(as_started, environment(), run, *command, folder=folder, env={}, apart=True)


@pytest.mark.parametrize(("phase", "number"), sampled(SIGNALLED, SIGNALLED[:4]))
def test_signals_are_obeyed_while_the_source_is_silent(
    silent_source: SilentSource, tmp_path: Path, phase: str, number: signal.Signals
) -> None:
    with silent_source(phase, 100_000 if phase == "rows" else 0) as (url, relay):
        with started(tmp_path, url) as process:
            until(lambda: relay.silences == 1)
            time.sleep(0.5)
            began = time.monotonic()
            os.kill(process.pid, number)
            ended = process.ended(10)
        assert time.monotonic() - began < 5
    assert ended.code == 128 + number, ended.errors
    assert json.loads(ended.errors.splitlines()[-1])["error"] == "RunInterruptedError"


def test_the_lock_is_renewed_while_the_source_is_silent(silent_source: SilentSource, tmp_path: Path) -> None:
    settings = ("lake.lock_expiry=1", "retries.attempts=1", "source.timeout=5")
    with silent_source("census") as (url, relay), started(tmp_path, url, *settings):
        until(lambda: relay.silences == 1)
        time.sleep(2.5)
        (path,) = (tmp_path / "lake" / "locks").glob("*.json")
        expires_at = datetime.fromisoformat(json.loads(path.read_text())["expires_at"])
        assert expires_at > datetime.now(UTC)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)

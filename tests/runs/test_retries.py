"""What may pass is tried again, by the runner alone; what cannot pass stops at once."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.mysql.errors import Place, server_error
from rental_analytics.errors import LakeUnavailableError, LockHeldError, RunInterruptedError, SourceUnavailableError
from rental_analytics.storage.s3 import S3Lake
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from runs.harness import Pipeline, Source, failure
from servers.mysql import MySqlServer, numbers
from servers.relay import start_relay
from servers.s3 import S3Server
from servers.s3_relay import Fault, start_s3_relay
from support.breadth import sampled
from support.plans import plan_of

pytestmark = pytest.mark.service

AnotherPipeline = Callable[..., Pipeline]
Tables = dict[str, list[tuple[Any, ...]]]
DATA = ("raw_data", "curated")
AT_ONCE = "retries.first_wait=0"
STEPS = "SELECT step, attempt, status FROM ops.steps WHERE status <> 'skipped' ORDER BY started_at, attempt"
REST = [(step, 1, "succeeded") for step in ("transform", "load-raw", "load-curated")]
SDK_TRIES = 5
LONG = f"SELECT bookings.*, REPEAT(1, 500) AS long_text FROM bookings JOIN {numbers(1, 20)}"
RUNNING = f"SELECT id FROM information_schema.processlist WHERE info = '{LONG}'"


@pytest.fixture
def database(mysql: MySqlServer) -> str:
    return mysql.create_database()


@pytest.fixture
def source(mysql: MySqlServer, database: str) -> Source:
    source = Source.mysql(mysql, database)
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "price": "50.00"})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    source.insert("user_viewing", {}, {})
    source.insert("bookings", {"booking_id": 1}, {"booking_id": 2, "apartment_id": 99})
    return source


@pytest.fixture
def many_bookings(source: Source) -> None:
    """The marketplace's bookings need more than one packet."""
    columns = "user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, currency"
    source.execute(
        f"INSERT INTO bookings (booking_id, booking_status, {columns}) "
        f"SELECT seq, 'confirmed', {columns} FROM {numbers(3, 20_000)} JOIN bookings WHERE booking_id = 1"
    )


@pytest.fixture(scope="module")
def known() -> dict[int, Tables]:
    """What an undisturbed run leaves, by the number of bookings."""
    return {}


@pytest.fixture
def undisturbed(source: Source, another_pipeline: AnotherPipeline, known: dict[int, Tables]) -> Tables:
    ((bookings,),) = source.execute("SELECT COUNT(*) FROM bookings")
    if bookings not in known:
        pipeline = another_pipeline("undisturbed")
        pipeline.load()
        known[bookings] = pipeline.tables(*DATA)
    return known[bookings]


@pytest.fixture
def impatient_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own waits are cut short, its attempts are not."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch, impatient_sdk: None) -> str:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return s3.create_bucket()


def retries_noted(pipeline: Pipeline) -> list[str]:
    return [note for note in pipeline.notes if "; again in " in note]


def test_connection_lost_while_reading(
    mysql: MySqlServer, database: str, many_bookings: None, pipeline: Pipeline, undisturbed: Tables
) -> None:
    with start_relay(mysql.host, mysql.port, cut_after=500_000) as relay:
        pipeline.load(AT_ONCE, f"source.url=mysql://root@{relay.host}:{relay.port}/{database}")
        assert relay.has_cut
    assert pipeline.rows(STEPS) == [("extract", 1, "failed"), ("extract", 2, "succeeded"), *REST]
    assert pipeline.tables(*DATA) == undisturbed
    (note,) = retries_noted(pipeline)
    assert note.startswith("extract: Reading mysql://root@")
    assert note.endswith("; again in 0.0 s (attempt 2 of 4)")


def test_table_that_is_locked_for_a_while(
    mysql: MySqlServer, database: str, pipeline: Pipeline, undisturbed: Tables
) -> None:
    mysql.execute("SET GLOBAL lock_wait_timeout = 1")
    try:
        with closing(mysql.connect(database)) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLES bookings WRITE")

            def note(text: str) -> None:
                pipeline.notes.append(text)
                if "attempt 3" in text:
                    cursor.execute("UNLOCK TABLES")

            pipeline.note = note  # type: ignore[method-assign]
            pipeline.load(AT_ONCE)
    finally:
        mysql.execute("SET GLOBAL lock_wait_timeout = 86400")
    failed = [("extract", attempt, "failed") for attempt in (1, 2)]
    assert pipeline.rows(STEPS) == [*failed, ("extract", 3, "succeeded"), *REST]
    assert pipeline.tables(*DATA) == undisturbed
    assert all("1205" in note for note in retries_noted(pipeline))


@pytest.mark.parametrize("kind", ["QUERY", "CONNECTION"])
def test_query_that_is_killed_may_pass(mysql: MySqlServer, database: str, many_bookings: None, kind: str) -> None:
    def read() -> None:
        with _database(mysql, database, "root").read(LONG) as reader:
            next(iter(reader))
            ((number,),) = mysql.execute(RUNNING)
            mysql.execute(f"KILL {kind} {number}")
            list(reader)

    error = failure(read)
    assert isinstance(error, SourceUnavailableError)
    # A connection that is killed before its answer began is told with a code, and else just gone.
    assert any(sign in error.message for sign in {"QUERY": ["1317"], "CONNECTION": ["1927", "1317", "IO error"]}[kind])


def test_statement_that_is_refused_cannot_pass(mysql: MySqlServer, database: str, source: Source) -> None:
    error = failure(_read, _database(mysql, database, "root"), "SELECT * FROM absent")
    assert not error.transient
    assert "1146" in error.message


@pytest.mark.parametrize(
    ("text", "transient"),
    [
        ("timed out waiting for connection: MySqlError { ERROR 1040 (HY000): Too many connections }", True),
        ("timed out waiting for connection: DriverError { Could not connect to address `db:3306' }", True),
        ("timed out waiting for connection: MySqlError { ERROR 1045 (28000): Access denied for user }", False),
        ("cx writer failed: Source(MySQLError(MySqlError { ERROR 1969 (70100): max_statement_time exceeded }))", False),
        ("cx writer failed: Source(MySQLError(CodecError { IO error: `bytes remaining on stream' }))", True),
        ("timed out waiting for connection: MySqlError { ERROR 1203 (42000): User reader already has more }", True),
        ("timed out waiting for connection: MySqlError { ERROR 1226 (42000): User 'reader' has exceeded }", True),
        ("cx writer failed: Source(MySQLError(MySqlError { ERROR 4031 (HY000): The client was disconnected }))", True),
        ("cx writer failed: Source(SQLiteError(database table is locked))", True),
        ("cannot parse the value", False),
    ],
)
def test_what_connectorx_says_is_told_apart(text: str, transient: bool) -> None:
    place = Place("mysql://db/rental", "reader", "rental")
    error = server_error(text, plan_of("bookings"), place)
    assert (error.transient, error.table) == (transient, "bookings")
    assert "mysql://db/rental" in error.message


def test_server_that_is_gone_is_told_at_once_and_once(capfd: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    error = failure(_read, MySqlDatabase("127.0.0.1", 1, "root", "", "rental", tls="off"), "SELECT 1")
    assert isinstance(error, SourceUnavailableError)
    assert time.monotonic() - start < 10
    assert capfd.readouterr().err == ""


def test_user_with_too_many_connections_may_pass(mysql: MySqlServer, database: str) -> None:
    mysql.execute("CREATE USER busy@'%' WITH MAX_USER_CONNECTIONS 1")
    mysql.execute(f"GRANT SELECT ON {database}.* TO busy@'%'")
    with closing(mysql.connect(database, "busy")):
        error = failure(_database(mysql, database, "busy").server_time)
    assert isinstance(error, SourceUnavailableError)
    assert "max_user_connections" in error.message


def _database(server: MySqlServer, name: str, user: str) -> MySqlDatabase:
    return MySqlDatabase(server.host, server.port, user, "", name, tls="off")


def _read(database: MySqlDatabase, sql: str) -> None:
    with database.read(sql) as reader:
        list(reader)


def test_download_that_breaks_off_may_pass(s3: S3Server, bucket: str) -> None:
    s3.client().put_object(Bucket=bucket, Key="raw/part-0.parquet", Body=b"x" * 1_000_000)
    with start_s3_relay(s3, Fault("GET", "part-0.parquet", 1_000, 0)) as relay:
        lake = S3Lake(bucket, endpoint=relay.endpoint_url)
        assert isinstance(failure(lake.local_copies, ["raw/part-0.parquet"]), LakeUnavailableError)
        assert isinstance(failure(lake.read, "raw/part-0.parquet"), LakeUnavailableError)
        lake.close()


START = ("/drafts/", "/locks/", "/history/", "/run.json")
STEP_FAULTS = (
    ("PUT", "/raw/bookings/", SDK_TRIES + 1, 503, "SlowDown"),
    ("PUT", "/extract.json", SDK_TRIES + 1, 503, "ServiceUnavailable"),
    ("GET", "/extract.json", 1, 0, ""),
    ("PUT", "/curated/bookings/", SDK_TRIES + 1, 500, "InternalError"),
    ("PUT", "/load-raw.json", SDK_TRIES + 1, 500, "InternalError"),
)


@pytest.mark.parametrize("done", sampled([False, True], [True]))
def test_bucket_that_fails_for_a_while(
    s3: S3Server, bucket: str, pipeline: Pipeline, undisturbed: Tables, done: bool
) -> None:
    """At one place after the other, so that each ends one attempt at the start or at a step.

    What is done all the same, though the answer is a failure, is done by the start alone here.
    """
    faults = [Fault("PUT", part, SDK_TRIES + 1, 500, "InternalError", done=done) for part in START]
    faults += [] if done else [Fault(*fault) for fault in STEP_FAULTS]
    with start_s3_relay(s3, *faults) as relay:
        to_bucket = (f"lake.url=s3://{bucket}/lake", f"lake.endpoint={relay.endpoint_url}")
        pipeline.load(AT_ONCE, "retries.attempts=9", *to_bucket)
        assert [fault.failed for fault in relay.faults] == [fault.times for fault in faults]
    assert retries_noted(pipeline)[0].startswith("start: The lake refused PutObject on s3://")
    failed = pipeline.rows("SELECT step, COUNT(*) FROM ops.steps WHERE status = 'failed' GROUP BY 1 ORDER BY 1")
    assert failed == ([] if done else [("extract", 3), ("load-raw", 1), ("transform", 1)])
    last = "SELECT step FROM ops.steps GROUP BY step HAVING ARG_MAX(status, attempt) IN ('succeeded', 'skipped')"
    assert len(pipeline.rows(last)) == 4
    assert pipeline.rows("SELECT status FROM ops.runs") == [("succeeded",)]
    assert pipeline.tables(*DATA) == undisturbed


def test_bucket_that_never_answers(s3: S3Server, bucket: str, pipeline: Pipeline) -> None:
    fault = Fault("PUT", "/raw/bookings/", 10_000, 503, "SlowDown")
    with start_s3_relay(s3, fault) as relay:
        to_bucket = (f"lake.url=s3://{bucket}/lake", f"lake.endpoint={relay.endpoint_url}")
        error = failure(pipeline.run, AT_ONCE, "retries.attempts=3", *to_bucket)
    assert isinstance(error, LakeUnavailableError)
    assert (error.exit_code, error.step) == (1, "extract")
    assert pipeline.rows(STEPS) == [("extract", attempt, "failed") for attempt in (1, 2, 3)]
    assert len(retries_noted(pipeline)) == 2
    assert pipeline.rows("SELECT status FROM ops.runs") == [("failed",)]


def test_terminal_error_is_tried_once(source: Source, pipeline: Pipeline, mysql: MySqlServer, database: str) -> None:
    mysql.execute("ALTER TABLE bookings DROP COLUMN currency", database)
    error = failure(pipeline.run, AT_ONCE)
    assert (error.transient, error.exit_code) == (False, 2)
    assert pipeline.rows(STEPS) == [("extract", 1, "failed")]
    assert retries_noted(pipeline) == []


def test_warehouse_held_by_a_reader_is_not_tried_again(
    source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def held(*_: object, **__: object) -> None:
        opened.append(1)
        raise LockHeldError("a notebook has it.", remedy="close it.")

    monkeypatch.setattr(DuckDbWarehouse, "open", held)
    assert failure(pipeline.run, AT_ONCE).exit_code == 4
    assert len(opened) == 1


def test_waits_grow_up_to_the_longest(source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    own, sleep = threading.get_ident(), time.sleep
    # Other threads of this process, such as those that Spark left, wait as they did: they would fill the list.
    monkeypatch.setattr(
        "tenacity.nap.time.sleep",
        lambda seconds: waits.append(seconds) if threading.get_ident() == own else sleep(seconds),
    )
    monkeypatch.setattr("random.uniform", lambda _, most: most)
    settings = ("retries.attempts=6", "retries.first_wait=2 seconds", "retries.longest_wait=10 seconds")
    error = failure(pipeline.run, *settings, "source.url=mysql://root@127.0.0.1:1/none")
    assert isinstance(error, SourceUnavailableError)
    assert waits == [2, 4, 8, 10, 10]


def test_run_that_died_is_marked_by_the_next(source: Source, pipeline: Pipeline) -> None:
    import duckdb

    pipeline.run(run_id="died", steps=("extract",))
    with duckdb.connect(str(pipeline.folder / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE ops.runs SET status = 'running', finished_at = NULL")
    pipeline.run(run_id="next", steps=("extract",))
    runs = pipeline.rows("SELECT run_id, status, finished_at IS NULL, error FROM ops.runs ORDER BY sequence")
    assert runs[0][:3] == ("died", "failed", False)
    assert "ended unexpectedly" in runs[0][3]
    assert runs[1] == ("next", "succeeded", False, None)


def test_interrupted_run_releases_the_lock(source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DuckDbWarehouse, "load", interrupt)
        with pytest.raises(RunInterruptedError):
            pipeline.load()
    assert pipeline.load().steps[-1].status == "succeeded"

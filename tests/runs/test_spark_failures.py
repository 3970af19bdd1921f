"""Spark on bad days: rows that get lost, connections that break, values that do not fit."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.program import PROGRAM, environment
from rental_analytics.databases.base import JdbcAccess, ParallelRead, RawColumn, ReadPlan
from rental_analytics.databases.mysql import jdbc
from rental_analytics.databases.mysql.jdbc import MySqlJdbc
from rental_analytics.engines.spark.engine import DRIVER_JARS
from rental_analytics.engines.spark.session import SparkStepSession
from rental_analytics.errors import ConfigurationError, ProofError, SourceError
from runs.harness import Pipeline, Source, failure
from servers.mysql import MySqlServer, numbers
from servers.relay import start_relay
from servers.spark import OF_A_PROCESS
from support.breadth import examples

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("spark")]

SPARK = "engine.kind=spark"
RAW = ("extract", "load-raw")
AT_ONCE = ("retries.first_wait=0", "retries.longest_wait=0")


@pytest.fixture
def source(mysql: MySqlServer) -> Source:
    source = Source.mysql(mysql)
    source.create(optional=True)
    return source


def _fill(source: Source, viewings: int = 9) -> None:
    moment = "2024-05-01 10:00:00.000000"
    source.insert("apartments", *({"id": number, "last_modified_timestamp": moment} for number in range(1, 6)))
    source.insert("apartment_attributes", *({"id": number} for number in range(1, 6)))
    source.insert("bookings", {"booking_id": 1, "updated_at": moment})
    source.execute("ALTER TABLE user_viewing ADD PRIMARY KEY (id)")
    source.execute(
        "INSERT INTO user_viewing (id, user_id, apartment_id, viewed_at) "
        f"SELECT seq, seq % 99, 1, TIMESTAMP('2024-01-01') + INTERVAL seq SECOND FROM {numbers(1, viewings)}"
    )
    source.execute("ANALYZE TABLE user_viewing")


Reads = Callable[[ReadPlan, Sequence[ParallelRead]], list[ParallelRead]]


def _change_reads(monkeypatch: pytest.MonkeyPatch, change: Reads) -> None:
    """Let the statements that read whole rows be others."""
    honest = MySqlJdbc.reads

    def reads(
        self: MySqlJdbc, plan: ReadPlan, columns: Sequence[RawColumn], condition: str | None = None, **options: Any
    ) -> list[ParallelRead]:
        made = honest(self, plan, columns, condition, **options)
        return change(plan, made) if len(columns) == len(plan.columns) else made

    monkeypatch.setattr(MySqlJdbc, "reads", reads)


def _without(table: str, condition: str) -> Reads:
    def change(plan: ReadPlan, made: Sequence[ParallelRead]) -> list[ParallelRead]:
        if plan.table.name != table:
            return list(made)
        return [
            replace(read, relation=f"(SELECT * FROM {read.relation} WHERE NOT ({condition})) AS fewer") for read in made
        ]

    return change


@pytest.mark.remedy("rows-not-arrived")
def test_rows_that_get_lost_on_the_way_fail_the_run(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it the row of a key, or all events of a statement; a run that gets them goes on from there.

    That one event is lost is shown below, and in `make matrix` here too.
    The tables are the first that are read, with a key and without.
    """
    _fill(source)
    pipeline = Pipeline(tmp_path / "run", source.url, SPARK)
    losses = (("apartment_attributes", "id = 3"), ("user_viewing", "TRUE"))
    for table, condition in examples(losses, (*losses, ("user_viewing", "id = 3"))):
        with monkeypatch.context() as patch:
            _change_reads(patch, _without(table, condition))
            error = failure(pipeline.extract)

        assert isinstance(error, ProofError)
        assert error.table == table
        assert "did not arrive" in error.message
    pipeline.run(steps=RAW)
    for table, rows in (("apartment_attributes", 5), ("user_viewing", 9)):
        assert pipeline.rows(f"SELECT COUNT(*) FROM raw_data.{table}") == [(rows,)]


def test_each_statement_counts_its_own_rows(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row less in one part and one more in another are no even bargain."""
    monkeypatch.setattr(jdbc, "_FEWEST_ROWS", 4)
    _fill(source, viewings=12)
    parts: list[int] = []

    def change(plan: ReadPlan, made: Sequence[ParallelRead]) -> list[ParallelRead]:
        if plan.table.name != "user_viewing":
            return list(made)
        parts.append(len(made))
        lost = f"(SELECT * FROM {made[-1].relation} WHERE id <> 12) AS fewer"
        return [*made[:-1], replace(made[-1], relation=lost)]

    _change_reads(monkeypatch, change)
    error = failure(Pipeline(tmp_path / "run", source.url, SPARK).extract)

    assert isinstance(error, ProofError)
    assert "1 row did not arrive" in error.message
    assert parts[0] > 1


def test_a_file_that_lost_rows_is_noticed(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(source)
    write = SparkStepSession.write

    def losing(self: SparkStepSession, query: str, folder: str, name: str = "part") -> Any:
        files = write(self, query, folder, name)
        if name == "part" and "_extracted_at" in query:
            files = [file.model_copy(update={"rows": file.rows + 1}) for file in files]
        return files

    monkeypatch.setattr(SparkStepSession, "write", losing)

    assert isinstance(failure(Pipeline(tmp_path / "run", source.url, SPARK).extract), ProofError)


@pytest.mark.exhaustive
def test_a_connection_that_breaks_while_rows_come_is_tried_again(
    source: Source, mysql: MySqlServer, tmp_path: Path
) -> None:
    _fill(source, viewings=60_000)
    database = source.url.rsplit("/", 1)[1]
    pipeline = Pipeline(tmp_path / "run", source.url, SPARK, *AT_ONCE)
    with start_relay(mysql.host, mysql.port, cut_after=500_000) as relay:
        pipeline.run(f"source.url=mysql://root@{relay.host}:{relay.port}/{database}", steps=RAW)
        assert relay.has_cut

    assert pipeline.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM raw_data.user_viewing") == [(60_000, 60_000)]
    assert any("again in" in note and "interrupted" in note for note in pipeline.notes)


@pytest.mark.exhaustive
def test_a_value_that_does_not_fit_is_named(source: Source, tmp_path: Path) -> None:
    _fill(source)
    source.execute("ALTER TABLE apartments MODIFY is_active TINYINT")
    source.execute("UPDATE apartments SET is_active = 7 WHERE id = 4")
    error = failure(Pipeline(tmp_path / "run", source.url, SPARK).run)

    assert isinstance(error, SourceError)
    assert "apartments.is_active holds '7', which is no BOOLEAN, in the row with id 4" in error.message
    assert "\n" not in str(error)


@pytest.mark.remedy("spark-login-refused")
def test_a_refused_login_of_the_executors_is_told_without_the_password(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(source)
    honest = MySqlJdbc.access

    def access(self: MySqlJdbc) -> JdbcAccess:
        made = honest(self)
        return replace(made, properties={**made.properties, "user": "nobody", "password": "se=cr&et"})

    pipeline = Pipeline(tmp_path / "run", source.url, SPARK, "retries.attempts=1")
    with monkeypatch.context() as patch:
        patch.setattr(MySqlJdbc, "access", access)
        error = failure(pipeline.extract)

    assert isinstance(error, SourceError)
    assert error.transient
    assert "Access denied for user 'nobody'" in str(error)
    assert "se=cr" not in str(error)
    assert error.reason == "spark-login-refused"
    pipeline.extract()


@pytest.mark.remedy("jdbc-driver-invalid")
@pytest.mark.remedy("jdbc-driver-missing")
@pytest.mark.exhaustive
def test_a_jar_without_a_driver_is_told(source: Source, tmp_path: Path) -> None:
    """Be it no jar at all, or one that lacks the class that it lists; with the right one the run succeeds."""
    empty, hollow = tmp_path / "empty.jar", tmp_path / "hollow.jar"
    empty.write_bytes(b"")
    with zipfile.ZipFile(hollow, "w") as opened:
        opened.writestr("META-INF/services/java.sql.Driver", "no.such.Driver\n")
    pipeline = Pipeline(tmp_path / "run", source.url, SPARK, "retries.attempts=1")

    error = failure(pipeline.extract, f"engine.jdbc_driver={empty}")
    assert isinstance(error, ConfigurationError)
    assert "empty.jar holds no JDBC driver" in error.message
    assert error.reason == "jdbc-driver-invalid"

    error = failure(pipeline.extract, f"engine.jdbc_driver={hollow}")
    assert (error.reason, error.exit_code) == ("jdbc-driver-missing", 2)
    assert "name the driver's jar in engine.jdbc_driver;" in error.remedy

    driver = next(jar for jar in DRIVER_JARS if jar.is_file())
    pipeline.extract(f"engine.jdbc_driver={driver}")


@pytest.fixture
def signals_heard() -> Iterator[None]:
    """A test run in the background ignores SIGINT, and would hand that down."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("signals_heard")
def test_an_interrupted_run_ends_with_one_line(source: Source, tmp_path: Path) -> None:
    """On Ctrl-C, and in `make matrix` on SIGTERM; the next run goes on from there."""
    _fill(source)
    pipeline = Pipeline(tmp_path / "run", source.url, SPARK)
    config = pipeline.folder / "rental.toml"
    config.write_text(config.read_text() + OF_A_PROCESS)
    line = r"(?:.* (?:zero dates|swept) .*\n)*\S+Z Interrupted; continue with `rental run --resume \S+`\.\n"
    codes = examples({signal.SIGINT: 130}, {signal.SIGINT: 130, signal.SIGTERM: 143})
    ends = {number: _interrupted(pipeline, number) for number in codes}

    assert {number: code for number, (code, _) in ends.items()} == codes
    assert {number.name: told for number, (_, told) in ends.items() if not re.fullmatch(line, told)} == {}
    pipeline.run(steps=RAW)
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.user_viewing") == [(9,)]


def _interrupted(pipeline: Pipeline, number: signal.Signals) -> tuple[int, str]:
    """How a run ends that gets a signal once it has begun."""
    state = pipeline.folder / "lake/state"
    begun = _runs_below(state)
    command = [PROGRAM, "run", "--quiet", "--set", SPARK]
    with subprocess.Popen(
        command,
        cwd=pipeline.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_until(lambda: bool(_runs_below(state) - begun))
        process.send_signal(number)
        told = process.communicate(timeout=60)[1]
    return process.returncode, told


def _runs_below(state: Path) -> set[Path]:
    return set(state.glob("*/*"))


def _wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)

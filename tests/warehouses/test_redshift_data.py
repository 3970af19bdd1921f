"""What the client of the Data API does with what it is told, and how long it waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rental_analytics.contracts.ledger import StepRecord
from rental_analytics.contracts.manifest import LakeFile
from rental_analytics.errors import ConfigurationError, WarehouseUnavailableError
from rental_analytics.monitoring.ledger import WarehouseLedger
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.settings import parse_settings
from rental_analytics.storage.local import LocalLake
from rental_analytics.warehouses.base import QueryParameters
from rental_analytics.warehouses.redshift.data_api import DataApi, StatementError, Target
from rental_analytics.warehouses.redshift.files import Room
from rental_analytics.warehouses.redshift.staging import Staged
from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from rental_analytics.wiring import make_warehouse
from runs.harness import failure
from servers.redshift_stand_in import RedshiftStandIn

LONG = "SELECT " + "1, " * 40_000
AWS_TOO_LONG = (
    f"Value '{LONG}' at 'sql' failed to satisfy constraint: Member must have length less than or equal to 100000"
)


@pytest.fixture
def warehouse(aws: None, redshift: RedshiftStandIn) -> RedshiftWarehouse:
    """An empty database."""
    return RedshiftWarehouse(Target("test-workgroup", redshift.create_database()))


def counted(monkeypatch: pytest.MonkeyPatch, warehouse: RedshiftWarehouse, call: str) -> list[Any]:
    """The calls of one kind that the client makes from now on."""
    client, made = warehouse._api._client, list[Any]()
    answer = getattr(client, call)
    monkeypatch.setattr(client, call, lambda **asked: (made.append(asked), answer(**asked))[1])
    return made


@pytest.mark.service
def test_a_users_own_limit_does_not_bring_more_pages_than_are_shown(
    monkeypatch: pytest.MonkeyPatch, warehouse: RedshiftWarehouse, redshift: RedshiftStandIn
) -> None:
    monkeypatch.setattr("servers.redshift_api.PAGE_ROWS", 10)
    redshift.execute("CREATE TABLE public.numbers AS SELECT generate_series(1, 95) AS a", warehouse.target.database)
    sql = "SELECT a FROM public.numbers ORDER BY a LIMIT 90"
    asked = counted(monkeypatch, warehouse, "get_statement_result")
    assert warehouse.query(sql, 25).column("a").to_pylist() == list(range(1, 26))
    assert len(asked) == 3
    assert warehouse.query(sql).column("a").to_pylist() == list(range(1, 91))
    assert len(asked) == 3 + 9


@contextmanager
def lock_of(redshift: RedshiftStandIn, database: str, table: str) -> Iterator[None]:
    """A session that is idle in a transaction."""
    with closing(redshift.connect(database)) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def all_end(redshift: RedshiftStandIn) -> bool:
    """Whether no statement goes on, or soon none does."""
    client, until = redshift.client(), time.monotonic() + 5
    while time.monotonic() < until:
        listed = client.list_statements(Status="ALL")["Statements"]
        if {one["Status"] for one in listed} <= {"FINISHED", "FAILED", "ABORTED"}:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.service
@pytest.mark.remedy("warehouse-statement-timeout")
def test_a_statement_that_never_ends_is_cancelled(aws: None, redshift: RedshiftStandIn) -> None:
    database = redshift.create_database()
    api = DataApi(Target("test-workgroup", database), timedelta(seconds=1))
    redshift.execute("CREATE TABLE public.held (a int)", database)
    statements = ["INSERT INTO held (a) VALUES (1)", "DELETE FROM held WHERE a = 'secret'"]
    with lock_of(redshift, database, "public.held"):
        began = time.monotonic()
        error = failure(api.run, ["SELECT 1 AS a", *statements])
        assert time.monotonic() - began < 10
        assert all_end(redshift)
    assert isinstance(error, WarehouseUnavailableError)
    assert f"/{database}: INSERT INTO held ... did not end within 1 seconds (status STARTED)" in error.message
    assert "svv_transactions" in error.remedy
    assert "warehouse.statement_timeout" in error.remedy
    assert redshift.execute("SELECT a FROM public.held", database) == []
    assert api.run(statements[:1]) == [1]


@pytest.mark.service
def test_statements_beside_each_other_are_waited_for_no_longer(aws: None, redshift: RedshiftStandIn) -> None:
    database = redshift.create_database()
    api = DataApi(Target("test-workgroup", database), timedelta(seconds=1))
    redshift.execute("CREATE TABLE public.held (a int)", database)
    with lock_of(redshift, database, "public.held"):
        error = failure(api.run_beside, [["SELECT 1 AS a"], ["LOCK held"], ["DELETE FROM held"]])
        assert all_end(redshift)
    assert "LOCK held did not end within" in error.message


@pytest.mark.service
def test_staging_tables_are_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch, warehouse: RedshiftWarehouse, redshift: RedshiftStandIn
) -> None:
    """They are removed when the warehouse is opened next."""
    monkeypatch.setattr("rental_analytics.warehouses.redshift.warehouse._TIDYING", timedelta(seconds=1))
    warehouse.open()
    database = warehouse.target.database
    redshift.execute("CREATE TABLE ops.stage_00000000_p (a int)", database)
    monkeypatch.setattr(
        "rental_analytics.warehouses.redshift.warehouse.Rebuild.removals",
        lambda _: ['DROP TABLE "ops"."stage_00000000_p"'],
    )
    monkeypatch.setattr(RedshiftWarehouse, "_build", interrupted)
    with lock_of(redshift, database, "ops.stage_00000000_p"):
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            warehouse.rebuild(
                [],
                QueryParameters("first", None, "USD", date(2024, 3, 1)),
                Comparisons(datetime(2024, 3, 5)),  # noqa: DTZ001 UTC
            )
        assert time.monotonic() - began < 10
    staged = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'stage_%'"
    assert redshift.execute(staged, database) == [("stage_00000000_p",)]
    warehouse.open()
    assert redshift.execute(staged, database) == []


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.fast
@pytest.mark.parametrize(("line", "seconds"), [("", 3600), ('statement_timeout = "90 seconds"', 90)])
def test_the_configuration_says_how_long(line: str, seconds: int) -> None:
    text = f'[warehouse]\nurl = "redshift://analytics/marketplace?region=eu-west-1"\n{line}'
    warehouse = make_warehouse(parse_settings(text, "rental.toml", Path(), needs_source=False))
    assert isinstance(warehouse, RedshiftWarehouse)
    assert warehouse._api.timeout == timedelta(seconds=seconds)


@pytest.mark.service
def test_load_errors_of_an_earlier_session_with_the_same_number_are_not_told(
    warehouse: RedshiftWarehouse, redshift: RedshiftStandIn
) -> None:
    database = warehouse.target.database
    for minutes, told in ((120, "of a session before"), (0, "of this statement")):
        redshift.execute(
            "INSERT INTO public.sys_load_error_detail (session_id, start_time, file_name, column_name, column_type, "
            f"error_message) VALUES (42, now() - interval '{minutes} minutes', 's3://a', 'id', 'int', '{told}')",
            database,
        )
    error = StatementError("COPY was refused.", remedy="")
    error.process, error.created = 42, datetime.now(timezone(timedelta(hours=5)))
    told = warehouse._not_copied(error).message
    assert told == "COPY was refused. Its load errors: s3://a, column id (int): of this statement."


@pytest.mark.service
def test_a_refused_statement_tells_its_session_and_its_moment(warehouse: RedshiftWarehouse) -> None:
    error = failure(warehouse._api.run, ["SELECT 1 AS a", "SELECT nothing FROM nowhere"])
    assert isinstance(error, StatementError)
    assert error.statement == "SELECT nothing FROM nowhere"
    assert error.process
    assert error.created and abs(datetime.now(UTC) - error.created) < timedelta(minutes=1)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("code", "message", "told", "remedy"),
    [
        ("ExpiredTokenException", "The security token included in the request is expired", "is expired.", "aws sso"),
        ("UnrecognizedClientException", "The security token is invalid.", "refuses the credentials", "AWS_PROFILE"),
        ("AccessDeniedException", "User a is not authorized", "may not be used", "allow redshift-data"),
        ("ValidationException", AWS_TOO_LONG, "Member must have length", "100,000 bytes at most"),
        ("ValidationException", "Redshift endpoint doesn't exist in this region.", "doesn't exist", "warehouse.url"),
    ],
)
def test_remedies_are_about_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, code: str, message: str, told: str, remedy: str
) -> None:
    from botocore.exceptions import ClientError

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "ExecuteStatement")

    api = DataApi(Target("analytics", "marketplace", "eu-west-1"))
    monkeypatch.setattr(api._client, "execute_statement", refuse)
    error = failure(api.query, "SELECT 1")
    assert isinstance(error, ConfigurationError)
    assert told in error.message
    assert len(error.message) < 600
    assert remedy in error.remedy
    assert ("warehouse.url" in error.remedy) == (remedy == "warehouse.url")
    assert ("allow" in error.remedy) == remedy.startswith("allow")


@pytest.mark.service
def test_what_is_too_long_or_too_much_is_no_matter_of_the_url(warehouse: RedshiftWarehouse) -> None:
    for statements in (["SELECT '" + "x" * 100_000 + "' AS a"], ["SELECT 1 AS a"] * 41):
        error = failure(warehouse._api.run, statements)
        assert isinstance(error, ConfigurationError)
        assert "does not take a statement" in error.message
        assert "100,000 bytes at most, and a transaction 40 statements" in error.remedy


@pytest.mark.service
def test_rows_that_did_not_arrive_are_to_be_looked_for_where_serverless_too_has_them(
    warehouse: RedshiftWarehouse, redshift: RedshiftStandIn
) -> None:
    redshift.execute("CREATE TABLE public.arrived AS SELECT 1 AS id", warehouse.target.database)
    files = (LakeFile(path="part-0.parquet", bytes=4, rows=2),)
    plan: Any = SimpleNamespace(staged=[Staged("public.arrived", Room("curated.things", ()), files, ("id",))])
    error = failure(warehouse._check_staged, plan)
    assert "Of the 2 rows of curated.things in the lake 1 arrived" in error.message
    assert "SYS_LOAD_HISTORY and SYS_LOAD_ERROR_DETAIL" in error.remedy


@pytest.mark.service
def test_an_attempt_that_is_noted_twice_is_one(warehouse: RedshiftWarehouse, tmp_path: Path) -> None:
    warehouse.open()
    ledger, first = WarehouseLedger(warehouse, LocalLake(tmp_path)), datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    for seconds in (0, 0, 1, 1):
        began = first + timedelta(seconds=seconds)
        ledger.note_step(StepRecord(run_id="a", step="extract", status="failed", started_at=began, seconds=1))
    told = warehouse.query("SELECT attempt, started_at FROM ops.steps ORDER BY attempt").to_pylist()
    naive = first.replace(tzinfo=None)
    assert told == [
        {"attempt": 1, "started_at": naive},
        {"attempt": 2, "started_at": naive + timedelta(seconds=1)},
    ]

"""What a database server refuses a reader for: doing what the remedy says, the same call succeeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from rental_analytics.databases.mysql import connections, handover
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.errors import RentalError
from runs.harness import failure
from servers.front import Refusal, refuse_login, refuse_method, said, start_front
from servers.mysql import MySqlServer, numbers
from servers.process import free_port
from servers.relay import start_relay
from servers.rogue import start_rogue
from support.plans import plan_of

pytestmark = pytest.mark.service

PASSWORD = "open sesame"


def as_user(
    server: MySqlServer, schema: str, user: str = "", *, port: int = 0, tls: str = "auto", seconds: float = 20
) -> MySqlDatabase:
    """The source, for a user named after the schema."""
    host, port = server.host, port or server.port
    return MySqlDatabase(host, port, user or f"u_{schema}", PASSWORD, schema, tls, timeout=timedelta(seconds=seconds))


@pytest.fixture
def schema(either_server: MySqlServer) -> str:
    """A database with a table of three rows, and a user who may read it."""
    return filled(either_server)


def filled(server: MySqlServer) -> str:
    schema = server.create_database()
    server.execute("CREATE TABLE bookings (id INT PRIMARY KEY)", schema)
    server.execute("INSERT INTO bookings VALUES (1), (2), (3)", schema)
    server.execute(f"CREATE USER u_{schema}@'%' IDENTIFIED BY '{PASSWORD}'")
    server.execute(f"GRANT SELECT, EXECUTE ON {schema}.* TO u_{schema}@'%'")
    return schema


def read(source: MySqlDatabase, schema: str, columns: str = "id", table: str = "bookings") -> list[Any]:
    with source.read(f"SELECT {columns} FROM `{schema}`.`{table}`", plan_of(table)) as reader:
        return reader.read_all().column(0).to_pylist()


def stopped(reason: str, call: Callable[..., Any], *arguments: Any, transient: bool = False) -> RentalError:
    error = failure(call, *arguments)
    assert (error.reason, error.transient) == (reason, transient), str(error)
    assert PASSWORD not in str(error)
    return error


@contextmanager
def globally(server: MySqlServer, name: str, value: str) -> Iterator[None]:
    """A variable of the server, while the block runs."""
    ((before,),) = server.execute(f"SELECT @@GLOBAL.{name}")
    server.execute(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        server.execute(f"SET GLOBAL {name} = {before}")


@pytest.mark.parametrize(
    ("refusal", "reason", "transient", "remedy"),
    [
        pytest.param(
            refuse_login(1130, "Host '10.0.0.9' is not allowed to connect to this MySQL server"),
            "host-not-allowed",
            False,
            "create a user for this host (or for '%') and grant it SELECT",
            marks=pytest.mark.remedy("host-not-allowed"),
        ),
        pytest.param(
            refuse_login(1129, "Host '10.0.0.9' is blocked because of many connection errors"),
            "host-blocked",
            False,
            "TRUNCATE TABLE performance_schema.host_cache",
            marks=pytest.mark.remedy("host-blocked"),
        ),
        pytest.param(
            refuse_login(1053, "Server shutdown in progress"),
            "server-not-ready",
            True,
            "run again once the server is up",
            marks=pytest.mark.remedy("server-not-ready"),
        ),
        pytest.param(
            refuse_method("authentication_windows_client"),
            "login-method-unsupported",
            False,
            "give the user a method such as caching_sha2_password",
            marks=pytest.mark.remedy("login-method-unsupported"),
        ),
        pytest.param(
            refuse_method("mysql_clear_password"),
            "password-not-sent",
            False,
            "give the user another login method",
            marks=pytest.mark.remedy("password-not-sent"),
        ),
    ],
)
def test_logins_that_are_refused_until_an_administrator_helps(
    either_server: MySqlServer, schema: str, refusal: Refusal, reason: str, transient: bool, remedy: str
) -> None:
    with start_front(either_server, refusal) as front:
        source = as_user(either_server, schema, port=front.port)
        assert remedy in stopped(reason, source.server_time, transient=transient).remedy
        front.refusal = None
        assert read(source, schema) == [1, 2, 3]


@pytest.mark.remedy("account-blocked")
def test_an_account_that_too_many_wrong_passwords_blocked(either_server: MySqlServer, schema: str) -> None:
    user, source = f"u_{schema}", as_user(either_server, schema)
    wrong = MySqlDatabase(either_server.host, either_server.port, user, "wrong", schema)
    if either_server.kind == "mysql":
        either_server.execute(f"ALTER USER {user}@'%' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1")
        failure(wrong.server_time)
        error = stopped("account-blocked", source.server_time)
        assert f"run: ALTER USER '{user}'@'...' ACCOUNT UNLOCK" in error.remedy
        either_server.execute(f"ALTER USER '{user}'@'%' ACCOUNT UNLOCK")
    else:
        with globally(either_server, "max_password_errors", "1"):
            failure(wrong.server_time)
            error = stopped("account-blocked", source.server_time)
        assert error.remedy.endswith("(MariaDB: FLUSH PRIVILEGES).")
        either_server.execute("FLUSH PRIVILEGES")
    assert read(source, schema) == [1, 2, 3]


@pytest.mark.remedy("session-setting-denied")
def test_a_view_whose_function_sets_what_the_user_may_not(mysql: MySqlServer) -> None:
    schema = filled(mysql)
    mysql.execute(
        "CREATE FUNCTION settled() RETURNS INT DETERMINISTIC SQL SECURITY INVOKER "
        "BEGIN SET SESSION sql_generate_invisible_primary_key = 0; RETURN 1; END",
        schema,
    )
    mysql.execute(
        "CREATE SQL SECURITY INVOKER VIEW settled_bookings AS SELECT id, settled() AS s FROM bookings", schema
    )
    source = as_user(mysql, schema)
    error = stopped("session-setting-denied", read, source, schema, "id, s", "settled_bookings")
    assert "SESSION_VARIABLES_ADMIN" in error.message
    assert error.remedy.startswith(f"grant the right named to 'u_{schema}'@'...'")
    mysql.execute(f"GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'u_{schema}'@'%'")
    assert read(source, schema, "id, s", "settled_bookings") == [1, 2, 3]


@pytest.mark.remedy("table-vanished")
def test_a_table_that_vanished_after_it_was_seen(either_server: MySqlServer, schema: str) -> None:
    source = as_user(either_server, schema)
    either_server.execute("RENAME TABLE bookings TO old_bookings", schema)
    error = stopped("table-vanished", read, source, schema)
    assert (error.table, error.remedy) == ("bookings", "create the table, or a view of its name, and run again.")
    either_server.execute("CREATE VIEW bookings AS SELECT id FROM old_bookings", schema)
    assert read(source, schema) == [1, 2, 3]


@pytest.mark.remedy("join-size-limited")
def test_a_proxy_that_swallows_our_settings(
    either_server: MySqlServer, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = as_user(either_server, schema)
    with globally(either_server, "max_join_size", "1"), monkeypatch.context() as patch:
        patch.setattr(connections, "SESSION", "SET SESSION autocommit = 1")
        error = stopped("join-size-limited", read, source, schema)
        assert "pass SET SESSION sql_big_selects = 1 on to it" in error.remedy
        patch.setattr(connections, "SESSION", "SET SESSION sql_big_selects = 1")
        assert read(source, schema) == [1, 2, 3]


@pytest.mark.remedy("statement-time-limited")
def test_a_user_whose_statements_have_a_limit_of_time(mariadb: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = filled(mariadb)
    source = as_user(mariadb, schema)
    monkeypatch.setattr(connections, "SESSION", "SET SESSION autocommit = 1")
    mariadb.execute(f"ALTER USER u_{schema}@'%' WITH MAX_STATEMENT_TIME 0.05")
    error = stopped("statement-time-limited", read, source, schema, "SLEEP(0.2)")
    assert f"(MariaDB: ALTER USER 'u_{schema}'@'...' WITH MAX_STATEMENT_TIME 0)" in error.remedy
    mariadb.execute(f"ALTER USER 'u_{schema}'@'%' WITH MAX_STATEMENT_TIME 0")
    assert read(source, schema, "SLEEP(0.2)") == [0, 0, 0]


@pytest.mark.remedy("statement-too-long")
def test_a_statement_longer_than_the_server_takes(either_server: MySqlServer, schema: str) -> None:
    """A server may say so, or just hang up while the statement is still on its way: the front says so each time."""
    sql = "SELECT COUNT(*) FROM bookings"
    with start_front(either_server) as front:
        source = as_user(either_server, schema, port=front.port, tls="off")
        front.refused = (sql.encode(), said(1153, "Got a packet bigger than 'max_allowed_packet' bytes"))
        error = stopped("statement-too-long", source._rows, sql)
        assert error.remedy == "raise the server's max_allowed_packet: a statement is longer than that."
        front.refused = None
        assert source._rows(sql)[0] == (3,)


@pytest.mark.remedy("row-too-long")
def test_a_row_longer_than_the_reader_takes(
    either_server: MySqlServer, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_LARGEST_PACKET", 1 << 20)
    either_server.execute("CREATE TABLE texts AS SELECT id, REPEAT('x', 1200000) AS page FROM bookings", schema)
    source = as_user(either_server, schema)
    error = stopped("row-too-long", read, source, schema, "id, page", "texts")
    assert error.remedy == "put a view in its place that leaves out or cuts the long values: a row has 1 GB at most."
    either_server.execute("RENAME TABLE texts TO long_texts", schema)
    either_server.execute("CREATE VIEW texts AS SELECT id, LEFT(page, 1000) AS page FROM long_texts", schema)
    assert read(source, schema, "id, page", "texts") == [1, 2, 3]


@pytest.mark.remedy("too-many-prepared-statements")
def test_no_prepared_statement_left(either_server: MySqlServer, schema: str) -> None:
    source = as_user(either_server, schema)
    with globally(either_server, "max_prepared_stmt_count", "0"):
        error = stopped("too-many-prepared-statements", read, source, schema, transient=True)
        assert error.remedy.startswith("raise the server's max_prepared_stmt_count")
        either_server.execute("SET GLOBAL max_prepared_stmt_count = 100")
        assert read(source, schema) == [1, 2, 3]


@pytest.mark.remedy("table-locked")
def test_a_table_that_somebody_locks(either_server: MySqlServer, schema: str) -> None:
    source = as_user(either_server, schema)
    with globally(either_server, "lock_wait_timeout", "1"), closing(either_server.connect(schema)) as other:
        other.cursor().execute("LOCK TABLES bookings WRITE")
        error = stopped("table-locked", read, source, schema, transient=True)
    assert error.remedy == "run again once whoever locks the table has released it."
    assert read(source, schema) == [1, 2, 3]


@pytest.mark.remedy("statement-ended-by-server")
def test_a_statement_that_somebody_ends(either_server: MySqlServer, schema: str) -> None:
    source = as_user(either_server, schema)
    ended = threading.Event()

    def end() -> None:
        running = f"SELECT id FROM information_schema.processlist WHERE user = 'u_{schema}' AND info LIKE '%BENCHMARK%'"
        while not ended.wait(0.05):
            for (number,) in either_server.execute(running):
                either_server.execute(f"KILL QUERY {number}")

    ender = threading.Thread(target=end)
    ender.start()
    try:
        error = stopped(
            "statement-ended-by-server", read, source, schema, "BENCHMARK(1e12, 1 + id) AS busy", transient=True
        )
    finally:
        ended.set()
        ender.join()
    assert error.remedy.startswith("run again;")
    assert read(source, schema, "BENCHMARK(10, 1 + id) AS busy") == [0, 0, 0]


@pytest.mark.remedy("source-unreachable")
def test_a_port_where_nobody_listens(either_server: MySqlServer, schema: str) -> None:
    error = stopped("source-unreachable", as_user(either_server, schema, port=free_port()).server_time, transient=True)
    assert error.remedy == "check that the server runs, and host, port and network path in source.url."
    as_user(either_server, schema).server_time()


@pytest.mark.remedy("source-not-readable")
@pytest.mark.remedy("statement-refused")
def test_a_view_whose_values_cannot_be_computed(either_server: MySqlServer, schema: str) -> None:
    source = as_user(either_server, schema)
    either_server.execute("CREATE VIEW totals AS SELECT id, id * 9223372036854775807 AS total FROM bookings", schema)
    error = stopped("source-not-readable", read, source, schema, "total", "totals")
    assert "out of range" in error.message
    assert error.remedy.startswith("correct the value or the view that the message names")
    counted = f"SELECT COUNT(*) FROM {schema}.totals WHERE total > 0"
    assert "out of range" in stopped("statement-refused", source._rows, counted).message
    either_server.execute("CREATE OR REPLACE VIEW totals AS SELECT id, id * 10 AS total FROM bookings", schema)
    assert read(source, schema, "total", "totals") == [10, 20, 30]
    assert source._rows(counted)[0] == (3,)


@pytest.mark.remedy("source-connection-lost")
def test_a_connection_that_is_cut(either_server: MySqlServer, schema: str) -> None:
    either_server.execute(
        f"CREATE TABLE viewings AS SELECT seq AS id, REPEAT('x', 100) AS page FROM {numbers(1, 20_000)}", schema
    )
    with start_relay(either_server.host, either_server.port, cut_after=500_000) as relay:
        source = as_user(either_server, schema, port=relay.port)
        error = stopped("source-connection-lost", read, source, schema, "id, page", "viewings", transient=True)
        assert relay.has_cut
        assert error.remedy == "run again once the server answers."
        assert len(read(source, schema, "id, page", "viewings")) == 20_000


@pytest.mark.remedy("source-silent")
def test_a_server_that_needs_longer_than_it_has(either_server: MySqlServer, schema: str) -> None:
    hurried = as_user(either_server, schema, seconds=0.5)
    error = stopped("source-silent", read, hurried, schema, "SLEEP(0.6)", transient=True)
    assert error.remedy.endswith("where it needs longer to answer, raise source.timeout.")
    assert read(as_user(either_server, schema), schema, "SLEEP(0.6)") == [0, 0, 0]


@pytest.mark.remedy("no-tls")
def test_a_server_without_tls(mariadb: MySqlServer) -> None:
    schema = filled(mariadb)
    error = stopped("no-tls", as_user(mariadb, schema, tls="required").server_time)
    assert error.remedy == "turn TLS on in the server, or set source.tls to auto."
    assert read(as_user(mariadb, schema), schema) == [1, 2, 3]


@pytest.mark.remedy("not-a-mysql-server")
@pytest.mark.remedy("server-asked-for-file")
@pytest.mark.parametrize(("method", "reason"), [("nonsense", "not-a-mysql-server"), ("file", "server-asked-for-file")])
def test_another_server_than_yours(either_server: MySqlServer, schema: str, method: str, reason: str) -> None:
    with start_rogue(method) as rogue:
        error = stopped(reason, as_user(either_server, schema, port=rogue.port).server_time)
    assert error.remedy.startswith("correct ") and "source.url" in error.remedy
    assert read(as_user(either_server, schema), schema) == [1, 2, 3]


@pytest.mark.remedy("password-not-sent")
def test_a_key_without_tls_is_taken_in_a_network_that_is_trusted(mysql: MySqlServer) -> None:
    schema = filled(mysql)
    mysql.execute(f"CREATE USER k_{schema}@'%' IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}'")
    mysql.execute(f"GRANT SELECT ON {schema}.* TO k_{schema}@'%'")
    elsewhere = "0.0.0.0"  # reaches this machine, and is not called so
    with start_rogue("key", first="caching_sha2_password") as rogue:
        error = stopped(
            "password-not-sent", MySqlDatabase(elsewhere, rogue.port, "reader", PASSWORD, schema).server_time
        )
    assert error.remedy.endswith("without TLS in a network you trust, set source.tls to off.")
    trusted = MySqlDatabase(elsewhere, mysql.port, f"k_{schema}", PASSWORD, schema, "off")
    assert read(trusted, schema) == [1, 2, 3]


@pytest.mark.remedy("login-package-missing")
def test_a_login_that_needs_a_package(mysql: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = filled(mysql)
    mysql.execute(f"ALTER USER u_{schema}@'%' IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}'")
    source = as_user(mysql, schema, tls="off")
    with monkeypatch.context() as patch:
        patch.setattr("pymysql._auth._have_cryptography", False)
        error = stopped("login-package-missing", source.server_time)
    assert error.remedy.startswith("install the package named")
    assert read(source, schema) == [1, 2, 3]

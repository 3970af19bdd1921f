"""The SQL that makes the user of `extract` in a database that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pages import blocks
from infra.configuration import Configuration
from infra.functions.password import hashed
from infra.parts.reader import READER, reader_grants, reader_sql
from rental_analytics.contracts.loader import load_contracts
from servers.mysql import MySqlServer

pytestmark = pytest.mark.service

PAGE = Path(__file__).parents[2] / "docs/cookbooks/deploy.md"
PASSWORD = "Of-My-0wn"
USER = f"{READER}_here"
"""The deployment from end to end has the user itself, on the same server."""


@pytest.fixture
def database(mysql: MySqlServer) -> Iterator[str]:
    name = mysql.create_database()
    for table in load_contracts().sources:
        mysql.execute(f"CREATE TABLE {table} (id INT)", name)
    yield name
    mysql.execute(f"DROP USER IF EXISTS {USER}")
    mysql.execute(f"DROP DATABASE {name}")


def test_cookbook_has_the_sql_that_is_printed() -> None:
    (block,) = blocks(PAGE.read_text("utf-8"), "sql")
    assert block == "".join(f"{statement};\n" for statement in reader_sql("rental"))


def test_printed_sql_makes_a_reader_that_reads_by_tls_and_does_no_more(mysql: MySqlServer, database: str) -> None:
    from pymysql.err import OperationalError

    for _ in range(2):
        for statement in reader_sql(database):
            mysql.execute(statement.replace("<password>", PASSWORD).replace(READER, USER))
    with mysql.connect(database, USER, PASSWORD, ssl={"ca": None}) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT * FROM bookings") == 0
        with pytest.raises(OperationalError, match="denied"):
            cursor.execute("DELETE FROM bookings")
    with pytest.raises(OperationalError, match="denied"):
        mysql.connect(database, USER, PASSWORD, ssl_disabled=True)


def test_grants_are_on_what_the_source_calls_its_tables() -> None:
    tables = {
        "apartment_attributes": {"name": "apartments"},
        "bookings": {"name": "reser`vations"},
        "apartments": {"mode": "snapshot"},
        "user_viewing": {"optional": True},
    }
    assert reader_grants("rental", tables) == [
        "GRANT SELECT ON `rental`.`apartments` TO 'rental_reader'@'%'",
        "GRANT SELECT ON `rental`.`reser``vations` TO 'rental_reader'@'%'",
    ]
    # MySQL refuses a grant on a table that is not there.
    assert reader_grants("rental", tables, optional=True) == [
        "GRANT SELECT ON `rental`.`user_viewing` TO 'rental_reader'@'%'"
    ]


def test_hash_of_a_password_lets_its_user_in_and_nobody_else(mysql: MySqlServer, database: str) -> None:
    from pymysql.err import OperationalError

    if mysql.kind == "mariadb":
        pytest.xfail("MariaDB does not know the hashes of MySQL")
    for password in ("Of-My-0wn", "x" * 40, 'it\'s "100%" \\ :name', "a"):
        mysql.execute(f"DROP USER IF EXISTS {USER}")
        known_by = f"IDENTIFIED WITH caching_sha2_password AS '{hashed(password)}' REQUIRE SSL"
        mysql.execute(f"CREATE USER {USER} {known_by}")
        mysql.execute(f"GRANT SELECT ON {database}.* TO {USER}")
        mysql.connect(database, USER, password, ssl={"ca": None}).close()
        with pytest.raises(OperationalError, match="denied"):
            mysql.connect(database, USER, f"{password}x", ssl={"ca": None})


@pytest.mark.parametrize("name", ["a`b", "", "a b", "a;b", "x" * 65])
def test_name_of_the_database_cannot_end_its_quotes(name: str) -> None:
    existing = {"host": "h", "secret_arn": "a", "vpc_id": "v", "database": name}
    with pytest.raises(ValueError, match=r"source\.existing\.database"):
        Configuration.model_validate({"source": {"existing": existing}})

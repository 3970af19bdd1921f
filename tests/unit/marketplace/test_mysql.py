from collections.abc import Iterator

import pyarrow as pa
import pytest

from marketplace.conftest import DIRTY, END_DATE, arrow_tables
from marketplace.stores import as_text, ask_mysql
from rental_marketplace import MarketplaceError, MarketplaceOptions, generate
from rental_marketplace.generation import MarketplacePlan
from rental_marketplace.options import ignore_progress
from rental_marketplace.schema import TABLES, USER_VIEWING
from rental_marketplace.writers import mysql as mysql_writer
from rental_marketplace.writers import open_target
from servers.mysql import MySqlServer
from servers.process import free_port

pytestmark = pytest.mark.service

SMALL = MarketplaceOptions(listings=30, bookings=200, viewings=500, end_date=END_DATE)
MINIMAL = MarketplaceOptions(listings=30, bookings=200, viewings=500, end_date=END_DATE, minimal=True)


@pytest.fixture(params=["load data", "insert"])
def write_path(request: pytest.FixtureRequest, mysql: MySqlServer) -> Iterator[str]:
    """Each test runs with a server that allows LOAD DATA LOCAL, and with one that does not."""
    mysql.execute(f"SET GLOBAL local_infile = {int(request.param == 'load data')}")
    yield request.param
    mysql.execute("SET GLOBAL local_infile = 1")


def test_rows_are_those_of_the_plan(mysql: MySqlServer, write_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used = _spy_on_paths(monkeypatch)
    database = mysql.create_database()
    summary = generate(mysql.url(database), DIRTY)
    assert set(used) == {write_path}
    for name, planned in arrow_tables(DIRTY).items():
        stored = ask_mysql(mysql, database)(f"SELECT {', '.join(planned.column_names)} FROM {name}")
        expected = list(zip(*(column.to_pylist() for column in planned.columns), strict=True))
        assert sorted(map(repr, as_text(stored))) == sorted(map(repr, as_text(expected)))
        assert len(stored) == summary.rows[name]


def _spy_on_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    used: list[str] = []
    file_text, value_lists = mysql_writer.file_text, mysql_writer.value_lists

    def spied_file_text(rows: pa.Table) -> memoryview:
        used.append("load data")
        return file_text(rows)

    def spied_value_lists(rows: pa.Table, most_bytes: int) -> Iterator[bytes]:
        used.append("insert")
        return value_lists(rows, most_bytes)

    monkeypatch.setattr(mysql_writer, "file_text", spied_file_text)
    monkeypatch.setattr(mysql_writer, "value_lists", spied_value_lists)
    return used


def test_any_text_survives(mysql: MySqlServer, write_path: str) -> None:
    texts = [
        None,
        "",
        "\\N",
        "NULL",
        "\\",
        "\t",
        "a\nb\r\nc",
        "\0",
        "'",
        '"',
        "''\\'",
        "%s ?",
        "😀猫",
        "),(",
        "x\\",
    ]
    count = len(texts)
    rows = pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "user_id": pa.array([1] * count, pa.int64()),
            "apartment_id": pa.array([1] * count, pa.int64()),
            "viewed_at": pa.array([0] * count, pa.int64()).cast(pa.timestamp("us")),
            "is_wishlisted": pa.array([0] * count, pa.int8()),
            "call_to_action": pa.array(texts, pa.string()),
        }
    )
    database = mysql.create_database()
    target = open_target(mysql.url(database), bulk_load=True)
    with target.build(TABLES, strict=True) as loader:
        assert loader.load(USER_VIEWING, iter([rows]), ignore_progress) == count
    target.close()
    stored = ask_mysql(mysql, database)("SELECT call_to_action FROM user_viewing ORDER BY id")
    assert [text for (text,) in stored] == texts


def test_rows_the_server_does_not_take_are_an_error(mysql: MySqlServer, write_path: str) -> None:
    database = mysql.create_database()
    same_key = arrow_tables(SMALL)["user_viewing"].slice(0, 1)
    target = open_target(mysql.url(database), bulk_load=True)
    with pytest.raises(MarketplaceError), target.build(TABLES, strict=True) as loader:
        loader.load(USER_VIEWING, iter([same_key, same_key]), ignore_progress)
    target.close()
    assert ask_mysql(mysql, database)("SHOW TABLES") == []


def test_inserts_are_cut_to_size(mysql: MySqlServer, monkeypatch: pytest.MonkeyPatch, write_path: str) -> None:
    monkeypatch.setattr(mysql_writer, "_INSERT_BYTES", 100)
    database = mysql.create_database()
    assert generate(mysql.url(database), SMALL).rows["bookings"] == SMALL.bookings
    assert ask_mysql(mysql, database)("SELECT count(*) FROM bookings") == [(SMALL.bookings,)]


def test_types_and_keys(mysql: MySqlServer) -> None:
    database = mysql.create_database()
    generate(mysql.url(database), SMALL)
    ask = ask_mysql(mysql, database)
    types = dict(
        ask(
            "SELECT CONCAT(table_name, '.', column_name), column_type FROM information_schema.columns "
            "WHERE table_schema = DATABASE()"
        )
    )
    # MySQL does not tell how wide a number is shown any more.
    assert types["bookings.booking_id"].removesuffix("(20)") == "bigint"
    assert types["bookings.total_price"] == "decimal(12,2)"
    assert types["bookings.updated_at"] == "datetime(6)"
    assert types["bookings.checkin_date"] == "date"
    assert types["apartments.is_active"] == "tinyint(1)"
    assert types["apartment_attributes.latitude"] == "decimal(9,6)"
    assert types["apartment_attributes.bathrooms"] == "decimal(3,1)"
    keys = ask(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND column_key = 'PRI'"
    )
    assert sorted(keys) == [
        ("apartment_attributes", "id"),
        ("apartments", "id"),
        ("bookings", "booking_id"),
        ("user_viewing", "id"),
    ]


def test_minimal_schema_has_the_required_columns_only(mysql: MySqlServer) -> None:
    database = mysql.create_database()
    generate(mysql.url(database), MINIMAL)
    for table in TABLES:
        columns = [name for name, *_ in ask_mysql(mysql, database)(f"SHOW COLUMNS FROM {table.name}")]
        assert columns == [column.name for column in table.columns if not column.optional]


def test_refuses_to_overwrite_then_replaces_when_told(mysql: MySqlServer) -> None:
    database = mysql.create_database()
    ask = ask_mysql(mysql, database)
    ask("CREATE TABLE notes AS SELECT 'keep me' AS note")
    generate(mysql.url(database), SMALL)
    with pytest.raises(MarketplaceError, match="already holds rows in apartments"):
        generate(mysql.url(database), MINIMAL)
    assert ask("SELECT count(updated_at) FROM bookings") == [(SMALL.bookings,)]
    generate(mysql.url(database), MINIMAL, replace=True)
    assert [name for (name,) in ask("SHOW TABLES")] == sorted([*(table.name for table in TABLES), "notes"])
    assert len(ask("SHOW COLUMNS FROM bookings")) == 9


def test_failure_midway_changes_nothing(mysql: MySqlServer, monkeypatch: pytest.MonkeyPatch, write_path: str) -> None:
    database = mysql.create_database()
    generate(mysql.url(database), SMALL)

    some_rows = arrow_tables(SMALL)["user_viewing"].slice(0, 10)

    def fails_midway(_: MarketplacePlan) -> Iterator[pa.Table]:
        yield some_rows
        raise ZeroDivisionError

    monkeypatch.setattr(MarketplacePlan, "_viewings", fails_midway)
    with pytest.raises(ZeroDivisionError):
        generate(mysql.url(database), MINIMAL, replace=True)
    ask = ask_mysql(mysql, database)
    assert len(ask("SHOW TABLES")) == len(TABLES)
    assert ask("SELECT count(*) FROM user_viewing") == [(SMALL.viewings,)]


def test_clear_errors(mysql: MySqlServer) -> None:
    database = mysql.create_database()
    mysql.execute("CREATE USER IF NOT EXISTS guest@'%' IDENTIFIED BY 's3cret word'")
    mysql.execute("GRANT SELECT ON *.* TO guest@'%'")
    wrong_password = mysql.url(database, user="guest", password="wrong one")
    for url, password, expected in [
        (wrong_password, None, "user and password"),
        (mysql.url("no_such_database"), None, "create the database"),
        (f"mysql://root@127.0.0.1:{free_port()}/db", None, "host and port"),
        (mysql.url(database, user="guest"), "s3cret word", "GRANT CREATE"),
    ]:
        with pytest.raises(MarketplaceError) as refused:
            generate(url, SMALL, password=password)
        assert expected in refused.value.remedy
        assert "\n" not in str(refused.value)
        assert "wrong" not in str(refused.value)
        assert "s3cret" not in str(refused.value)


def test_password_as_argument(mysql: MySqlServer) -> None:
    database = mysql.create_database()
    mysql.execute("CREATE USER IF NOT EXISTS writer@'%' IDENTIFIED BY 'p@ss:/?word'")
    mysql.execute("GRANT ALL ON *.* TO writer@'%'")
    generate(mysql.url(database, user="writer"), SMALL, password="p@ss:/?word")
    generate(mysql.url(database, user="writer", password="p@ss:/?word"), SMALL, replace=True)

"""What a server sets for others does not reach our sessions: no row less, no value another."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from runs.harness import LOADING, Pipeline, Source
from servers.mysql import DEFAULT, MySqlServer, numbers, start_mysql
from support.breadth import sampled

pytestmark = pytest.mark.service

SCHEMAS = ("raw_data", "curated")
BOOKINGS = 3_000
COMMON = {
    "sql_select_limit": "7",
    "max_join_size": "1",
    "sql_mode": "'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,"
    "HIGH_NOT_PRECEDENCE,ONLY_FULL_GROUP_BY,NO_UNSIGNED_SUBTRACTION'",
    "time_zone": "'-11:00'",
    "group_concat_max_len": "4",
    "div_precision_increment": "0",
    "sql_auto_is_null": "1",
    "sql_safe_updates": "1",
    "autocommit": "0",
    "completion_type": "2",
    "lc_time_names": "'de_DE'",
    "default_week_format": "3",
    "max_sort_length": "64",
    "net_read_timeout": "1",
    "net_write_timeout": "1",
    "wait_timeout": "1",
    "interactive_timeout": "1",
    "lock_wait_timeout": "1",
    "character_set_results": "latin1",
    "character_set_client": "latin1",
    "character_set_connection": "latin1",
}
OWN = {
    "mysql": {
        "max_execution_time": "30",
        "transaction_isolation": "'READ-UNCOMMITTED'",
        "cte_max_recursion_depth": "0",
        "sql_require_primary_key": "1",
        "super_read_only": "1",
        "block_encryption_mode": "'aes-256-ecb'",
    },
    "mariadb": {
        "max_statement_time": "0.03",
        "tx_isolation": "'READ-UNCOMMITTED'",
        "max_recursive_iterations": "1",
        "system_versioning_asof": "'2001-01-01 00:00:00'",
        "read_only": "1",
        "default_regex_flags": "'DOTALL'",
        "old_mode": "'ZERO_DATE_TIME_CAST'",
    },
}
# Views whose values depend on the settings of the session that reads them.
LISTED = (
    "CREATE VIEW apartment_attributes AS SELECT kept.*, "
    "(SELECT GROUP_CONCAT(booking_id ORDER BY booking_id) FROM bookings) AS body, "
    "CONCAT(DATE_FORMAT('2024-05-01', '%M'), WEEK('2024-01-01'), ' ', 1 / 3, "
    "' ', _utf8mb4 x'610A62' REGEXP 'a.b', ' ', YEAR(CAST(TIME('10:00:00') AS DATETIME)) > 2000, "
    "' ', HEX(AES_ENCRYPT('a', 'b'))) AS amenities "
    "FROM kept"
)
BY_STEPS = (
    "CREATE VIEW steps AS WITH RECURSIVE n AS (SELECT 1 AS step UNION ALL SELECT step + 1 FROM n WHERE step < 900) "
    "SELECT * FROM n"
)


@pytest.fixture(scope="module", params=["mysql", "mariadb"] if DEFAULT == "mysql" else ["mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[MySqlServer]:
    with start_mysql(["--lower-case-table-names=1"], request.param) as server:
        yield server


@pytest.fixture
def source(server: MySqlServer) -> Source:
    """A marketplace that a user may read whom a server leads to another, empty database."""
    database, decoy = server.create_database(), server.create_database()

    def execute(sql: str) -> list[tuple[Any, ...]]:
        return server.execute(sql, database)

    source = Source(server.url(database, "reader"), execute)
    source.create(optional=True)
    Source("", lambda sql: server.execute(sql, decoy)).create(optional=True)
    source.insert("apartments", {"id": 1, "title": "Zürich 🏠"}, {"id": 2, "price": "50.00"})
    source.insert("apartment_attributes", {"id": 1, "cityname": "Bern", "state": "BE"})
    source.insert("user_viewing", {}, {})
    source.insert("bookings", {"booking_id": 1})
    columns = "user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, currency"
    execute(
        f"INSERT INTO bookings (booking_id, booking_status, {columns}) "
        f"SELECT seq, 'confirmed', {columns} FROM {numbers(2, BOOKINGS)} JOIN bookings WHERE booking_id = 1"
    )
    execute(BY_STEPS)
    execute("ALTER TABLE apartment_attributes RENAME TO kept, DROP COLUMN body, DROP COLUMN amenities")
    # Longer than the limit; what a driver asks of itself when it connects is not.
    execute(f"{LISTED} WHERE 900 = (SELECT COUNT(*) FROM steps) AND SLEEP(0.1) = 0")
    server.execute("CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY ''")
    for schema in (database, decoy):
        server.execute(f"GRANT SELECT ON {schema}.* TO reader@'%'")
    return source


def settings(server: MySqlServer, decoy: str = "decoy") -> dict[str, str]:
    return COMMON | OWN[server.kind] | {"init_connect": f"'USE {decoy}; SET timestamp = 1'"}


@contextmanager
def restricted(server: MySqlServer, decoy: str) -> Iterator[None]:
    """All of these settings, for whoever connects while the block runs."""
    wanted = settings(server, decoy)
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        before = {}
        for name, value in wanted.items():
            cursor.execute(f"SELECT @@GLOBAL.{name}")
            ((before[name],),) = cursor.fetchall()
            cursor.execute(f"SET GLOBAL {name} = {value}")
        try:
            yield
        finally:
            for name, value in before.items():
                text = "DEFAULT" if name == "system_versioning_asof" else repr(value)
                cursor.execute(f"SET GLOBAL {name} = {text}")
            cursor.execute("SET GLOBAL read_only = 0")


@pytest.mark.parametrize("engine", sampled(["duckdb", "spark"], ["duckdb"]))
def test_a_server_that_limits_and_recodes_gives_the_same_rows(
    server: MySqlServer, source: Source, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    if engine == "spark":
        request.getfixturevalue("spark")
    plain = Pipeline(tmp_path / "plain", source.url)
    limited = Pipeline(tmp_path / "limited", source.url, f"engine.kind={engine}")
    decoy = f"test_{int(source.url.rsplit('_', 1)[1]) + 1}"
    # How a later run reads, and what is made of the rows, is the same for both engines; Spark takes a minute for it.
    runs = {1: LOADING, 2: LOADING} if engine == "duckdb" else {1: ("extract", "load-raw")}
    for number, steps in runs.items():
        if number == 2:
            source.execute(
                "UPDATE bookings SET total_price = 1, updated_at = '2024-06-01 10:00:00' WHERE booking_id = 2900"
            )
            source.execute("DELETE FROM bookings WHERE booking_id = 2901")
            source.insert("user_viewing", {"viewed_at": "2024-06-01 10:00:00"})
        plain.run(steps=steps)
        with restricted(server, decoy):
            assert limited.run(steps=steps).run.upper_bound.year > 2000
        assert limited.tables(*SCHEMAS) == plain.tables(*SCHEMAS)
    assert limited.rows("SELECT COUNT(*) FROM raw_data.bookings") == [(BOOKINGS,)]
    ((body, amenities),) = limited.rows("SELECT body, amenities FROM raw_data.apartment_attributes")
    assert body.startswith("1,2,3,4,5,6,7,8,9,")
    assert amenities.startswith("May0 0.3333 0 1 ")

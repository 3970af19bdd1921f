"""Tables parted into statements that are read side by side: every row in one part, parts of about the same size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest

from rental_analytics.contracts.configuration import TableSettings
from rental_analytics.contracts.source_table import SourceColumn, SourceTable, SourceType
from rental_analytics.databases.base import ReadPlan
from rental_analytics.databases.mysql import jdbc as mysql_jdbc
from rental_analytics.databases.mysql.database import MySqlDatabase
from rental_analytics.databases.mysql.jdbc import MySqlJdbc
from rental_analytics.databases.planning import plan_read
from servers.mysql import KeptSession, MySqlServer

pytestmark = pytest.mark.service

AT_ONCE = 4
# A table is parted as one of twenty times as many rows is, whose parts may not have fewer than 50,000.
FEWEST = mysql_jdbc._FEWEST_ROWS // 20
PARTS = 2 * AT_ONCE
ROWS = PARTS * FEWEST
SOME = ROWS // 2
MOST_STATEMENTS = 40
"""Asked of the server to part a table; each costs Spark a connection."""

INTEGERS = {
    "dense": ("BIGINT", "seq"),
    "one huge gap": ("BIGINT", f"seq + IF(seq > {SOME}, 4611686018427387904, 0)"),
    "two far clusters": (
        "BIGINT",
        f"CAST(seq AS SIGNED) + IF(seq > {SOME}, 4611686018427387904, -4611686018427387904)",
    ),
    "three clusters of different size": (
        "BIGINT",
        f"CAST(seq AS SIGNED) + CASE WHEN seq >= {ROWS // 40} THEN 900000000000000000 WHEN seq > 9 THEN 0 "
        "ELSE -900000000000000000 END",
    ),
    "exponential gaps": ("BIGINT", f"seq + FLOOR(POW(2, 62 * seq / {ROWS}))"),
    "negative": ("BIGINT", "-1000 * CAST(seq AS SIGNED)"),
    "up to the limits": (
        "BIGINT",
        "CASE seq WHEN 1 THEN -9223372036854775808 WHEN 2 THEN 9223372036854775807 ELSE seq END",
    ),
    "unsigned beyond 2^63": ("BIGINT UNSIGNED", "seq * 184467440737092"),
    "unsigned up to the limits": (
        "BIGINT UNSIGNED",
        "CASE seq WHEN 1 THEN 0 WHEN 2 THEN 18446744073709551615 ELSE seq + 18446744073700000000 END",
    ),
    "small type": ("MEDIUMINT UNSIGNED", "seq"),
}
OTHERS = {
    "DATE": "DATE '2000-01-01' + INTERVAL seq % 3650 DAY",
    "DATETIME(6)": "TIMESTAMP '2024-01-01 00:00:00' + INTERVAL seq * 1000003 MICROSECOND",
    "TIMESTAMP": "TIMESTAMP '2024-01-01 00:00:00' + INTERVAL seq MINUTE",
    "TIME(3)": f"SEC_TO_TIME(CAST(seq AS SIGNED) - {SOME})",
    "YEAR": "1950 + seq % 150",
    "DECIMAL(30,10)": "seq * 1234567890123.0000000001 - 10000000000000000",
    "FLOAT": "seq / 7",
    "DOUBLE": f"(CAST(seq AS SIGNED) - {SOME}) / 7e-200",
    "BIT(40)": "seq * 1000",
    "VARBINARY(40)": "UNHEX(SHA2(seq, 256))",
    "BINARY(16)": "LEFT(UNHEX(SHA2(seq, 256)), 16)",
    "ENUM('z','a','m','Z ü','b')": "1 + seq % 5",
    "SET('z','a','m','b')": "seq % 16",
    "UUID": "MD5(seq)",
    "INET6": "CONCAT(HEX(seq MOD 65536), '::', HEX(seq DIV 65536))",
}
TEXTS = "ELT(1 + seq % 8, 'É', 'e', 'ß', '''', '\\\\', 'Z', '%', ' '), IF(seq % 3, '', CHAR(9 USING utf8mb4)), seq"
ASCII_TEXTS = "ELT(1 + seq % 6, 'E', 'e', '''', '\\\\', 'Z', '%'), seq"


def shared_out(cases: Iterable[str], **only: str) -> list[tuple[str, str]]:
    """A server for each case: the only one that has it, or the two by turns."""
    servers = cycle(["mysql", "mariadb"])
    return [(next((only[word] for word in only if word in case), None) or next(servers), case) for case in cases]


@dataclass
class Split:
    """The parts of a table as the server has them.

    Args:
        rows: of the table; `parts`: how many each part has.
        covering: how many rows have as many parts as the key says.
    """

    statements: list[str]
    conditions: list[str | None]
    parts: list[int]
    covering: dict[int, int]
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = sum(self.covering.values())

    def is_exact(self) -> bool:
        return self.covering in ({1: self.rows}, {}) and sum(self.parts) == self.rows

    def largest(self) -> float:
        """Rows of the largest part, as a multiple of an even share among twice as many parts as are read at once."""
        return max(self.parts) / (self.rows / PARTS)


class Table:
    """A table of the real server, and the statements that read it."""

    def __init__(self, server: MySqlServer, database: str) -> None:
        self.server, self.database = server, database
        self.asked: list[str] = []
        self._session = KeptSession(server, database)

    def execute(self, *statements: str) -> None:
        with closing(self.server.connect(self.database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def close(self) -> None:
        self._session.close()

    def inserts(self, values: str, rows: int) -> tuple[str, ...]:
        """Statements that add rows, `seq` being their number from 1 on."""
        if self.server.kind == "mariadb":
            return (f"INSERT IGNORE INTO events SELECT {values} FROM seq_1_to_{rows}",)
        numbers = (
            "WITH RECURSIVE numbers AS (SELECT CAST(1 AS UNSIGNED) AS seq "
            f"UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {rows})"
        )
        depth = f"SET SESSION cte_max_recursion_depth = {rows + 1}"
        return depth, f"INSERT IGNORE INTO events {numbers} SELECT {values} FROM numbers"

    def rows(self, sql: str, parameters: tuple[str, ...] = ()) -> Sequence[tuple[Any, ...]]:
        self.asked.append(sql)
        return self._session.execute(sql, parameters)

    def ask(self, sql: str) -> Sequence[tuple[Any, ...]]:
        return self.rows(sql.replace("%", "%%"))

    def plan(self, key: tuple[str, ...], event_time: str | None, settings: TableSettings) -> ReadPlan:
        source = MySqlDatabase(
            host=self.server.host, port=self.server.port, user="root", password="", database=self.database, tls="off"
        )
        found = source.catalogue()["events"]
        ours = {theirs: name for name, theirs in settings.columns.items()}
        kinds = {event_time: SourceType.TIMESTAMP}
        columns = {
            name: SourceColumn(type=kinds.get(name, SourceType.ANY), description="A column")
            for name in (ours.get(column.name, column.name) for column in found.columns)
            if name.isidentifier()
        }
        table = SourceTable(name="events", description="Events", key=key, event_time=event_time, columns=columns)
        return plan_read(source, table, found, settings)

    def split(
        self,
        *,
        key: tuple[str, ...] = ("id",),
        event_time: str | None = None,
        condition: str | None = None,
        counted: bool = False,
        at_once: int = AT_ONCE,
        between: Sequence[str] = (),
        columns: Mapping[str, str] | None = None,
    ) -> Split:
        """Part the table; `between` are statements of others before it is read, `columns` its names by ours."""
        jdbc = MySqlJdbc("", self.database, lambda: ("", ""), "off", None, self.rows)
        plan = self.plan(key, event_time, TableSettings(columns=dict(columns or {})))
        self.asked.clear()
        reads = jdbc.reads(plan, plan.columns, condition, counted=counted, at_once=at_once)
        asked = list(self.asked)
        self.execute(*between)
        parts = [int(self.ask(f"SELECT COUNT(*) FROM {read.relation}")[0][0]) for read in reads]
        covers = " + ".join(f"COALESCE(({read.condition or 'TRUE'}), 0)" for read in reads)
        where = f" WHERE {condition}" if condition else ""
        covering = self.ask(f"SELECT {covers}, COUNT(*) FROM events{where} GROUP BY 1")
        return Split(asked, [read.condition for read in reads], parts, {int(n): int(rows) for n, rows in covering})


@pytest.fixture
def table(either_server: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.setattr(mysql_jdbc, "_FEWEST_ROWS", FEWEST)
    with closing(Table(either_server, either_server.create_database())) as made:
        yield made


def fill(table: Table, columns: str, values: str, rows: int = ROWS) -> None:
    table.execute(
        "SET SESSION sql_mode = ''",
        f"CREATE TABLE events ({columns})",
        *table.inserts(values, rows),
    )


@pytest.mark.parametrize(("kind", "value"), INTEGERS.values(), ids=INTEGERS)
def test_whole_numbers_are_parted_where_the_rows_are(table: Table, kind: str, value: str) -> None:
    fill(table, f"id {kind} PRIMARY KEY, filler CHAR(20)", f"{value}, 'x'")
    split = table.split()
    assert split.is_exact(), split
    assert split.rows == ROWS
    assert PARTS / 2 <= len(split.parts) <= PARTS + 2
    assert split.largest() < 1.5, split.parts
    assert len(split.statements) <= MOST_STATEMENTS


def test_a_table_of_the_size_that_is_parted(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_jdbc, "_FEWEST_ROWS", 20 * FEWEST)
    fill(table, "id BIGINT PRIMARY KEY, filler CHAR(20)", "seq, 'x'", 20 * ROWS)
    split = table.split()
    assert split.is_exact(), split
    assert split.rows == 20 * ROWS
    assert PARTS / 2 <= len(split.parts) <= PARTS + 2
    assert split.largest() < 1.5, split.parts


@pytest.mark.parametrize(
    ("either_server", "kind"), shared_out(OTHERS, UUID="mariadb", INET6="mariadb"), indirect=["either_server"]
)
def test_keys_of_every_other_type(table: Table, kind: str) -> None:
    """Those whose index is not in the order of their text are read by one statement."""
    fill(table, f"id {kind}, number INT, PRIMARY KEY (id, number)", f"{OTHERS[kind]}, seq", SOME)
    split = table.split(at_once=2)
    assert split.is_exact(), split
    assert split.rows == SOME
    unordered = kind.startswith(("FLOAT", "DOUBLE", "BIT", "ENUM", "SET"))
    assert len(split.parts) == 1 if unordered else 3 <= len(split.parts) <= 6
    assert max(split.parts) < SOME / 2 or unordered


COLLATIONS = [
    "utf8mb4_bin",
    "utf8mb4_general_ci",
    "utf8mb4_unicode_ci",
    "utf8mb4_nopad_bin",
    "utf8mb4_unicode_520_nopad_ci",
    "utf8mb4_turkish_ci",
    "utf8mb3_german2_ci",
    "latin1_swedish_ci",
    "latin1_german2_ci",
    "ucs2_general_ci",
    "utf16_unicode_ci",
    "utf32_bin",
    "cp1251_general_ci",
    "ascii_general_ci",
    "utf8mb4_0900_ai_ci",
    "utf8mb4_0900_bin",
]


@pytest.mark.parametrize(
    ("either_server", "collation"),
    shared_out(COLLATIONS, **{"nopad": "mariadb", "0900": "mysql"}),
    indirect=["either_server"],
)
def test_text_keys(table: Table, collation: str) -> None:
    if "0900" in collation and table.server.kind == "mariadb":
        pytest.skip("MariaDB has no such collation")
    character_set = collation.partition("_")[0]
    texts = ASCII_TEXTS if character_set in {"ascii", "cp1251"} else TEXTS
    column = f"id VARCHAR(40) CHARACTER SET {character_set} COLLATE {collation}"
    fill(table, f"{column}, number INT, PRIMARY KEY (id, number)", f"CONCAT({texts}), seq", SOME)
    split = table.split(at_once=2)
    assert split.is_exact(), split
    assert split.rows == SOME
    assert 3 <= len(split.parts) <= 6
    assert max(split.parts) < SOME * 0.4


def test_first_column_of_a_composite_key_has_few_values(table: Table) -> None:
    fill(table, "region TINYINT, id INT, PRIMARY KEY (region, id)", "CAST(seq % 20 AS SIGNED) - 10, seq")
    split = table.split(key=("region", "id"))
    assert split.is_exact(), split
    assert split.largest() < 2, split.parts


def test_skewed_events_are_parted_by_their_time(table: Table) -> None:
    fill(
        table,
        "user_id BIGINT, viewed_at DATETIME(6), INDEX (user_id), INDEX (viewed_at)",
        "IF(seq % 4, 7, seq), TIMESTAMP '2024-01-01 00:00:00' + INTERVAL seq SECOND",
    )
    split = table.split(key=(), event_time="viewed_at")
    assert split.is_exact(), split
    assert split.largest() < 1.5, split.parts


def test_events_are_parted_by_the_index_with_most_values(table: Table) -> None:
    fill(table, "flag INT, user_id INT, viewed_at DATETIME, INDEX (flag), INDEX (user_id)", "seq % 3, seq, NULL")
    table.execute("ANALYZE TABLE events")
    split = table.split(key=(), event_time="viewed_at")
    assert split.is_exact(), split
    assert split.largest() < 1.5, split.parts


def test_one_value_stays_in_one_part(table: Table) -> None:
    fill(table, "user_id BIGINT, viewed_at DATETIME, INDEX (user_id)", "IF(seq % 4, 7, seq), NULL")
    split = table.split(key=(), event_time="viewed_at")
    assert split.is_exact(), split
    heaviest = max(split.parts)
    assert ROWS * 3 / 4 <= heaviest < ROWS * 3 / 4 + ROWS / PARTS
    assert sum(split.parts) - heaviest < ROWS / 4 + 1


def test_null_has_a_part_of_its_own(table: Table) -> None:
    fill(table, "id BIGINT UNSIGNED, filler INT, UNIQUE (id)", "IF(seq % 4, seq, NULL), 1")
    split = table.split()
    assert split.is_exact(), split
    assert split.parts[-1] == ROWS / 4
    assert max(split.parts[:-1]) < 1.5 * ROWS / PARTS


def test_a_key_without_a_unique_index(table: Table) -> None:
    fill(table, "id BIGINT, filler INT, INDEX (id)", "seq DIV 3, 1")
    split = table.split()
    assert split.is_exact(), split
    assert split.largest() < 1.5, split.parts


def test_an_index_that_rows_move_along_is_not_used(table: Table) -> None:
    fill(table, "id BIGINT, price INT, INDEX (price)", "seq, seq")
    assert table.split().conditions == [None]


@pytest.mark.parametrize("rows", [0, 1, FEWEST])
def test_few_rows_are_read_by_one_statement(table: Table, rows: int) -> None:
    table.execute("CREATE TABLE events (id BIGINT PRIMARY KEY)")
    if rows:
        table.execute(*table.inserts("seq", rows))
    split = table.split(counted=True)
    assert split.conditions == [None]
    assert split.parts == [rows]


def test_tables_without_an_index_and_views_are_read_by_one_statement(table: Table) -> None:
    fill(table, "id BIGINT, title TEXT, INDEX (title(10))", "seq, seq", FEWEST + 2_500)
    assert table.split().conditions == [None]
    table.execute("RENAME TABLE events TO hidden", "CREATE VIEW events AS SELECT * FROM hidden")
    assert table.split().conditions == [None]


def test_tables_with_many_deleted_rows(table: Table) -> None:
    fill(table, "id BIGINT PRIMARY KEY, filler CHAR(20)", "seq, 'x'", 2 * ROWS)
    table.execute(f"DELETE FROM events WHERE id <= {ROWS}")
    split = table.split()
    assert split.is_exact(), split
    assert split.rows == ROWS
    # Rows that the server has not removed yet count in its estimates: at worst the parts are half as many.
    assert split.largest() < 3, split.parts


def test_rows_that_come_while_the_table_is_read(table: Table) -> None:
    fill(table, "id BIGINT PRIMARY KEY, filler CHAR(20)", "seq, 'x'")
    split = table.split(between=[f"INSERT INTO events VALUES (-5, ''), ({ROWS + 1}, ''), (9223372036854775807, '')"])
    assert split.is_exact(), split
    assert split.rows == ROWS + 3


def test_rows_of_a_window_are_parted_among_themselves(table: Table) -> None:
    fill(table, "id BIGINT PRIMARY KEY, changed INT", "seq * 1000, seq", 2 * ROWS)
    split = table.split(condition=f"(changed > {ROWS + 1} OR changed % 100 = 200)")
    assert split.is_exact(), split
    assert split.rows == ROWS - 1
    assert split.largest() < 1.5, split.parts


def test_one_reader_gets_files_of_a_good_size(table: Table) -> None:
    fill(table, "id BIGINT PRIMARY KEY, filler CHAR(20)", "seq, 'x'")
    assert table.split(at_once=1).conditions == [None]


def test_rows_just_loaded_need_no_statistics(table: Table) -> None:
    table.execute("CREATE TABLE events (id BIGINT PRIMARY KEY, filler CHAR(20)) STATS_AUTO_RECALC = 0")
    assert table.split().parts == [0]
    table.execute(*table.inserts("seq, 'x'", ROWS))
    split = table.split()
    assert split.is_exact(), split
    assert split.largest() < 1.5, split.parts


@pytest.mark.parametrize("name", ["a`b", "a%b", "a%sb", "to-day"])
def test_names_that_need_care(table: Table, name: str) -> None:
    quoted = name.replace("`", "``")
    columns = f"viewed_at DATETIME, `{quoted}` BIGINT, UNIQUE `{quoted}` (`{quoted}`)"
    fill(table, columns, "NULL, seq", 2 * FEWEST)
    split = table.split(key=(), event_time="viewed_at", at_once=2)
    assert split.is_exact(), split
    assert len(split.parts) >= 2


def test_a_key_of_another_name_beside_a_column_of_its_own(table: Table) -> None:
    fill(table, "`the ``no``` BIGINT PRIMARY KEY, id INT, INDEX (id)", "seq, seq % 7", 2 * FEWEST)
    split = table.split(at_once=2, columns={"id": "the `no`", "hall": "id"})
    assert split.is_exact(), split
    assert len(split.parts) >= 2
    assert all("`the ``no```" in str(condition) for condition in split.conditions)

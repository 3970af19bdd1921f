"""The stand-in for Redshift is as strict as Redshift where our statements depend on it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from typing import Any

import pytest

from servers.redshift_client import Warehouse
from servers.redshift_faults import BEGINNING
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import ACCESS_KEY, REGION, SECRET_KEY

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def client(redshift: RedshiftStandIn) -> Iterator[Any]:
    with closing(redshift.client()) as client:
        yield client


@pytest.fixture
def warehouse(redshift: RedshiftStandIn, client: Any) -> Iterator[Warehouse]:
    """A new database; no faults are left behind."""
    yield Warehouse(redshift, client, redshift.create_database())
    redshift.faults.clear()


@pytest.fixture(scope="module")
def tables(redshift: RedshiftStandIn, client: Any) -> Warehouse:
    """A database for statements that change nothing worth a database of its own."""
    warehouse = Warehouse(redshift, client, redshift.create_database())
    warehouse.done(
        "CREATE TABLE t (id INTEGER NOT NULL, name VARCHAR(20), at TIMESTAMP, day DATE, price DECIMAL(10,2))"
    )
    warehouse.done("CREATE TABLE u (id INTEGER, name VARCHAR(20))")
    warehouse.done("CREATE SCHEMA IF NOT EXISTS s")
    return warehouse


ACCEPTED = [
    "SELECT 1",
    "SELECT 1;",
    "WITH q AS (SELECT id FROM t) SELECT * FROM q -- all",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT * FROM t AS x QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY name) = 1",
    "SELECT * FROM t WHERE id = 1 OR id IN (SELECT id FROM u)",
    "SELECT * FROM t WHERE id = 1 AND EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
    "SELECT DISTINCT id FROM t",
    "SELECT x.type FROM (SELECT 1 AS type) AS x",
    "SELECT SUM(id) OVER (), COUNT(*) OVER (PARTITION BY name) FROM t",
    "SELECT SUM(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM t",
    "SELECT MAX(id) OVER (PARTITION BY name ORDER BY id rows BETWEEN 2 PRECEDING AND 1 PRECEDING) FROM t",
    "SELECT FIRST_VALUE(name) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM t",
    "SELECT RANK() OVER (ORDER BY id), DENSE_RANK() OVER (ORDER BY id), NTILE(2) OVER (ORDER BY id) FROM t",
    "SELECT LAG(id) OVER (ORDER BY id), LEAD(id, 2) OVER (ORDER BY id), CUME_DIST() OVER (ORDER BY id) FROM t",
    "CREATE SCHEMA IF NOT EXISTS s",
    "CREATE TABLE IF NOT EXISTS u (id INTEGER)",
    "CREATE TABLE s.a (id BIGINT NOT NULL, v VARCHAR(65535), d DOUBLE PRECISION, b BOOLEAN, s SMALLINT, "
    "PRIMARY KEY (id)) DISTSTYLE KEY DISTKEY (id) COMPOUND SORTKEY (v, id)",
    "CREATE TABLE s.b (id INTEGER) SORTKEY AUTO DISTSTYLE EVEN",
    'CREATE TABLE s.c ("Id" INTEGER) SORTKEY (id)',
    "DROP TABLE IF EXISTS s.nothing",
    "ALTER TABLE u ADD COLUMN more VARCHAR(5) DEFAULT 'x' NOT NULL",
    "ALTER TABLE u DROP COLUMN more",
    "ALTER TABLE u ALTER COLUMN name TYPE VARCHAR(30)",
    r"COMMENT ON TABLE u IS 'it\'s a \\ table'",
    "COMMENT ON COLUMN public.u.id IS NULL",
    "INSERT INTO u (id, name) VALUES (1, 'a'), (2, NULL)",
    "INSERT INTO u (id) SELECT id FROM t",
    "DELETE FROM u USING t WHERE u.id = t.id",
    "UPDATE u AS x SET name = t.name FROM t WHERE t.id = x.id",
    "MERGE INTO u USING t AS n ON u.id = n.id WHEN MATCHED THEN UPDATE SET name = n.name "
    "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (n.id, n.name)",
    "LOCK TABLE u",
    "LOCK u",
    "ANALYZE u",
    "TRUNCATE u",
    "CREATE ROLE loader",
    "GRANT SELECT, INSERT, ALTER, DROP ON ALL TABLES IN SCHEMA s TO ROLE loader",
    "GRANT USAGE ON SCHEMA s TO ROLE loader",
    "REVOKE ALL ON TABLE u FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO ROLE loader",
    "GRANT ALTER, DROP FOR TABLES IN SCHEMA s TO ROLE loader",
    "GRANT ANALYZE TO ROLE loader",
    "DROP SCHEMA IF EXISTS nothing CASCADE",
]


@pytest.mark.parametrize("sql", ACCEPTED)
def test_accepted(tables: Warehouse, sql: str) -> None:
    tables.done(sql)


REFUSED = [
    ("VACUUM t", "unknown kind of statement"),
    ("SET x = 1", "unknown kind of statement"),
    ("CREATE INDEX i ON t (id)", "unknown kind of statement"),
    ("CREATE VIEW v AS SELECT 1", "unknown kind of statement"),
    ("SELECT 1; SELECT 2", "multiple commands"),
    ("-- nothing", "end of input"),
    ("SELECT 'open", "syntax error"),
    ("SELECT $1", "syntax error"),
    ("SELECT id INTO x FROM t", "into"),
    ("SELECT DISTINCT ON (id) id FROM t", "DISTINCT ON"),
    ("SELECT COUNT(*) FILTER (WHERE id > 1) FROM t", "FILTER"),
    ("SELECT * FROM t, LATERAL (SELECT 1) AS x", "LATERAL"),
    ("SELECT generate_series(1, 3)", "generate_series"),
    ("SELECT string_agg(name, ',') FROM t", "string_agg"),
    ("SELECT array_agg(name) FROM t", "array_agg"),
    ("SELECT ARRAY[1]", "ARRAY"),
    ("SELECT * FROM (VALUES (1)) AS x", "VALUES"),
    ("SELECT * FROM t WHERE id IN (VALUES (1))", "VALUES"),
    ("INSERT INTO u (id) VALUES (1) ON CONFLICT DO NOTHING", "ON CONFLICT"),
    ("INSERT INTO u (id) VALUES (1) RETURNING id", "RETURNING"),
    ("INSERT INTO u VALUES (1, 'a')", "column list"),
    ("SELECT * FROM t WHERE id IS DISTINCT FROM 1", "DISTINCT FROM"),
    ("SELECT * FROM t WHERE id IS NOT DISTINCT FROM 1", "DISTINCT FROM"),
    ("SELECT SUM(id) OVER w FROM t WINDOW w AS (ORDER BY id)", "WINDOW"),
    ("SELECT SUM(id) OVER (ORDER BY id) FROM t", "require a frame clause"),
    ("SELECT COUNT(*) OVER (PARTITION BY name ORDER BY id) FROM t", "require a frame clause"),
    ("SELECT FIRST_VALUE(name) OVER (ORDER BY id) FROM t", "require a frame clause"),
    ("SELECT LAST_VALUE(name IGNORE NULLS) OVER (ORDER BY id) FROM t", "require a frame clause"),
    ("SELECT id FROM (SELECT id, AVG(id) OVER (ORDER BY id) AS n FROM t) AS x", "require a frame clause"),
    ("SELECT SUM(id) OVER (ORDER BY id RANGE UNBOUNDED PRECEDING) FROM t", "RANGE clause .* not yet implemented"),
    ("SELECT SUM(id) OVER (ORDER BY id groups 1 PRECEDING) FROM t", "GROUPS clause"),
    ("SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM t", "EXCLUDE"),
    ("SELECT ROW_NUMBER() OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM t", "take no frame"),
    ("SELECT LEAD(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM t", "take no frame"),
    ("SELECT * FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY id) = 1", "QUALIFY"),
    ("SELECT TRY_CAST(id AS INTEGER) FROM t", "TRY_CAST"),
    ("SELECT id, COUNT(*) FROM t GROUP BY ALL", "GROUP BY ALL"),
    ("SELECT name::jsonb FROM t", "jsonb"),
    ("SELECT raw FROM t", "reserved"),
    ("SELECT * FROM raw.t", "reserved"),
    ("SELECT * FROM t WHERE id = 1 OR EXISTS (SELECT 1 FROM u WHERE u.id = t.id)", "correlated"),
    ("SELECT * FROM t WHERE id = 1 OR NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id)", "correlated"),
    ("SELECT * FROM t WHERE id = 1 OR id IN (SELECT u.id FROM u WHERE u.name = t.name)", "correlated"),
    ("CREATE SCHEMA raw", "raw"),
    ("CREATE TABLE x (id UUID)", "UUID"),
    ("CREATE TABLE x (id JSONB)", "JSONB"),
    ("CREATE TABLE x (id BYTEA)", "BYTEA"),
    ("CREATE TABLE x (id TEXT)", "TEXT"),
    ("CREATE TABLE x (id SERIAL)", "SERIAL"),
    ("CREATE TABLE x (id VARCHAR)", "syntax error"),
    ("CREATE TABLE x (id VARCHAR(65536))", "65535"),
    ("CREATE TABLE x (id DECIMAL(39, 2))", "38"),
    ("CREATE TABLE x (id INTEGER CHECK (id > 1))", "CHECK"),
    ("CREATE TABLE x (id INTEGER PRIMARY KEY)", "PRIMARY"),
    ("CREATE TABLE x (id INTEGER) DISTKEY (other)", "other"),
    ("CREATE TABLE x (id INTEGER) DISTSTYLE KEY", "DISTKEY"),
    ("CREATE TABLE x (id INTEGER) DISTSTYLE EVEN DISTKEY (id)", "DISTKEY"),
    ("CREATE TABLE x (id INTEGER, PRIMARY KEY (other))", "other"),
    ("ALTER TABLE u ADD COLUMN x INTEGER NOT NULL", "NOT NULL"),
    ("ALTER TABLE t ALTER COLUMN name TYPE VARCHAR(10)", "longer VARCHAR"),
    ("ALTER TABLE t ALTER COLUMN id TYPE VARCHAR(10)", "longer VARCHAR"),
    ("ALTER TABLE t ALTER COLUMN id TYPE BIGINT", "BIGINT"),
    ("DELETE FROM u AS x WHERE x.id = 1", "alias"),
    ("UPDATE u SET u.name = 'a'", "table name"),
    ("LOCK u IN SHARE MODE", "syntax error"),
    ("GRANT EXECUTE ON u TO ROLE loader", "EXECUTE|syntax error"),
    ("GRANT SELECT FOR TABLES IN SCHEMA s TO ROLE loader", "syntax error"),
    ("WITH q AS (DELETE FROM u) SELECT 1", "syntax error"),
    ("SELECT id FROM t FOR UPDATE", "locks"),
    ("SELECT pg_sleep(0)", "pg_sleep"),
    ("SELECT CONCAT('a', 'b', 'c')", "concat"),
    ("SELECT LAG(id) IGNORE NULLS OVER (ORDER BY id) FROM t", "not to be had"),
    (f"CREATE TABLE {'x' * 64} (id INTEGER)", "63"),
    ("SELECT 1 / 0", "^ERROR: Divide by zero$"),
]
MERGE = "MERGE INTO {target} USING {source} ON u.id = n.id {matched} {missing}"
MATCHED = "WHEN MATCHED THEN UPDATE SET name = n.name"
MISSING = "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (n.id, n.name)"


@pytest.mark.parametrize(("sql", "problem"), REFUSED)
def test_refused(tables: Warehouse, sql: str, problem: str) -> None:
    message = tables.error(sql)

    assert message.startswith("ERROR:")
    assert re.search(problem, message)


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "u AS x"},
        {"source": "(SELECT id, name FROM t) AS n"},
        {"matched": ""},
        {"missing": ""},
        {"matched": "WHEN MATCHED THEN DELETE"},
        {"matched": "WHEN MATCHED AND n.id > 1 THEN UPDATE SET name = n.name"},
        {"matched": "WHEN MATCHED THEN UPDATE SET u.name = n.name"},
        {"missing": "WHEN NOT MATCHED THEN DO NOTHING"},
        {"source": "information_schema.tables AS n"},
    ],
)
def test_refused_merges(tables: Warehouse, changed: dict[str, str]) -> None:
    parts = {"target": "u", "source": "t AS n", "matched": MATCHED, "missing": MISSING}

    tables.done(MERGE.format(**parts))
    assert tables.error(MERGE.format(**parts | changed)).startswith("ERROR:")


RESULTS = [
    ("DATEADD(month, 1, DATE '2024-01-31')", "2024-02-29 00:00:00"),
    ("DATEADD('day', -1, TIMESTAMP '2024-03-01 12:30:00')", "2024-02-29 12:30:00"),
    ("DATEADD(quarter, 1, '2024-01-01')", "2024-04-01 00:00:00"),
    ("DATEDIFF(week, DATE '2024-01-07', DATE '2024-01-08')", 1),
    ("DATEDIFF(week, DATE '2024-01-08', DATE '2024-01-14')", 0),
    ("DATEDIFF(month, DATE '2024-01-31', DATE '2024-02-01')", 1),
    ("DATEDIFF(year, DATE '2024-12-31', DATE '2023-01-01')", -1),
    ("DATEDIFF(hour, '2024-01-01 00:59:59', '2024-01-01 01:00:00')", 1),
    ("DATEDIFF(days, '2024-01-01', '2024-03-01')", 60),
    ("DATE_TRUNC('week', DATE '2024-01-07')", "2024-01-01 00:00:00"),
    ("DATE '2024-02-28' + 2", "2024-03-01"),
    ("DATE '2024-03-01' - DATE '2024-02-28'", 2),
    ("EXTRACT(year FROM DATE '2024-02-28')", 2024),
    ("CAST('1.5' AS DOUBLE PRECISION)", 1.5),
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("GREATEST(1, NULL, 3)", 3),
    ("LEAST(NULL, 2, 3)", 2),
    ("ROUND(2.345, 2)", "2.35"),
    ("ROUND(CAST(2.5 AS DOUBLE PRECISION), 0)", 3.0),
    ("CHARINDEX('b', 'abc')", 2),
    ("STRPOS('abc', 'z')", 0),
    ("LEN('züri')", 4),
    ("OCTET_LENGTH('züri')", 5),
    ("NVL(NULL, 'x')", "x"),
    ("DECODE(2, 1, 'one', 2, 'two', 'many')", "two"),
    ("TRANSLATE('abc', 'ab', 'x')", "xc"),
    ("'a' || NULL", None),
    ("NULLIF('a', 'a')", None),
    ("'B' < 'a'", True),
    ("1 = 2", False),
    (r"'it\'s \\ a\ttab \101'", "it's \\ a\ttab A"),
    ("SHA2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("CAST(1.005 AS DECIMAL(10,2))", "1.00"),
    ("CAST('üüü' AS VARCHAR(5))", "üü"),
    ("EXTRACT(epoch FROM DATEADD(day, 1, DATE_TRUNC('year', DATE '1970-05-05')))", 86400),
    ("DATEDIFF(day, DATE_TRUNC('month', DATE '2024-02-29'), DATEADD(month, 1, DATE '2024-02-29'))", 57),
    ("LEN(CAST(REPEAT('x', 300) AS VARCHAR))", 256),
    ("LEN(CAST(REPEAT('x', 300) AS VARCHAR(MAX)))", 300),
    ("CONCAT('a', NULL)", None),
    ("AVG(ROUND(x.f, 1)) OVER () FROM (SELECT CAST(2.25 AS DOUBLE PRECISION) AS f) AS x", 2.3),
    ("COUNT(*) FROM (SELECT 1 AS n) AS x WHERE 'a_b' LIKE 'a\\\\_b' AND 'axb' NOT LIKE 'a\\\\_b'", 1),
]


@pytest.mark.parametrize(("expression", "value"), RESULTS)
def test_results_are_redshifts(tables: Warehouse, expression: str, value: object) -> None:
    ((found,),) = tables.rows(f"SELECT {expression}")

    assert (found, type(found)) == (value, type(value))


CASTS = [
    ("price", "DECIMAL(10,2)", ["1.00", "-1.99", None]),
    ("price", "DECIMAL(10,0)", ["1", "-1", None]),
    ("price", "DECIMAL", ["1", "-1", None]),
    ("price", "DECIMAL(10,5)", ["1.00500", "-1.99900", None]),
    ("price", "INTEGER", [1, -1, None]),
    ("price", "BIGINT", [1, -1, None]),
    ("price", "SMALLINT", [1, -1, None]),
    ("ROUND(price, 2)", "DECIMAL(10,2)", ["1.01", "-2.00", None]),
    ("ROUND(price, 0)", "BIGINT", [1, -2, None]),
    ("price * 100", "DECIMAL(10,0)", ["100", "-199", None]),
    ("CASE WHEN price > 0 THEN price END", "DECIMAL(10,2)", ["1.00", None, None]),
    ("measure", "DECIMAL(10,2)", ["1.01", "-2.00", None]),
    ("measure", "INTEGER", [1, -2, None]),
    ("words", "DECIMAL(10,2)", ["7.50", "8.00", None]),
    ("words", "DOUBLE PRECISION", [7.5, 8.0, None]),
    ("id", "DECIMAL(10,2)", ["1.00", "2.00", "3.00"]),
    ("id", "SMALLINT", [1, 2, 3]),
    ("id > 1", "INTEGER", [0, 1, 1]),
    ("'12'", "INTEGER", [12, 12, 12]),
    ("NULL", "DECIMAL(10,2)", [None, None, None]),
]


@pytest.fixture(scope="module")
def numbers(redshift: RedshiftStandIn, client: Any) -> Warehouse:
    """One number in several types."""
    warehouse = Warehouse(redshift, client, redshift.create_database())
    warehouse.done("CREATE TABLE t (id INTEGER, price DECIMAL(12,4), measure DOUBLE PRECISION, words VARCHAR(9))")
    values = "(1, 1.005, 1.006, '7.5'), (2, -1.999, -1.999, '8'), (3, NULL, NULL, NULL)"
    warehouse.done(f"INSERT INTO t (id, price, measure, words) VALUES {values}")
    return warehouse


@pytest.mark.parametrize(("expression", "kind", "values"), CASTS)
def test_casts_cut_decimals(numbers: Warehouse, expression: str, kind: str, values: list[object]) -> None:
    found = [value for _, value in numbers.rows(f"SELECT id, CAST({expression} AS {kind}) FROM t ORDER BY id")]

    assert found == values
    assert [value for _, value in numbers.rows(f"SELECT id, ({expression})::{kind} FROM t ORDER BY id")] == values


def test_inserted_decimals_are_rounded(warehouse: Warehouse) -> None:
    """As in AWS's examples with numeric types."""
    warehouse.done("CREATE TABLE t (id INTEGER, price DECIMAL(4,2))")
    warehouse.done("INSERT INTO t (id, price) VALUES (1.5, 35.515)")

    assert warehouse.rows("SELECT id, price FROM t") == [(2, "35.52")]


BLANKS = [
    ("SELECT id FROM t WHERE name = 'a' ORDER BY id", [(1,), (2,), (3,)]),
    ("SELECT id FROM t WHERE 'a  ' = name ORDER BY id", [(1,), (2,), (3,)]),
    ("SELECT id FROM t WHERE name <> 'a' ORDER BY id", [(4,), (5,)]),
    ("SELECT id FROM t WHERE name = ''", [(5,)]),
    ("SELECT id FROM t WHERE name IN ('a', 'c') ORDER BY id", [(1,), (2,), (3,)]),
    ("SELECT id FROM t WHERE name NOT IN ('a', 'c') ORDER BY id", [(4,), (5,)]),
    ("SELECT id FROM t WHERE name > 'a' OR name < 'a' ORDER BY id", [(4,), (5,)]),
    ("SELECT id FROM t WHERE REPLACE(name, 'b', 'a') = REPLACE('c ', 'c', 'a') ORDER BY id", [(1,), (2,), (3,), (4,)]),
    ("SELECT COUNT(*) FROM t GROUP BY name ORDER BY 1", [(1,), (1,), (3,)]),
    ("SELECT COUNT(*) FROM t GROUP BY name || '' ORDER BY 1", [(1,), (1,), (3,)]),
    ("SELECT COUNT(DISTINCT name) FROM t", [(3,)]),
    ("SELECT COUNT(*) FROM (SELECT name FROM t UNION SELECT 'a   ') AS x", [(3,)]),
    ("SELECT COUNT(*) FROM (SELECT DISTINCT name, 1 AS one FROM t) AS x", [(3,)]),
    (
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) FROM t ORDER BY id LIMIT 3",
        [(1, 1), (2, 2), (3, 3)],
    ),
    ("SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.name = b.name", [(11,)]),
    ("SELECT COUNT(*) FROM t AS a WHERE EXISTS (SELECT 1 FROM t AS b WHERE a.name = b.name AND a.id <> b.id)", [(3,)]),
    ("SELECT id FROM t WHERE name IN (SELECT name FROM t WHERE id = 3) ORDER BY id", [(1,), (2,), (3,)]),
    ("SELECT id, CASE name WHEN 'a' THEN 1 END, NULLIF(name, 'a') FROM t WHERE id = 2", [(2, 1, None)]),
    ("SELECT id FROM t WHERE name LIKE 'a'", [(1,)]),
    ("SELECT LEN(name), name || '|' FROM t WHERE id = 2", [(2, "a |")]),
]


@pytest.fixture(scope="module")
def blanks(redshift: RedshiftStandIn, client: Any) -> Warehouse:
    """Texts that blanks tell apart, if anything does."""
    warehouse = Warehouse(redshift, client, redshift.create_database())
    warehouse.done("CREATE TABLE t (id INTEGER, name VARCHAR(9))")
    warehouse.done("INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'a '), (3, 'a  '), (4, 'b'), (5, ' ')")
    return warehouse


@pytest.mark.parametrize(("sql", "rows"), BLANKS)
def test_trailing_blanks_tell_no_texts_apart(blanks: Warehouse, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert blanks.rows(sql) == rows


def test_a_merge_by_texts_passes_over_trailing_blanks(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id VARCHAR(4), n INTEGER)", "CREATE TABLE s (id VARCHAR(4), n INTEGER)")
    warehouse.done("INSERT INTO t (id, n) VALUES ('a', 1)", "INSERT INTO s (id, n) VALUES ('a ', 2)")
    warehouse.done(
        "MERGE INTO t USING s AS x ON t.id = x.id WHEN MATCHED THEN UPDATE SET n = x.n "
        "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (x.id, x.n)"
    )

    assert warehouse.rows("SELECT id, n FROM t") == [("a", 2)]


def test_nulls_come_last_and_whole_averages_are_whole(tables: Warehouse) -> None:
    numbers = "(SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT NULL) AS x"

    assert tables.rows(f"SELECT n FROM {numbers} ORDER BY n") == [(1,), (2,), (None,)]
    assert tables.rows(f"SELECT n FROM {numbers} ORDER BY n DESC NULLS LAST") == [(2,), (1,), (None,)]
    assert tables.rows(f"SELECT AVG(n), AVG(n * 1.0), SUM(n) FROM {numbers}") == [(1, "1.5000000000000000", 3)]


def test_windows_can_pass_over_nulls(tables: Warehouse) -> None:
    numbers = "(SELECT 1 AS n, 'a' AS v UNION ALL SELECT 2, NULL UNION ALL SELECT 3, 'c') AS x"
    frame = "OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    rows = tables.rows(f"SELECT n, LAST_VALUE(v IGNORE NULLS) {frame} FROM {numbers} ORDER BY n")

    assert rows == [(1, "a"), (2, "a"), (3, "c")]


def test_results_tell_types_and_come_in_pages(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id BIGINT, price DECIMAL(12,2), name VARCHAR(40), at TIMESTAMP)")
    values = ", ".join(f"({number}, {number}.5, 'n{number}', '2024-01-01 00:00:00.25')" for number in range(1200))
    assert warehouse.done(f"INSERT INTO t (id, price, name, at) VALUES {values}")["ResultRows"] == 1200

    done = warehouse.done("SELECT id, price, name, at, CAST(1 AS DOUBLE PRECISION) AS f, id > 1 FROM t ORDER BY id")
    pages = list(warehouse.client.get_paginator("get_statement_result").paginate(Id=done["Id"]))

    assert (done["HasResultSet"], done["ResultRows"], len(pages)) == (True, 1200, 3)
    assert [record[0]["longValue"] for page in pages for record in page["Records"]] == list(range(1200))
    assert pages[0]["Records"][7][1:4] == [
        {"stringValue": "7.50"},
        {"stringValue": "n7"},
        {"stringValue": "2024-01-01 00:00:00.25"},
    ]
    told = [(column["typeName"], column["precision"], column["scale"]) for column in pages[0]["ColumnMetadata"]]
    assert told[:3] == [("int8", 19, 0), ("numeric", 12, 2), ("varchar", 40, 0)]
    assert [name for name, _, _ in told[3:]] == ["timestamp", "float8", "bool"]


def test_keys_are_not_enforced_but_not_null_is(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER NOT NULL, v VARCHAR(4), PRIMARY KEY (id)) DISTKEY (id) SORTKEY (v, id)")
    warehouse.done("INSERT INTO t (id) VALUES (1), (1)")

    assert "Cannot insert a NULL value into column id" in warehouse.error("INSERT INTO t (v) VALUES ('a')")
    layout = warehouse.stand_in.execute("SELECT * FROM redshift_stand_in.table_layout", warehouse.database)
    assert layout == [("public", "t", "KEY", "id", "v,id", '"id"')]


def test_a_varchar_counts_bytes(warehouse: Warehouse) -> None:
    length = "SELECT character_maximum_length FROM information_schema.columns WHERE column_name = 'v'"
    warehouse.done("CREATE TABLE t (v VARCHAR(4))")
    warehouse.done("INSERT INTO t (v) VALUES ('üü')")

    assert warehouse.error("INSERT INTO t (v) VALUES ('üüx')") == (
        "ERROR: value too long for type character varying(4)"
    )
    assert warehouse.rows(length) == [(4,)]

    warehouse.done("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(5)")
    warehouse.done("INSERT INTO t (v) VALUES ('üüx')")

    assert warehouse.rows(length) == [(5,)]
    assert "character varying(5)" in warehouse.error("INSERT INTO t (v) VALUES ('üüü')")
    assert "transaction block" in warehouse.error("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(9)", "SELECT 1")


@pytest.mark.parametrize("encoding", ["BYTEDICT", "runlength", "TEXT255", "TEXT32K"])
def test_a_varchar_of_some_encodings_does_not_grow(warehouse: Warehouse, encoding: str) -> None:
    grow = "ALTER TABLE s.t ALTER COLUMN {} TYPE VARCHAR(9)"
    refused_with = f'ERROR: cannot alter column "v" of relation "t" with encode type "{encoding.lower()}"'
    warehouse.done("CREATE SCHEMA s", "CREATE TABLE s.t (v VARCHAR(4), w VARCHAR(4))", "CREATE TABLE t (v VARCHAR(4))")
    encode(warehouse, "t", "v", encoding)
    encode(warehouse, "t", "w", "LZO")

    assert warehouse.error(grow.format("v")) == refused_with
    warehouse.done(grow.format("w"))
    warehouse.done("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(9)")

    warehouse.done("CREATE TABLE s.n (v VARCHAR(9))", "DROP TABLE s.t", "ALTER TABLE s.n RENAME TO t")
    warehouse.done("ALTER TABLE s.t ALTER COLUMN v TYPE VARCHAR(20)")


def test_an_encoding_goes_with_its_table(warehouse: Warehouse) -> None:
    warehouse.done("CREATE SCHEMA s", "CREATE TABLE s.t (v VARCHAR(4))")
    encode(warehouse, "t", "v", "BYTEDICT")
    warehouse.done("ALTER TABLE s.t RENAME TO u")

    assert 'relation "u" with encode type' in warehouse.error("ALTER TABLE s.u ALTER COLUMN v TYPE VARCHAR(9)")
    warehouse.done("DROP SCHEMA s CASCADE", "CREATE SCHEMA s", "CREATE TABLE s.u (v VARCHAR(4))")
    warehouse.done("ALTER TABLE s.u ALTER COLUMN v TYPE VARCHAR(9)")


def encode(warehouse: Warehouse, table: str, column: str, encoding: str) -> None:
    """Note what Redshift chose for a column of schema `s`."""
    values = f"('s', '{table}', '{column}', '{encoding}')"
    warehouse.stand_in.execute(f"INSERT INTO redshift_stand_in.column_encoding VALUES {values}", warehouse.database)


def test_a_merge_needs_a_source_without_double_matches(warehouse: Warehouse) -> None:
    merge = (
        "MERGE INTO t USING s AS n ON t.id = n.id WHEN MATCHED THEN UPDATE SET v = n.v "
        "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (n.id, n.v)"
    )
    warehouse.done("CREATE TABLE t (id INTEGER, v VARCHAR(4))", "CREATE TABLE s (id INTEGER, v VARCHAR(4))")
    warehouse.done("INSERT INTO s (id, v) VALUES (1, 'a'), (2, 'b')", merge)
    warehouse.done("UPDATE s SET v = 'c' WHERE id = 2", merge)

    assert warehouse.rows("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "c")]

    warehouse.done("INSERT INTO s (id, v) VALUES (1, 'd')")
    assert warehouse.error(merge) == "ERROR: Found multiple matches to update the same tuple."


def test_a_batch_is_one_transaction(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)")
    failed = warehouse.run("INSERT INTO t (id) VALUES (1)", "SELECT id FROM t", "SELECT 1 / 0", "SELECT 2")

    assert failed["Error"] == "Query #3 failed with ERROR: Divide by zero"
    parts = failed["SubStatements"]
    assert [part["Status"] for part in parts] == ["FINISHED", "FINISHED", "FAILED", "ABORTED"]
    assert [part["Id"] for part in parts] == [f"{failed['Id']}:{number}" for number in range(1, 5)]
    assert not any(part["HasResultSet"] for part in parts)
    with refused("ResourceNotFoundException"):
        warehouse.client.get_statement_result(Id=parts[1]["Id"])
    assert warehouse.rows("SELECT * FROM t") == []


def test_a_batchs_results_are_its_parts(warehouse: Warehouse) -> None:
    done = warehouse.done("SELECT 1", "SELECT 2")

    second = warehouse.client.get_statement_result(Id=f"{done['Id']}:2")
    assert second["Records"] == [[{"longValue": 2}]]
    with refused("sub-statement id"):
        warehouse.client.get_statement_result(Id=done["Id"])


SWAP = "DELETE FROM t; INSERT INTO t (id) SELECT 2 AS id;"
PROCEDURE = f"CREATE PROCEDURE swap() AS $$ BEGIN {SWAP} END; $$ LANGUAGE plpgsql"


def test_a_procedure_runs_its_statements_when_it_is_called(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)", "INSERT INTO t (id) VALUES (1)")
    warehouse.done(PROCEDURE)
    assert warehouse.rows("SELECT id FROM t") == [(1,)]
    warehouse.done("CALL swap()", "DROP PROCEDURE swap()")

    assert warehouse.rows("SELECT id FROM t") == [(2,)]
    assert "does not exist" in warehouse.error("CALL swap()")


def test_a_procedure_is_undone_with_its_transaction(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)", "INSERT INTO t (id) VALUES (1)")
    assert "Divide by zero" in warehouse.error(PROCEDURE, "CALL swap()", "SELECT 1 / 0")

    assert warehouse.rows("SELECT id FROM t") == [(1,)]
    warehouse.done(PROCEDURE)
    assert "already exists" in warehouse.error(PROCEDURE)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("TRUNCATE t;", "not known in a procedure"),
        ("SELECT 1;", "not known in a procedure"),
        ("DELETE FROM t", "syntax error"),
        ("DELETE FROM t;;", "syntax error"),
        ("DELETE t FROM;", "syntax error"),
    ],
)
def test_refused_procedures(tables: Warehouse, body: str, problem: str) -> None:
    assert problem in tables.error(f"CREATE PROCEDURE p() AS $$ BEGIN {body} END; $$ LANGUAGE plpgsql")


def test_truncate_commits(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)", "CREATE TABLE u (id INTEGER)", "INSERT INTO t (id) VALUES (1)")
    warehouse.error("INSERT INTO u (id) VALUES (1)", "TRUNCATE t", "INSERT INTO u (id) VALUES (2)", "SELECT 1 / 0")

    assert warehouse.rows("SELECT * FROM t") == []
    assert warehouse.rows("SELECT * FROM u") == [(1,)]


def test_a_transaction_sees_what_was_there_after_its_lock(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)")
    with closing(warehouse.stand_in.connect(warehouse.database)) as other:
        other.execute("BEGIN")
        other.execute("INSERT INTO t (id) VALUES (1)")
        waiting = warehouse.start("LOCK t", "INSERT INTO t (id) SELECT COUNT(*) + 10 FROM t")
        time.sleep(0.2)
        assert warehouse.client.describe_statement(Id=waiting)["Status"] == "STARTED"
        other.execute("COMMIT")

    assert warehouse.wait(waiting)["Status"] == "FINISHED"
    assert warehouse.rows("SELECT id FROM t ORDER BY id") == [(1,), (11,)]


def test_a_lost_race_is_a_serialization_failure(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)", "INSERT INTO t (id) VALUES (1)")
    with closing(warehouse.stand_in.connect(warehouse.database)) as other:
        other.execute("BEGIN")
        other.execute("UPDATE t SET id = 2")
        waiting = warehouse.start("UPDATE t SET id = 3")
        time.sleep(0.2)
        other.execute("COMMIT")

    assert "ERROR: 1023" in warehouse.wait(waiting)["Error"]


def test_roles_hold_in_postgresql(warehouse: Warehouse) -> None:
    warehouse.done("CREATE SCHEMA s", "CREATE ROLE analyst", "CREATE TABLE s.t (id INTEGER)")
    warehouse.done("GRANT USAGE ON SCHEMA s TO ROLE analyst", "GRANT SELECT, DROP ON s.t TO ROLE analyst")
    role = warehouse.stand_in.role(warehouse.database, "analyst")
    rights = f"SELECT has_table_privilege('{role}', 's.t', 'SELECT'), has_table_privilege('{role}', 's.t', 'INSERT')"

    assert warehouse.stand_in.execute(rights, warehouse.database) == [(True, False)]


def test_the_same_token_runs_once(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)")
    token = f"token-{warehouse.database}"
    ids = {warehouse.start("INSERT INTO t (id) VALUES (1)", ClientToken=token) for _ in range(3)}

    assert len(ids) == 1
    warehouse.wait(ids.pop())
    assert warehouse.rows("SELECT * FROM t") == [(1,)]
    assert warehouse.stand_in.statements[warehouse.database].count("INSERT INTO t (id) VALUES (1)") == 1


@pytest.mark.parametrize(
    ("sqls", "options"),
    [
        (["SELECT 1"], {"WorkgroupName": "other"}),
        (["SELECT 1"], {"WorkgroupName": "TEST-WORKGROUP"}),
        (["SELECT 1"], {"ClusterIdentifier": "test-cluster"}),
        (["SELECT 1"] * 41, {}),
        (["SELECT '" + "x" * 100_000 + "'"], {}),
    ],
)
def test_invalid_calls(tables: Warehouse, sqls: list[str], options: dict[str, str]) -> None:
    with refused("ValidationException"):
        tables.start(*sqls, **options)


def test_an_unknown_database_fails_when_run(tables: Warehouse) -> None:
    assert tables.run("SELECT 1", Database="nowhere")["Error"] == 'FATAL: database "nowhere" does not exist'


def test_an_unknown_statement_is_told(tables: Warehouse) -> None:
    with refused("ResourceNotFoundException"):
        tables.client.describe_statement(Id="00000000-0000-0000-0000-000000000000")


def test_statements_are_listed_by_name(warehouse: Warehouse) -> None:
    first = warehouse.run("SELECT 1", StatementName="load-1")
    warehouse.run("SELECT 1 / 0", StatementName="load-2")
    warehouse.run("SELECT 1", StatementName="other")
    listed = warehouse.client.list_statements(StatementName="load-", Database=warehouse.database)["Statements"]

    assert [(one["StatementName"], one["Status"]) for one in listed] == [("load-2", "FAILED"), ("load-1", "FINISHED")]
    done = warehouse.client.list_statements(Status="FINISHED", Database=warehouse.database, StatementName="load-")
    assert [one["Id"] for one in done["Statements"]] == [first["Id"]]


def test_cancelling_stops_the_query(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)")
    many = "SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5"
    joins = ", ".join(f"q AS q{number}" for number in range(14))
    running = warehouse.start("INSERT INTO t (id) VALUES (1)", f"WITH q AS ({many}) SELECT COUNT(*) FROM {joins}")
    time.sleep(0.3)

    assert warehouse.client.cancel_statement(Id=running)["Status"] is True
    assert warehouse.wait(running)["Status"] == "ABORTED"
    assert warehouse.rows("SELECT * FROM t") == []
    with refused("ValidationException"):
        warehouse.client.cancel_statement(Id=running)


@pytest.mark.parametrize(("before", "rows"), [(True, []), (False, [(1,)])])
def test_a_cut_request(warehouse: Warehouse, impatient: Any, before: bool, rows: list[tuple[int]]) -> None:
    from botocore.exceptions import ConnectionClosedError

    warehouse.done("CREATE TABLE t (id INTEGER)")
    faults = warehouse.stand_in.faults
    faults.cut(2, before)
    call = {"WorkgroupName": "test-workgroup", "Database": warehouse.database}
    impatient.list_statements()
    with pytest.raises(ConnectionClosedError):
        impatient.execute_statement(Sql="INSERT INTO t (id) VALUES (1)", **call)

    assert eventually(lambda: warehouse.rows("SELECT * FROM t"), rows)


@pytest.mark.parametrize(("before", "rows"), [(True, []), (False, [(2,)])])
def test_silence_is_about_what_was_begun(
    warehouse: Warehouse, impatient: Any, before: bool, rows: list[tuple[int]]
) -> None:
    """However often it is sent, a request with the token of the first is about the same."""
    from botocore.exceptions import ConnectionClosedError

    warehouse.done("CREATE TABLE t (id INTEGER)")
    faults = warehouse.stand_in.faults
    faults.silence(2, BEGINNING, before)
    call = {"WorkgroupName": "test-workgroup", "Database": warehouse.database}
    impatient.execute_statement(Sql="DELETE FROM t", ClientToken=f"{warehouse.database}-first", **call)
    for _ in range(3):
        with pytest.raises(ConnectionClosedError):
            impatient.execute_statement(
                Sql="INSERT INTO t (id) VALUES (2)", ClientToken=f"{warehouse.database}-second", **call
            )
    third = impatient.execute_statement(Sql="SELECT 1", ClientToken=f"{warehouse.database}-third", **call)["Id"]
    warehouse.stand_in.rest()
    assert impatient.describe_statement(Id=third)["Status"] == "FINISHED"
    faults.silence(1, {"DescribeStatement"}, before)
    fourth = impatient.execute_statement(Sql="SELECT 1", ClientToken=f"{warehouse.database}-fourth", **call)["Id"]
    for _ in range(2):
        with pytest.raises(ConnectionClosedError):
            impatient.describe_statement(Id=fourth)
    faults.clear()
    assert impatient.describe_statement(Id=fourth)["Id"] == fourth
    assert warehouse.rows("SELECT * FROM t") == rows


def test_a_throttled_request(warehouse: Warehouse, impatient: Any) -> None:
    before = warehouse.stand_in.faults.requests
    warehouse.stand_in.faults.throttle(1)
    with refused("ActiveStatementsExceededException"):
        impatient.list_statements()

    impatient.list_statements()
    assert warehouse.stand_in.faults.requests == before + 2


def test_a_killed_process_loses_the_batch(warehouse: Warehouse) -> None:
    warehouse.done("CREATE TABLE t (id INTEGER)")
    before = warehouse.stand_in.faults.sql_statements
    warehouse.stand_in.faults.kill(2)

    assert "connection to the server was lost" in warehouse.error("INSERT INTO t (id) VALUES (1)", "SELECT 1")
    assert warehouse.rows("SELECT * FROM t") == []
    assert warehouse.stand_in.faults.sql_statements == before + 3


def test_slow_statements_can_be_cancelled(warehouse: Warehouse) -> None:
    warehouse.stand_in.faults.slow(30)
    slow = warehouse.start("SELECT 1")
    warehouse.client.cancel_statement(Id=slow)

    assert warehouse.wait(slow)["Status"] == "ABORTED"


def test_databases_are_apart(redshift: RedshiftStandIn, client: Any, warehouse: Warehouse) -> None:
    other = Warehouse(redshift, client, redshift.create_database())
    warehouse.done("CREATE TABLE t (id INTEGER)", "CREATE ROLE loader")
    other.done("CREATE TABLE t (id BIGINT)", "CREATE ROLE loader")

    assert redshift.statements[other.database] == ["CREATE TABLE t (id BIGINT)", "CREATE ROLE loader"]


def refused(problem: str) -> AbstractContextManager[Any]:
    from botocore.exceptions import ClientError

    return pytest.raises(ClientError, match=problem)


def eventually(look: Callable[[], object], wanted: object) -> bool:
    """Whether a look gives what is wanted, within seconds."""
    deadline = time.monotonic() + 5
    while look() != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return look() == wanted


@pytest.fixture
def impatient(redshift: RedshiftStandIn) -> Iterator[Any]:
    """A client that tries once."""
    import boto3
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1, "mode": "standard"}, region_name=REGION)
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    client = boto3.client("redshift-data", endpoint_url=redshift.endpoint_url, config=once, **keys)
    with closing(client):
        yield client

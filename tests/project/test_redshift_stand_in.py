"""The stand-in for Redshift is as strict as Redshift where our statements depend on it."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from servers.redshift_stand_in import RedshiftStandIn

pytestmark = pytest.mark.service

ROLE = "IAM_ROLE default FORMAT AS PARQUET MANIFEST"


@dataclass(frozen=True)
class Warehouse:
    """A database of the stand-in, through the Data API."""

    stand_in: RedshiftStandIn
    client: Any
    database: str

    def start(self, *sqls: str, **options: Any) -> str:
        place = {"WorkgroupName": "test-workgroup", "Database": self.database, **options}
        if len(sqls) == 1:
            return str(self.client.execute_statement(Sql=sqls[0], **place)["Id"])
        return str(self.client.batch_execute_statement(Sqls=list(sqls), **place)["Id"])

    def wait(self, statement: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            answer: dict[str, Any] = self.client.describe_statement(Id=statement)
            if answer["Status"] in {"FINISHED", "FAILED", "ABORTED"}:
                return answer
            time.sleep(0.01)
        raise TimeoutError(statement)

    def run(self, *sqls: str, **options: Any) -> dict[str, Any]:
        return self.wait(self.start(*sqls, **options))

    def done(self, *sqls: str) -> dict[str, Any]:
        answer = self.run(*sqls)
        assert answer["Status"] == "FINISHED", answer.get("Error")
        return answer

    def error(self, *sqls: str) -> str:
        answer = self.run(*sqls)
        assert answer["Status"] == "FAILED", answer
        return str(answer["Error"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        answer = self.client.get_statement_result(Id=self.done(sql)["Id"])
        return [
            tuple(None if "isNull" in field else next(iter(field.values())) for field in record)
            for record in answer["Records"]
        ]


@pytest.fixture(scope="module")
def client(redshift: RedshiftStandIn) -> Iterator[Any]:
    with closing(redshift.client()) as client:
        yield client


@pytest.fixture
def warehouse(redshift: RedshiftStandIn, client: Any) -> Iterator[Warehouse]:
    yield Warehouse(redshift, client, redshift.create_database())
    redshift.faults.clear()


@pytest.fixture(scope="module")
def tables(redshift: RedshiftStandIn, client: Any) -> Warehouse:
    """A database for statements that change nothing worth a database of its own."""
    warehouse = Warehouse(redshift, client, redshift.create_database())
    warehouse.done("CREATE TABLE t (id INTEGER NOT NULL, name VARCHAR(20), at TIMESTAMP, day DATE, price DECIMAL(10,2))")
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

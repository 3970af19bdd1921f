"""One lake, loaded into DuckDB and into the stand-in for Redshift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.runners.local import RunOutcome
from runs.harness import Pipeline
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server

if TYPE_CHECKING:
    from psycopg import Connection

READ = ("extract", "transform")
FILLED = ("load-raw", "load-curated", "metrics")
HIDDEN = {"_run_id", "_loaded_at", "_row_id", "_extracted_at"}
OPS = {
    "row_accounting": "table_name, extracted, curated, superseded, rejected",
    "rejected_rows": "table_name, row_key, rules, row_json",
    "check_results": "table_name, check_name, severity, failed_rows, sample",
    "proofs": "table_name, read_mode, source_rows, extracted_rows, deleted_keys, key_hash",
    "freshness": "table_name, read_mode",
}
FILLED_FIRST = {"curated.calendar", "curated.exchange_rates"}
NOT_COPIED = ("locks/", "drafts/")
"""Folders of a lake that are one process's own."""
Rows = list[tuple[Any, ...]]


class Redshift(Pipeline):
    """The pipeline with a database of the stand-in as its warehouse."""

    def __init__(self, folder: Path, source_url: str, lake: str, stand_in: RedshiftStandIn) -> None:
        self.stand_in = stand_in
        self.database = stand_in.create_database()
        warehouse = f"warehouse.url=redshift://test-workgroup/{self.database}"
        super().__init__(folder, source_url, f"lake.url={lake}", warehouse)

    def run(self, *settings: str, **options: Any) -> RunOutcome:
        with same_staging_names():
            return super().run(*settings, **options)

    def seen(self, sql: str) -> Rows:
        """Rows past the Data API."""
        return self.stand_in.execute(sql, self.database)

    def every(self, *schemas: str) -> dict[str, Rows]:
        """All rows of all tables of schemas, without what tells one run from another."""
        return tables_of(self.stand_in, self.database, *schemas)

    def comments(self) -> dict[str, str | None]:
        """What each table and column says of itself."""
        return dict(
            self.seen(
                "SELECT place, told FROM ("
                "SELECT nspname || '.' || relname AS place, OBJ_DESCRIPTION(tables.oid, 'pg_class') AS told, nspname"
                " FROM pg_class AS tables INNER JOIN pg_namespace AS spaces ON spaces.oid = relnamespace"
                " WHERE relkind = 'r' UNION ALL"
                " SELECT nspname || '.' || relname || '.' || attname, COL_DESCRIPTION(tables.oid, attnum), nspname"
                " FROM pg_class AS tables INNER JOIN pg_namespace AS spaces ON spaces.oid = relnamespace"
                " INNER JOIN pg_attribute ON attrelid = tables.oid"
                " WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped"
                ") AS found WHERE nspname IN ('raw_data', 'curated', 'intermediate', 'presentation', 'ops')"
            )
        )

    def told(self) -> dict[str, Rows]:
        """What the runs say of themselves."""
        return {name: ordered(self.seen(f"SELECT {columns} FROM ops.{name}")) for name, columns in OPS.items()}


class DuckDb(Pipeline):
    """The pipeline with a DuckDB file as its warehouse."""

    def every(self, *schemas: str) -> dict[str, Rows]:
        """All rows of all tables of schemas, as `Redshift.every` gives them."""
        named = ", ".join(f"'{schema}'" for schema in schemas)
        columns: dict[str, list[str]] = {}
        with self._asking() as ask:
            for schema, table, name in ask(
                "SELECT table_schema, table_name, column_name FROM information_schema.columns "
                f"WHERE table_schema IN ({named}) ORDER BY 1, 2, 3"
            ):
                columns.setdefault(f"{schema}.{table}", []).append(name)
            return {
                table: ordered(ask(rows_of(table, names)))
                for table, names in columns.items()
                if table != "curated.calendar"
            }

    def comments(self) -> dict[str, str | None]:
        """What each table and column says of itself."""
        with self._asking() as ask:
            return dict(
                ask(
                    "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() UNION ALL "
                    "SELECT schema_name || '.' || table_name || '.' || column_name, comment FROM duckdb_columns() "
                    "WHERE NOT internal"
                )
            )

    def told(self) -> dict[str, Rows]:
        """What the runs say of themselves."""
        with self._asking() as ask:
            return {name: ordered(ask(f"SELECT {columns} FROM ops.{name}")) for name, columns in OPS.items()}


class Twins:
    """Two warehouses of one lake: each run is extracted and transformed once, and loaded into both."""

    def __init__(self, folder: Path, source_url: str, s3: S3Server, stand_in: RedshiftStandIn) -> None:
        self._s3 = s3
        self.bucket = s3.create_bucket()
        self.duckdb = DuckDb(folder / "duckdb", source_url)
        self.redshift = Redshift(folder / "redshift", source_url, f"s3://{self.bucket}/lake", stand_in)
        self._copied: dict[str, bytes] = {}

    def make_every_metric(self) -> None:
        """Not only those that stand for them."""
        self.duckdb.every_metric = self.redshift.every_metric = True

    def run(self, *settings: str, **options: Any) -> RunOutcome:
        """Read the source into one lake, copy that, and fill both warehouses."""
        return self._do(FILLED, *settings, **options)

    def load(self, *settings: str, **options: Any) -> RunOutcome:
        """A run without its metrics, for who looks at no number."""
        return self._do(FILLED[:-1], *settings, **options)

    def _do(self, filled: Sequence[str], *settings: str, **options: Any) -> RunOutcome:
        outcome = self.duckdb.run(*settings, steps=READ, **options)
        self.copy_lake()
        for pipeline in (self.duckdb, self.redshift):
            pipeline.run(*settings, steps=filled, resume=outcome.run.run_id, as_of=options.get("as_of"))
        return outcome

    def copy_lake(self) -> None:
        """Put what is new in the first lake, a folder, into the second one."""
        root = self.duckdb.folder / "lake"
        files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        with closing(self._s3.client()) as client:
            for name, content in files.items():
                if not name.startswith(NOT_COPIED) and self._copied.get(name) != content:
                    client.put_object(Bucket=self.bucket, Key=f"lake/{name}", Body=content)
                    self._copied[name] = content

    def differences(self) -> dict[str, Any]:
        """Tables that are not the same in both warehouses."""
        found = {}
        for look in (lambda one: one.every("raw_data", "curated", "presentation"), lambda one: one.told()):
            one, other = look(self.duckdb), look(self.redshift)
            for name in sorted({*one, *other}):
                if one.get(name) != other.get(name):
                    first, second = one.get(name, []), other.get(name, [])
                    found[name] = (
                        [row for row in first if row not in second],
                        [row for row in second if row not in first],
                    )
        return found


@contextmanager
def same_staging_names() -> Iterator[None]:
    """Staging tables have the same names in each load and rebuild, so that a statement is known again and parsed once.

    Only for databases in which nobody else loads at the same time.
    """
    with pytest.MonkeyPatch.context() as patch:
        names = SimpleNamespace(token_hex=lambda _: "0a1b2c3d")
        patch.setattr("rental_analytics.warehouses.redshift.warehouse.secrets", names)
        yield


@contextmanager
def reaching(monkeypatch: Any, s3: S3Server, stand_in: RedshiftStandIn) -> Iterator[None]:
    """Let AWS clients of this process reach the test servers."""
    with monkeypatch.context() as patch:
        for name, value in environment(s3, stand_in).items():
            patch.setenv(name, value)
        yield


def environment(s3: S3Server, stand_in: RedshiftStandIn) -> Mapping[str, str]:
    """The variables that send AWS clients to the test servers."""
    return s3.environment() | stand_in.environment()


def tables_of(stand_in: RedshiftStandIn, database: str, *schemas: str) -> dict[str, Rows]:
    """All rows of all tables of schemas of a database of the stand-in, past the Data API, but for the calendar."""
    with stand_in.session(database) as connection:
        return {
            table: ordered(connection.execute(rows_of(table, names).encode()).fetchall())
            for table, names in _columns(connection, schemas).items()
            if table != "curated.calendar"
        }


def sums_of(stand_in: RedshiftStandIn, database: str, *schemas: str) -> dict[str, Rows]:
    """Of every table how many rows it has and the sum of their hashes: the same for the same rows in any order.

    Of long tables that a run fills when it begins, the newest transaction that wrote to them stands for the sum: copies
    of one database have it in common for as long as nobody writes to the table.
    """
    with stand_in.session(database) as connection:
        sums = {
            table: "MAX(xmin::text::bigint)"
            if table in FILLED_FIRST
            else f"SUM(HASHTEXTEXTENDED(ROW({listed(names)})::text, 0))"
            for table, names in _columns(connection, schemas).items()
        }
        return {
            table: connection.execute(f"SELECT COUNT(*), {what} FROM {quoted(table)}".encode()).fetchall()
            for table, what in sums.items()
        }


def _columns(connection: Connection[Any], schemas: Sequence[str]) -> dict[str, list[str]]:
    named = ", ".join(f"'{schema}'" for schema in schemas)
    columns: dict[str, list[str]] = {}
    for schema, table, name in connection.execute(
        "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute AS a "
        "JOIN pg_catalog.pg_class AS c ON a.attrelid = c.oid JOIN pg_catalog.pg_namespace AS n "
        "ON c.relnamespace = n.oid WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' "
        f"AND n.nspname IN ({named}) ORDER BY 1, 2, 3".encode()
    ):
        columns.setdefault(f"{schema}.{table}", []).append(name)
    return columns


def ordered(rows: Rows) -> Rows:
    """Rows in an order that NULLs do not disturb."""
    try:
        # Long tables have none, and are put in order much more quickly so.
        return sorted(rows)
    except TypeError:
        return sorted(rows, key=lambda row: [(value is None, str(value)) for value in row])


def rows_of(table: str, names: list[str]) -> str:
    """A query of a table's rows; of exchange rates, which are many thousand, of a sum of them by currency."""
    if table == "curated.exchange_rates":
        assert {*names} - HIDDEN == {"currency", "rate_date", "rate"}, names
        text = "CAST(rate_date AS VARCHAR) || ' ' || CAST(rate AS VARCHAR)"
        summed = f"COUNT(*), MD5(STRING_AGG({text}, ',' ORDER BY rate_date))"
        return f"SELECT currency, {summed} FROM curated.exchange_rates GROUP BY currency"
    return f"SELECT {listed(names)} FROM {quoted(table)}"


def listed(names: list[str]) -> str:
    """Columns to compare, as a select list."""
    return ", ".join(quoted(name) for name in names if name not in HIDDEN) or "1"


def quoted(name: str) -> str:
    """A qualified name in SQL."""
    return ".".join(f'"{part}"' for part in name.split("."))

"""Checks on a real Redshift what no stand-in can tell: docs/reference/verified.md has the claims.

It makes the four schemas in a database that has none of them and a prefix of its own in the lake, and removes both.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rental_analytics.contracts.manifest import FileColumn
from rental_analytics.errors import RentalError
from rental_analytics.marketplace import MarketplaceOptions, advance, generate
from rental_analytics.runners.local import LocalRunner, RunOptions
from rental_analytics.settings import Settings, parse_settings
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, identifiers, redshift_literal, render
from rental_analytics.storage.base import Lake
from rental_analytics.warehouses.base import TableDetails
from rental_analytics.warehouses.redshift import RedshiftWarehouse
from rental_analytics.warehouses.redshift_data import BATCH, DataApi, StatementError, Target
from rental_analytics.warehouses.redshift_tables import (
    CATALOGUE,
    SCHEMAS,
    Column,
    Growth,
    TableShape,
    create_table,
    growth,
    read_catalogue,
)
from rental_analytics.wiring import assembled, make_lake, make_warehouse

CONFIG = """
[source]
url = {source}
[lake]
url = {lake}
[warehouse]
url = {warehouse}
iam_role = {role}
[quality]
max_rejected_share = 1
max_deleted_share = 1
[reference]
exchange_rates = "rates.csv"
"""
# The European Central Bank's are a hundred thousand rows, which say no more here.
RATES = "rate_date,currency,usd_per_unit\n" + "".join(
    f"2020-01-01,{currency},{rate}\n"
    for currency, rate in {"EUR": "1.1", "GBP": "1.3", "CAD": "0.75", "CHF": "1.05", "JPY": "0.00712345"}.items()
)
MARKETPLACE = MarketplaceOptions(
    listings=60, bookings=240, viewings=200, seed=11, end_date=date(2024, 3, 4), dirty_rate=0.2
)
READ, FILL = ("extract", "transform"), ("load-raw", "load-curated", "metrics")
OWN = {"_loaded_at"}
"""Columns that tell one warehouse from another."""
PARALLEL = 5


class SkippedError(Exception):
    """A claim that cannot be checked here; says why."""


class DifferenceError(Exception):
    """A claim that does not hold; says what was seen."""


def need(holds: object, seen: str) -> str:
    """What was seen, if the claim holds."""
    if not holds:
        raise DifferenceError(seen)
    return seen


@dataclass
class Place:
    """What the checks work with."""

    api: DataApi
    lake: Lake
    role: str
    target: Target
    names: Iterator[int] = field(default_factory=lambda: iter(range(10_000)))

    def table(self, *columns: str, key: str = "", rows: str = "") -> str:
        """A new table of schema `ops`, perhaps with rows."""
        name = f"ops.verify_{next(self.names)}"
        made = [Column(*column.split(" ", 1)) for column in columns]
        self.api.run([create_table(name, made, (key,) if key else (), keep=False)])
        if rows:
            names = identifiers(column.name for column in made)
            self.api.run([f"INSERT INTO {name} ({names}) VALUES {rows}"])
        return name

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.api.query(sql).to_pylist()]

    def refusal(self, *statements: str) -> StatementError:
        """The error of statements that must be refused."""
        try:
            self.api.run(statements)
        except StatementError as error:
            return error
        raise DifferenceError(f"it was taken: {statements[-1]}")

    def copied(self, content: pa.Table, columns: list[str], file: str = "a.parquet", **options: Any) -> str:
        """A table that COPY filled with a file written so."""
        name = self.table(*columns)
        sink = io.BytesIO()
        pq.write_table(content, sink, **options)
        body = sink.getvalue()
        with self.lake.scratch() as scratch:
            self.lake.create(scratch + file, body)
            entry = {
                "url": self.lake.location(scratch + file),
                "mandatory": True,
                "meta": {"content_length": len(body)},
            }
            self.lake.create(f"{scratch}a.manifest", json.dumps({"entries": [entry]}).encode())
            manifest = self.lake.location(f"{scratch}a.manifest")
            copy = render(
                "redshift/copy", relation=name, columns=content.column_names, manifest=manifest, role=self.role
            )
            self.api.run([copy])
        return name


CLAIMS: dict[str, Callable[[Place], str]] = {}


def claim(check: Callable[[Place], str]) -> Callable[[Place], str]:
    """Adds a check; its name is the claim's in docs/reference/verified.md."""
    CLAIMS[check.__name__.replace("_", "-")] = check
    return check


@claim
def guard_ends_the_transaction(place: Place) -> str:
    table = place.table("id INTEGER")
    error = place.refusal(
        f"INSERT INTO {table} (id) VALUES (1)",
        redshift(f"SELECT 1 / CASE WHEN COUNT(*) > 0 THEN 0 ELSE 1 END FROM {table}", "guard"),
    )
    rows = place.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return need(rows == 0, f"{rows} rows stayed; {error.message}")


@claim
def lock_then_snapshot(place: Place) -> str:
    """Transactions that wait for the lock see what the one before them committed."""
    table = place.table("id INTEGER")
    once = [
        f"LOCK {table}",
        f"SELECT 1 / CASE WHEN COUNT(*) > 0 THEN 0 ELSE 1 END AS in_turn FROM {table}",
        f"INSERT INTO {table} (id) VALUES (1)",
    ]

    def attempt(_: int) -> str:
        try:
            place.api.run(once)
        except RentalError as error:
            return error.message.split(":")[-1].strip()
        return "loaded"

    with ThreadPoolExecutor(PARALLEL) as pool:
        ended = Counter(pool.map(attempt, range(PARALLEL)))
    rows = place.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return need(rows == 1 and ended["loaded"] == 1, f"{rows} rows; {dict(ended)}")


@claim
def result_rows_count_changes(place: Place) -> str:
    table = place.table("id INTEGER", "n INTEGER")
    source = place.table("id INTEGER", "n INTEGER", rows="(2, 20), (9, 90)")
    counts = place.api.run(
        [
            f"INSERT INTO {table} (id, n) VALUES (1, 1), (2, 2), (3, 3)",
            f"UPDATE {table} SET n = 5 WHERE id < 3",
            f"DELETE FROM {table} WHERE id = 1",
            _merge(table, source),
        ]
    )
    return need(counts == [3, 2, 1, 2], f"INSERT, UPDATE, DELETE, MERGE: {counts}, 3 2 1 2 expected")


@claim
def merge_refuses_doubled_keys(place: Place) -> str:
    table = place.table("id INTEGER", "n INTEGER", rows="(1, 1)")
    source = place.table("id INTEGER", "n INTEGER", rows="(1, 2), (1, 3)")
    return place.refusal(_merge(table, source)).message


@claim
def merge_into_doubled_keys(place: Place) -> str:
    """Refused, or every row of the key changed: anything but an old row that stays, or one more."""
    table = place.table("id INTEGER", "n INTEGER", rows="(1, 1), (1, 2), (2, 3)")
    source = place.table("id INTEGER", "n INTEGER", rows="(1, 9)")
    try:
        place.api.run([_merge(table, source)])
    except StatementError as error:
        return f"refused: {error.message}"
    seen = sorted(place.rows(f"SELECT id, n FROM {table}"))
    return need(seen == [(1, 9), (1, 9), (2, 3)], str(seen))


def _merge(table: str, source: str) -> str:
    return render(
        "redshift/merge",
        relation=table,
        source=source,
        key=("id",),
        values={"n": 'arrived."n"'},
        inserted={"id": 'arrived."id"', "n": 'arrived."n"'},
    )


@claim
def keys_are_not_enforced(place: Place) -> str:
    table = place.table("id INTEGER", key="id", rows="(1), (1)")
    rows = place.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return need(rows == 2, f"{rows} rows with one key")


@claim
def literals_keep_backslashes(place: Place) -> str:
    text = "a\\b \\n 'c' \\\\ \" % é 🏠"
    seen = place.rows(f"SELECT {redshift_literal(text)} AS text")[0][0]
    return need(seen == text, repr(seen))


@claim
def varchar_counts_bytes(place: Place) -> str:
    table = place.table("name VARCHAR(5)")
    place.api.run([f"INSERT INTO {table} (name) VALUES ('éé')"])
    return place.refusal(f"INSERT INTO {table} (name) VALUES ('ééé')").message


@claim
def casts_keep_long_texts(place: Place) -> str:
    table = place.table("name VARCHAR(1000)", rows=f"('{'x' * 600}')")
    size = len(place.rows(redshift(f"SELECT CAST(name AS VARCHAR) AS name FROM {table}", "cast"))[0][0])
    return need(size == 600, f"{size} of 600 letters")


@claim
def updates_join(place: Place) -> str:
    table = place.table("id INTEGER", "n INTEGER", rows="(1, 1), (2, 2)")
    other = place.table("id INTEGER", rows="(2)")
    place.api.run([f"UPDATE {table} AS target SET n = 9 FROM {other} AS gone WHERE target.id = gone.id"])
    seen = sorted(place.rows(f"SELECT id, n FROM {table}"))
    return need(seen == [(1, 1), (2, 9)], str(seen))


@claim
def deletes_join(place: Place) -> str:
    table = place.table("id INTEGER", rows="(1), (2)")
    other = place.table("id INTEGER", rows="(2)")
    place.api.run([redshift(render("delete_keys", relation=table, source=other, key=("id",)), "delete")])
    seen = place.rows(f"SELECT id FROM {table}")
    return need(seen == [(1,)], str(seen))


@claim
def correlated_not_exists(place: Place) -> str:
    table = place.table("id INTEGER", rows="(1), (2)")
    other = place.table("id INTEGER", rows="(2)")
    seen = place.rows(f"SELECT id FROM {table} AS a WHERE NOT EXISTS (SELECT 1 FROM {other} AS b WHERE b.id = a.id)")
    return need(seen == [(1,)], str(seen))


@claim
def correlated_not_exists_in_update(place: Place) -> str:
    columns = ("id INTEGER", "is_deleted BOOLEAN", "_run_id VARCHAR(9)", "_loaded_at TIMESTAMP")
    kept = "(1, FALSE, 'before', NULL), (2, FALSE, 'before', NULL), (3, TRUE, 'before', NULL)"
    table, other = place.table(*columns, rows=kept), place.table("id INTEGER", rows="(2)")
    facts = {
        "relation": table,
        "key": ("id",),
        "flag": "is_deleted",
        "run_id": "now",
        "loaded_at": "2024-03-04 05:06:07",
    }
    place.api.run([redshift(render("flag_missing", source=identifier(other), **facts), "update")])
    seen = sorted(place.rows(f"SELECT id, is_deleted, _run_id FROM {table}"))
    return need(seen == [(1, True, "now"), (2, False, "before"), (3, True, "before")], str(seen))


@claim
def window_frames(place: Place) -> str:
    table = place.table("id INTEGER", rows="(1), (2), (3)")
    sql = f"SELECT id, SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS pair FROM {table}"
    seen = sorted(place.rows(redshift(sql, "window")))
    return need(seen == [(1, 1), (2, 3), (3, 5)], str(seen))


@claim
def window_aggregates_need_frames(place: Place) -> str:
    table = place.table("id INTEGER", rows="(1)")
    windows = ("ORDER BY id", "ORDER BY id RANGE UNBOUNDED PRECEDING")
    return "; ".join(place.refusal(f"SELECT SUM(id) OVER ({window}) AS n FROM {table}").message for window in windows)


@claim
def date_arithmetic(place: Place) -> str:
    table = place.table("day DATE", rows="(DATE '2024-02-28')")
    sql = f"""SELECT CAST(day + INTERVAL 2 DAY AS DATE) AS after_leap, CAST(DATE_TRUNC('week', day) AS DATE) AS monday,
        DATE_DIFF('day', day, DATE '2024-03-01') AS days FROM {table}"""
    seen = place.rows(redshift(sql, "dates"))[0]
    return need(seen == (date(2024, 3, 1), date(2024, 2, 26), 2), str(seen))


@claim
def rounding_goes_away_from_zero(place: Place) -> str:
    table = place.table("price DECIMAL(12,4)", rows="(2.5), (-2.5), (0.5)")
    seen = sorted(place.rows(redshift(f"SELECT CAST(ROUND(price, 0) AS BIGINT) AS price FROM {table}", "round")))
    return need(seen == [(-3,), (1,), (3,)], str(seen))


@claim
def round_of_doubles(place: Place) -> str:
    table = place.table("size DOUBLE PRECISION", rows="(0.5), (1.5), (2.5), (-2.5)")
    sql = f"SELECT CAST(ROUND(size) AS BIGINT) AS plain, CAST(ROUND(size, 0) AS BIGINT) AS digits FROM {table}"
    seen = sorted(place.rows(redshift(sql, "round")))
    return need(seen == [(-3, -3), (1, 1), (2, 2), (3, 3)], str(seen))


@claim
def casts_cut_decimals(place: Place) -> str:
    """A cast alone; what was rounded before stays as it is."""
    table = place.table("id INTEGER", "price DECIMAL(12,4)", rows="(1, 1.005), (2, -1.999)")
    seen = place.rows(
        f"SELECT CAST(price AS DECIMAL(10,2)) AS cut, CAST(price AS INTEGER) AS whole, "
        f"CAST(ROUND(price, 2) AS DECIMAL(10,2)) AS rounded FROM {table} ORDER BY id"
    )
    wanted = [(Decimal("1.00"), 1, Decimal("1.01")), (Decimal("-1.99"), -1, Decimal("-2.00"))]
    return need(seen == wanted, str(seen))


@claim
def texts_compare_without_trailing_blanks(place: Place) -> str:
    table = place.table("name VARCHAR(9)", rows="('a'), ('a '), ('b')")
    place_of = "ROW_NUMBER() OVER (PARTITION BY name ORDER BY name)"
    asked = {
        "=": f"COUNT(*) AS n FROM {table} WHERE name = 'a'",
        "<>": f"COUNT(*) AS n FROM {table} WHERE name <> 'a'",
        "DISTINCT": f"COUNT(DISTINCT name) AS n FROM {table}",
        "GROUP BY": f"MAX(n) AS n FROM (SELECT COUNT(*) AS n FROM {table} GROUP BY name) AS found",
        "PARTITION BY": f"MAX(n) AS n FROM (SELECT {place_of} AS n FROM {table}) AS found",
        "JOIN": f"COUNT(*) AS n FROM {table} AS a INNER JOIN {table} AS b ON a.name = b.name",
        "LEN": f"MAX(LEN(name)) AS n FROM {table}",
    }
    found = place.api.queries([f"SELECT {sql}" for sql in asked.values()])
    seen = dict(zip(asked, (answer.column(0)[0].as_py() for answer in found), strict=True))
    wanted = {"=": 2, "<>": 1, "DISTINCT": 2, "GROUP BY": 2, "PARTITION BY": 2, "JOIN": 5, "LEN": 2}
    return need(seen == wanted, str(seen))


@claim
def catalogue_is_visible(place: Place) -> str:
    table = place.table("id INTEGER", "name VARCHAR(77)", "price DECIMAL(12,2)", key="id")
    place.api.run([f"COMMENT ON COLUMN {table}.name IS 'told'"])
    found = read_catalogue(*place.api.queries([render(template) for template in CATALOGUE]))
    columns = found.tables.get(table, {})
    seen = [(name, column.sql_type, column.required) for name, column in columns.items()]
    wanted = [("id", "INTEGER", True), ("name", "VARCHAR(77)", False), ("price", "DECIMAL(12,2)", False)]
    return need(seen == wanted and found.comments.get(f"{table}.name") == "told", str(seen))


@claim
def declared_keys_are_visible(place: Place) -> str:
    """A key that was read wrongly would refuse a table that is right."""
    columns = tuple(FileColumn(name=name, type="BIGINT") for name in ("id", "part", "seen"))
    shapes = [
        TableShape(f"ops.verify_{next(place.names)}", columns, key, TableDetails(required=key))
        for key in (("part", "id"), ("seen",), ())
    ]
    place.api.run([shape.create() for shape in shapes])
    found = read_catalogue(*place.api.queries([render(template) for template in CATALOGUE]))
    seen = [found.keys.get(shape.relation, ()) for shape in shapes]
    grown = [growth(shape, found.tables[shape.relation], key=key) for shape, key in zip(shapes, seen, strict=True)]
    return need(seen == [shape.key for shape in shapes] and set(grown) == {Growth()}, str(seen))


@claim
def texts_grow_outside_a_transaction(place: Place) -> str:
    table = place.table("name VARCHAR(5)", rows="('a')")
    place.api.run([f"ALTER TABLE {table} ALTER COLUMN name TYPE VARCHAR(50)"])
    place.api.run([f"INSERT INTO {table} (name) VALUES ('{'x' * 50}')"])
    grown = f"ALTER TABLE {table} ALTER COLUMN name TYPE VARCHAR(60)"
    return place.refusal("SELECT 1", grown).message


@claim
def renames_within_a_transaction(place: Place) -> str:
    table, new = place.table("id INTEGER", rows="(1)"), place.table("id BIGINT", rows="(2)")
    place.api.run([f"DROP TABLE {table}", f"ALTER TABLE {new} RENAME TO {table.partition('.')[2]}"])
    seen = place.rows(f"SELECT id FROM {table}")
    return need(seen == [(2,)], str(seen))


@claim
def a_transaction_has_40_statements(place: Place) -> str:
    place.api.run(["SELECT 1"] * BATCH)
    try:
        place.api.run(["SELECT 1"] * (BATCH + 1))
    except RentalError as error:
        return error.message
    raise DifferenceError(f"{BATCH + 1} were taken")


@claim
def statements_can_be_cancelled(place: Place) -> str:
    import boto3

    table = place.table("id INTEGER", rows=", ".join(f"({number})" for number in range(1500)))
    client = boto3.client("redshift-data", region_name=place.target.region)
    slow = f"SELECT COUNT(*) FROM {table} AS a, {table} AS b, {table} AS c WHERE a.id * b.id <> c.id + 7"
    identity = client.execute_statement(Sql=slow, **place.target.request)["Id"]
    while client.describe_statement(Id=identity)["Status"] in {"SUBMITTED", "PICKED"}:
        time.sleep(0.05)
    client.cancel_statement(Id=identity)
    deadline = time.monotonic() + 60
    while (status := client.describe_statement(Id=identity)["Status"]) == "STARTED" and time.monotonic() < deadline:
        time.sleep(0.1)
    return need(status == "ABORTED", status)


@claim
def analyze_is_allowed(place: Place) -> str:
    place.api.run([f"ANALYZE {place.table('id INTEGER', rows='(1)')}"])
    return "taken"


_CONTENT = {
    "id": pa.array([1, 2], pa.int64()),
    "part": pa.array([-3, None], pa.int16()),
    "guests": pa.array([2**31 - 1, None], pa.int32()),
    "is_active": pa.array([True, None], pa.bool_()),
    "day": pa.array([date(2024, 2, 29), None], pa.date32()),
    "size": pa.array([0.1, None], pa.float64()),
    "price": pa.array([Decimal("12.34"), None], pa.decimal128(12, 2)),
    "large": pa.array([Decimal("1.5"), Decimal("-2.5")], pa.decimal128(38, 10)),
    "moment": pa.array([datetime.fromisoformat("2024-02-29T23:59:59.123456"), None], pa.timestamp("us")),
    "name": pa.array(["", None], pa.string()),
}
_COLUMNS = [
    "id BIGINT",
    "part SMALLINT",
    "guests INTEGER",
    "is_active BOOLEAN",
    "day DATE",
    "size DOUBLE PRECISION",
    "price DECIMAL(12,2)",
    "large DECIMAL(38,10)",
    "moment TIMESTAMP",
    "name VARCHAR(65535)",
]


def _copied_whole(place: Place, file: str, **options: Any) -> str:
    content = pa.table(_CONTENT)
    table = place.copied(content, _COLUMNS, file, **options)
    wanted = [tuple(row.values()) for row in content.to_pylist()]
    seen = place.rows(f"SELECT {identifiers(_CONTENT)} FROM {table} ORDER BY id")
    return need(seen == wanted, str(seen))


@claim
def copy_reads_zstd_and_fixed_decimals(place: Place) -> str:
    return _copied_whole(place, "a.parquet", compression="zstd")


@claim
def copy_reads_snappy_and_integer_decimals(place: Place) -> str:
    """As Spark writes: decimals of up to 18 digits as INT64, files in a folder `part-`."""
    return _copied_whole(place, "part-1/part-00000.snappy.parquet", compression="snappy", store_decimal_as_integer=True)


@claim
def copy_tells_what_does_not_fit(place: Place) -> str:
    wrong = pa.table({"id": pa.array(["a"], pa.string())})
    try:
        place.copied(wrong, ["id BIGINT"])
    except StatementError as error:
        need(error.process, "the answer has no RedshiftPid")
        noted = place.api.query(render("redshift/load_errors", process=int(error.process or 0))).to_pylist()
        return need(noted, f"{error.message}; sys_load_error_detail has {len(noted)} rows of its session")
    raise DifferenceError("a text was copied to BIGINT")


@claim
def copy_refuses_long_texts(place: Place) -> str:
    try:
        place.copied(pa.table({"name": ["ééé"]}), ["name VARCHAR(5)"])
    except StatementError as error:
        return error.message
    raise DifferenceError("six bytes were copied to VARCHAR(5)")


@claim
def copy_of_u0000(place: Place) -> str:
    """Refused, or kept: anything but a row that is lost or cut."""
    try:
        table = place.copied(pa.table({"name": ["a\x00b"]}), ["name VARCHAR(9)"])
    except StatementError as error:
        return f"refused: {error.message}"
    seen = place.rows(f"SELECT name FROM {table}")
    return need(seen == [("a\x00b",)], str(seen))


@claim
def default_role_reads_the_lake(place: Place) -> str:
    if place.role != "default":
        raise SkippedError("--iam-role names another role")
    return _copied_whole(place, "a.parquet")


@claim
def default_privileges(place: Place) -> str:  # noqa: ARG001 the signature of a check
    raise SkippedError("it takes two users: run what `rental grants` prints, then a step with each role")


def run_claims(place: Place, told: Callable[[str, str, str], None]) -> None:
    for name, check in CLAIMS.items():
        try:
            told("ok", name, check(place))
        except SkippedError as reason:
            told("skipped", name, str(reason))
        except (DifferenceError, RentalError) as error:
            told("FAILED", name, str(error))
        except Exception as error:  # noqa: BLE001 the other claims are worth knowing
            told("FAILED", name, repr(error))


class Silent:
    """Reports nothing."""

    @contextmanager
    def task(self, _: str) -> Iterator[Callable[[int], None]]:
        yield lambda _: None

    def note(self, text: str) -> None:
        """Nothing is told."""


def run_twins(duck: Settings, real: Settings, source: str, told: Callable[[str, str, str], None]) -> None:
    """Two runs, each read once and loaded into DuckDB and Redshift; every table is compared."""
    generate(source, MARKETPLACE)
    for name in ("first-run", "second-run"):
        if name == "second-run":
            advance(source, 3, dirty_rate=0.2)
        begun = time.monotonic()
        try:
            run_id = _run(duck, steps=READ)
            _copy_lake(duck, real)
            for settings in (duck, real):
                _run(settings, steps=FILL, resume=run_id)
            different = _differences(duck, real, told, name)
            told("FAILED" if different else "ok", name, f"{different} tables differ; {time.monotonic() - begun:.0f} s")
        except RentalError as error:
            told("FAILED", name, str(error))
            return


def _run(settings: Settings, **options: Any) -> str:
    with assembled(settings) as parts:
        return LocalRunner(parts, Silent()).run(RunOptions(**options)).run.run_id


def _copy_lake(source: Settings, target: Settings) -> None:
    one, other = make_lake(source), make_lake(target)
    try:
        for path in one.paths(""):
            content = None if path.endswith("lock.json") else one.read(path)
            if content is not None:
                other.write(path, content)
    finally:
        one.close()
        other.close()


def _differences(duck: Settings, real: Settings, told: Callable[[str, str, str], None], run: str) -> int:
    first, second = make_warehouse(duck), make_warehouse(real)
    first.open(read_only=True)
    second.open(read_only=True)
    different = 0
    try:
        listed = first.query(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables "
            "WHERE table_schema IN ('curated', 'presentation') ORDER BY 1"
        )
        for name in listed.column(0).to_pylist():
            columns = sorted(set(first.columns(name)) - OWN)
            sql = f"SELECT {identifiers(columns)} FROM {name}"
            one, other = (_plain(warehouse.query(sql)) for warehouse in (first, second))
            if one != other:
                different += 1
                lost, more = one - other, other - one
                told("FAILED", f"{run}-{name}", f"only DuckDB {list(lost)[:2]}, only Redshift {list(more)[:2]}")
    finally:
        first.close()
        second.close()
    return different


def _plain(table: pa.Table) -> Counter[tuple[str, ...]]:
    return Counter(tuple(_value(value) for value in row.values()) for row in table.to_pylist())


def _value(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def clean(api: DataApi, lakes: list[Settings]) -> None:
    """Remove what was made, and tell what could not be."""
    for schema in SCHEMAS:
        with _told_if_left(f"schema {schema}"):
            api.run([f"DROP SCHEMA IF EXISTS {schema} CASCADE"])
    for settings in lakes:
        with _told_if_left(settings.lake.url):
            lake = make_lake(settings)
            try:
                lake.delete(lake.paths(""))
            finally:
                lake.close()


@contextmanager
def _told_if_left(what: str) -> Iterator[None]:
    try:
        yield
    except RentalError as error:
        sys.stderr.write(f"{what} was not removed: {error}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", required=True, help="redshift://workgroup/database?region=REGION")
    parser.add_argument("--lake", required=True, help="s3://bucket/prefix; a prefix below it is used")
    parser.add_argument("--iam-role", default="default", help="ARN of the role by which COPY reads the lake")
    chosen = parser.parse_args()

    for variable, given, example in (
        ("WAREHOUSE", chosen.warehouse, "redshift://workgroup/database?region=REGION"),
        ("LAKE", chosen.lake, "s3://bucket/prefix"),
    ):
        scheme, _, place = given.partition("://")
        if scheme != example.partition("://")[0] or not place:
            parser.error(f"{variable} is {given or 'missing'}: call make verify-aws with {variable}={example}")
    # What the program would refuse is refused here before anything is asked of AWS.
    warehouse = make_warehouse(_settings(Path(), "sqlite:///none.db", chosen.lake, chosen.warehouse, chosen.iam_role))
    assert isinstance(warehouse, RedshiftWarehouse)
    target = warehouse.target
    api = DataApi(target)
    named = ", ".join(redshift_literal(schema) for schema in SCHEMAS)
    found = api.query(f"SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname IN ({named})")
    if found.num_rows:
        there = ", ".join(found.column(0).to_pylist())
        sys.stderr.write(f"The database has {there} already, and this script removes them. Name an empty database.\n")
        return 2
    results: Counter[str] = Counter()

    def told(status: str, name: str, seen: str) -> None:
        results[status] += 1
        sys.stdout.write(f"{status:8}{name}: {' '.join(seen.split())}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="rental-verify-") as temporary:
        folder = Path(temporary)
        (folder / "rates.csv").write_text(RATES)
        source = f"sqlite:///{folder}/marketplace.db"
        prefix = f"{chosen.lake.rstrip('/')}/verify-{secrets.token_hex(4)}"
        duck, real = (
            _settings(folder, source, f"{prefix}/{kind}", url, chosen.iam_role)
            for kind, url in (("duckdb", f"duckdb:///{folder}/warehouse.duckdb"), ("redshift", chosen.warehouse))
        )
        try:
            api.run([f"CREATE SCHEMA IF NOT EXISTS {schema}" for schema in SCHEMAS])
            lake = make_lake(real)
            try:
                run_claims(Place(api, lake, chosen.iam_role, target), told)
            finally:
                lake.close()
            run_twins(duck, real, source, told)
        finally:
            clean(api, [duck, real])
    sys.stdout.write(", ".join(f"{results[status]} {status}" for status in ("ok", "FAILED", "skipped")) + "\n")
    return 1 if results["FAILED"] else 0


def _settings(folder: Path, source: str, lake: str, warehouse: str, role: str) -> Settings:
    values = {"source": source, "lake": lake, "warehouse": warehouse, "role": role}
    text = CONFIG.format(**{name: json.dumps(value) for name, value in values.items()})
    return parse_settings(text, "verify", folder)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RentalError as problem:
        sys.stderr.write(f"Error: {problem}\n")
        sys.exit(problem.exit_code)

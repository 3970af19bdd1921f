"""What a load changes: the kinds of changes and their order, and what each of them does to rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.checks import DeclaredCheck, Freshness, Relationships, Unique, Values
from rental_analytics.contracts.manifest import FileColumn, LakeFile, LoadedTable
from rental_analytics.warehouses.base import Disposition, HeldAmounts, Load, Replaced, TableLoad
from rental_analytics.warehouses.change_kinds import (
    AddFiles,
    AddRecords,
    AlignVersions,
    AnyChange,
    AssumeVersions,
    BackdateVersions,
    ConvertRows,
    DateVersions,
    DeleteKeys,
    DeleteRange,
    DeleteRows,
    DeleteRun,
    Effect,
    FlagDeleted,
    FlagMissing,
    ForgetAssumed,
    InsertRows,
    MergeRows,
    NoteLoad,
    RemoveFutureVersions,
    RemoveUnconverted,
    SqlChange,
)
from rental_analytics.warehouses.changes import (
    Sources,
    added_columns,
    changes_of,
    counted,
    flag_column,
    newest_day,
    rows_once,
)

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.fast

FILES = (LakeFile(path="part-0.parquet", bytes=4, rows=1),)
SOURCES = Sources("arriving", "deletes", "withdrawn", "dated")
MOMENT = datetime.fromisoformat("2024-03-04 05:06:07.000089")
COLUMNS = (FileColumn(name="id", type="BIGINT"), FileColumn(name="told", type="VARCHAR"))
THINGS = TableLoad("curated.things", COLUMNS, ("id",), Disposition.MERGE, FILES, soft_delete=True)
VERSIONS = TableLoad(
    "curated.thing_versions",
    tuple(
        FileColumn(name=name, type=kind)
        for name, kind in (
            ("id", "BIGINT"),
            ("valid_from", "TIMESTAMP"),
            ("price", "INTEGER"),
            ("is_active", "BOOLEAN"),
            ("is_assumed", "BOOLEAN"),
            ("_first_valid_from", "TIMESTAMP"),
            ("_run_id", "VARCHAR"),
        )
    ),
    ("id", "valid_from"),
    Disposition.VERSIONS,
    FILES,
    versions_of="curated.things",
    version="modified_at",
)
UNKNOWN = DeclaredCheck(
    "unknown_thing",
    Severity.WARN,
    Relationships(to="curated.things", column="id"),
    "columns.thing_id.checks.0",
    ("thing_id",),
    values=(Values.OTHER,),
)
STATES = replace(
    VERSIONS,
    relation="curated.thing_states",
    columns=tuple(column for column in VERSIONS.columns if not column.name.startswith("is_")),
)
"""Versions that have no flag of their own."""


def load_of(*tables: TableLoad, **more: Any) -> Load:
    return Load("load-curated", "now", "0" * 64, MOMENT, MOMENT, tables, **more)


def changes(table: TableLoad) -> tuple[AnyChange, ...]:
    return changes_of(load_of(table), {table.relation: SOURCES}, {}).tables[table.relation]


def kinds(table: TableLoad) -> list[type]:
    return [type(change) for change in changes(table)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [MergeRows]),
        ({"files": ()}, []),
        ({"deletes": FILES}, [MergeRows, FlagDeleted]),
        ({"withdrawn": FILES}, [DeleteKeys, MergeRows]),
        ({"complete": True}, [MergeRows, FlagMissing]),
        ({"complete": True, "files": ()}, [FlagMissing]),
        (
            {"complete": True, "deletes": FILES, "withdrawn": FILES},
            [DeleteKeys, MergeRows, FlagDeleted, FlagMissing],
        ),
        ({"disposition": Disposition.APPEND}, [InsertRows]),
        ({"disposition": Disposition.APPEND, "replaced": Replaced("at", MOMENT, MOMENT)}, [DeleteRange, InsertRows]),
        ({"disposition": Disposition.APPEND, "complete": True}, [DeleteRows, InsertRows]),
        ({"disposition": Disposition.REPLACE, "complete": True}, [DeleteRows, InsertRows]),
        ({"disposition": Disposition.REPLACE, "complete": True, "files": ()}, [DeleteRows]),
    ],
)
def test_changes_of_a_table(given: dict[str, Any], expected: list[type]) -> None:
    assert kinds(replace(THINGS, **given)) == expected


def test_changes_of_versions() -> None:
    assert kinds(VERSIONS) == [
        DateVersions,
        ForgetAssumed,
        DeleteKeys,
        InsertRows,
        RemoveFutureVersions,
        AlignVersions,
        BackdateVersions,
        AssumeVersions,
    ]
    assert kinds(replace(VERSIONS, files=())) == [RemoveFutureVersions, AlignVersions]
    assert not {ForgetAssumed, AssumeVersions} & {*kinds(STATES)}


def test_amounts_of_before_are_converted_first() -> None:
    held = HeldAmounts("price", "USD", "_version_at")
    for table in (THINGS, VERSIONS):
        assert kinds(replace(table, held_amounts=held)) == [RemoveUnconverted, ConvertRows, *kinds(table)]


def test_order_of_a_load() -> None:
    others = replace(THINGS, relation="curated.others", checks=(UNKNOWN,))
    load = load_of(others, THINGS, ops_rows={"proofs": [{"run_id": "now"}]}, ops_files={"rejected_rows": FILES})
    made = changes_of(
        load, {"curated.others": SOURCES, "curated.things": SOURCES}, {"rejected_rows": "staged_rejected"}
    )
    assert [(type(change), change.relation) for change in made.accounts] == [
        (DeleteRun, "ops.proofs"),
        (DeleteRun, "ops.rejected_rows"),
        (AddRecords, "ops.proofs"),
        (AddFiles, "ops.rejected_rows"),
    ]
    assert list(made.tables) == ["curated.others", "curated.things"]
    (checks,) = made.checks
    assert (checks.relation, checks.run_id) == ("ops.check_results", "now")
    assert [(check.table_name, check.check_name, check.severity) for check in checks.checks] == [
        ("others", "unknown_thing", "warn")
    ]
    assert changes_of(load_of(THINGS), {THINGS.relation: SOURCES}, {}).checks == ()
    assert made.note == NoteLoad("ops.loads", "0" * 64, "load-curated", "now", "2024-03-04 05:06:07.000089", None)


def test_columns_that_a_load_adds() -> None:
    assert [column.name for column in added_columns(THINGS)] == ["_loaded_at", "is_deleted"]
    assert [column.name for column in added_columns(VERSIONS)] == ["_loaded_at", "_version_at"]
    assert (flag_column(THINGS), flag_column(replace(THINGS, soft_delete=False))) == ("is_deleted", "_is_deleted")


def test_counts_by_table_and_effect() -> None:
    found = counted(
        load_of(THINGS, VERSIONS), {(THINGS.relation, Effect.INSERTED): 3, (THINGS.relation, Effect.DELETED): 1}
    )
    assert found == {
        THINGS.relation: LoadedTable(inserted=3, deleted=1),
        VERSIONS.relation: LoadedTable(inserted=0, deleted=0),
    }


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with closing(duckdb.connect()) as connection:
        connection.execute(
            """
            CREATE SCHEMA curated;
            CREATE SCHEMA ops;
            CREATE TABLE ops.loads (
                manifest_hash VARCHAR, step VARCHAR, run_id VARCHAR, loaded_at TIMESTAMP, sequence BIGINT,
                reporting_currency VARCHAR
            );
            CREATE TABLE ops.check_results (
                run_id VARCHAR, table_name VARCHAR, check_name VARCHAR, severity VARCHAR, failed_rows BIGINT,
                sample VARCHAR
            );
            CREATE TABLE curated.things (
                id BIGINT, told VARCHAR, lost INTEGER, _run_id VARCHAR, _loaded_at TIMESTAMP, is_deleted BOOLEAN
            );
            INSERT INTO curated.things VALUES
                (1, 'one', 1, 'then', NULL, FALSE), (2, 'two', 2, 'then', NULL, FALSE),
                (3, 'three', 3, 'then', NULL, TRUE);
            CREATE TABLE arriving (id BIGINT, told VARCHAR);
            INSERT INTO arriving VALUES (2, 'zwei'), (4, 'vier');
            """
        )
        yield connection


def make(database: duckdb.DuckDBPyConnection, *changes: AnyChange) -> list[int]:
    counts = []
    for change in changes:
        for part in change.parts if isinstance(change, MergeRows) else (change,):
            assert isinstance(part, SqlChange)
            counts.append(database.execute(part.sql).fetchall()[0][0])
    return counts


def things(database: duckdb.DuckDBPyConnection, columns: str = "id, told, is_deleted") -> list[tuple[Any, ...]]:
    return database.execute(f"SELECT {columns} FROM curated.things ORDER BY id").fetchall()


def test_merged_rows_replace_those_with_their_key(database: duckdb.DuckDBPyConnection) -> None:
    assert make(database, *changes(THINGS)) == [1, 2]
    assert things(database, "id, told, lost, is_deleted, _loaded_at") == [
        (1, "one", 1, False, None),
        (2, "zwei", None, False, MOMENT),
        (3, "three", 3, True, None),
        (4, "vier", None, False, MOMENT),
    ]


def test_missing_rows_are_flagged_once(database: duckdb.DuckDBPyConnection) -> None:
    change = changes(replace(THINGS, files=(), complete=True))
    assert make(database, *change) == [1]
    assert make(database, *change) == [0]
    assert things(database, "id, is_deleted, _run_id, _loaded_at") == [
        (1, True, "now", MOMENT),
        (2, False, "then", None),
        (3, True, "then", None),
    ]


def test_deleted_keys_are_flagged_once(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("CREATE VIEW deletes AS SELECT * FROM (VALUES (2), (3), (9)) AS gone (id)")
    assert make(database, *changes(replace(THINGS, files=(), deletes=FILES))) == [1]
    assert things(database) == [(1, "one", False), (2, "two", True), (3, "three", True)]


def test_withdrawn_rows_go(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("CREATE VIEW withdrawn AS SELECT 1 AS id")
    make(database, *changes(replace(THINGS, files=(), withdrawn=FILES)))
    assert [key for (key,) in things(database, "id")] == [2, 3]


def test_a_range_is_half_open(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("UPDATE curated.things SET _loaded_at = TIMESTAMP '2024-03-01' + INTERVAL (id) DAY")
    days = Replaced("_loaded_at", datetime.fromisoformat("2024-03-02"), datetime.fromisoformat("2024-03-04"))
    table = replace(THINGS, files=(), disposition=Disposition.APPEND, replaced=days)
    assert make(database, *changes(table)) == [2]
    assert things(database, "id") == [(3,)]


def test_whole_replacement(database: duckdb.DuckDBPyConnection) -> None:
    make(database, *changes(replace(THINGS, disposition=Disposition.REPLACE, complete=True)))
    assert things(database) == [(2, "zwei", False), (4, "vier", False)]


@pytest.mark.parametrize("newest_by", [(), ("told",)])
def test_rows_without_a_whole_key_stay_behind(database: duckdb.DuckDBPyConnection, newest_by: tuple[str, ...]) -> None:
    database.execute("INSERT INTO arriving VALUES (NULL, 'null'), (2, NULL), (2, 'a')")
    found = sorted(database.execute(rows_once(["id", "told"], "arriving", ("id",), newest_by)).fetchall(), key=str)
    several = [] if newest_by else [(2, "a"), (2, None)]
    assert found == sorted([(2, "zwei"), (4, "vier"), *several], key=str)


@pytest.mark.parametrize(
    ("severity", "found"),
    [
        pytest.param(
            Severity.WARN,
            {"unknown_thing": (2, "7"), "taken_twice": (1, "3"), "stale": (1, "the newest is 2024-03-01")},
            id="rows of the load",
        ),
        pytest.param(
            Severity.FAIL,
            {"unknown_thing": (3, "5"), "taken_twice": (2, "3"), "stale": (1, "the newest is 2024-03-01")},
            id="all rows",
        ),
    ],
)
def test_checks_of_a_load(
    database: duckdb.DuckDBPyConnection, severity: Severity, found: dict[str, tuple[int, str]]
) -> None:
    database.execute(
        """
        CREATE TABLE curated.stays (thing_id BIGINT, room BIGINT, made_on DATE, _run_id VARCHAR, is_deleted BOOLEAN);
        INSERT INTO curated.stays VALUES
            (1, 3, '2024-03-01', 'now', FALSE), (NULL, 3, NULL, 'then', FALSE), (8, NULL, NULL, 'now', FALSE),
            (7, NULL, NULL, 'now', FALSE), (5, 4, NULL, 'then', FALSE), (1, 4, NULL, 'then', FALSE),
            (6, 9, '2024-03-04', 'now', TRUE), (1, 9, NULL, 'now', FALSE);
        """
    )
    checks = (
        replace(UNKNOWN, severity=severity),
        DeclaredCheck("taken_twice", severity, Unique(), "", ("room",), values=(Values.NUMBER,)),
        *(
            DeclaredCheck(
                name, severity, Freshness(column="made_on", within=within), "", ("made_on",), values=(Values.DATE,)
            )
            for name, within in (("stale", timedelta(days=2)), ("fresh", timedelta(days=3)))
        ),
    )
    stays = replace(THINGS, relation="curated.stays", checks=checks)
    make(database, *changes_of(load_of(stays), {stays.relation: SOURCES}, {}).checks)
    expected = {("now", "stays", name, str(severity), *rows) for name, rows in found.items()}
    assert {*database.execute("FROM ops.check_results").fetchall()} == expected | {
        ("now", "stays", "fresh", str(severity), 0, None)
    }


def test_loads_are_numbered(database: duckdb.DuckDBPyConnection) -> None:
    note = changes_of(load_of(), {}, {}).note
    make(database, note, replace(note, manifest_hash="other", reporting_currency="JPY"))
    noted = "SELECT manifest_hash, sequence, loaded_at, reporting_currency FROM ops.loads"
    assert database.execute(noted).fetchall() == [("0" * 64, 1, MOMENT, None), ("other", 2, MOMENT, "JPY")]


@pytest.fixture
def versions(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Things of this run and what they cost, with no version known."""
    columns = (
        "id BIGINT, valid_from TIMESTAMP, price INTEGER, is_active BOOLEAN, is_assumed BOOLEAN, "
        "_first_valid_from TIMESTAMP"
    )
    database.execute(
        f"""
        CREATE OR REPLACE TABLE curated.things (
            id BIGINT, modified_at TIMESTAMP, price INTEGER, is_active BOOLEAN, _run_id VARCHAR, is_deleted BOOLEAN
        );
        CREATE TABLE curated.thing_versions ({columns}, _run_id VARCHAR, _loaded_at TIMESTAMP, _version_at TIMESTAMP);
        CREATE OR REPLACE TABLE arriving ({columns}, _run_id VARCHAR);
        CREATE TABLE dated ({columns}, _run_id VARCHAR, _version_at TIMESTAMP);
        """
    )
    return database


def known(database: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    listed = "SELECT id, valid_from::DATE::VARCHAR, _version_at::DATE::VARCHAR, price, is_active "
    return database.execute(listed + "FROM curated.thing_versions ORDER BY id, _version_at").fetchall()


def test_the_first_version_is_backdated(versions: duckdb.DuckDBPyConnection) -> None:
    versions.execute("INSERT INTO curated.things VALUES (1, '2024-03-02', 5, TRUE, 'now', FALSE)")
    versions.execute("INSERT INTO arriving VALUES (1, '2024-03-02', 5, TRUE, FALSE, '2024-01-01', 'now')")
    make(versions, *changes(VERSIONS))
    assert known(versions) == [(1, "2024-01-01", "2024-03-02", 5, True)]
    # The same again changes nothing; a version before it takes its place as the first.
    versions.execute("DELETE FROM dated")
    versions.execute("INSERT INTO arriving VALUES (1, '2024-02-01', 4, TRUE, FALSE, '2024-01-01', 'now')")
    make(versions, *changes(VERSIONS))
    assert known(versions) == [
        (1, "2024-01-01", "2024-02-01", 4, True),
        (1, "2024-03-02", "2024-03-02", 5, True),
    ]


def test_a_version_that_counts_from_the_beginning_is_no_news_of_a_known_key(
    versions: duckdb.DuckDBPyConnection,
) -> None:
    versions.execute("INSERT INTO curated.things VALUES (1, NULL, 5, TRUE, 'then', FALSE)")
    versions.execute("INSERT INTO arriving VALUES (1, '2024-01-01', 5, TRUE, FALSE, '2024-01-01', 'now')")
    make(versions, *changes(VERSIONS))
    make(versions, *changes(replace(VERSIONS, files=())))
    assert known(versions) == [(1, "2024-01-01", "2024-01-01", 5, True)]
    versions.execute("DELETE FROM dated")
    versions.execute("UPDATE arriving SET price = 6")
    make(versions, *changes(VERSIONS))
    assert known(versions) == [(1, "2024-01-01", "2024-01-01", 5, True)]


def test_the_last_version_says_what_the_row_says(versions: duckdb.DuckDBPyConnection) -> None:
    versions.execute(
        """
        INSERT INTO curated.things VALUES
            (1, '2024-01-01', 9, TRUE, 'now', FALSE), (2, '2024-01-01', 5, TRUE, 'now', TRUE),
            (3, '2024-01-01', NULL, NULL, 'now', FALSE), (4, '2024-01-01', 9, TRUE, 'then', FALSE),
            (5, '2024-01-01', 5, TRUE, 'now', FALSE);
        INSERT INTO curated.thing_versions
        SELECT id, '2024-01-01', 5, TRUE, FALSE, NULL, 'then', NULL, '2024-01-01' FROM curated.things;
        """
    )
    assert make(versions, *changes(replace(VERSIONS, files=()))) == [0, 3]
    assert [row for row in known(versions) if row[1] == "2024-03-04"] == [
        (1, "2024-03-04", "2024-03-04", 9, True),
        (2, "2024-03-04", "2024-03-04", None, False),
        (3, "2024-03-04", "2024-03-04", None, False),
    ]


def test_versions_that_lie_ahead_are_void_once_their_row_moved(versions: duckdb.DuckDBPyConnection) -> None:
    versions.execute(
        """
        INSERT INTO curated.things VALUES
            (1, '2030-01-01', 5, TRUE, 'now', FALSE), (2, '2024-01-01', 5, TRUE, 'now', FALSE),
            (3, '2030-01-01', 5, TRUE, 'now', TRUE), (4, NULL, 5, TRUE, 'now', FALSE),
            (5, '2024-01-01', 5, TRUE, 'then', FALSE);
        INSERT INTO curated.thing_versions
        SELECT id, moment, 5, TRUE, FALSE, NULL, 'then', NULL, moment
        FROM curated.things, (VALUES (TIMESTAMP '2024-01-01'), (TIMESTAMP '2030-01-01')) AS moments (moment);
        """
    )
    make(versions, *changes(replace(VERSIONS, files=()))[:1])
    assert [key for key, moment, *_ in known(versions) if moment == "2030-01-01"] == [1, 5]


def test_an_active_version_is_assumed_before_a_first_one_that_is_not(versions: duckdb.DuckDBPyConnection) -> None:
    """Only where there is time before it; it goes when a version before it comes to be known."""
    versions.execute(
        """
        INSERT INTO curated.things
        SELECT id, '2024-03-02', 5, FALSE, 'now', FALSE FROM (VALUES (1), (2), (3)) AS things (id);
        INSERT INTO arriving VALUES
            (1, '2024-03-02', 5, FALSE, FALSE, '2024-01-01', 'now'),
            (2, '2024-03-02', 5, FALSE, FALSE, '2024-03-02', 'now'),
            (3, '2024-03-02', 5, FALSE, FALSE, '2024-03-09', 'now');
        """
    )
    assumed = (
        "SELECT id, valid_from::DATE::VARCHAR, price, is_active, _run_id FROM curated.thing_versions WHERE is_assumed"
    )
    for _ in range(2):
        make(versions, *changes(VERSIONS))
        versions.execute("DELETE FROM dated")
        assert versions.execute(assumed).fetchall() == [(1, "2024-01-01", 5, True, "now")]
        assert [row[:3] for row in known(versions) if not row[4]] == [
            (1, "2024-03-02", "2024-03-02"),
            (2, "2024-03-02", "2024-03-02"),
            (3, "2024-03-09", "2024-03-02"),
        ]
    # Found to have been inactive earlier, and cheaper: what is assumed is so too.
    versions.execute(
        "DELETE FROM arriving; INSERT INTO arriving VALUES (1, '2024-02-01', 4, FALSE, FALSE, '2024-01-01', 'now')"
    )
    make(versions, *changes(VERSIONS))
    assert versions.execute(assumed).fetchall() == [(1, "2024-01-01", 4, True, "now")]
    # Found to have been active: nothing needs to be assumed.
    versions.execute("DELETE FROM dated; UPDATE arriving SET valid_from = '2024-01-15', is_active = TRUE")
    make(versions, *changes(VERSIONS))
    assert versions.execute(assumed).fetchall() == []
    assert [row[1] for row in known(versions) if row[0] == 1] == ["2024-01-01", "2024-02-01", "2024-03-02"]


def test_states_without_a_flag_of_their_own(versions: duckdb.DuckDBPyConnection) -> None:
    """The last one says what the row says, and nothing once that is deleted; once is enough."""
    versions.execute(
        """
        ALTER TABLE curated.thing_versions DROP COLUMN is_active;
        ALTER TABLE curated.thing_versions DROP COLUMN is_assumed;
        ALTER TABLE curated.thing_versions RENAME TO thing_states;
        INSERT INTO curated.things VALUES
            (1, '2024-01-01', 9, TRUE, 'now', FALSE), (2, '2024-01-01', 5, TRUE, 'now', TRUE),
            (3, '2024-01-01', NULL, TRUE, 'now', FALSE), (4, '2024-01-01', 5, TRUE, 'now', FALSE);
        INSERT INTO curated.thing_states
        SELECT id, '2024-01-01', 5, NULL, 'then', NULL, '2024-01-01' FROM curated.things;
        """
    )
    align = changes(replace(STATES, files=()))
    assert make(versions, *align) == [0, 3]
    new = "SELECT id, price FROM curated.thing_states WHERE valid_from > '2024-03-01' ORDER BY id"
    assert versions.execute(new).fetchall() == [(1, 9), (2, None), (3, None)]
    assert make(versions, *align) == [0, 0]


def test_amounts_of_before_are_what_they_were_worth_on_their_day(versions: duckdb.DuckDBPyConnection) -> None:
    """Where that has no rate the row goes; one without a day has the rate of the last one."""
    versions.execute(
        """
        CREATE TABLE curated.exchange_rates (rate_date DATE, currency VARCHAR, rate DECIMAL(20,12));
        INSERT INTO curated.exchange_rates VALUES
            ('2024-01-01', 'USD', 0.9), ('2024-02-01', 'USD', 0.5), ('2024-03-04', 'USD', 0.333333333333),
            ('2024-02-01', 'GBP', 7);
        ALTER TABLE curated.thing_versions ALTER COLUMN price TYPE DECIMAL(18,2);
        ALTER TABLE curated.things ALTER COLUMN price TYPE DECIMAL(18,2);
        INSERT INTO curated.thing_versions
        SELECT id, moment, price, TRUE, FALSE, NULL, 'then', NULL, moment
        FROM (VALUES
            (1, TIMESTAMP '2024-01-01 23:59:59', 10.01), (1, TIMESTAMP '2024-02-01', 10.01),
            (1, TIMESTAMP '2023-12-31', 5), (1, TIMESTAMP '2030-01-01', 100), (2, TIMESTAMP '2024-02-01', NULL)
        ) AS held (id, moment, price);
        INSERT INTO curated.things VALUES
            (1, '2024-02-01', 8, TRUE, 'then', TRUE), (2, NULL, 9, TRUE, 'then', TRUE),
            (3, '2023-12-31', 9, TRUE, 'then', TRUE);
        """
    )
    own, parents = (
        HeldAmounts("price", "USD", "_version_at"),
        HeldAmounts("price", "USD", "modified_at", "curated.things"),
    )
    prices = "SELECT _version_at::DATE::VARCHAR, price::VARCHAR FROM curated.thing_versions ORDER BY id, _version_at"
    make(versions, *changes(replace(VERSIONS, held_amounts=own))[:2])
    assert versions.execute(prices).fetchall() == [
        ("2024-01-01", "9.01"),
        ("2024-02-01", "5.01"),
        ("2030-01-01", "33.33"),
        ("2024-02-01", None),
    ]
    make(versions, *changes(replace(VERSIONS, held_amounts=parents))[:2])
    assert [price for _, price in versions.execute(prices).fetchall()] == ["4.51", "2.51", "16.67", None]
    make(versions, *changes(replace(THINGS, held_amounts=HeldAmounts("price", "USD", "modified_at")))[:2])
    told = "SELECT id, price::VARCHAR FROM curated.things ORDER BY id"
    assert versions.execute(told).fetchall() == [(1, "4.00"), (2, "3.00")]


@pytest.mark.parametrize(
    ("through", "expected"),
    [("2024-03-04", "2024-03-03"), ("2024-03-01", "2024-03-01"), ("2024-02-01", "2024-02-01")],
)
def test_newest_day(database: duckdb.DuckDBPyConnection, through: str, expected: str) -> None:
    database.execute(
        """
        CREATE TABLE curated.bookings AS SELECT TIMESTAMP '2024-03-05 10:00:00' AS booked_at, TRUE AS is_deleted;
        CREATE TABLE curated.viewings AS SELECT TIMESTAMP '2024-03-01 23:59:59' AS viewed_at;
        CREATE TABLE curated.listings AS SELECT TIMESTAMP '2024-03-03 00:00:00' AS modified_at, FALSE AS is_deleted;
        """
    )
    day = datetime.fromisoformat(through).date()
    assert str(database.execute(newest_day(day)).fetchall()[0][0]) == expected
    database.execute("DELETE FROM curated.viewings; DELETE FROM curated.listings")
    assert database.execute(newest_day(day)).fetchall() == [(None,)]

"""Rows for every source table, made from its contract alone, as extracts in a lake or in a SQLite database."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from curated.raw_rows import EXTRACTED_AT, write_extracts
from rental_analytics.contracts.manifest import ExtractedTable
from rental_analytics.contracts.source_table import SourceTable, SourceType
from rental_analytics.storage.base import Lake

ROWS = 12_000
REPEATED = 3_000
DELETED = 2_000
KEYLESS = 10
_NO_VALUE_IN = 400
_SQLITE_TYPES = {
    SourceType.ID: "BIGINT",
    SourceType.INTEGER: "BIGINT",
    SourceType.DECIMAL: "DECIMAL(12,2)",
    SourceType.FLOAT: "DOUBLE",
    SourceType.BOOLEAN: "TINYINT(1)",
    SourceType.DATE: "DATE",
    SourceType.TIMESTAMP: "DATETIME(6)",
}


def rows_of(table: SourceTable, count: int, chance: random.Random) -> list[dict[str, Any]]:
    """Rows with the keys from 1 on; any other value is missing in a few of them."""
    return [
        {
            name: number
            if name in table.key
            else None
            if not chance.randrange(_NO_VALUE_IN * len(table.columns))
            else _value(name, column.type, chance)
            for name, column in table.columns.items()
        }
        for number in range(1, count + 1)
    ]


def extracts_of(lake: Lake, table: SourceTable) -> tuple[ExtractedTable, ...]:
    """A first run's rows, and those of a second one that repeats some keys and misses others."""
    chance = random.Random(table.name)
    first = [{**row, "_run": 1} for row in rows_of(table, ROWS, chance)]
    second = [{**row, "_run": 2} for row in rows_of(table, REPEATED, chance)]
    for row in second[:KEYLESS]:
        row.update(dict.fromkeys(table.key))
    if table.key:
        gone = range(ROWS - DELETED, ROWS)
        second += [{**dict.fromkeys(table.key, key), "_run": 2, "_is_deleted": True} for key in gone]
    return write_extracts(lake, table, [*first, *second])


def fill_sqlite(file: Path, tables: Mapping[str, SourceTable]) -> None:
    """Make a database with all tables, or add to one: some rows change, some go and some come."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in tables.values():
            columns = [f"{name} {_SQLITE_TYPES.get(column.type, 'TEXT')}" for name, column in table.columns.items()]
            key = [f"PRIMARY KEY ({', '.join(table.key)})"] if table.key else []
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join([*columns, *key])})")
            ((known,),) = connection.execute(f"SELECT COUNT(*) FROM {table.name}").fetchall()
            rows = rows_of(table, REPEATED if known else ROWS, random.Random(known))
            if known and table.key:
                connection.execute(f"DELETE FROM {table.name} WHERE {table.key[0]} > {ROWS - DELETED}")
            moment = table.change_cursor or table.event_time
            for number, row in enumerate(rows):
                if known and moment:
                    row[moment] = EXTRACTED_AT + timedelta(seconds=number)
            marks = ", ".join("?" for _ in table.columns)
            connection.executemany(
                f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})", [_sqlite_row(row) for row in rows]
            )


def _sqlite_row(row: Mapping[str, Any]) -> Sequence[Any]:
    return [
        value.strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, datetime)
        else value.isoformat()
        if isinstance(value, date)
        else value
        for value in row.values()
    ]


def _value(name: str, kind: SourceType, chance: random.Random) -> Any:
    if kind in {SourceType.INTEGER, SourceType.ID}:
        return chance.randrange(1, 5 * ROWS)
    if kind is SourceType.DECIMAL:
        return chance.randrange(100, 10**6) / 100
    if kind is SourceType.FLOAT:
        return chance.random() * 90
    if kind is SourceType.BOOLEAN:
        return chance.random() < 0.5
    moment = EXTRACTED_AT - timedelta(seconds=chance.randrange(10**6, 10**7))
    if kind is SourceType.TIMESTAMP:
        return moment
    if kind is SourceType.DATE:
        return moment.date()
    known = {"currency": ("USD", "EUR"), "booking_status": ("pending", "confirmed")}
    return chance.choice(known[name]) if name in known else f"{chance.getrandbits(160):x}"

"""What runs of every kind really send is of kinds that the snapshots have: nothing goes out that none shows."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from generators.redshift_statements import all_statements
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.errors import QualityError
from rental_analytics.report import write_report
from rental_analytics.warehouses.redshift.data_api import Target
from rental_analytics.warehouses.redshift.warehouse import RedshiftWarehouse
from runs.harness import Source, failure
from servers.redshift_procedures import split_creation
from warehouses.twins import Redshift, Twins

COUNTED = "_checked_rows"
STAGING = re.compile(r'"?ops"?\."?stage_[0-9a-f]{8}_\w+"?')


@cache
def kinds(sql: str) -> frozenset[str]:
    """What statements have in common that differ in values, quoted names, types and the length of lists.

    Queries with UNION ALL between them are of a kind each.
    """
    tree: Any = sqlglot.parse_one(STAGING.sub('"staging"."table"', sql), read="redshift")
    for node in list(tree.walk(bfs=False)):
        if isinstance(node, exp.Literal | exp.Null | exp.Boolean) or _is_dated(node):
            node.replace(exp.Literal.string("?"))
        elif isinstance(node, exp.DataType):
            node.replace(exp.DataType.build("INT"))
        elif isinstance(node, exp.Identifier) and node.args.get("quoted"):
            node.replace(exp.to_identifier("name"))
    for node in list(tree.walk(bfs=False))[::-1]:
        if isinstance(node, exp.Or) and node.this.sql() == node.expression.sql():
            node.replace(node.this)
        for name, items in node.args.items():
            if isinstance(items, list) and len(items) > 1:
                node.set(name, list({part.sql("redshift"): part for part in items}.values()))
    if COUNTED in sql:
        # Counts and samples of checks are of a kind each: which of them are asked for, depends on the rows.
        return frozenset(f"{asked.sql('redshift')} {tree.args['from_'].sql('redshift')}" for asked in tree.expressions)
    return frozenset(part.sql("redshift") for part in _united(tree))


def _united(tree: Any) -> list[Any]:
    return [*_united(tree.this), *_united(tree.expression)] if isinstance(tree, exp.Union) else [tree]


def _is_dated(node: exp.Expression) -> bool:
    """`TIMESTAMP '...'` or `DATE '...'`."""
    return isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """sqlglot warns of commands that it does not look into."""
    caplog.set_level(logging.ERROR, logger="sqlglot")


@pytest.mark.service
@pytest.mark.slow
def test_nothing_is_sent_that_no_snapshot_shows(
    tmp_path: Path, source: Source, twins: Callable[[str], Twins], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs in every read mode, and what goes wrong on the way."""
    both = twins(source.url)
    redshift = both.redshift
    source.create(optional=True)
    rows: list[dict[str, Any]] = [{"id": key} for key in range(1, 13)]
    source.insert("apartments", *rows)
    source.insert("apartment_attributes", *rows)
    source.insert("bookings", *({"booking_id": key["id"], "updated_at": "2024-03-01 12:00:00"} for key in rows))
    source.insert("bookings", {"booking_id": 99, "booking_status": "no such", "updated_at": "2024-03-01 12:00:00"})
    source.insert("user_viewing", {}, {})
    error = failure(redshift.run, "quality.max_rejected_share=0", run_id="rejected")
    assert isinstance(error, QualityError)
    redshift.run(run_id="first")

    source.execute("DELETE FROM bookings WHERE booking_id = 1")
    source.execute("DELETE FROM apartments WHERE id = 2")
    source.execute(
        "UPDATE bookings SET booking_status = 'odd', updated_at = '2024-03-02 12:00:00' WHERE booking_id = 3"
    )
    source.execute("UPDATE apartments SET price = 5, last_modified_timestamp = '2024-03-02 12:00:00' WHERE id = 1")
    source.insert("user_viewing", {"viewed_at": "2024-03-02 12:00:00"})
    redshift.load(run_id="later")
    redshift.load(run_id="filled", backfill=(date(2024, 3, 1), date(2024, 3, 2)))
    redshift.load("tables.bookings.mode=snapshot", run_id="snapshot")

    change(redshift, "ALTER TABLE curated.bookings DROP COLUMN guests")
    change(redshift, "ALTER TABLE curated.bookings ALTER COLUMN reporting_total_price TYPE numeric(12,2)")
    change(redshift, "ALTER TABLE curated.bookings ALTER COLUMN status TYPE varchar(9)")
    change(redshift, "ALTER TABLE curated.listings ALTER COLUMN source TYPE integer USING NULL")
    change(redshift, "ALTER TABLE raw_data.bookings ALTER COLUMN num_guests TYPE varchar(20)")
    change(redshift, "ALTER TABLE presentation.occupancy_rate_monthly DROP COLUMN occupancy_rate")
    change(redshift, "CREATE TABLE ops.stage_0a1b2c3d_9 (id bigint)")
    redshift.every_metric = True
    redshift.run(run_id="whole", full_refresh=True)

    told = RedshiftWarehouse(Target("test-workgroup", redshift.database))
    told.open()
    told.fail_running(datetime.now(UTC), "it died")
    write_report(told.ask, load_contracts().presentation, tmp_path / "report.html", {})

    known = {kind for statements in all_statements().values() for sql in statements for kind in kinds(sql)}
    sent = [part for sql in redshift.stand_in.statements[redshift.database] for part in parts(sql)]
    unknown = {kind: sql for sql in sent for kind in kinds(sql) if kind not in known}
    assert not unknown, "\n\n".join(unknown.values())
    assert len({kind for sql in sent for kind in kinds(sql)}) > len(known) // 2


def parts(sql: str) -> list[str]:
    """The statements of a procedure, and any other one as it is."""
    creation = split_creation(sql)
    return creation[1] if creation else [sql]


def change(redshift: Redshift, sql: str) -> None:
    """As somebody would who has a hand in the warehouse."""
    redshift.stand_in.execute(sql, redshift.database)


@pytest.mark.fast
def test_kinds_are_told_apart() -> None:
    """The comparison above could not fail if all statements were of one kind."""
    assert kinds("DELETE FROM ops.runs WHERE run_id = 'a'") == kinds("DELETE FROM ops.runs WHERE run_id = 'b'")
    assert kinds('SELECT "a" FROM ops.runs') == kinds('SELECT "b", "c" FROM ops.runs')
    apart = [
        "SELECT a FROM ops.runs",
        "SELECT a FROM ops.steps",
        "SELECT a FROM ops.runs WHERE a = 1",
        "SELECT a FROM ops.runs WHERE a < 1",
        "SELECT MAX(a) FROM ops.runs",
        "DELETE FROM ops.runs",
        'DROP TABLE IF EXISTS "ops"."runs"',
        'DROP TABLE "ops"."runs"',
    ]
    assert len({kinds(sql) for sql in apart}) == len(apart)

"""Transactions of the Data API: what ends them, what they see, what they may hold."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from rental_analytics.aws.sessions import make_client
from rental_analytics.doctor.redshift.claim import claim, need
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.doctor.results import DifferenceError
from rental_analytics.errors import RentalError
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier
from rental_analytics.warehouses.redshift.data_api import BATCH
from rental_analytics.warehouses.redshift.procedures import as_procedures

_AT_ONCE = 5


@claim
def guard_ends_the_transaction(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER")
    error = sandbox.refusal(
        f"INSERT INTO {table} (id) VALUES (1)",
        redshift(f"SELECT 1 / CASE WHEN COUNT(*) > 0 THEN 0 ELSE 1 END FROM {table}", "guard"),
    )
    rows = sandbox.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return need(rows == 0, f"{rows} rows stayed; {error.message}")


@claim
def lock_then_snapshot(sandbox: Sandbox) -> str:
    """Transactions that wait for the lock see what the one before them committed."""
    table = sandbox.table("id INTEGER")
    once = [
        f"LOCK {table}",
        f"SELECT 1 / CASE WHEN COUNT(*) > 0 THEN 0 ELSE 1 END AS in_turn FROM {table}",
        f"INSERT INTO {table} (id) VALUES (1)",
    ]

    def attempt(_: int) -> str:
        try:
            sandbox.api.run(once)
        except RentalError as error:
            return error.message.split(":")[-1].strip()
        return "loaded"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        ended = Counter(pool.map(attempt, range(_AT_ONCE)))
    rows = sandbox.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return need(rows == 1 and ended["loaded"] == 1, f"{rows} rows; {dict(ended)}")


@claim
def renames_within_a_transaction(sandbox: Sandbox) -> str:
    table, new = sandbox.table("id INTEGER", rows="(1)"), sandbox.table("id BIGINT", rows="(2)")
    sandbox.api.run([f"DROP TABLE {table}", f"ALTER TABLE {new} RENAME TO {identifier(table.partition('.')[2])}"])
    seen = sandbox.rows(f"SELECT id FROM {table}")
    return need(seen == [(2,)], str(seen))


@claim
def a_transaction_has_40_statements(sandbox: Sandbox) -> str:
    sandbox.api.run(["SELECT 1"] * BATCH)
    try:
        sandbox.api.run(["SELECT 1"] * (BATCH + 1))
    except RentalError as error:
        return error.message
    raise DifferenceError(f"{BATCH + 1} were taken")


@claim
def a_procedure_is_made_called_and_dropped_in_one_transaction(sandbox: Sandbox) -> str:
    """It changes rows and makes a table anew, and is undone with its transaction."""
    kept, anew = sandbox.table("id INTEGER", rows="(1)"), sandbox.table("id INTEGER", rows="(1)")
    changes = [
        f"DELETE FROM {kept}",
        f"INSERT INTO {kept} (id) SELECT 2",
        f"DROP TABLE {anew}",
        f"CREATE TABLE {anew} (id BIGINT)",
        f"INSERT INTO {anew} (id) SELECT id FROM {kept}",
    ]
    procedures = as_procedures(changes, f"{kept}_swap")
    sandbox.refusal(*procedures, f"SELECT 1 / CASE WHEN COUNT(*) > 0 THEN 0 ELSE 1 END FROM {kept}")
    before = sandbox.rows(f"SELECT id FROM {kept}")
    sandbox.api.run(procedures)
    after = sandbox.rows(f"SELECT id FROM {kept} UNION ALL SELECT id FROM {anew}")
    return need((before, after) == ([(1,)], [(2,), (2,)]), f"{before}, then {after}")


@claim
def statements_can_be_cancelled(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", rows=", ".join(f"({number})" for number in range(1500)))
    client = make_client("redshift-data", "Redshift", "warehouse.url", region=sandbox.target.region)
    slow = f"SELECT COUNT(*) FROM {table} AS a, {table} AS b, {table} AS c WHERE a.id * b.id <> c.id + 7"
    identity = client.execute_statement(Sql=slow, **sandbox.target.request)["Id"]
    while client.describe_statement(Id=identity)["Status"] in {"SUBMITTED", "PICKED"}:
        time.sleep(0.05)
    client.cancel_statement(Id=identity)
    deadline = time.monotonic() + 60
    while (status := client.describe_statement(Id=identity)["Status"]) == "STARTED" and time.monotonic() < deadline:
        time.sleep(0.1)
    return need(status == "ABORTED", status)

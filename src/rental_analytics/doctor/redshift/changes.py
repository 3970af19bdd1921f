"""INSERT, UPDATE, DELETE and MERGE: what they change, and what they refuse."""

from __future__ import annotations

from rental_analytics.doctor.redshift.claim import claim, need
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import render
from rental_analytics.warehouses.redshift.data_api import StatementError


@claim
def result_rows_count_changes(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", "n INTEGER")
    source = sandbox.table("id INTEGER", "n INTEGER", rows="(2, 20), (9, 90)")
    counts = sandbox.api.run(
        [
            f"INSERT INTO {table} (id, n) VALUES (1, 1), (2, 2), (3, 3)",
            f"UPDATE {table} SET n = 5 WHERE id < 3",
            f"DELETE FROM {table} WHERE id = 1",
            _merge(table, source),
        ]
    )
    return need(counts == [3, 2, 1, 2], f"INSERT, UPDATE, DELETE, MERGE: {counts}, 3 2 1 2 expected")


@claim
def merge_refuses_doubled_keys(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", "n INTEGER", rows="(1, 1)")
    source = sandbox.table("id INTEGER", "n INTEGER", rows="(1, 2), (1, 3)")
    return sandbox.refusal(_merge(table, source)).message


@claim
def merge_into_doubled_keys(sandbox: Sandbox) -> str:
    """Refused, or every row of the key changed: anything but an old row that stays, or one more."""
    table = sandbox.table("id INTEGER", "n INTEGER", rows="(1, 1), (1, 2), (2, 3)")
    source = sandbox.table("id INTEGER", "n INTEGER", rows="(1, 9)")
    try:
        sandbox.api.run([_merge(table, source)])
    except StatementError as error:
        return f"refused: {error.message}"
    seen = sorted(sandbox.rows(f"SELECT id, n FROM {table}"))
    return need(seen == [(1, 9), (1, 9), (2, 3)], str(seen))


@claim
def keys_are_not_enforced(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", key="id", rows="(1), (1)")
    rows = sandbox.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return need(rows == 2, f"{rows} rows with one key")


@claim
def updates_join(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", "n INTEGER", rows="(1, 1), (2, 2)")
    other = sandbox.table("id INTEGER", rows="(2)")
    sandbox.api.run([f"UPDATE {table} AS target SET n = 9 FROM {other} AS gone WHERE target.id = gone.id"])
    seen = sorted(sandbox.rows(f"SELECT id, n FROM {table}"))
    return need(seen == [(1, 1), (2, 9)], str(seen))


@claim
def deletes_join(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", rows="(1), (2)")
    other = sandbox.table("id INTEGER", rows="(2)")
    sandbox.api.run([redshift(render("warehouses/delete_keys", relation=table, source=other, key=("id",)), "delete")])
    seen = sandbox.rows(f"SELECT id FROM {table}")
    return need(seen == [(1,)], str(seen))


@claim
def correlated_not_exists_in_update(sandbox: Sandbox) -> str:
    columns = ("id INTEGER", "is_deleted BOOLEAN", "_run_id VARCHAR(9)", "_loaded_at TIMESTAMP")
    kept = "(1, FALSE, 'before', NULL), (2, FALSE, 'before', NULL), (3, TRUE, 'before', NULL)"
    table, other = sandbox.table(*columns, rows=kept), sandbox.table("id INTEGER", rows="(2)")
    facts = {
        "relation": table,
        "key": ("id",),
        "flag": "is_deleted",
        "run_id": "now",
        "loaded_at": "2024-03-04 05:06:07",
    }
    sandbox.api.run([redshift(render("warehouses/flag_missing", source=other, **facts), "update")])
    seen = sorted(sandbox.rows(f"SELECT id, is_deleted, _run_id FROM {table}"))
    return need(seen == [(1, True, "now"), (2, False, "before"), (3, True, "before")], str(seen))


@claim
def analyze_is_allowed(sandbox: Sandbox) -> str:
    sandbox.api.run([f"ANALYZE {sandbox.table('id INTEGER', rows='(1)')}"])
    return "taken"


def _merge(table: str, source: str) -> str:
    return render(
        "warehouses/redshift/merge",
        relation=table,
        source=source,
        key=("id",),
        values={"n": 'arrived."n"'},
        inserted={"id": 'arrived."id"', "n": 'arrived."n"'},
    )

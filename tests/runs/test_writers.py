"""Writers that never rest, and commit out of order: no row is lost, none comes twice, none is stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.pipeline import STEP_NAMES
from runs.harness import Pipeline, Source
from runs.test_random_marketplaces import Market, converted
from runs.writers import FIRST_KEYS, TABLES, WRITERS, KeyedTable, WriterLog, WriterPlan, writing
from servers.mysql import MySqlServer
from support.breadth import examples

Row = tuple[Any, ...]
VIEWING = ("user_id", "apartment_id", "viewed_at", "is_wishlisted")
CURATED = {
    "apartments": "SELECT listing_id, modified_at, title, price, currency, reporting_price, created_at, is_active, "
    "is_deleted FROM curated.listings",
    "apartment_attributes": "SELECT listing_id, body, square_feet, city, state, amenities, is_deleted "
    "FROM curated.listing_attributes",
    "bookings": "SELECT booking_id, modified_at, payment_status, total_price, user_id, listing_id, booked_at, "
    "checkin_date, checkout_date, stay_nights, reporting_total_price, currency, status, is_deleted "
    "FROM curated.bookings",
}
# What comes after the curated tables is made from them alone.
LOADING = STEP_NAMES[: STEP_NAMES.index("metrics")]
UNEVEN = "SELECT * FROM ops.row_accounting WHERE extracted <> curated + superseded + rejected"


@pytest.fixture
def database(mysql: MySqlServer) -> str:
    name = mysql.create_database()
    source = Source(mysql.url(name), lambda sql: mysql.execute(sql, name))
    source.create(optional=True)
    first = datetime.fromisoformat("2024-05-01")
    for table in TABLES:
        rows = [dict(zip(table.columns, table.values(key, first, key), strict=True)) for key in FIRST_KEYS]
        source.insert(table.name, *rows)
    return name


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.parametrize(
    ("overlap", "longest", "runs"),
    [
        pytest.param(2.0, 1.6, examples(6, 50), id="delays-up-to-the-overlap"),
        pytest.param(1.0, 6.0, examples(6, 20), id="delays-much-longer-than-the-overlap"),
    ],
)
def test_nothing_is_lost_doubled_or_stale_while_writers_commit_out_of_order(
    mysql: MySqlServer, database: str, tmp_path: Path, overlap: float, longest: float, runs: int
) -> None:
    pipeline = Pipeline(tmp_path / "run", mysql.url(database), f"source.overlap={overlap:g} seconds")
    timely = longest < overlap
    plans = [
        WriterPlan(
            mysql.host,
            mysql.port,
            database,
            number,
            longest,
            latest=overlap - 0.2 if timely else None,
            # Events have no key: those that commit later than the overlap are not found.
            viewings=timely,
        )
        for number in range(WRITERS)
    ]
    with writing(plans) as working:
        pipeline.run(steps=LOADING)
        seen = {table.name: keys_of(pipeline, table) for table in TABLES}
        for _ in range(runs - 1):
            pipeline.run(steps=LOADING)
            assert not [writer for writer in working if writer.done()]
    logs = [writer.result() for writer in working]
    pipeline.run()

    found = {table.name: differences(mysql, database, pipeline, table, seen[table.name], logs) for table in TABLES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert viewing_differences(mysql, database, pipeline) == {}
    assert pipeline.rows(UNEVEN) == []
    assert pipeline.rows("SELECT status, COUNT(*) FROM ops.runs GROUP BY ALL") == [("succeeded", runs + 1)]

    # The writers did what they are for.
    assert out_of_order(logs) > runs
    kinds = sum((log.kinds for log in logs), Counter[str]())
    assert len(kinds) == (11 if timely else 10), kinds


def keys_of(pipeline: Pipeline, table: KeyedTable) -> set[int]:
    return {key for (key,) in pipeline.rows(f"SELECT {table.key} FROM raw_data.{table.name}")}


def out_of_order(logs: Iterable[WriterLog]) -> int:
    """Commits with a cursor value below that of a commit before."""
    commits = sorted((commit for log in logs for commit in log.commits), key=lambda commit: commit[1])
    newest, late = commits[0][0], 0
    for moment, _ in commits:
        late += moment < newest
        newest = max(newest, moment)
    return late


def differences(
    server: MySqlServer, database: str, pipeline: Pipeline, table: KeyedTable, seen: set[int], logs: Iterable[WriterLog]
) -> dict[str, Any]:
    """What `raw_data` and `curated` have otherwise than the source: nothing, if all is well.

    `seen` are keys that were there once; they must not go.
    """
    columns = ", ".join(table.columns)
    source = {row[0]: row for row in server.execute(f"SELECT {columns} FROM {table.name}", database)}
    gone = {key for log in logs for key in log.gone[table.name]}
    found = {}
    for schema, sql, made in (
        ("raw_data", f"SELECT {columns}, _is_deleted FROM raw_data.{table.name}", tuple),
        ("curated", CURATED[table.name], lambda row: _curated(table, row)),
    ):
        wanted = {key: (*made(row), False) for key, row in source.items()}
        compared = _compared(wanted, pipeline.rows(sql), seen, gone)
        found |= {f"{schema} {kind}": rows for kind, rows in compared.items() if rows}
    return found


def _compared(wanted: dict[int, Row], found: list[Row], seen: set[int], gone: set[int]) -> dict[str, list[Any]]:
    """Rows are recognised by their first column, the key; the last says whether the row is deleted."""
    counts = Counter(row[0] for row in found)
    return {
        "missing": sorted(wanted.keys() - counts.keys()),
        "double": sorted(key for key, count in counts.items() if count > 1),
        "stale": [(row, wanted[row[0]]) for row in found if row[0] in wanted and row != wanted[row[0]]],
        "not flagged": sorted(row[0] for row in found if row[0] not in wanted and not row[-1]),
        "never there": sorted(counts.keys() - wanted.keys() - gone),
        "forgotten": sorted(seen - counts.keys()),
    }


def _curated(table: KeyedTable, row: Row) -> Row:
    """A source row as its curated table should have it."""
    value = dict(zip(table.columns, row, strict=True))
    changed, key, text, number = value[table.cursor], value[table.key], value[table.text], value[table.number]
    if table.name == "apartments":
        created = value["listing_created_on"]
        dollars = converted(number, "EUR", Market("USD", None), (changed or created).date())
        return (key, changed, text, number, "EUR", dollars, created, True)
    if table.name == "apartment_attributes":
        return (key, text, number, "Bern", "BE", "Bath,Wifi")
    booked, checkin, checkout = value["booking_date"], date(2024, 3, 10), date(2024, 3, 13)
    return (key, changed or booked, text, number, 7, 1, booked, checkin, checkout, 3, number, "USD", "confirmed")


def viewing_differences(server: MySqlServer, database: str, pipeline: Pipeline) -> dict[str, Any]:
    """The same for `user_viewing`, whose rows count as often as they are there."""
    columns = ", ".join(VIEWING)
    source = Counter(server.execute(f"SELECT {columns} FROM user_viewing", database))
    # A view may lack a user, and nothing else.
    valid = Counter({row: count for row, count in source.items() if None not in row[1:]})
    raw = Counter(pipeline.rows(f"SELECT {columns} FROM raw_data.user_viewing"))
    curated = Counter(
        pipeline.rows("SELECT user_id, listing_id, viewed_at, CAST(is_wishlisted AS INTEGER) FROM curated.viewings")
    )
    ((rejected,),) = pipeline.rows("SELECT COUNT(*) FROM ops.rejected_rows WHERE table_name = 'viewings'")
    found = {
        "raw missing": source - raw,
        "raw double": raw - source,
        "curated missing": valid - curated,
        "curated double": curated - valid,
        "rejected": source.total() - valid.total() - rejected,
    }
    return {kind: rows for kind, rows in found.items() if rows}

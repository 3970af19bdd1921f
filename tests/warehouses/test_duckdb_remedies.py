"""What a DuckDB warehouse is refused for: doing what the remedy says, the same call or run succeeds."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.contracts.model import PresentationModel
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse
from runs.harness import Pipeline, Source, failure

HOLD = """
import sys, duckdb
held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
sys.stdin.read()
"""
STEP = {"run_id": "first", "step": "extract", "status": "failed"}


def refused(reason: str, remedy: str, call: Callable[..., object], *arguments: Any, **options: Any) -> None:
    error = failure(call, *arguments, **options)
    assert error.reason == reason, str(error)
    assert remedy in error.remedy


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDbWarehouse]:
    made = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    made.open()
    yield made
    made.close()


@pytest.mark.fast
@pytest.mark.remedy("warehouse-path-invalid")
@pytest.mark.remedy("warehouse-not-opened")
def test_another_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no warehouse " * 1000)
    refused("warehouse-path-invalid", "choose another name", DuckDbWarehouse(tmp_path / "what?.duckdb").open)
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "other.duckdb.wal")
    for place in ("notes.txt", "notes.txt/warehouse.duckdb", ".", "pipe", "other.duckdb"):
        refused("warehouse-not-opened", "in a folder you may write to", DuckDbWarehouse(tmp_path / place).open)
    refused("warehouse-not-opened", "a new name", lambda: DuckDbWarehouse(tmp_path / "pipe").open(read_only=True))
    right = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    right.open()
    right.record({"steps": [STEP]})
    right.close()


@pytest.mark.fast
@pytest.mark.remedy("warehouse-open-for-writing")
def test_once_the_other_program_reads_only(warehouse: DuckDbWarehouse) -> None:
    warehouse.publish()
    for mode in ("write", "read"):
        command = [sys.executable, "-c", HOLD, str(warehouse._connection.path), mode]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout and other.stdout.readline() == "held\n"
            if mode == "write":
                for read_only in (False, True):
                    remedy = "or let it open the file for reading only"
                    refused("warehouse-open-for-writing", remedy, warehouse.open, read_only=read_only)
            else:
                warehouse.open()
                warehouse.record({"steps": [STEP]})
                warehouse.publish()
            other.communicate()
    assert warehouse.query("FROM ops.steps").num_rows == 1


@pytest.mark.fast
@pytest.mark.remedy("warehouse-locked")
def test_once_the_other_run_has_ended(warehouse: DuckDbWarehouse) -> None:
    second = DuckDbWarehouse(warehouse._connection.path)
    error = failure(second.open)
    assert error.reason == "warehouse-locked"
    assert f"(PID {os.getpid()})" in error.message
    warehouse.record({"steps": [STEP]})
    warehouse.publish()
    second.open()
    assert second.query("FROM ops.steps").num_rows == 1
    second.close()


@pytest.mark.fast
@pytest.mark.remedy("query-failed")
@pytest.mark.remedy("query-not-one-statement")
def test_a_query_is_corrected(warehouse: DuckDbWarehouse) -> None:
    remedy = "send one statement that only reads; several, one by one"
    for several in ("SELECT 1; SELECT 2", ""):
        refused("query-not-one-statement", remedy, warehouse.query, several)
    assert [warehouse.query(one).num_rows for one in ("SELECT 1", "SELECT 2")] == [1, 1]
    error = failure(warehouse.query, "SELECT run FROM ops.run")
    assert error.reason == "query-failed"
    tables = warehouse.query(error.remedy.split("query '")[1].partition("'")[0]).to_pylist()
    assert {"table_schema": "ops", "table_name": "runs"} in tables
    error = failure(warehouse.query, "SELECT runs.run FROM ops.runs AS runs")
    assert "`rental query 'DESCRIBE ops.runs'` lists the columns" in error.remedy
    columns = warehouse.query(error.remedy.split("query '")[1].partition("'")[0]).to_pylist()
    assert "run_id" in {column["column_name"] for column in columns}
    error = failure(warehouse.query, "SELECT runs.run FROM ops.runs AS runs JOIN ops.steps AS steps USING (run_id)")
    assert "lists the columns" in error.remedy
    columns = warehouse.query(error.remedy.split("query '")[1].partition("'")[0]).to_pylist()
    assert {"table_schema": "ops", "table_name": "runs", "column_name": "run_id"} in columns
    assert 'Did you mean "runs"?' in failure(warehouse.query, "FROM ops.run").message
    assert "pg_" not in failure(warehouse.query, "FROM sequences").message
    assert warehouse.query("SELECT run_id FROM ops.runs").num_rows == 0


DESCRIBED = "`rental query 'DESCRIBE ops.runs'` lists the columns"
COLUMNS = "information_schema.columns ORDER BY ALL'` lists the columns"
TABLES = "information_schema.tables'` lists the tables"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("sql", "remedy"),
    [
        ("SELECT run FROM ops.runs", DESCRIBED),
        ("EXPLAIN SELECT run FROM ops.runs", DESCRIBED),
        ("EXPLAIN ANALYZE SELECT run FROM ops.runs", DESCRIBED),
        ("SUMMARIZE SELECT run FROM ops.runs", DESCRIBED),
        ("SELECT * EXCLUDE (run) FROM ops.runs", DESCRIBED),
        ("SELECT one.run FROM ops.runs AS one JOIN ops.runs AS other USING (run_id)", DESCRIBED),
        ("SELECT run_id FROM ops.runs AS one JOIN ops.steps AS other USING (run)", COLUMNS),
        ("WITH runs AS (SELECT run_id FROM ops.runs) SELECT run FROM runs", COLUMNS),
        ("SELECT run_id FROM ops.runs WHERE COUNT(*) > 1", TABLES),
        ("SELECT run_id, COUNT(*) FROM ops.runs", TABLES),
        ("SELECT run_id + 1 FROM ops.run", TABLES),
        ("SELECT FROM WHERE", TABLES),
    ],
)
def test_a_remedy_is_about_what_is_wrong(
    warehouse: DuckDbWarehouse, caplog: pytest.LogCaptureFixture, sql: str, remedy: str
) -> None:
    """Nothing else is printed: the parser that looks for the table has a log of its own."""
    error = failure(warehouse.query, sql)
    assert error.reason == "query-failed"
    assert remedy in error.remedy
    assert caplog.records == []


@pytest.mark.fast
@pytest.mark.remedy("warehouse-statement-refused")
def test_what_was_changed_by_hand_is_taken_back(warehouse: DuckDbWarehouse) -> None:
    warehouse._connection.run("ALTER TABLE ops.steps RENAME TO steps_of_mine")
    warehouse._connection.run("CREATE VIEW ops.steps AS FROM ops.steps_of_mine")
    refused("warehouse-statement-refused", "take back what was changed", warehouse.record, {"steps": [STEP]})
    warehouse._connection.run("DROP VIEW ops.steps")
    warehouse._connection.run("ALTER TABLE ops.steps_of_mine RENAME TO steps")
    warehouse.record({"steps": [STEP]})
    assert warehouse.query("SELECT run_id FROM ops.steps").num_rows == 1


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source.sqlite(tmp_path / "marketplace.db")
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1})
    return source


@pytest.mark.slow
@pytest.mark.remedy("warehouse-missing")
@pytest.mark.remedy("column-type-changed")
@pytest.mark.remedy("metric-query-refused")
@pytest.mark.remedy("warehouse-loaded-beside")
def test_runs_after_the_remedy(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, count = Pipeline(tmp_path / "run", source.url), "SELECT COUNT(*) FROM curated.bookings"
    refused("warehouse-missing", "make it with `rental run`", pipeline.rows, count)
    pipeline.run()
    assert pipeline.rows(count) == [(1,)]

    by_hand(pipeline, "ALTER TABLE curated.bookings ALTER lead_days SET DATA TYPE VARCHAR")
    by_hand(pipeline, "UPDATE curated.bookings SET lead_days = 'nine'")
    source.insert("bookings", {"booking_id": 2})
    remedy = "drop or convert curated.bookings in the warehouse, then `rental run --full-refresh`"
    refused("column-type-changed", remedy, pipeline.run)
    by_hand(pipeline, "DROP TABLE curated.bookings")
    pipeline.run(full_refresh=True)
    assert pipeline.rows(count) == [(2,)]

    rebuild, load = DuckDbWarehouse.rebuild, DuckDbWarehouse.load

    def wrong(self: DuckDbWarehouse, models: Sequence[PresentationModel], *arguments: Any) -> Any:
        """The query of the first metric names a table that is not there."""
        first = models[0].model_copy(update={"query": "SELECT nothing FROM nowhere"})
        return rebuild(self, [first, *models[1:]], *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDbWarehouse, "rebuild", wrong)
        source.insert("bookings", {"booking_id": 3})
        refused("metric-query-refused", "correct the query", pipeline.run)
    pipeline.run()
    assert pipeline.rows("SELECT SUM(confirmed_bookings) FROM presentation.top_listings_weekly") == [(3,)]

    def late(self: DuckDbWarehouse, *arguments: Any) -> Any:
        """Another process, with a lake of its own, loads before this one."""
        entry = "INSERT INTO ops.loads (manifest_hash, step, run_id, sequence) VALUES ('f', '{step}', 'other', 99)"
        self._connection.run(entry.format(step=arguments[0].step))
        return load(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDbWarehouse, "load", late)
        source.insert("bookings", {"booking_id": 4})
        refused("warehouse-loaded-beside", "with --full-refresh if the other one had a lake of its own", pipeline.run)
    pipeline.run(full_refresh=True)
    assert pipeline.rows(count) == [(4,)]


def by_hand(pipeline: Pipeline, sql: str) -> None:
    import duckdb

    with duckdb.connect(str(pipeline.folder / "warehouse.duckdb")) as connection:
        connection.execute(sql)

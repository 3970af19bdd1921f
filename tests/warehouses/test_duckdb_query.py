"""A user's statement on a DuckDB warehouse reads the warehouse, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rental_analytics.errors import ConfigurationError
from rental_analytics.warehouses.duckdb.warehouse import DuckDbWarehouse

pytestmark = pytest.mark.fast

READING = [
    "SELECT 1",
    "FROM ops.runs",
    "WITH one AS (SELECT 1) SELECT * FROM one",
    "VALUES (1)",
    "DESCRIBE ops.runs",
    "SHOW TABLES",
    "SUMMARIZE ops.runs",
    "PRAGMA table_info('ops.runs')",
    "EXPLAIN SELECT 1",
    "EXPLAIN (SELECT 1)",
    "explain analyze select 1",
    "/* ü */ EXPLAIN -- ö\n ANALYZE FROM ops.runs",
    "EXPLAIN (ANALYZE, FORMAT json) SELECT (1)",
]
OTHER = [
    "COPY ops.runs TO '{place}'",
    "EXPLAIN COPY ops.runs TO '{place}'",
    "EXPLAIN ANALYZE COPY ops.runs TO '{place}'",
    "EXPLAIN ANALYZE COPY (SELECT 'ü') TO '{place}'",
    "/* ü */ EXPLAIN /* ANALYZE */ analyze COPY ops.runs TO '{place}'",
    "EXPLAIN (ANALYZE) COPY ops.runs TO '{place}'",
    "EXPLAIN (FORMAT json, ANALYZE) COPY ops.runs TO '{place}'",
    "EXPLAIN ANALYZE CREATE TABLE ops.x (y INTEGER)",
    "EXPLAIN ANALYZE SET threads = 1",
    "EXPLAIN ANALYZE PRAGMA enable_profiling",
    "EXPORT DATABASE '{place}'",
    "ATTACH '{place}' AS other",
    "SET temp_directory = '{place}'",
    "PRAGMA profiling_output = '{place}'",
    "CALL pragma_version()",
    "CREATE TEMP TABLE x (y INTEGER)",
    "INSTALL httpfs",
    "LOAD '{place}'",
    "SELECT * FROM read_csv('{beside}')",
    "SELECT * FROM read_text('{beside}')",
    "SELECT * FROM read_parquet('{beside}')",
    "FROM '{beside}'",
    "SELECT * FROM glob('{beside}*')",
    "SELECT getenv('HOME')",
    "SELECT * FROM connection",
    "SELECT * FROM statements",
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDbWarehouse]:
    folder = tmp_path_factory.mktemp("warehouse")
    (folder / "beside.csv").write_text("secret\n42\n")
    made = DuckDbWarehouse(folder / "warehouse.duckdb")
    made.open()
    made.publish()
    made.open(read_only=True)
    yield made
    made.close()


@pytest.mark.parametrize("sql", READING)
def test_what_reads_is_answered(warehouse: DuckDbWarehouse, sql: str) -> None:
    assert warehouse.query(sql).num_columns


@pytest.mark.parametrize("folder", ["warehouse.duckdb.tmp", ".", "the one it spills to"])
@pytest.mark.parametrize("sql", OTHER)
def test_what_does_not_is_refused(warehouse: DuckDbWarehouse, sql: str, folder: str) -> None:
    root = warehouse._connection.path.parent
    spill = Path(warehouse.query("SELECT current_setting('temp_directory')").column(0)[0].as_py())
    place = (spill if folder.startswith("the") else root / folder) / "out.csv"
    before = sorted(root.rglob("*"))
    with pytest.raises(ConfigurationError) as caught:
        warehouse.query(sql.format(place=place, beside=root / "beside.csv"))
    assert caught.value.exit_code == 2
    assert "42" not in str(caught.value)
    assert sorted(root.rglob("*")) == before
    assert not list(spill.rglob("*"))


def test_spilled_rows_go_with_the_reader(tmp_path: Path) -> None:
    made = DuckDbWarehouse(tmp_path / "warehouse.duckdb", memory="64MB", threads=1)
    made.open()
    made.publish()
    made.open(read_only=True)
    spill = Path(made.query("SELECT current_setting('temp_directory')").column(0)[0].as_py())
    sorting = "SELECT MAX(n), COUNT(*) FROM (SELECT range AS n, MD5(range::TEXT) AS x FROM range(2000000) ORDER BY x)"
    assert made.query(sorting).column(1)[0].as_py() == 2_000_000
    made.close()
    assert not spill.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["warehouse.duckdb"]


@pytest.mark.remedy("query-not-reading")
def test_select_in_its_place(warehouse: DuckDbWarehouse) -> None:
    with pytest.raises(ConfigurationError, match="this is a statement of type COPY") as caught:
        warehouse.query("EXPLAIN ANALYZE COPY ops.runs TO 'runs.csv'")
    assert caught.value.reason == "query-not-reading"
    assert warehouse.query("SELECT * FROM ops.runs").num_rows == 0


def test_link_in_the_place_of_the_spill_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    made = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    made.open()
    made.record({"steps": [{"run_id": "first", "step": "extract"}]})
    made.close()
    spill = tmp_path / "warehouse.duckdb.work" / "warehouse.duckdb.tmp"
    spill.symlink_to(tmp_path / "precious")
    made.open()
    assert not spill.is_symlink()
    made.publish()
    assert (tmp_path / "precious" / "file").read_text() == "kept"

"""What an engine may stop for: doing what the remedy says, it succeeds."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curated.curated_cases import contracts
from engines.test_failed_casts import transform
from parity.engines import open_session
from rental_analytics.engines.duckdb.engine import DuckDbEngine
from rental_analytics.engines.spark.engine import SparkEngine
from runs.harness import failure

pytestmark = pytest.mark.fast


@pytest.mark.remedy("pyspark-missing")
def test_without_the_package_of_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyspark", None)
        error = failure(SparkEngine, "local[2]")
    assert (error.reason, error.exit_code) == ("pyspark-missing", 2)
    assert error.remedy == "run `make spark`, or `pip install '.[spark]'`, in the folder of the project."
    SparkEngine("local[2]").close()


@pytest.mark.remedy("engine-out-of-memory")
def test_too_little_memory(tmp_path: Path) -> None:
    viewings = contracts().curated["viewings"]
    small = DuckDbEngine("1MB", threads=1)
    error = failure(transform, small, tmp_path / "small", viewings)
    small.close()
    assert (error.reason, error.remedy) == ("engine-out-of-memory", "raise engine.memory, then run again.")
    large = DuckDbEngine("500MB", threads=1)
    assert transform(large, tmp_path / "large", viewings).curated == 1
    large.close()


@pytest.mark.remedy("engine-stopped")
def test_a_file_that_is_not_there_for_a_moment(tmp_path: Path) -> None:
    file, engine = tmp_path / "rows.parquet", DuckDbEngine(threads=1)
    with open_session(engine, tmp_path) as session:
        sql = f"SELECT a FROM read_parquet('{file}')"
        error = failure(session.run, sql)
        assert (error.reason, error.remedy) == (
            "engine-stopped",
            "run again; if it comes again, --debug shows the whole error.",
        )
        pq.write_table(pa.table({"a": [1]}), file)
        assert session.run(sql) == [(1,)]
    engine.close()


@pytest.mark.remedy("model-does-not-add-up")
def test_a_join_that_doubles_rows(tmp_path: Path) -> None:
    viewings, engine = contracts().curated["viewings"], DuckDbEngine(threads=1)
    doubled = f"{viewings.query.rstrip().rstrip(';')} CROSS JOIN (SELECT 1 AS one UNION ALL SELECT 2 AS one) AS twice"
    error = failure(transform, engine, tmp_path / "doubled", viewings.model_copy(update={"query": doubled}))
    assert (error.reason, error.table) == ("model-does-not-add-up", "viewings")
    assert error.remedy == "the model's query must return each source row once; look at its joins."
    assert transform(engine, tmp_path / "once", viewings).curated == 1
    engine.close()

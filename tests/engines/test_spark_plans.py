"""How Spark goes about the statements of extraction and transformation where tables are large."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from curated.curated_cases import RUN, contracts
from curated.raw_rows import reference_data
from engines.plans import Statement, recorded
from engines.raw_tables import extracts_of, fill_sqlite
from rental_analytics.engines.spark.engine import SparkEngine
from rental_analytics.steps.transform.request import TransformRequest
from rental_analytics.steps.transform.transformation import Transformation
from rental_analytics.storage.local import LocalLake
from runs.harness import Pipeline

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark")]

SNAPSHOTS = tuple(f"tables.{name}.mode=snapshot" for name, source in contracts().sources.items() if source.key)
ROW_WISE = {model.source for model in contracts().curated.values() if model.source and not model.key}


def check(statements: list[Statement]) -> None:
    found = [
        f"{problem}: {' '.join(statement.sql.split())}\n{statement.plan.drawn()}"
        for statement in statements
        for problem in statement.problems(ROW_WISE)
    ]
    assert not found, "\n".join(found)


def test_transformation(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path / "lake")
    sources = contracts().sources
    extracts = {name: extracts_of(lake, source) for name, source in sources.items()}
    request = TransformRequest(
        run=RUN,
        models=contracts().transform_order,
        sources=sources,
        extracts=extracts,
        reference=reference_data({"raw_data.calendar_days": [{"calendar_date": date(2024, 1, 1)}]}),
        emit_reference=True,
        earlier={name: found[:1] for name, found in extracts.items()},
    )
    engine = SparkEngine("local[2]", "1GB")
    with recorded() as statements, engine.session(lake) as session:
        made = Transformation(session, request, lake, lambda rows: None).run()

    assert made.keys() == contracts().curated.keys()
    assert [name for name, table in made.items() if not table.curated] == []
    assert [name for name, model in contracts().curated.items() if model.source and not made[name].rejected] == []
    assert {name for statement in statements for name in statement.plan.sources} == sources.keys()
    check(statements)


@pytest.mark.exhaustive
@pytest.mark.parametrize("settings", [pytest.param((), id="incremental"), pytest.param(SNAPSHOTS, id="snapshot")])
def test_extraction(settings: tuple[str, ...], tmp_path: Path) -> None:
    database = tmp_path / "marketplace.db"
    pipeline = Pipeline(tmp_path / "run", f"sqlite:///{database}", "engine.kind=spark", *settings)
    for step in range(2):
        fill_sqlite(database, contracts().sources)
        with recorded() as statements:
            pipeline.run(steps=["extract"])
        assert len(statements) > 10 * step
        check(statements)


@pytest.mark.parametrize(
    ("problem", "sql"),
    [
        ("CartesianProduct of source rows", "SELECT COUNT(*) FROM wide AS one CROSS JOIN wide AS other"),
        ("BroadcastNestedLoopJoin of source rows", "SELECT COUNT(*) FROM wide AS one JOIN few ON one.id < few.id"),
        ("rows of a source table are broadcast", "SELECT wide.id FROM wide JOIN few_raw USING (id)"),
        ("all rows come together in one task", "SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM wide"),
        ("a row is shuffled 2 times", "SELECT town, COUNT(*) FROM (SELECT DISTINCT id, town FROM wide) GROUP BY town"),
        ("though each row stands for itself", "SELECT town, COUNT(*) FROM wide GROUP BY town"),
    ],
)
def test_bad_plans_are_found(spark: SparkSession, tmp_path: Path, problem: str, sql: str) -> None:
    wide = spark.range(200_000).selectExpr("id", "MD5(CAST(id AS STRING)) AS town")
    frames = {"raw/wide/run_id=1": wide, "raw/few_raw/run_id=1": wide.limit(5), "few": wide.limit(5)}
    with recorded() as statements:
        engine = SparkEngine("local[2]", "1GB")
        lake = LocalLake(tmp_path / "lake")
        with engine.session(lake) as session:
            for path, frame in frames.items():
                frame.coalesce(1).write.parquet(str(tmp_path / path))
                name = path.removeprefix("raw/").partition("/")[0]
                files = [str(file) for file in (tmp_path / path).glob("*.parquet")]
                session.view(name, f"SELECT * FROM {session.parquet(files)} AS rows")
            session.frame(sql)
    assert any(problem in found for found in statements[-1].problems({"wide"}))

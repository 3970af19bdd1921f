"""Every kind of statement that the project can send to Redshift, for every model and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.manifest import (
    ExtractedTable,
    FileColumn,
    LakeFile,
    TransformedTable,
)
from rental_analytics.contracts.model import CuratedModel, DerivedModel, Layout, PresentationModel
from rental_analytics.contracts.raw_files import RAW_COLUMNS
from rental_analytics.contracts.source_table import ReadMode, SourceTable, SourceType
from rental_analytics.monitoring.status import EVENTS
from rental_analytics.quality.asked import AskedTable
from rental_analytics.quality.rebuilt import Comparisons
from rental_analytics.report.statements import chart_query, headlines_query, ranking_query
from rental_analytics.sql.redshift import redshift
from rental_analytics.sql.render import identifier, render
from rental_analytics.steps.load.step import _raw_table, curated_load
from rental_analytics.warehouses.base import Load, QueryParameters, TableDetails, TableLoad
from rental_analytics.warehouses.changes import newest_day
from rental_analytics.warehouses.redshift import ops
from rental_analytics.warehouses.redshift.files import Facts
from rental_analytics.warehouses.redshift.load import LoadPlan, Statement
from rental_analytics.warehouses.redshift.rebuild import Rebuild
from rental_analytics.warehouses.redshift.roles import roles
from rental_analytics.warehouses.redshift.tables import (
    CATALOGUE,
    SCHEMAS,
    Catalogue,
    HeldColumn,
    TableShape,
    growth,
    held_schemas,
    ops_shapes,
)

SNAPSHOTS = Path("tests/warehouses/snapshots")
"""Where they are kept, below the project's folder."""
MOMENT = datetime.fromisoformat("2024-03-05 01:02:03.456789")
ROLE = "arn:aws:iam::123456789012:role/copy"
FILE = LakeFile(path="part-0.parquet", bytes=4, rows=1)
_TYPES = {
    SourceType.INTEGER: "BIGINT",
    SourceType.DECIMAL: "DECIMAL(12,2)",
    SourceType.FLOAT: "DOUBLE",
    SourceType.BOOLEAN: "BOOLEAN",
    SourceType.DATE: "DATE",
    SourceType.TIMESTAMP: "TIMESTAMP",
    SourceType.TIME: "BIGINT",
    SourceType.ID: "BIGINT",
}
Statements = dict[str, list[str]]


def all_statements() -> Statements:
    """Statements by the file of snapshots they are in."""
    contracts = load_contracts()
    found: Statements = {"ops": list(_ops()), "queries": list(_queries()), "roles": list(_roles())}
    for name, source in contracts.sources.items():
        found[f"raw_data.{name}"] = list(_raw(name, source))
    for name, model in contracts.curated.items():
        found[f"curated.{name}"] = list(_curated(model, contracts))
    for derived in contracts.rebuild_order:
        found[derived.relation] = list(_derived(derived, contracts))
    found["growth"] = list(_growth())
    found["checks"] = list(_checks())
    found["text_ids"] = list(_text_ids(contracts))
    return found


def snapshots() -> dict[Path, str]:
    """The files of snapshots as they should be, by path from the project's folder."""
    return {SNAPSHOTS / f"{name}.sql": _snapshot(statements) for name, statements in all_statements().items()}


def _snapshot(statements: Sequence[str]) -> str:
    return "".join(f"{statement.strip()}\n;\n\n" for statement in dict.fromkeys(statements))


def plan_of(load: Load) -> LoadPlan:
    """The plan of a load with names that do not change."""
    return LoadPlan(load, "0a1b2c3d")


def _load(step: str, *tables: TableLoad, **more: object) -> Load:
    return Load(
        step=step,
        run_id="20240305T010203Z-abcdef",
        manifest_hash="0" * 64,
        loaded_at=MOMENT,
        upper_bound=MOMENT,
        tables=tables,
        **more,  # type: ignore[arg-type]
    )


def _of_plan(plan: LoadPlan, facts: Mapping[str, Facts] | None = None) -> Iterator[str]:
    for table in plan.tables:
        yield table.shape.create()
        yield from table.shape.comments({})
    for staged in plan.staged:
        for role in (ROLE, "default"):
            yield from staged.statements("s3://bucket/lake/drafts/engine-0/0.manifest" if staged.files else None, role)
    yield from plan.preparations()
    emptied = {staged.relation: Facts(frozenset({staged.room.columns[-1].name}), {}) for staged in plan.staged}
    other = {name: "DATE" for staged in plan.staged for name in (staged.room.columns[-1].name, "no_longer_read")}
    for table in plan.tables:
        yield from (change.sql for change in plan.changes(emptied, {table.table.relation: other}))
    held = {table.table.relation: {"no_longer_read": "VARCHAR(65535)"} for table in plan.tables}
    changes: list[Statement] = [
        *plan.guard(),
        *plan.accounts(),
        *plan.changes(dict(facts or {}), held),
        *plan.entry(),
    ]
    yield from (change.sql for change in changes)
    yield from plan.removals()
    yield from (f"ANALYZE {identifier(table.table.relation)}" for table in plan.tables)


def _raw(name: str, source: SourceTable) -> Iterator[str]:
    columns = tuple(
        FileColumn(name=column, type=_TYPES.get(known.type, "VARCHAR"), max_bytes=400)
        for column, known in source.columns.items()
    ) + tuple(FileColumn(name=column, type=kind) for column, kind in RAW_COLUMNS)
    for mode in ReadMode:
        if mode is ReadMode.INCREMENTAL and not source.key:
            continue
        for complete in (False, True):
            key = source.key if mode is not ReadMode.APPEND else ()
            table = ExtractedTable(
                mode=mode,
                complete=complete,
                key=key,
                columns=columns,
                files=(FILE,),
                deletes=(FILE,) if key else (),
                window_upper=MOMENT,
                replaced_from=MOMENT if mode is ReadMode.APPEND else None,
                replaced_to=MOMENT if mode is ReadMode.APPEND else None,
            )
            yield from _of_plan(plan_of(_load("load-raw", _raw_table(name, table, source))))


def _curated(model: CuratedModel, contracts: Contracts) -> Iterator[str]:
    extra = (FileColumn(name="_first_valid_from", type="TIMESTAMP"),) if model.versions_of else ()
    columns = (*model.file_columns, *extra, FileColumn(name="_run_id", type="VARCHAR", max_bytes=100))
    keyed = bool(model.key and model.source)
    for complete in (False, True):
        table = TransformedTable(
            complete=complete,
            columns=columns,
            files=(FILE,),
            deletes=(FILE,) if keyed else (),
            withdrawn=(FILE,) if keyed else (),
            replaced_from=MOMENT if model.event_time else None,
            replaced_to=MOMENT if model.event_time else None,
        )
        load = curated_load(model, table, contracts.curated, "USD" if complete else None)
        whole = _load("load-curated", load, follows="1" * 64, reporting_currency="EUR")
        yield from _of_plan(plan_of(whole))


def rebuild_of(models: Sequence[DerivedModel], held: Mapping[str, Mapping[str, HeldColumn]]) -> Rebuild:
    """A rebuild with names that do not change."""
    parameters = QueryParameters("20240305T010203Z-abcdef", date(2024, 3, 4), "USD", date(2024, 3, 1))
    return Rebuild(models, parameters, "0a1b2c3d", Catalogue(held))


def _derived(model: DerivedModel, contracts: Contracts) -> Iterator[str]:
    other = {model.relation: {"week_start": HeldColumn("DATE")}}
    same = {
        model.relation: {
            column.name: HeldColumn(
                column.type,
                column.max_bytes or (65_535 if column.type == "VARCHAR" else None),
                column.name in model.required,
            )
            for column in model.file_columns
        }
    }
    for held in ({}, other, same):
        rebuild = rebuild_of([*contracts.read_by(model), model], held)
        yield from rebuild.build()
        yield from _of_checks(rebuild.checks(Comparisons(MOMENT)))
        yield from rebuild.changes()
        yield from rebuild.removals()
    yield from rebuild.shape(model).comments({})
    if not isinstance(model, PresentationModel):
        return
    if model.chart:
        yield redshift(chart_query(model, model.chart), f"chart of {model.name}")
    if model.ranking:
        yield redshift(ranking_query(model, model.ranking), f"ranking of {model.name}")


def _ops() -> Iterator[str]:
    yield from (f"CREATE SCHEMA IF NOT EXISTS {schema}" for schema in SCHEMAS)
    for shape in ops_shapes():
        yield shape.create()
        yield from shape.comments({})
    runs = {
        "run_id": "first",
        "sequence": 1,
        "status": "failed",
        "started_at": MOMENT,
        "as_of": date(2024, 3, 4),
        "versions": '{"rental-analytics": "0.1.0"}',
        "full_refresh": True,
        "error": "it's a C:\\new folder\nwith lines",
    }
    yield ops.deletion("runs", [runs], ["run_id"])
    yield from ops.insertions("runs", [runs])
    steps = [{"run_id": "first", "step": "extract", "started_at": MOMENT, "seconds": 0.25, "attempt": 1}]
    yield ops.deletion("steps", steps, ["run_id", "step", "started_at"])
    yield from ops.insertions("steps", steps)
    results = [{"run_id": "first", "table_name": name, "check_name": "unique_key"} for name in ("one", "two")]
    yield ops.deletion("check_results", results, ["run_id", "table_name", "check_name"])
    staged = _load("load-curated", ops_files={"rejected_rows": [FILE]}, ops_rows={"check_results": results})
    yield from _of_plan(plan_of(staged))
    yield from rebuild_of([load_contracts().presentation["occupancy_rate_monthly"]], {}).swap()


def _queries() -> Iterator[str]:
    yield from map(render, CATALOGUE)
    yield held_schemas()
    yield render("warehouses/redshift/filled_columns", relation="curated.bookings", columns=["booking_id", "status"])
    yield ops.load_errors(1234, MOMENT.replace(tzinfo=UTC))
    yield ops.is_loaded("load-raw", "0" * 64)
    yield ops.last_loaded("load-raw")
    yield ops.filled_from()
    yield ops.attempts("first", "extract", MOMENT)
    yield ops.end_running(MOMENT, "it's over")
    yield redshift(newest_day(date(2026, 3, 1)), "newest_day")
    yield redshift(render("runners/begun_steps", run_id="first"), "begun_steps")
    yield redshift(render("runners/ended_run", run_id="first"), "ended_run")
    yield redshift(render("runners/known_starts", follows=3), "known_starts")
    yield redshift(render("steps/load/any_value", relation="raw_data.bookings", column="booking_id"), "any_value")
    yield redshift(render("steps/load/watermarks"), "watermarks")
    yield redshift(render("steps/load/held_currency", step="load-curated"), "held_currency")
    yield redshift(render("steps/first_booking"), "first_booking")
    counted = [{"relation": "ops.stage_0a1b2c3d_0", "key": ()}, {"relation": "ops.stage_0a1b2c3d_1", "key": ("id",)}]
    yield redshift(render("warehouses/redshift/staged", tables=counted), "staged")
    yield redshift(headlines_query(load_contracts().presentation.values()) or "", "headlines")
    for package in ("rental_analytics.monitoring", "rental_analytics.report"):
        for file in sorted((files(package) / "queries").iterdir(), key=lambda one: one.name):
            text = file.read_text(encoding="utf-8").replace(":run_id", "'first'")
            text = text.replace(":absent_columns", ", CAST(NULL AS DATE) AS backfill_from")
            text = text.replace(":table", "bookings").replace(":moment", EVENTS["bookings"])
            yield redshift(text, file.name)


def _roles() -> Iterator[str]:
    text = roles(["IAMR:load"], ["IAM:ann"])
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    yield from (statement for part in lines.split(";") if (statement := part.strip()))


def _text_ids(contracts: Contracts) -> Iterator[str]:
    """The tables whose ids are texts, and how ids become texts and numbers again."""
    texts = contracts.with_ids("text")
    for model in (*texts.curated.values(), *texts.rebuild_order):
        if any(column.is_id for column in model.columns.values()):
            yield TableShape(model.relation, model.file_columns, model.key).create()
    key, other = HeldColumn("BIGINT", None, True), HeldColumn("DECIMAL(20,0)")
    text, other_text = HeldColumn("VARCHAR", 64, True), HeldColumn("VARCHAR", 100)
    for held, kind, bound in (((key, other), "VARCHAR", 64), ((text, other_text), "BIGINT", None)):
        columns = tuple(FileColumn(name=name, type=kind, max_bytes=bound) for name in ("listing_id", "user_id"))
        shape = TableShape("curated.things", columns, ("listing_id",), ids=("listing_id", "user_id"))
        yield from growth(shape, dict(zip(("listing_id", "user_id"), held, strict=True))).moved


def _of_checks(tables: Sequence[AskedTable]) -> Iterator[str]:
    for table in tables:
        yield redshift(table.counts, "checks")
        yield redshift(table.samples(table.checks), "checks")


def _checks() -> Iterator[str]:
    """Checks of every kind, of a curated table when it is loaded and of a rebuilt one."""
    columns = {
        "thing_id": {"type": "ID", "description": "The thing", "nullable": False},
        "kind": {
            "type": "VARCHAR",
            "description": "What it is",
            "checks": ["not_null", {"accepted_values": ["it's", "a\\b"]}, "unique"],
        },
        "price": {
            "type": "DECIMAL(18,2)",
            "description": "What it costs",
            "checks": [{"range": {"min": 0, "below": 9.5}}],
        },
        "made_on": {
            "type": "DATE",
            "description": "Since when it is there",
            "checks": [{"range": {"above": date(2020, 1, 1)}}],
        },
        "parent_id": {
            "type": "ID",
            "description": "What it is part of",
            "checks": [{"relationships": {"to": "curated.things", "column": "thing_id"}, "severity": "warn"}],
        },
    }
    checks = [
        {"unique": ["kind", "made_on"]},
        {"freshness": {"column": "made_on", "within": "2 days"}},
        {"row_count_near_usual": {"within": 0.5}},
        {"name": "cheap", "severity": "warn", "when": "price > 5"},
    ]
    shared = {"name": "things", "description": "Things", "grain": "one row per thing", "key": ["thing_id"]}
    given = shared | {"columns": columns, "checks": checks, "query": "SELECT 1"}
    curated = CuratedModel.model_validate(given | {"layer": "curated", "source": "things"})
    load = curated_load(curated, TransformedTable(complete=False, columns=curated.file_columns), {"things": curated})
    yield from _of_plan(plan_of(_load("load-curated", load)))
    metric = PresentationModel.model_validate(given | {"layer": "presentation", "definition": "All things"})
    parameters = QueryParameters("20240305T010203Z-abcdef", date(2024, 3, 4), "USD", date(2024, 3, 1))
    rebuild = Rebuild([metric], parameters, "0a1b2c3d", Catalogue({}))
    yield from _of_checks(rebuild.checks(Comparisons(MOMENT)))
    yield redshift(render("steps/load/broken_checks", run_id="first"), "broken_checks")


def _growth() -> Iterator[str]:
    columns = (
        FileColumn(name="id", type="BIGINT"),
        FileColumn(name="title", type="VARCHAR", max_bytes=200),
        FileColumn(name="price", type="DECIMAL(18,2)"),
        FileColumn(name="added", type="TIMESTAMP"),
    )
    shape = TableShape("raw_data.things", columns, ("id",), TableDetails("Things.", {"added": "When it came"}))
    longer = {
        "id": HeldColumn("BIGINT", None, True),
        "title": HeldColumn("VARCHAR", 100),
        "price": HeldColumn("DECIMAL(18,2)"),
    }
    wider = longer | {
        "id": HeldColumn("INTEGER", None, True),
        "price": HeldColumn("DECIMAL(12,2)"),
        "old": HeldColumn("DATE"),
    }
    laid_out = replace(
        shape, details=replace(shape.details, layout=Layout(distribution="id", sort=("id",), reason="Joined by id"))
    )
    other = longer | {"price": HeldColumn("BOOLEAN")}
    for one, held, emptied in (
        (shape, longer, ()),
        (shape, wider, ()),
        (laid_out, wider, ()),
        (shape, other, ["price"]),
    ):
        grown = growth(one, held, emptied)
        yield from (*grown.added, *grown.longer, *grown.moved)

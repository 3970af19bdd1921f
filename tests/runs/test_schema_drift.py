"""What a run does when the source's columns are not those of the last one."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.source_table import UnknownColumns
from rental_analytics.databases import mapping
from rental_analytics.errors import ContractError
from rental_analytics.monitoring.events import EventStream
from rental_analytics.settings import load_settings
from rental_analytics.steps.base import StepContext
from rental_analytics.steps.extract.drift import Drift, check_drift, drifts
from rental_analytics.steps.extract.step import plan_reads
from rental_analytics.wiring import assembled
from runs.drift_cases import CASES, CURATED, RAW, STOPS, Case, modify, new_booking
from runs.harness import ON_MYSQL, ON_ONE_SOURCE, Pipeline, Source, failure
from support.breadth import sampled

FREEZE = "source.schema_drift=freeze"
RAW_ROWS = ("extract", "load-raw")
ROWS = ("extract", "transform", "load-raw", "load-curated")
KINDS = {"mysql": [pytest.mark.service], "sqlite": [pytest.mark.slow, pytest.mark.exhaustive]}


def tried(*, stops: bool) -> list[Any]:
    """The cases that stop a run or do not, by kind of database and by the run that tries them."""
    together: dict[tuple[str, str], list[Case]] = {}
    for kind in KINDS:
        for case in CASES:
            if case.evolve.startswith(STOPS) == stops and (kind == "mysql" or case.sqlite):
                together.setdefault((kind, case.run or case.change), []).append(case)
    return [
        pytest.param(kind, cases, marks=KINDS[kind], id=f"{kind}: {run}") for (kind, run), cases in together.items()
    ]


def fill(source: Source, *changes: str) -> None:
    """A listing, two bookings and a view, in tables that these changes were made to."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("apartment_attributes", {"id": 1, "last_modified_timestamp": "2024-01-02 10:00:00.000000"})
    source.insert("user_viewing", {})
    for number in (1, 2):
        moment = f"2024-03-0{number} 00:00:00.000000"
        source.insert(
            "bookings", {"booking_id": number, "num_guests": 2, "payment_status": "paid", "updated_at": moment}
        )
    for change in changes:
        source.execute(change)


def extracts(pipeline: Pipeline) -> int:
    """How often rows were read."""
    return len(list((pipeline.folder / "lake").glob("raw/*/*")))


def raw_type(pipeline: Pipeline, column: str) -> Any:
    table, _, name = column.partition(".")
    asked = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'raw_data' AND table_name = '{}'"
    return pipeline.rows(f"{asked.format(table)} AND column_name = '{name}'")[0][0]


@pytest.mark.parametrize(("kind", "cases"), tried(stops=True))
def test_changes_that_stop_a_run(source: Source, pipeline: Pipeline, cases: list[Case]) -> None:
    (case,) = cases
    fill(source, *case.before)
    pipeline.extract()
    read = extracts(pipeline)
    for statement in case.alter:
        source.execute(statement)
    for settings in ((), (FREEZE,)):
        stopped = failure(pipeline.extract, *settings)
        assert isinstance(stopped, ContractError) and stopped.exit_code == 2
        assert case.error in str(stopped) and extracts(pipeline) == read


@pytest.mark.parametrize(("kind", "cases"), tried(stops=False))
def test_changes_that_a_run_takes_over(source: Source, pipeline: Pipeline, cases: list[Case]) -> None:
    """All cases of a run are made one after the other, each is asked what it changes, and one run takes them over."""
    fill(source, *dict.fromkeys(statement for case in cases for statement in case.before))
    pipeline.run(steps=ROWS)
    if any(case.pending for case in cases):
        source.execute(new_booking(3))
        pipeline.extract()
    problems: list[str] = []
    seen = asked(pipeline)
    assert seen == Asked({}, {})
    for case in cases:
        for statement in case.alter:
            source.execute(statement)
        now = asked(pipeline)
        problems += [f"{case.change}: {problem}" for problem in misjudged(case, seen, now)]
        seen = now
    read = extracts(pipeline)
    if seen.frozen:
        assert failure(pipeline.extract, FREEZE).message in seen.frozen.values() and extracts(pipeline) == read
    else:
        pipeline.extract(FREEZE)
    for case in cases:
        for statement in case.then:
            source.execute(statement)
    pipeline.notes.clear()
    pipeline.run(steps=ROWS)
    assert told(pipeline) == seen.drifts.keys()
    for case in cases:
        problems += [
            f"{case.change}: {query} gives {found} instead of {rows}"
            for query, rows in case.expect
            if (found := pipeline.rows(query)) != rows
        ]
        if case.raw_type and source.url.startswith("mysql"):
            name, wanted = case.raw_type
            if (kind := raw_type(pipeline, name)) != wanted:
                problems.append(f"{case.change}: {name} is {kind} instead of {wanted}")
    assert problems == []
    rejected = pipeline.rows("SELECT row_key, rules FROM ops.rejected_rows ORDER BY ALL")
    assert rejected == sorted(row for case in cases for row in case.rejected)
    keys = "SELECT DISTINCT booking_id FROM {} ORDER BY 1"
    here = pipeline.rows(keys.format("raw_data.bookings WHERE NOT _is_deleted"))
    assert here == list(source.execute(keys.format("bookings")))
    # A drift is told once, and what was accepted is no drift any more.
    assert asked(pipeline) == Asked({}, {})


@dataclass(frozen=True)
class Asked:
    """What a next run would tell of the tables that drifted, and with what `freeze` would stop it at each of them."""

    drifts: dict[str, Drift]
    frozen: dict[str, str]


def asked(pipeline: Pipeline) -> Asked:
    drifted, frozen = {}, {}
    with assembled(load_settings(pipeline.folder / "rental.toml", [FREEZE])) as parts:
        seen = parts.manifests.latest_extract()
        assert seen
        run = parts.manifests.find_run(seen.run_id)
        context = StepContext(run=run, events=EventStream(), **vars(parts))
        for plan in plan_reads(context):
            name = plan.table.name
            drifted.update({f"{name}: {drift}": drift for drift in drifts(plan, seen.tables[name])})
            try:
                check_drift(context, plan, seen.tables[name], ())
            except ContractError as error:
                frozen[name] = error.message
    return Asked(drifted, frozen)


def misjudged(case: Case, before: Asked, after: Asked) -> Iterator[str]:
    """What is wrong with what is told of a case, which came to those before it."""
    own = {line: drift for line, drift in after.drifts.items() if line not in before.drifts}
    if lost := before.drifts.keys() - after.drifts.keys():
        yield f"hides {lost}"
    if bool(own) != bool(case.told) or case.told not in "\n".join(own):
        yield f"{[*own]} is told, not {case.told!r}"
    if bool(own) != (case.freeze == STOPS):
        yield f"under freeze it {case.freeze}, and {[*own]} is told"
    for line, drift in own.items():
        if drift.change not in after.frozen.get(line.partition(":")[0], ""):
            yield f"freeze does not name {drift.change}"
    if not own and after.frozen != before.frozen:
        yield f"freeze stops with {after.frozen}"


def told(pipeline: Pipeline) -> set[str]:
    """What was said about drifts."""
    return {note for note in pipeline.notes if "; " in note and (": column" in note or "stand in another" in note)}


FEE_AS_TEXT = (modify("fee", "VARCHAR(10)", "apartment_attributes"), "UPDATE apartment_attributes SET fee = 'none'")
FEE_AS_NUMBER = (modify("fee", "INT", "apartment_attributes"), "UPDATE apartment_attributes SET fee = 5")


def in_warehouse(pipeline: Pipeline, *statements: str) -> None:
    import duckdb

    with duckdb.connect(pipeline.folder / "warehouse.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


@ON_MYSQL
@pytest.mark.parametrize(
    "remedy",
    sampled(
        [
            "ALTER TABLE raw_data.apartment_attributes ALTER COLUMN fee SET DATA TYPE VARCHAR",
            "DROP TABLE raw_data.apartment_attributes",
        ],
        ["DROP TABLE raw_data.apartment_attributes"],
    ),
)
@pytest.mark.remedy("raw-column-unfit")
def test_column_of_another_kind_is_taken_over_by_a_full_refresh(
    source: Source, pipeline: Pipeline, remedy: str
) -> None:
    fill(source, *FEE_AS_NUMBER)
    pipeline.run(steps=ROWS)
    for statement in FEE_AS_TEXT:
        source.execute(statement)
    read, loaded = extracts(pipeline), pipeline.tables("raw_data", "curated")
    assert failure(pipeline.run).step == "extract" and extracts(pipeline) == read
    unconverted = failure(pipeline.run, full_refresh=True)
    assert isinstance(unconverted, ContractError) and unconverted.step == "load-raw"
    assert pipeline.tables("raw_data", "curated") == loaded
    assert "raw_data.apartment_attributes.fee is INTEGER and cannot take VARCHAR" in str(unconverted)
    assert f"or drop raw_data.apartment_attributes, and `rental run --resume {unconverted.run_id}`" in str(unconverted)
    assert failure(pipeline.run, resume=unconverted.run_id).message == unconverted.message
    in_warehouse(pipeline, remedy)
    pipeline.run(resume=unconverted.run_id, steps=ROWS)
    assert pipeline.rows("SELECT fee FROM raw_data.apartment_attributes") == [("none",)]
    assert pipeline.rows("SELECT fee FROM curated.listing_attributes") == [("none",)]
    pipeline.extract(FREEZE)


@ON_MYSQL
@pytest.mark.remedy("raw-column-cannot-follow")
def test_column_of_another_kind_is_bridged_by_a_view(source: Source, pipeline: Pipeline) -> None:
    fill(source)
    pipeline.run(steps=ROWS)
    source.execute("ALTER TABLE bookings MODIFY total_price DOUBLE")
    assert isinstance(failure(pipeline.run), ContractError)
    source.execute("RENAME TABLE bookings TO all_bookings")
    columns = source.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = 'all_bookings' AND table_schema = DATABASE() ORDER BY ordinal_position"
    )
    listed = ", ".join(
        "CAST(total_price AS DECIMAL(12,2)) AS total_price" if name == "total_price" else name for (name,) in columns
    )
    source.execute(f"CREATE VIEW bookings AS SELECT {listed} FROM all_bookings")
    pipeline.run(FREEZE, steps=ROWS)
    assert pipeline.rows(CURATED.format("total_price")) == [(1, Decimal("300.00")), (2, Decimal("300.00"))]


@ON_MYSQL
def test_raw_column_that_was_wider_before_the_last_run_is_seen_in_time(source: Source, pipeline: Pipeline) -> None:
    fill(source, modify("total_price", "DECIMAL(30,0)"))
    pipeline.run(steps=RAW_ROWS)
    source.execute(modify("total_price", "DECIMAL(12,0)"))
    pipeline.run(steps=RAW_ROWS)
    source.execute(modify("total_price", "DECIMAL(22,10)"))
    read = extracts(pipeline)
    error = failure(pipeline.run)
    assert isinstance(error, ContractError) and extracts(pipeline) == read
    assert "raw_data.bookings.total_price is DECIMAL(30,0) and cannot take DECIMAL(22,10)" in str(error)


@ON_MYSQL
def test_next_run_takes_over_what_a_converted_column_kept_out(source: Source, pipeline: Pipeline) -> None:
    fill(source, *FEE_AS_NUMBER)
    pipeline.run(steps=RAW_ROWS)
    for statement in FEE_AS_TEXT:
        source.execute(statement)
    failure(pipeline.run, full_refresh=True)
    newer = "last_modified_timestamp = '2024-03-05 00:00:00'"
    source.execute(f"UPDATE apartment_attributes SET fee = 'more', {newer}")
    in_warehouse(pipeline, "ALTER TABLE raw_data.apartment_attributes ALTER COLUMN fee SET DATA TYPE VARCHAR")
    pipeline.run(steps=ROWS)
    assert pipeline.rows("SELECT fee FROM raw_data.apartment_attributes") == [("more",)]
    assert pipeline.rows("SELECT fee FROM curated.listing_attributes") == [("more",)]


@ON_MYSQL
def test_raw_column_that_somebody_converted_stops_before_anything_is_loaded(source: Source, pipeline: Pipeline) -> None:
    fill(source, *FEE_AS_NUMBER)
    pipeline.run(steps=RAW_ROWS)
    in_warehouse(pipeline, "ALTER TABLE raw_data.apartment_attributes ALTER COLUMN fee SET DATA TYPE VARCHAR")
    source.execute(new_booking(3))
    stopped = failure(pipeline.run)
    assert isinstance(stopped, ContractError) and (stopped.step, stopped.table) == ("load-raw", "apartment_attributes")
    assert "is VARCHAR and cannot take INTEGER" in str(stopped) and "or drop" not in str(stopped)
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.bookings") == [(2,)]
    in_warehouse(pipeline, "ALTER TABLE raw_data.apartment_attributes ALTER COLUMN fee SET DATA TYPE INTEGER")
    pipeline.run(resume=stopped.run_id, steps=("load-raw",))
    assert pipeline.rows("SELECT COUNT(*) FROM raw_data.bookings") == [(3,)]


@ON_MYSQL
def test_full_refresh_forgets_how_wide_a_column_was(source: Source, pipeline: Pipeline) -> None:
    fill(source, modify("total_price", "DECIMAL(30,0)"))
    pipeline.run(steps=RAW_ROWS)
    source.execute(modify("total_price", "DECIMAL(22,10)"))
    assert isinstance(failure(pipeline.run), ContractError)
    in_warehouse(pipeline, "DROP TABLE raw_data.bookings")
    pipeline.run(full_refresh=True, steps=RAW_ROWS)
    source.execute(modify("total_price", "DECIMAL(12,4)"))
    pipeline.run(steps=RAW_ROWS)
    assert raw_type(pipeline, "bookings.total_price") == "DECIMAL(22,10)"


@ON_MYSQL
@pytest.mark.remedy("column-changed-before-load")
def test_run_that_is_not_loaded_comes_before_a_full_refresh_of_another_kind(source: Source, pipeline: Pipeline) -> None:
    fill(source, *FEE_AS_NUMBER)
    pending = pipeline.extract().run.run_id
    for statement in FEE_AS_TEXT:
        source.execute(statement)
    early = failure(pipeline.run, full_refresh=True)
    assert f"run {pending}, which is not loaded yet, read it as INTEGER" in str(early)
    pipeline.run(resume=pending, steps=("load-raw",))
    in_warehouse(pipeline, "ALTER TABLE raw_data.apartment_attributes ALTER COLUMN fee SET DATA TYPE VARCHAR")
    pipeline.run(full_refresh=True, steps=RAW_ROWS)
    assert pipeline.rows("SELECT fee FROM raw_data.apartment_attributes") == [("none",)]


@ON_MYSQL
def test_id_beyond_64_bits_with_a_sign_is_set_aside(source: Source, pipeline: Pipeline) -> None:
    fill(source, modify("booking_id", "BIGINT UNSIGNED"))
    pipeline.run(steps=ROWS)
    source.execute(new_booking(2**63))
    pipeline.run(steps=ROWS)
    assert pipeline.rows(RAW.format("_is_deleted")) == [(1, False), (2, False), (2**63, False)]
    assert pipeline.rows("SELECT row_key, rules FROM ops.rejected_rows") == [(str(2**63), "value_out_of_range")]
    assert pipeline.rows("SELECT booking_id FROM curated.bookings ORDER BY 1") == [(1,), (2,)]


@pytest.mark.slow
@ON_ONE_SOURCE
@pytest.mark.remedy("schema-drift-frozen")
def test_freeze_can_be_set_for_a_table_and_is_accepted_once(source: Source, pipeline: Pipeline) -> None:
    fill(source)
    frozen = "tables.bookings.schema_drift=freeze"
    pipeline.extract(frozen)
    source.execute("ALTER TABLE user_viewing DROP COLUMN id")
    pipeline.extract(frozen)
    source.execute("ALTER TABLE bookings ADD COLUMN voucher VARCHAR(20)")
    source.execute("ALTER TABLE bookings DROP COLUMN num_guests")
    for options in ({}, {"full_refresh": True}):
        error = failure(pipeline.run, frozen, **options)
        assert error.table == "bookings" and error.step == "extract"
        assert "column num_guests int is gone; column voucher varchar(20) is new" in str(error)
        assert "source.schema_drift=evolve" in error.remedy and "tables.bookings.schema_drift" in error.remedy
    assert failure(pipeline.run, frozen, resume=error.run_id).message == error.message
    pipeline.extract("tables.bookings.schema_drift=evolve")
    pipeline.extract(frozen)


@pytest.mark.slow
@ON_ONE_SOURCE
def test_columns_the_contract_keeps_come_and_go(
    source: Source, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = load_contracts()
    keeping = contracts.sources["bookings"].model_copy(update={"unknown_columns": UnknownColumns.KEEP})
    changed = dataclasses.replace(contracts, sources=contracts.sources | {"bookings": keeping})
    monkeypatch.setattr(mapping, "load_contracts", lambda: changed)
    fill(source)
    pipeline.run(steps=RAW_ROWS)
    source.execute("ALTER TABLE bookings ADD COLUMN voucher VARCHAR(20)")
    source.execute("UPDATE bookings SET voucher = 'spring'")
    pipeline.run(steps=RAW_ROWS)
    assert pipeline.rows(RAW.format("voucher")) == [(1, "spring"), (2, "spring")]
    source.execute("ALTER TABLE bookings DROP COLUMN voucher")
    source.execute("UPDATE bookings SET updated_at = '2024-03-05 00:00:00.000000' WHERE booking_id = 2")
    pipeline.notes.clear()
    pipeline.run(steps=RAW_ROWS)
    assert pipeline.rows(RAW.format("voucher")) == [(1, "spring"), (2, None)]
    assert "those loaded before keep their values" in "\n".join(told(pipeline))

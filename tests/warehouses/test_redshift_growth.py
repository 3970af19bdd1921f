"""Tables that grow with their contract, or refuse to; the rows they have stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from rental_analytics.contracts.manifest import FileColumn
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import ContractError, WarehouseError
from rental_analytics.sql.render import identifiers
from rental_analytics.warehouses.base import Load, TableDetails
from rental_analytics.warehouses.redshift.load import LoadPlan
from rental_analytics.warehouses.redshift.tables import (
    Growth,
    HeldColumn,
    TableShape,
    growth,
    read_catalogue,
)
from runs.harness import Source, failure
from servers.mysql import MySqlServer
from warehouses.twins import Twins

COLUMNS = {"id": "BIGINT", "title": "VARCHAR", "price": "DECIMAL(12,2)"}
HELD = {
    "id": HeldColumn("BIGINT", None, True),
    "title": HeldColumn("VARCHAR", 100),
    "price": HeldColumn("DECIMAL(12,2)"),
}


def shape(**columns: str) -> TableShape:
    made = [
        FileColumn(name=name, type=kind, max_bytes=100 if kind == "VARCHAR" else None)
        for name, kind in (COLUMNS | columns).items()
    ]
    return TableShape("curated.things", tuple(made), ("id",), TableDetails(required=("id",)))


@pytest.mark.fast
def test_a_table_that_fits_is_left_alone() -> None:
    assert growth(shape(), HELD) == Growth()
    assert growth(shape(), HELD | {"title": HeldColumn("VARCHAR", 400)}) == Growth()
    assert growth(shape(price="DECIMAL(10,2)", id="INTEGER"), HELD) == Growth()


@pytest.mark.fast
def test_a_comment_is_written_once() -> None:
    told = TableDetails("Things.", {"id": "Which one", "title": "It's called"})
    table = TableShape("curated.things", shape().columns, details=told)
    known = {"curated.things": "Things.", "curated.things.id": "Which one", "curated.things.title": "It's called"}

    assert table.comments(known) == []
    assert table.comments(known | {"curated.things.title": "A name"}) == [
        """COMMENT ON COLUMN "curated"."things"."title" IS 'It''s called'"""
    ]
    assert len(table.comments({})) == 3


@pytest.mark.fast
def test_what_a_load_leaves_alone_is_told_where_it_is_there() -> None:
    told = {"curated.things": TableDetails("Things."), "curated.others": TableDetails("Others.")}
    load = Load(StepName.LOAD_CURATED, "first", "hash", datetime.now(UTC), datetime(2024, 1, 1), (), described=told)  # noqa: DTZ001

    (found,) = LoadPlan(load, "token").described({"curated.things": HELD})

    assert (found.relation, [column.name for column in found.columns]) == ("curated.things", [*HELD])
    assert found.comments({}) == ["""COMMENT ON TABLE "curated"."things" IS 'Things.'"""]


@pytest.mark.fast
def test_a_column_more_is_added() -> None:
    assert growth(shape(size="INTEGER"), HELD).added == ('ALTER TABLE "curated"."things" ADD COLUMN "size" INTEGER',)


@pytest.mark.fast
def test_a_longer_text_is_altered_outside_a_transaction() -> None:
    held = HELD | {"title": HeldColumn("VARCHAR", 50)}
    assert growth(shape(), held).longer == ('ALTER TABLE "curated"."things" ALTER COLUMN "title" TYPE VARCHAR(100)',)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("column", "held", "wanted"),
    [
        ("price", "DECIMAL(12,2)", "DECIMAL(14,4)"),
        ("price", "INTEGER", "DECIMAL(12,2)"),
        ("id", "INTEGER", "BIGINT"),
        ("seen", "DATE", "TIMESTAMP"),
    ],
)
def test_a_wider_type_moves_the_rows(column: str, held: str, wanted: str) -> None:
    before = HELD | {column: HeldColumn(held, None, column == "id"), "old": HeldColumn("VARCHAR", 30)}
    *locks, create, insert, drop, rename = growth(shape(**{column: wanted}), before).moved
    # A load of a process that was given up is waited for, before any statement sees a state of the tables.
    assert locks == ["LOCK ops.loads", 'LOCK "curated"."things"']
    assert f'"{column}" {wanted}' in create
    assert '"old" VARCHAR(30)' in create
    assert insert.startswith('INSERT INTO "curated"."things__new"')
    assert '"old"' in insert
    assert drop == 'DROP TABLE "curated"."things"'
    assert rename == 'ALTER TABLE "curated"."things__new" RENAME TO "things"'


@pytest.mark.fast
@pytest.mark.parametrize(
    ("held", "wanted"),
    [("VARCHAR", "BIGINT"), ("BOOLEAN", "SMALLINT"), ("DOUBLE", "DECIMAL(12,2)"), ("DECIMAL(38,0)", "DECIMAL(38,10)")],
)
def test_what_cannot_be_widened_is_refused(held: str, wanted: str) -> None:
    before = HELD | {"size": HeldColumn(held, 20 if held == "VARCHAR" else None)}
    with pytest.raises(ContractError) as caught:
        growth(shape(size=wanted), before)
    for part in ("curated.things.size", held, wanted, "drop or convert"):
        assert part in str(caught.value)
    # Nothing is lost of a column without values.
    _, _, guard, _, insert, _, _ = growth(shape(size=wanted), before, emptied=["size"]).moved
    assert '"size"' not in insert
    assert 'WHERE\n    "size" IS NOT NULL' in guard


@pytest.mark.fast
def test_what_may_be_null_now_moves_the_rows() -> None:
    """A column that left the contract, one that it lets be NULL, and one that is no key any more."""
    for name in ("kind", "price"):
        before = HELD | {name: HeldColumn("DECIMAL(12,2)", None, True)}
        _, _, create, *_ = growth(shape(), before).moved
        assert f'"{name}" DECIMAL(12,2)' in create
        assert f'"{name}" DECIMAL(12,2) NOT NULL' not in create


@pytest.mark.fast
@pytest.mark.parametrize("key", [("id", "title"), ("id", "new")])
def test_a_key_where_there_was_none_is_refused(key: tuple[str, ...]) -> None:
    """Nobody saw to it that rows have it once, and a planner that trusts it would count them wrong."""
    keyed = TableShape("curated.things", (*shape().columns, FileColumn(name="new", type="BIGINT")), key)
    with pytest.raises(ContractError, match="has no key in the warehouse") as caught:
        growth(keyed, HELD)
    assert "drop curated.things" in str(caught.value)
    # A table without rows may get any.
    assert f"PRIMARY KEY ({identifiers(key)})" in "".join(growth(keyed, HELD, list(HELD)).moved)


@pytest.mark.fast
def test_a_key_that_went_is_not_declared_any_more() -> None:
    unkeyed = TableShape("curated.things", shape().columns, (), TableDetails(required=("id",)))
    _, _, create, *_ = growth(unkeyed, HELD, key=("id",)).moved
    assert "PRIMARY KEY" not in create
    assert growth(unkeyed, HELD) == Growth()


@pytest.mark.fast
def test_a_longer_key_moves_the_rows() -> None:
    keyed = TableShape("curated.things", shape().columns, ("title",))
    held = HELD | {"id": HeldColumn("BIGINT"), "title": HeldColumn("VARCHAR", 50, True)}
    grown = growth(keyed, held)
    assert grown.longer == ()
    assert '"title" VARCHAR(100) NOT NULL' in grown.moved[2]


@pytest.mark.fast
def test_a_column_no_file_fills_stays_as_it_is() -> None:
    assert growth(shape(price="VARCHAR"), HELD, unfilled=["price"]) == Growth()


@pytest.mark.fast
@pytest.mark.parametrize("key", [("title",), ("id", "title")])
def test_another_key_is_refused(key: tuple[str, ...]) -> None:
    """Rows that were apart would be one, and stand twice; a planner that trusts the key counts them wrong."""
    with pytest.raises(ContractError) as caught:
        growth(shape(), HELD, key=key)
    for part in ("curated.things", ", ".join(key), "drop curated.things", "--full-refresh"):
        assert part in str(caught.value)
    for same in ((), ("id",)):
        assert growth(shape(), HELD, key=same) == Growth()


@pytest.mark.fast
def test_declared_keys_are_read_as_redshift_writes_them() -> None:
    texts = {
        "plain": ("PRIMARY KEY (id, seen_at)", ("id", "seen_at")),
        "quoted": ('PRIMARY KEY ("id", "a ""b"", c")', ("id", 'a "b", c')),
        "one": ("PRIMARY KEY (id)", ("id",)),
    }
    keys = pa.table(
        {
            "schema_name": ["ops"] * 3,
            "table_name": list(texts),
            "definition": [definition for definition, _ in texts.values()],
        }
    )
    nothing = pa.table({"schema_name": []})
    assert read_catalogue(nothing, nothing, keys).keys == {f"ops.{name}": key for name, (_, key) in texts.items()}


@pytest.mark.service
def test_raw_tables_follow_the_source(mysql: MySqlServer, twins: Callable[[str], Twins]) -> None:
    database = mysql.create_database()
    source = Source(mysql.url(database), lambda sql: mysql.execute(sql, database))
    source.create(optional=True)
    source.execute("ALTER TABLE bookings MODIFY user_id INT, MODIFY total_price DECIMAL(8,2)")
    for key in (1, 2, 3):
        source.insert("apartments", {"id": key})
        source.insert("bookings", {"booking_id": key, "apartment_id": key, "updated_at": "2024-03-01 12:00:00"})
    both = twins(source.url)
    both.load(run_id="first")
    widths = "SELECT column_name, data_type, character_maximum_length FROM information_schema.columns "
    asked = widths + "WHERE table_schema = 'raw_data' AND table_name = 'bookings' AND column_name = 'currency'"
    assert both.redshift.seen(asked) == [("currency", "character varying", 40)]
    # What Redshift chose for a column, it does not lengthen.
    both.redshift.stand_in.execute(
        "INSERT INTO redshift_stand_in.column_encoding VALUES ('raw_data', 'bookings', 'currency', 'BYTEDICT')",
        both.redshift.database,
    )

    source.execute(
        "ALTER TABLE bookings MODIFY user_id BIGINT, MODIFY total_price DECIMAL(14,4), MODIFY currency VARCHAR(50), "
        "DROP COLUMN payment_status"
    )
    source.insert(
        "bookings",
        {"booking_id": 4, "user_id": 2**40, "total_price": "1234567890.1234", "updated_at": "2024-03-02 12:00:00"},
    )
    both.load(run_id="second")
    assert both.differences() == {}
    assert both.redshift.seen(asked) == [("currency", "character varying", 200)]
    assert both.redshift.seen("SELECT COUNT(*) FROM raw_data.bookings") == [(4,)]

    source.execute("ALTER TABLE bookings ADD COLUMN payment_status VARCHAR(30)")
    source.execute("UPDATE bookings SET payment_status = 'paid', updated_at = '2024-03-03 12:00:00'")
    both.load(run_id="third")
    assert both.differences() == {}


@pytest.mark.service
@pytest.mark.remedy("column-type-changed")
@pytest.mark.remedy("table-key-changed")
def test_tables_follow_the_columns_and_keys_of_their_contracts(source: Source, twins: Callable[[str], Twins]) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("bookings", {"booking_id": 1})
    both = twins(source.url)
    both.run(run_id="first")
    redshift = both.redshift
    alike = "SELECT oid FROM pg_class WHERE relname IN ('listings', 'viewings', 'bookings_per_user_weekly') ORDER BY 1"
    made = redshift.seen(alike)

    def change(sql: str) -> None:
        redshift.stand_in.execute(sql, redshift.database)

    def declare(table: str, key: str) -> None:
        schema, name = table.split(".")
        where = f"\"schema\" = '{schema}' AND \"table\" = '{name}'"
        change(f"UPDATE redshift_stand_in.table_layout SET keys = '{key}' WHERE {where}")

    def refused(day: int) -> tuple[str, str]:
        """A run that a table stops, which is left as it was: its message, and the run's name."""
        source.execute(f"UPDATE bookings SET total_price = {100 - day}, updated_at = '2024-03-0{day} 12:00:00'")
        before = redshift.every("curated", "presentation")
        run_id = both.duckdb.run(steps=("extract", "transform")).run.run_id
        both.copy_lake()
        error = failure(redshift.run, resume=run_id)
        assert isinstance(error, ContractError)
        assert redshift.every("curated", "presentation") == before
        return error.message, run_id

    change("ALTER TABLE curated.bookings DROP COLUMN guests")
    change("ALTER TABLE curated.bookings ALTER COLUMN reporting_total_price TYPE numeric(12,2)")
    change("ALTER TABLE presentation.occupancy_rate_monthly DROP COLUMN occupancy_rate")
    declare("presentation.top_listings_weekly", '"week_start"')
    source.execute("UPDATE bookings SET num_guests = 4, total_price = 99, updated_at = '2024-03-02 12:00:00'")
    both.run(run_id="second")
    assert both.differences() == {}
    assert redshift.seen("SELECT guests, reporting_total_price FROM curated.bookings")[0][0] == 4
    told = "SELECT keys FROM redshift_stand_in.table_layout WHERE \"table\" = 'top_listings_weekly'"
    assert redshift.seen(told) == [('"week_start", "revenue_rank"',)], "a metric's table is made anew"
    assert redshift.seen(alike) == made, "tables with columns and key of their contract are left alone"

    change("ALTER TABLE curated.bookings ALTER COLUMN lead_days TYPE varchar(20)")
    message, run_id = refused(day=3)
    assert "curated.bookings.lead_days is VARCHAR in the warehouse and INTEGER in the files" in message
    change("ALTER TABLE curated.bookings ALTER COLUMN lead_days TYPE integer USING lead_days::integer")
    redshift.run(resume=run_id)
    both.duckdb.run(resume=run_id)
    assert both.differences() == {}

    declare("curated.bookings", '"user_id", "listing_id"')
    message, _ = refused(day=4)
    assert "curated.bookings has the key user_id, listing_id in the warehouse and booking_id" in message
    change("DROP TABLE curated.bookings")
    change("DELETE FROM redshift_stand_in.table_layout WHERE \"schema\" = 'curated' AND \"table\" = 'bookings'")
    both.load(run_id="whole", full_refresh=True)
    assert both.differences() == {}


@pytest.mark.service
@pytest.mark.remedy("text-too-long")
def test_a_text_too_long_does_not_block_the_lake(source: Source, twins: Callable[[str], Twins]) -> None:
    source.create(optional=True)
    source.insert("apartments", {"id": 1})
    source.insert("apartment_attributes", {"id": 1, "body": "a" * 70_000})
    redshift = twins(source.url).redshift
    error = failure(redshift.load, run_id="first")
    assert isinstance(error, WarehouseError)
    assert "column body" in error.message.lower()
    source.execute("UPDATE apartment_attributes SET body = 'short', last_modified_timestamp = '2024-03-02 12:00:00'")
    redshift.load(run_id="second", full_refresh=True)
    assert redshift.seen("SELECT body FROM raw_data.apartment_attributes") == [("short",)]
    assert redshift.seen("SELECT body FROM curated.listing_attributes") == [("short",)]


@pytest.mark.fast
def test_columns_that_no_contract_could_have_move_along() -> None:
    held = HELD | {"My Notes": HeldColumn("SUPER"), "code": HeldColumn("CHARACTER(3)")}
    moved = growth(shape(price="DECIMAL(18,2)"), held).moved
    assert any('"My Notes" SUPER' in sql and '"code" CHARACTER(3)' in sql for sql in moved)

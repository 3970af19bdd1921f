"""What can become of a source's columns, and what a run then does: the table of docs/reference/schema-drift.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STOPS = "stops"
GOES_ON = "goes on, nothing is told"

RAW = "SELECT booking_id, {} FROM raw_data.bookings ORDER BY 1"
CURATED = "SELECT booking_id, {} FROM curated.bookings ORDER BY 1"
NEWER = "updated_at = '2024-03-05 00:00:00'"
NEW_BOOKING = (
    "INSERT INTO bookings (booking_id, user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, "
    "currency, booking_status, payment_status, updated_at) VALUES ({id}, 7, 1, '2024-03-04 00:00:00', '2024-03-10', "
    "'2024-03-13', {price}, 'USD', '{status}', 'open', '2024-03-04 00:00:00')"
)
STATUSES = "ENUM('pending','confirmed','canceled')"


def new_booking(number: int, price: str = "300", status: str = "confirmed") -> str:
    return NEW_BOOKING.format(id=number, price=price, status=status)


def modify(column: str, kind: str, table: str = "bookings") -> str:
    return f"ALTER TABLE {table} MODIFY {column} {kind}"


@dataclass(frozen=True)
class Case:
    """A change between two runs.

    Args:
        change: what became of the source, as the page says it.
        evolve: what a run does under `evolve`, as the page says it.
        freeze: what it does under `freeze`.
        alter: the change itself.
        before: how the tables are, before the first run, other than usual.
        then: what comes into the changed tables.
        told: part of the note; empty where nothing is told.
        error: part of the error that stops a run under `evolve` too.
        expect: rows of the warehouse, by query.
        raw_type: `table.column` and the type of the raw column, on MariaDB.
        pending: a run has read the tables as they were, with one booking more, and has not loaded them.
        sqlite: whether SQLite understands the statements.
    """

    change: str
    evolve: str
    alter: tuple[str, ...]
    freeze: str = STOPS
    before: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    told: str = ""
    error: str = ""
    expect: tuple[tuple[str, list[tuple[Any, ...]]], ...] = ()
    raw_type: tuple[str, str] | None = None
    pending: bool = False
    sqlite: bool = False


COLUMNS_COME_AND_GO = (
    Case(
        "a column the contract names comes, table read incrementally",
        "the table is read whole once: every row has it, in `raw_data` and `curated`",
        before=("ALTER TABLE bookings DROP COLUMN num_guests",),
        alter=("ALTER TABLE bookings ADD COLUMN num_guests INT", "UPDATE bookings SET num_guests = 3"),
        told="bookings: column num_guests int",
        expect=((RAW.format("num_guests"), [(1, 3), (2, 3)]), (CURATED.format("guests"), [(1, 3), (2, 3)])),
        sqlite=True,
    ),
    Case(
        "a column the contract names comes, table read as a snapshot",
        "every row has it from then on",
        before=("ALTER TABLE bookings DROP COLUMN updated_at", "ALTER TABLE bookings DROP COLUMN num_guests"),
        alter=("ALTER TABLE bookings ADD COLUMN num_guests INT", "UPDATE bookings SET num_guests = 3"),
        told="every row has it from now on",
        expect=((RAW.format("num_guests"), [(1, 3), (2, 3)]), (CURATED.format("guests"), [(1, 3), (2, 3)])),
        sqlite=True,
    ),
    Case(
        "a column the contract names comes, table read by appending",
        "rows read from then on have it; NULL in those loaded before, and no event is counted twice",
        before=("ALTER TABLE user_viewing DROP COLUMN id",),
        alter=("ALTER TABLE user_viewing ADD COLUMN id BIGINT", "UPDATE user_viewing SET id = 1"),
        then=(
            "INSERT INTO user_viewing (id, user_id, apartment_id, viewed_at, is_wishlisted) "
            "VALUES (2, 7, 1, '2024-03-01 11:05:00', 0)",
        ),
        told="it is NULL in rows loaded before",
        expect=(("SELECT id FROM raw_data.user_viewing ORDER BY 1", [(2,), (None,)]),),
        sqlite=True,
    ),
    Case(
        "a change cursor comes",
        "the table is read incrementally from then on, whole this time",
        before=("ALTER TABLE bookings DROP COLUMN updated_at",),
        alter=("ALTER TABLE bookings ADD COLUMN updated_at DATETIME",),
        told="read as incremental from now on, whole this time",
        expect=(
            ("SELECT read_mode FROM ops.freshness WHERE table_name = 'bookings'", [("incremental",)]),
            ("SELECT COUNT(*) FROM curated.bookings", [(2,)]),
        ),
        sqlite=True,
    ),
    Case(
        "a column the contract does not name comes",
        "it is ignored, or kept in `raw_data` where the contract says `unknown_columns: keep`",
        alter=("ALTER TABLE bookings ADD COLUMN voucher VARCHAR(20)",),
        told="column voucher varchar(20) is new; it is ignored",
        expect=(("SELECT COUNT(*) FROM information_schema.columns WHERE column_name = 'voucher'", [(0,)]),),
        sqlite=True,
    ),
    Case(
        "a column the contract does not name goes",
        "nothing follows; one that was kept stays in `raw_data`, NULL in rows read from then on",
        before=("ALTER TABLE bookings ADD COLUMN voucher VARCHAR(20)",),
        alter=("ALTER TABLE bookings DROP COLUMN voucher",),
        told="column voucher varchar(20) is gone; it was ignored before",
        sqlite=True,
    ),
    Case(
        "an optional column goes, table read incrementally or by appending",
        "NULL in rows read from then on; rows loaded before keep their value until they are read again, in `raw_data` "
        "and `curated`",
        alter=("ALTER TABLE bookings DROP COLUMN num_guests", "ALTER TABLE bookings DROP COLUMN payment_status"),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="it is NULL in rows that are read from now on, those loaded before keep their values",
        expect=(
            (RAW.format("num_guests, payment_status"), [(1, 2, "paid"), (2, None, None)]),
            (CURATED.format("guests, payment_status"), [(1, 2, "paid"), (2, None, None)]),
        ),
        raw_type=("bookings.num_guests", "BIGINT"),
        sqlite=True,
    ),
    Case(
        "an optional column goes, table read as a snapshot",
        "NULL in every row from then on",
        before=("ALTER TABLE bookings DROP COLUMN updated_at",),
        alter=("ALTER TABLE bookings DROP COLUMN payment_status",),
        told="it is NULL in every row from now on",
        expect=((RAW.format("payment_status"), [(1, None), (2, None)]),),
        sqlite=True,
    ),
    Case(
        "an optional column goes whose kind is `text` or `any`, and which held numbers",
        "its raw column stays a number",
        before=(
            "ALTER TABLE apartment_attributes DROP COLUMN price_type",
            "ALTER TABLE apartment_attributes ADD COLUMN price_type INT",
            "UPDATE apartment_attributes SET price_type = 5",
        ),
        alter=("ALTER TABLE apartment_attributes DROP COLUMN price_type",),
        then=("UPDATE apartment_attributes SET last_modified_timestamp = '2024-03-05 00:00:00'",),
        told="column price_type int",
        expect=(("SELECT price_type FROM raw_data.apartment_attributes", [(None,)]),),
        raw_type=("apartment_attributes.price_type", "INTEGER"),
        sqlite=True,
    ),
    Case(
        "a column comes that is no text, where the contract takes `text` or `any`",
        "its raw column takes the type, as long as it holds NULL only",
        before=("ALTER TABLE apartment_attributes DROP COLUMN price_type",),
        alter=(
            "ALTER TABLE apartment_attributes ADD COLUMN price_type INT",
            "UPDATE apartment_attributes SET price_type = 5",
        ),
        told="column price_type int",
        expect=(
            ("SELECT price_type FROM raw_data.apartment_attributes", [(5,)]),
            ("SELECT price_type FROM curated.listing_attributes", [("5",)]),
        ),
        raw_type=("apartment_attributes.price_type", "INTEGER"),
        sqlite=True,
    ),
    Case(
        "the change cursor goes, where it is optional",
        "the table is read as a snapshot from then on; deletes are still found",
        alter=("ALTER TABLE bookings DROP COLUMN updated_at", "DELETE FROM bookings WHERE booking_id = 1"),
        told="it is NULL in every row from now on, and the table is read as snapshot from now on",
        expect=(
            ("SELECT read_mode FROM ops.freshness WHERE table_name = 'bookings'", [("snapshot",)]),
            (CURATED.format("is_deleted"), [(1, True), (2, False)]),
        ),
        sqlite=True,
    ),
    Case(
        "a required column goes",
        STOPS,
        alter=("ALTER TABLE bookings DROP COLUMN total_price",),
        error="Table bookings has no column total_price, which its contract requires. Remedy",
        sqlite=True,
    ),
    Case(
        "a required column is renamed",
        "stops; the error names the columns that it may be now",
        alter=(
            "ALTER TABLE bookings ADD COLUMN paid_on DATE",
            "ALTER TABLE bookings RENAME COLUMN total_price TO price_total",
        ),
        error="Table bookings has no column total_price, which its contract requires. If it was renamed, it may be "
        "price_total.",
        sqlite=True,
    ),
    Case(
        "an optional column is renamed",
        "told as a probable rename; as if it had gone, until a view gives it its name",
        alter=("ALTER TABLE bookings RENAME COLUMN payment_status TO pay_status",),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="pay_status of that type is new, probably payment_status renamed",
        expect=((CURATED.format("payment_status"), [(1, "paid"), (2, None)]),),
        sqlite=True,
    ),
    Case(
        "a column is renamed to what the contract names",
        "told as a probable rename; as if it had come",
        before=("ALTER TABLE bookings RENAME COLUMN num_guests TO guest_count",),
        alter=("ALTER TABLE bookings RENAME COLUMN guest_count TO num_guests",),
        told="probably guest_count renamed",
        expect=((CURATED.format("guests"), [(1, 2), (2, 2)]),),
        sqlite=True,
    ),
    Case(
        "a column's name changes its case only",
        GOES_ON,
        freeze=GOES_ON,
        alter=("ALTER TABLE bookings RENAME COLUMN payment_status TO Payment_Status",),
        expect=((RAW.format("payment_status"), [(1, "paid"), (2, "paid")]),),
    ),
    Case(
        "columns stand in another order",
        "nothing follows",
        alter=("ALTER TABLE bookings MODIFY payment_status VARCHAR(20) FIRST",),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="its columns stand in another order",
        expect=((RAW.format("payment_status"), [(1, "paid"), (2, "paid")]),),
    ),
)

TYPES_CHANGE = (
    Case(
        "a whole number grows (`INT` to `BIGINT`)",
        "the raw column grows; nothing is read again",
        alter=(modify("num_guests", "BIGINT"),),
        then=(f"UPDATE bookings SET num_guests = 5000000000, {NEWER} WHERE booking_id = 2",),
        told="column num_guests was int, is bigint; its raw column grows from INTEGER to BIGINT",
        expect=(
            (RAW.format("num_guests"), [(1, 2), (2, 5_000_000_000)]),
            (CURATED.format("guests"), [(1, 2), (2, 5_000_000_000)]),
        ),
        raw_type=("bookings.num_guests", "BIGINT"),
    ),
    Case(
        "a whole number shrinks (`BIGINT` to `INT`)",
        "the raw column stays as it was",
        before=(modify("num_guests", "BIGINT"),),
        alter=(modify("num_guests", "INT"),),
        then=(f"UPDATE bookings SET num_guests = 4, {NEWER} WHERE booking_id = 2",),
        told="its raw column stays BIGINT",
        expect=((RAW.format("num_guests"), [(1, 2), (2, 4)]),),
        raw_type=("bookings.num_guests", "BIGINT"),
    ),
    Case(
        "only the display width of a whole number changes (`INT(11)` to `INT(5)`)",
        GOES_ON,
        freeze=GOES_ON,
        alter=(modify("num_guests", "INT(5)"),),
        expect=((RAW.format("num_guests"), [(1, 2), (2, 2)]),),
    ),
    Case(
        "a whole number gets decimals (`INT` to `DECIMAL(5,1)`)",
        "the raw column grows to hold both; a row whose id, guests or rooms have a fraction is set aside "
        "(`value_out_of_range`)",
        alter=(modify("num_guests", "DECIMAL(5,1)"),),
        then=(f"UPDATE bookings SET num_guests = 3.0, {NEWER} WHERE booking_id = 2",),
        told="grows from INTEGER to DECIMAL(11,1)",
        expect=(
            (RAW.format("CAST(num_guests AS DOUBLE)"), [(1, 2), (2, 3)]),
            (CURATED.format("guests"), [(1, 2), (2, 3)]),
        ),
        raw_type=("bookings.num_guests", "DECIMAL(11,1)"),
    ),
    Case(
        "a decimal grows (`DECIMAL(10,2)` to `DECIMAL(12,2)`)",
        "the raw column grows; nothing is read again",
        before=(modify("total_price", "DECIMAL(10,2)"),),
        alter=(modify("total_price", "DECIMAL(12,2)"),),
        then=(new_booking(3, "9999999999.99"),),
        told="grows from DECIMAL(10,2) to DECIMAL(12,2)",
        expect=((RAW.format("CAST(total_price AS VARCHAR)"), [(1, "300.00"), (2, "300.00"), (3, "9999999999.99")]),),
        raw_type=("bookings.total_price", "DECIMAL(12,2)"),
    ),
    Case(
        "a decimal gets digits behind its point (`DECIMAL(12,2)` to `DECIMAL(12,4)`)",
        "the raw column grows to hold both (`DECIMAL(14,4)`); curated prices are rounded to cents",
        alter=(modify("total_price", "DECIMAL(12,4)"),),
        then=(new_booking(3, "10.1251"),),
        told="grows from DECIMAL(12,2) to DECIMAL(14,4)",
        expect=(
            (RAW.format("CAST(total_price AS VARCHAR)"), [(1, "300.0000"), (2, "300.0000"), (3, "10.1251")]),
            (CURATED.format("CAST(total_price AS VARCHAR)"), [(1, "300.00"), (2, "300.00"), (3, "10.13")]),
        ),
        raw_type=("bookings.total_price", "DECIMAL(14,4)"),
    ),
    Case(
        "a decimal shrinks (`DECIMAL(12,2)` to `DECIMAL(10,2)`, or to `INT`)",
        "the raw column stays as it was",
        alter=(modify("total_price", "INT"),),
        then=(new_booking(3, "12"),),
        told="its raw column stays DECIMAL(12,2)",
        expect=((RAW.format("CAST(total_price AS VARCHAR)"), [(1, "300.00"), (2, "300.00"), (3, "12.00")]),),
        raw_type=("bookings.total_price", "DECIMAL(12,2)"),
    ),
    Case(
        "no decimal of 38 digits holds both (`DECIMAL(30,0)` to `DECIMAL(30,10)`)",
        STOPS,
        before=(modify("total_price", "DECIMAL(30,0)"),),
        alter=(modify("total_price", "DECIMAL(30,10)"),),
        error="its raw column has held DECIMAL(30,0) and cannot take DECIMAL(30,10)",
    ),
    Case(
        "a decimal becomes floating point (`DECIMAL(12,2)` to `DOUBLE`), or the other way round",
        STOPS,
        alter=(modify("total_price", "DOUBLE"),),
        error="its raw column has held DECIMAL(12,2) and cannot take DOUBLE",
    ),
    Case(
        "a number becomes text, where the contract needs a number",
        STOPS,
        alter=(modify("num_guests", "VARCHAR(10)"),),
        error="Column bookings.num_guests is varchar(10), but its contract needs integer",
    ),
    Case(
        "a number becomes text, where the contract takes any",
        STOPS,
        before=(modify("fee", "INT", "apartment_attributes"), "UPDATE apartment_attributes SET fee = 5"),
        alter=(modify("fee", "VARCHAR(10)", "apartment_attributes"),),
        error="its raw column has held INTEGER and cannot take VARCHAR",
    ),
    Case(
        "text becomes a number, where the contract takes any",
        STOPS,
        before=("UPDATE apartment_attributes SET fee = '5'",),
        alter=(modify("fee", "INT", "apartment_attributes"),),
        error="its raw column has held VARCHAR and cannot take INTEGER",
    ),
    Case(
        "text grows (`VARCHAR(20)` to `VARCHAR(50)` or `TEXT`)",
        "nothing follows",
        alter=(modify("payment_status", "TEXT"),),
        then=(f"UPDATE bookings SET payment_status = '{30 * 'x'}', {NEWER} WHERE booking_id = 2",),
        told="column payment_status was varchar(20), is text; it arrives as VARCHAR, as before",
        expect=((CURATED.format("payment_status"), [(1, "paid"), (2, 30 * "x")]),),
    ),
    Case(
        "text shrinks (`VARCHAR(20)` to `VARCHAR(5)`)",
        "nothing follows; rows loaded before keep what the source has cut until they are read again",
        before=("UPDATE bookings SET payment_status = 'paid late'",),
        alter=(
            "SET @usual = @@SESSION.sql_mode, SESSION sql_mode = ''",
            "ALTER TABLE bookings MODIFY payment_status VARCHAR(5)",
            "SET SESSION sql_mode = @usual",
        ),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="column payment_status was varchar(20), is varchar(5); it arrives as VARCHAR, as before",
        expect=((CURATED.format("payment_status"), [(1, "paid late"), (2, "paid ")]),),
    ),
    Case(
        "a date gets a time (`DATE` to `DATETIME`)",
        "the raw column grows to TIMESTAMP; curated dates stay dates",
        alter=(modify("checkin_date", "DATETIME"),),
        then=(f"UPDATE bookings SET checkin_date = '2024-03-11 15:00:00', {NEWER} WHERE booking_id = 2",),
        told="grows from DATE to TIMESTAMP",
        expect=(
            (RAW.format("CAST(checkin_date AS VARCHAR)"), [(1, "2024-03-10 00:00:00"), (2, "2024-03-11 15:00:00")]),
            (CURATED.format("CAST(checkin_date AS VARCHAR)"), [(1, "2024-03-10"), (2, "2024-03-11")]),
        ),
        raw_type=("bookings.checkin_date", "TIMESTAMP"),
    ),
    Case(
        "a moment loses its time (`DATETIME` to `DATE`)",
        "the raw column stays TIMESTAMP; rows loaded before keep their time until they are read again",
        alter=(modify("booking_date", "DATE"),),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="its raw column stays TIMESTAMP",
        expect=((RAW.format("HOUR(booking_date)"), [(1, 12), (2, 0)]),),
        raw_type=("bookings.booking_date", "TIMESTAMP"),
    ),
    Case(
        "a moment gets or loses microseconds (`DATETIME` to `DATETIME(6)`)",
        "nothing follows",
        before=(modify("booking_date", "DATETIME"),),
        alter=(modify("booking_date", "DATETIME(6)"),),
        then=(f"UPDATE bookings SET booking_date = '2024-03-01 12:00:00.000001', {NEWER} WHERE booking_id = 2",),
        told="column booking_date was datetime, is datetime(6); it arrives as TIMESTAMP, as before",
        expect=((CURATED.format("MICROSECOND(booked_at)"), [(1, 0), (2, 1)]),),
    ),
    Case(
        "a flag changes its type (`TINYINT(1)` to `INT`)",
        "nothing follows; a value other than 0, 1 and NULL stops the run",
        alter=(modify("is_active", "INT", "apartments"),),
        then=("UPDATE apartments SET is_active = 0, last_modified_timestamp = '2024-03-05'",),
        told="column is_active was tinyint, is int; it arrives as BOOLEAN, as before",
        expect=(("SELECT is_active FROM curated.listings", [(False,)]),),
    ),
    Case(
        "`NOT NULL` goes",
        "told; rows without the value arrive, and the curated table's rules decide about them",
        before=(modify("total_price", "DECIMAL(12,2) NOT NULL"),),
        alter=(modify("total_price", "DECIMAL(12,2) NULL"),),
        then=(new_booking(3, "NULL"),),
        told="column total_price was NOT NULL, may be NULL",
        expect=(
            (RAW.format("total_price IS NULL"), [(1, False), (2, False), (3, True)]),
            ("SELECT row_key, rules FROM ops.rejected_rows", [("3", "missing_price")]),
        ),
    ),
    Case(
        "`NOT NULL` comes",
        "nothing follows",
        alter=(modify("total_price", "DECIMAL(12,2) NOT NULL"),),
        told="column total_price may no longer be NULL",
    ),
    Case(
        "an `ENUM` or `SET` gets a value",
        "told; it arrives as text, and the curated table's rules decide about it (`unknown_status` rejects a booking)",
        before=(modify("booking_status", STATUSES),),
        alter=(modify("booking_status", STATUSES.replace(")", ",'On Hold')")),),
        then=(new_booking(3, status="On Hold"),),
        told="column booking_status may be 'On Hold'",
        expect=(
            (RAW.format("booking_status"), [(1, "confirmed"), (2, "confirmed"), (3, "On Hold")]),
            ("SELECT row_key, rules FROM ops.rejected_rows", [("3", "unknown_status")]),
        ),
    ),
    Case(
        "an `ENUM` or `SET` loses a value",
        "told; rows loaded before keep it until they are read again",
        before=(modify("booking_status", STATUSES.replace(")", ",'On Hold')")),),
        alter=(modify("booking_status", STATUSES),),
        told="column booking_status is never 'On Hold' any more",
    ),
    Case(
        "an `ENUM` becomes text, or its values stand in another order",
        "nothing follows",
        before=(modify("booking_status", STATUSES),),
        alter=(modify("booking_status", "VARCHAR(20)"),),
        told="it arrives as VARCHAR, as before",
        expect=((CURATED.format("status"), [(1, "confirmed"), (2, "confirmed")]),),
    ),
)
NEW_AND_GONE = (new_booking(3_000_000_000), "DELETE FROM bookings WHERE booking_id = 1")
FOUND = ((CURATED.format("is_deleted"), [(1, True), (2, False), (3_000_000_000, False)]),)
KEYS_AND_CURSORS = (
    Case(
        "a key grows (`INT` to `BIGINT`), table read incrementally",
        "the raw column grows; inserts and deletes are found as before",
        before=(modify("booking_id", "INT"),),
        alter=(modify("booking_id", "BIGINT"),),
        then=NEW_AND_GONE,
        told="grows from INTEGER to BIGINT",
        expect=FOUND,
        raw_type=("bookings.booking_id", "BIGINT"),
    ),
    Case(
        "a key becomes unsigned (`BIGINT` to `BIGINT UNSIGNED`), table read incrementally",
        "the raw column grows to `DECIMAL(20,0)`; inserts and deletes are found as before; an id beyond "
        "9,223,372,036,854,775,807 stops the run in `transform`",
        alter=(modify("booking_id", "BIGINT UNSIGNED"),),
        then=NEW_AND_GONE,
        told="grows from BIGINT to DECIMAL(20,0)",
        expect=FOUND,
        raw_type=("bookings.booking_id", "DECIMAL(20,0)"),
    ),
    Case(
        "a key grows, table read as a snapshot",
        "the raw column grows, and all rows go on once; deletes are found as before",
        before=("ALTER TABLE bookings DROP COLUMN updated_at", modify("booking_id", "INT")),
        alter=(modify("booking_id", "BIGINT UNSIGNED"),),
        then=("UPDATE bookings SET booking_id = 3000000000 WHERE booking_id = 1",),
        told="grows from INTEGER to DECIMAL(20,0)",
        expect=FOUND,
        raw_type=("bookings.booking_id", "DECIMAL(20,0)"),
    ),
    Case(
        "a key shrinks (`BIGINT` to `INT`)",
        "the raw column stays as it was; inserts and deletes are found as before",
        alter=("DELETE FROM bookings WHERE booking_id = 1", modify("booking_id", "INT")),
        then=(new_booking(3),),
        told="its raw column stays BIGINT",
        expect=((CURATED.format("is_deleted"), [(1, True), (2, False), (3, False)]),),
        raw_type=("bookings.booking_id", "BIGINT"),
    ),
    Case(
        "a change cursor gets microseconds (`DATETIME` to `DATETIME(6)`)",
        "nothing follows",
        before=(modify("updated_at", "DATETIME"),),
        alter=(modify("updated_at", "DATETIME(6)"),),
        then=("UPDATE bookings SET num_guests = 4, updated_at = '2024-03-02 00:00:00.000001' WHERE booking_id = 2",),
        told="column updated_at was datetime, is datetime(6); it arrives as TIMESTAMP, as before",
        expect=((CURATED.format("guests"), [(1, 2), (2, 4)]),),
    ),
    Case(
        "a change cursor gets a zone (`DATETIME` to `TIMESTAMP`)",
        "nothing follows, where the source was altered in a session whose time zone is UTC; else the moments of rows "
        "that are not read again stay off: `rental run --full-refresh`",
        alter=(
            "SET @usual = @@SESSION.time_zone, SESSION time_zone = '+00:00'",
            "ALTER TABLE bookings MODIFY updated_at TIMESTAMP(6) NULL",
            "SET SESSION time_zone = @usual",
        ),
        then=("UPDATE bookings SET num_guests = 4, updated_at = NOW(6) WHERE booking_id = 2",),
        told="column updated_at was datetime(6), is timestamp(6); it arrives as TIMESTAMP, as before",
        expect=((CURATED.format("guests"), [(1, 2), (2, 4)]),),
    ),
    Case(
        "an event time gets microseconds",
        "nothing follows; no event is counted twice",
        before=(modify("viewed_at", "DATETIME", "user_viewing"),),
        alter=(modify("viewed_at", "DATETIME(6)", "user_viewing"),),
        then=(
            "INSERT INTO user_viewing (user_id, apartment_id, viewed_at, is_wishlisted) "
            "VALUES (7, 1, '2024-03-01 11:05:00', 0)",
        ),
        told="column viewed_at was datetime, is datetime(6); it arrives as TIMESTAMP, as before",
        expect=(("SELECT COUNT(*) FROM curated.viewings", [(2,)]),),
    ),
    Case(
        "a column of an event grows",
        "the raw column grows; no event is counted twice",
        before=(modify("user_id", "INT", "user_viewing"),),
        alter=(modify("user_id", "BIGINT UNSIGNED", "user_viewing"),),
        then=(
            "INSERT INTO user_viewing (user_id, apartment_id, viewed_at, is_wishlisted) "
            "VALUES (7, 1, '2024-03-01 11:05:00', 0)",
        ),
        told="grows from INTEGER to DECIMAL(20,0)",
        expect=(("SELECT COUNT(*) FROM curated.viewings", [(2,)]),),
        raw_type=("user_viewing.user_id", "DECIMAL(20,0)"),
    ),
    Case(
        "a unique key goes, its column stays `NOT NULL`",
        "is not seen: keys are no part of what is compared. Rows are counted per key from then on, the newest row of a "
        "key decides",
        freeze="goes on, it is not seen",
        alter=("ALTER TABLE bookings DROP PRIMARY KEY",),
        then=(new_booking(2), "UPDATE bookings SET num_guests = 9 WHERE updated_at = '2024-03-04 00:00:00'"),
        expect=((CURATED.format("guests"), [(1, 2), (2, 9)]),),
    ),
)
TABLES_CHANGE = (
    Case(
        "a view takes the place of a table",
        GOES_ON,
        freeze=GOES_ON,
        alter=("RENAME TABLE bookings TO all_bookings", "CREATE VIEW bookings AS SELECT * FROM all_bookings"),
        then=(new_booking(3).replace("bookings", "all_bookings", 1), "DELETE FROM all_bookings WHERE booking_id = 1"),
        expect=((CURATED.format("is_deleted"), [(1, True), (2, False), (3, False)]),),
    ),
    Case(
        "a table goes",
        STOPS,
        alter=("DROP TABLE bookings",),
        error="There is no table bookings in",
        sqlite=True,
    ),
    Case(
        "a type grows while a run is extracted and not loaded",
        "the next run takes both in, as if the type had always been the wider one",
        alter=(modify("num_guests", "BIGINT"), modify("total_price", "DECIMAL(12,4)")),
        then=(new_booking(4, "10.1251"), f"UPDATE bookings SET num_guests = 5000000000, {NEWER} WHERE booking_id = 2"),
        told="grows from INTEGER to BIGINT",
        expect=(
            (
                RAW.format("num_guests, CAST(total_price AS VARCHAR)"),
                [(1, 2, "300.0000"), (2, 5_000_000_000, "300.0000"), (3, None, "300.0000"), (4, None, "10.1251")],
            ),
            (CURATED.format("guests"), [(1, 2), (2, 5_000_000_000), (3, None), (4, None)]),
        ),
        raw_type=("bookings.total_price", "DECIMAL(14,4)"),
        pending=True,
    ),
    Case(
        "a column comes or goes while a run is extracted and not loaded",
        "as it does else: the rows of that run have NULL in the column that came, and keep that which went",
        before=("ALTER TABLE bookings DROP COLUMN num_guests",),
        alter=("ALTER TABLE user_viewing DROP COLUMN id", "ALTER TABLE bookings ADD COLUMN num_guests INT"),
        then=("UPDATE bookings SET num_guests = 5",),
        told="column num_guests int",
        expect=(
            (CURATED.format("guests"), [(1, 5), (2, 5), (3, 5)]),
            ("SELECT COUNT(id), COUNT(*) FROM raw_data.user_viewing", [(0, 1)]),
        ),
        pending=True,
    ),
)
CASES = (*COLUMNS_COME_AND_GO, *TYPES_CHANGE, *KEYS_AND_CURSORS, *TABLES_CHANGE)

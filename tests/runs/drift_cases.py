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
    "currency, booking_status, updated_at) VALUES ({id}, 7, 1, '2024-03-04 00:00:00', '2024-03-10', "
    "'2024-03-13', {price}, 'USD', '{status}', '2024-03-04 00:00:00')"
)
STATUSES = "ENUM('pending','confirmed','canceled')"

Expected = tuple[str, list[tuple[Any, ...]]]
"""A query, and what the warehouse answers."""


def new_booking(number: int, price: str = "300", status: str = "confirmed") -> str:
    return NEW_BOOKING.format(id=number, price=price, status=status)


def copied_booking(number: int) -> str:
    """A booking as the first one, in whatever columns there are."""
    columns = "user_id, apartment_id, booking_date, checkin_date, checkout_date, total_price, currency, booking_status"
    return f"INSERT INTO bookings (booking_id, {columns}) SELECT {number}, {columns} FROM bookings WHERE booking_id = 1"


def modify(column: str, kind: str, table: str = "bookings") -> str:
    return f"ALTER TABLE {table} MODIFY {column} {kind}"


def raw(columns: str, *rows: tuple[Any, ...]) -> Expected:
    """Columns of these bookings in `raw_data`."""
    return _bookings("raw_data.bookings", columns, rows)


def curated(columns: str, *rows: tuple[Any, ...]) -> Expected:
    """Columns of these bookings in `curated`."""
    return _bookings("curated.bookings", columns, rows)


def _bookings(table: str, columns: str, rows: tuple[tuple[Any, ...], ...]) -> Expected:
    keys = ", ".join(str(row[0]) for row in rows)
    return f"SELECT booking_id, {columns} FROM {table} WHERE booking_id IN ({keys}) ORDER BY 1", list(rows)


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
        rejected: keys of rows that the changed source brings and no curated table takes, with the rules they break.
        raw_type: `table.column` and the type of the raw column, from MySQL.
        pending: a run has read the tables as they were, with one booking more, and has not loaded them.
        sqlite: whether SQLite understands the statements.
        run: cases with the same are tried in one run. None of them changes what another one looks at, and those that
            need a row which is new, or goes, have one of their own.
    """

    change: str
    evolve: str
    alter: tuple[str, ...]
    freeze: str = STOPS
    before: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    told: str = ""
    error: str = ""
    expect: tuple[Expected, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()
    raw_type: tuple[str, str] | None = None
    pending: bool = False
    sqlite: bool = False
    run: str = ""


COLUMNS_COME_AND_GO = (
    Case(
        "a column the contract names comes, table read incrementally",
        "the table is read whole once: every row has it, in `raw_data` and `curated`",
        before=("ALTER TABLE bookings DROP COLUMN num_guests",),
        alter=("ALTER TABLE bookings ADD COLUMN num_guests INT", "UPDATE bookings SET num_guests = 3"),
        told="bookings: column num_guests int",
        expect=(raw("num_guests", (1, 3), (2, 3)), curated("guests", (1, 3), (2, 3))),
        sqlite=True,
        run="bookings gain columns",
    ),
    Case(
        "a column the contract names comes, table read as a snapshot",
        "every row has it from then on",
        before=("ALTER TABLE bookings DROP COLUMN updated_at", "ALTER TABLE bookings DROP COLUMN num_guests"),
        alter=("ALTER TABLE bookings ADD COLUMN num_guests INT", "UPDATE bookings SET num_guests = 3"),
        told="every row has it from now on",
        expect=(raw("num_guests", (1, 3), (2, 3)), curated("guests", (1, 3), (2, 3))),
        sqlite=True,
        run="snapshots",
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
        run="a column is renamed",
    ),
    Case(
        "a change cursor comes",
        "the table is read incrementally from then on, whole this time",
        before=("ALTER TABLE apartment_attributes DROP COLUMN last_modified_timestamp",),
        alter=("ALTER TABLE apartment_attributes ADD COLUMN last_modified_timestamp DATETIME",),
        told="read as incremental from now on, whole this time",
        expect=(
            ("SELECT read_mode FROM ops.freshness WHERE table_name = 'apartment_attributes'", [("incremental",)]),
            ("SELECT COUNT(*) FROM curated.listing_attributes", [(1,)]),
        ),
        sqlite=True,
        run="cursors come and go",
    ),
    Case(
        "a column the contract does not name comes",
        "it is ignored, or kept in `raw_data` where the contract says `unknown_columns: keep`",
        alter=("ALTER TABLE bookings ADD COLUMN voucher VARCHAR(20)",),
        told="column voucher varchar(20) is new; it is ignored",
        expect=(("SELECT COUNT(*) FROM information_schema.columns WHERE column_name = 'voucher'", [(0,)]),),
        sqlite=True,
        run="cursors come and go",
    ),
    Case(
        "a column the contract does not name goes",
        "nothing follows; one that was kept stays in `raw_data`, NULL in rows read from then on",
        before=("ALTER TABLE bookings ADD COLUMN voucher VARCHAR(20)",),
        alter=("ALTER TABLE bookings DROP COLUMN voucher",),
        told="column voucher varchar(20) is gone; it was ignored before",
        sqlite=True,
        run="columns go",
    ),
    Case(
        "an optional column goes, table read incrementally or by appending",
        "NULL in rows read from then on; rows loaded before keep their value until they are read again, in `raw_data` "
        "and `curated`",
        alter=("ALTER TABLE bookings DROP COLUMN num_guests", "ALTER TABLE bookings DROP COLUMN payment_status"),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="it is NULL in rows that are read from now on, those loaded before keep their values",
        expect=(
            raw("num_guests, payment_status", (1, 2, "paid"), (2, None, None)),
            curated("guests, payment_status", (1, 2, "paid"), (2, None, None)),
        ),
        raw_type=("bookings.num_guests", "BIGINT"),
        sqlite=True,
        run="columns go",
    ),
    Case(
        "an optional column goes, table read as a snapshot",
        "NULL in every row from then on",
        before=("ALTER TABLE bookings DROP COLUMN updated_at",),
        alter=("ALTER TABLE bookings DROP COLUMN payment_status",),
        told="it is NULL in every row from now on",
        expect=(raw("payment_status", (1, None), (2, None)),),
        sqlite=True,
        run="snapshots",
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
        run="a column is renamed",
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
        run="columns go",
    ),
    Case(
        "the change cursor goes, where it is optional",
        "the table is read as a snapshot from then on; deletes are still found",
        alter=("ALTER TABLE bookings DROP COLUMN updated_at", "DELETE FROM bookings WHERE booking_id = 1"),
        told="it is NULL in every row from now on, and the table is read as snapshot from now on",
        expect=(
            ("SELECT read_mode FROM ops.freshness WHERE table_name = 'bookings'", [("snapshot",)]),
            curated("is_deleted", (1, True), (2, False)),
        ),
        sqlite=True,
        run="cursors come and go",
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
        "told as a probable rename; as if it had gone, until `tables.<table>.columns` or a view gives it its name",
        alter=("ALTER TABLE bookings RENAME COLUMN payment_status TO pay_status",),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="pay_status of that type is new, probably payment_status renamed",
        expect=(curated("payment_status", (1, "paid"), (2, None)),),
        sqlite=True,
        run="a column is renamed",
    ),
    Case(
        "a column is renamed to what the contract names",
        "told as a probable rename; as if it had come",
        before=(
            "UPDATE apartment_attributes SET price_type = 'Monthly'",
            "ALTER TABLE apartment_attributes RENAME COLUMN price_type TO price_kind",
        ),
        alter=("ALTER TABLE apartment_attributes RENAME COLUMN price_kind TO price_type",),
        told="probably price_kind renamed",
        expect=(("SELECT price_type FROM curated.listing_attributes", [("Monthly",)]),),
        sqlite=True,
        run="bookings gain columns",
    ),
    Case(
        "a column's name changes its case only",
        GOES_ON,
        freeze=GOES_ON,
        alter=("ALTER TABLE bookings RENAME COLUMN payment_status TO Payment_Status",),
        expect=(raw("payment_status", (1, "paid"), (2, "paid")),),
        run="nothing is told",
    ),
    Case(
        "columns stand in another order",
        "nothing follows",
        alter=("ALTER TABLE bookings MODIFY payment_status VARCHAR(20) FIRST",),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="its columns stand in another order",
        expect=(raw("payment_status", (1, "paid"), (2, "paid")),),
        run="types change",
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
            raw("num_guests", (1, 2), (2, 5_000_000_000)),
            curated("guests", (1, 2), (2, 5_000_000_000)),
        ),
        raw_type=("bookings.num_guests", "BIGINT"),
        run="types grow",
    ),
    Case(
        "a whole number shrinks (`BIGINT` to `INT`)",
        "the raw column stays as it was",
        before=(modify("num_guests", "BIGINT"),),
        alter=(modify("num_guests", "INT"),),
        then=(f"UPDATE bookings SET num_guests = 4, {NEWER} WHERE booking_id = 2",),
        told="its raw column stays BIGINT",
        expect=(raw("num_guests", (1, 2), (2, 4)),),
        raw_type=("bookings.num_guests", "BIGINT"),
        run="types shrink",
    ),
    Case(
        "only the display width of a whole number changes (`INT(11)` to `INT(5)`)",
        GOES_ON,
        freeze=GOES_ON,
        alter=(modify("num_guests", "INT(5)"),),
        expect=(raw("num_guests", (1, 2), (2, 2)),),
        run="nothing is told",
    ),
    Case(
        "a whole number gets decimals (`INT` to `DECIMAL(5,1)`)",
        "the raw column grows to hold both; a row whose id, guests or rooms have a fraction is set aside "
        "(`value_out_of_range`)",
        alter=(modify("num_guests", "DECIMAL(5,1)"),),
        then=(f"UPDATE bookings SET num_guests = 3.0, {NEWER} WHERE booking_id = 2",),
        told="grows from INTEGER to DECIMAL(11,1)",
        expect=(
            raw("CAST(num_guests AS DOUBLE)", (1, 2), (2, 3)),
            curated("guests", (1, 2), (2, 3)),
        ),
        raw_type=("bookings.num_guests", "DECIMAL(11,1)"),
        run="types change",
    ),
    Case(
        "a decimal grows (`DECIMAL(10,2)` to `DECIMAL(12,2)`)",
        "the raw column grows; nothing is read again",
        before=(modify("total_price", "DECIMAL(10,2)"),),
        alter=(modify("total_price", "DECIMAL(12,2)"),),
        then=(new_booking(21, "9999999999.99"),),
        told="grows from DECIMAL(10,2) to DECIMAL(12,2)",
        expect=(raw("CAST(total_price AS VARCHAR)", (1, "300.00"), (2, "300.00"), (21, "9999999999.99")),),
        raw_type=("bookings.total_price", "DECIMAL(12,2)"),
        run="types change",
    ),
    Case(
        "a decimal gets digits behind its point (`DECIMAL(12,2)` to `DECIMAL(12,4)`)",
        "the raw column grows to hold both (`DECIMAL(14,4)`); curated prices are rounded to cents",
        alter=(modify("total_price", "DECIMAL(12,4)"),),
        then=(new_booking(21, "10.1251"),),
        told="grows from DECIMAL(12,2) to DECIMAL(14,4)",
        expect=(
            raw("CAST(total_price AS VARCHAR)", (1, "300.0000"), (2, "300.0000"), (21, "10.1251")),
            curated("CAST(total_price AS VARCHAR)", (1, "300.00"), (2, "300.00"), (21, "10.13")),
        ),
        raw_type=("bookings.total_price", "DECIMAL(14,4)"),
        run="types grow",
    ),
    Case(
        "a decimal shrinks (`DECIMAL(12,2)` to `DECIMAL(10,2)`, or to `INT`)",
        "the raw column stays as it was",
        alter=(modify("total_price", "INT"),),
        then=(new_booking(21, "12"),),
        told="its raw column stays DECIMAL(12,2)",
        expect=(raw("CAST(total_price AS VARCHAR)", (1, "300.00"), (2, "300.00"), (21, "12.00")),),
        raw_type=("bookings.total_price", "DECIMAL(12,2)"),
        run="types shrink",
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
        expect=(curated("payment_status", (1, "paid"), (2, 30 * "x")),),
        run="types grow",
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
        expect=(curated("payment_status", (1, "paid late"), (2, "paid ")),),
        run="types shrink",
    ),
    Case(
        "a date gets a time (`DATE` to `DATETIME`)",
        "the raw column grows to TIMESTAMP; curated dates stay dates",
        alter=(modify("checkin_date", "DATETIME"),),
        then=(f"UPDATE bookings SET checkin_date = '2024-03-11 15:00:00', {NEWER} WHERE booking_id = 2",),
        told="grows from DATE to TIMESTAMP",
        expect=(
            raw("CAST(checkin_date AS VARCHAR)", (1, "2024-03-10 00:00:00"), (2, "2024-03-11 15:00:00")),
            curated("CAST(checkin_date AS VARCHAR)", (1, "2024-03-10"), (2, "2024-03-11")),
        ),
        raw_type=("bookings.checkin_date", "TIMESTAMP"),
        run="types grow",
    ),
    Case(
        "a moment loses its time (`DATETIME` to `DATE`)",
        "the raw column stays TIMESTAMP; rows loaded before keep their time until they are read again",
        alter=(modify("booking_date", "DATE"),),
        then=(f"UPDATE bookings SET {NEWER} WHERE booking_id = 2",),
        told="its raw column stays TIMESTAMP",
        expect=(raw("HOUR(booking_date)", (1, 12), (2, 0)),),
        raw_type=("bookings.booking_date", "TIMESTAMP"),
        run="types shrink",
    ),
    Case(
        "a moment gets or loses microseconds (`DATETIME` to `DATETIME(6)`)",
        "nothing follows",
        before=(modify("booking_date", "DATETIME"),),
        alter=(modify("booking_date", "DATETIME(6)"),),
        then=(f"UPDATE bookings SET booking_date = '2024-03-01 12:00:00.000001', {NEWER} WHERE booking_id = 2",),
        told="column booking_date was datetime, is datetime(6); it arrives as TIMESTAMP, as before",
        expect=(curated("MICROSECOND(booked_at)", (1, 0), (2, 1)),),
        run="types grow",
    ),
    Case(
        "a flag changes its type (`TINYINT(1)` to `INT`)",
        "nothing follows; a value other than 0, 1 and NULL stops the run",
        alter=(modify("is_active", "INT", "apartments"),),
        then=("UPDATE apartments SET is_active = 0, last_modified_timestamp = '2024-03-05'",),
        told="column is_active was tinyint, is int; it arrives as BOOLEAN, as before",
        expect=(("SELECT is_active FROM curated.listings", [(False,)]),),
        run="types grow",
    ),
    Case(
        "`NOT NULL` goes",
        "told; rows without the value arrive, and the curated table's rules decide about them",
        before=(modify("total_price", "DECIMAL(12,2) NOT NULL"),),
        alter=(modify("total_price", "DECIMAL(12,2) NULL"),),
        then=(new_booking(21, "NULL"),),
        told="column total_price was NOT NULL, may be NULL",
        expect=(raw("total_price IS NULL", (1, False), (2, False), (21, True)),),
        rejected=(("21", "missing_price"),),
        run="columns go",
    ),
    Case(
        "`NOT NULL` comes",
        "nothing follows",
        alter=(modify("currency", "VARCHAR(10) NOT NULL"),),
        told="column currency may no longer be NULL",
        run="types change",
    ),
    Case(
        "an `ENUM` or `SET` gets a value",
        "told; it arrives as text, and the curated table's rules decide about it (`unknown_status` rejects a booking)",
        before=(modify("booking_status", STATUSES),),
        alter=(modify("booking_status", STATUSES.replace(")", ",'On Hold')")),),
        then=(new_booking(22, status="On Hold"),),
        told="column booking_status may be 'On Hold'",
        expect=(raw("booking_status", (1, "confirmed"), (2, "confirmed"), (22, "On Hold")),),
        rejected=(("22", "unknown_status"),),
        run="types grow",
    ),
    Case(
        "an `ENUM` or `SET` loses a value",
        "told; rows loaded before keep it until they are read again",
        before=(modify("booking_status", STATUSES.replace(")", ",'On Hold')")),),
        alter=(modify("booking_status", STATUSES),),
        told="column booking_status is never 'On Hold' any more",
        run="types shrink",
    ),
    Case(
        "an `ENUM` becomes text, or its values stand in another order",
        "nothing follows",
        before=(modify("booking_status", STATUSES),),
        alter=(modify("booking_status", "VARCHAR(20)"),),
        told="it arrives as VARCHAR, as before",
        expect=(curated("status", (1, "confirmed"), (2, "confirmed")),),
        run="types change",
    ),
)
NEW_AND_GONE = (new_booking(3_000_000_000), "DELETE FROM bookings WHERE booking_id = 11")
FOUND = (curated("is_deleted", (2, False), (11, True), (3_000_000_000, False)),)
KEYS_AND_CURSORS = (
    Case(
        "a key grows (`INT` to `BIGINT`), table read incrementally",
        "the raw column grows; inserts and deletes are found as before",
        before=(modify("booking_id", "INT"), new_booking(11)),
        alter=(modify("booking_id", "BIGINT"),),
        then=NEW_AND_GONE,
        told="grows from INTEGER to BIGINT",
        expect=FOUND,
        raw_type=("bookings.booking_id", "BIGINT"),
        run="types grow",
    ),
    Case(
        "a key becomes unsigned (`BIGINT` to `BIGINT UNSIGNED`), table read incrementally",
        "the raw column grows to `DECIMAL(20,0)`; inserts and deletes are found as before; an id beyond "
        "9,223,372,036,854,775,807 stops the run in `transform`",
        before=(new_booking(11),),
        alter=(modify("booking_id", "BIGINT UNSIGNED"),),
        then=NEW_AND_GONE,
        told="grows from BIGINT to DECIMAL(20,0)",
        expect=FOUND,
        raw_type=("bookings.booking_id", "DECIMAL(20,0)"),
        run="types change",
    ),
    Case(
        "a key grows, table read as a snapshot",
        "the raw column grows, and all rows go on once; deletes are found as before",
        before=(copied_booking(11), "ALTER TABLE bookings DROP COLUMN updated_at", modify("booking_id", "INT")),
        alter=(modify("booking_id", "BIGINT UNSIGNED"),),
        then=("UPDATE bookings SET booking_id = 3000000000 WHERE booking_id = 11",),
        told="grows from INTEGER to DECIMAL(20,0)",
        expect=FOUND,
        raw_type=("bookings.booking_id", "DECIMAL(20,0)"),
        run="snapshots",
    ),
    Case(
        "a key shrinks (`BIGINT` to `INT`)",
        "the raw column stays as it was; inserts and deletes are found as before",
        before=(new_booking(11),),
        alter=("DELETE FROM bookings WHERE booking_id = 11", modify("booking_id", "INT")),
        then=(new_booking(23),),
        told="its raw column stays BIGINT",
        expect=(curated("is_deleted", (2, False), (11, True), (23, False)),),
        raw_type=("bookings.booking_id", "BIGINT"),
        run="types shrink",
    ),
    Case(
        "a change cursor gets microseconds (`DATETIME` to `DATETIME(6)`)",
        "nothing follows",
        before=(modify("updated_at", "DATETIME"), new_booking(12)),
        alter=(modify("updated_at", "DATETIME(6)"),),
        then=("UPDATE bookings SET user_id = 8, updated_at = '2024-03-04 00:00:00.000001' WHERE booking_id = 12",),
        told="column updated_at was datetime, is datetime(6); it arrives as TIMESTAMP, as before",
        expect=(curated("user_id", (1, 7), (12, 8)),),
        run="types grow",
    ),
    Case(
        "a change cursor gets a zone (`DATETIME` to `TIMESTAMP`)",
        "nothing follows, where the source was altered in a session whose time zone is UTC; else the moments of rows "
        "that are not read again stay off: `rental run --full-refresh`",
        before=(new_booking(12),),
        alter=(
            "SET @usual = @@SESSION.time_zone, SESSION time_zone = '+00:00'",
            "ALTER TABLE bookings MODIFY updated_at TIMESTAMP(6) NULL",
            "SET SESSION time_zone = @usual",
        ),
        then=("UPDATE bookings SET user_id = 8, updated_at = NOW(6) WHERE booking_id = 12",),
        told="column updated_at was datetime(6), is timestamp(6); it arrives as TIMESTAMP, as before",
        expect=(curated("user_id", (1, 7), (12, 8)),),
        run="types shrink",
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
        run="types shrink",
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
        run="types grow",
    ),
    Case(
        "a unique key goes, its column stays `NOT NULL`",
        "is not seen: keys are no part of what is compared. Rows are counted per key from then on, the newest row of a "
        "key decides",
        freeze="goes on, it is not seen",
        before=(new_booking(13),),
        alter=("ALTER TABLE bookings DROP PRIMARY KEY",),
        then=(new_booking(13, "500"), f"UPDATE bookings SET {NEWER} WHERE total_price = 500"),
        expect=(curated("CAST(total_price AS INT)", (1, 300), (13, 500)),),
        run="nothing is told",
    ),
)
TABLES_CHANGE = (
    Case(
        "a view takes the place of a table",
        GOES_ON,
        freeze=GOES_ON,
        alter=("RENAME TABLE bookings TO all_bookings", "CREATE VIEW bookings AS SELECT * FROM all_bookings"),
        then=(new_booking(3).replace("bookings", "all_bookings", 1), "DELETE FROM all_bookings WHERE booking_id = 1"),
        expect=(curated("is_deleted", (1, True), (2, False), (3, False)),),
        run="a view",
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
            raw(
                "num_guests, CAST(total_price AS VARCHAR)",
                (1, 2, "300.0000"),
                (2, 5_000_000_000, "300.0000"),
                (3, None, "300.0000"),
                (4, None, "10.1251"),
            ),
            curated("guests", (1, 2), (2, 5_000_000_000), (3, None), (4, None)),
        ),
        raw_type=("bookings.total_price", "DECIMAL(14,4)"),
        pending=True,
        run="a run waits, types grow",
    ),
    Case(
        "a column comes or goes while a run is extracted and not loaded",
        "as it does else: the rows of that run have NULL in the column that came, and keep that which went",
        before=("ALTER TABLE bookings DROP COLUMN num_guests",),
        alter=("ALTER TABLE user_viewing DROP COLUMN id", "ALTER TABLE bookings ADD COLUMN num_guests INT"),
        then=("UPDATE bookings SET num_guests = 5",),
        told="column num_guests int",
        expect=(
            curated("guests", (1, 5), (2, 5), (3, 5)),
            ("SELECT COUNT(id), COUNT(*) FROM raw_data.user_viewing", [(0, 1)]),
        ),
        pending=True,
        run="a run waits, columns change",
    ),
)
CASES = (*COLUMNS_COME_AND_GO, *TYPES_CHANGE, *KEYS_AND_CURSORS, *TABLES_CHANGE)

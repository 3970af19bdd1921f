"""Ids that a collation takes for equal, of types that companies have, on MySQL and MariaDB and on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from rental_analytics.databases.mysql import jdbc
from rental_analytics.errors import ContractError
from runs.harness import Pipeline, Source, failure
from servers.mysql import KINDS, MySqlServer
from support.breadth import sampled

pytestmark = pytest.mark.service

TEXT = "marketplace.ids=text"
MANY_DELETED = "quality.max_deleted_share=1"
LOWER = "0b4e7f3a-5c1d-4e2f-9a6b-7c8d9e0f1a2b"
UPPER = LOWER.upper()
OTHER = "f" + LOWER[1:]
UUIDS = "CHAR(36) COLLATE utf8mb4_general_ci"
MAILS = "VARCHAR(64) COLLATE utf8mb4_unicode_ci"
MAIL = "Zoë@x.org"
LATE, NEW = "2024-01-01 12:00:00.000000", "2024-03-02 00:00:00.000000"
IS_LOWER = f"id = BINARY '{LOWER}'"


def fill(source: Source) -> None:
    """Two listings that differ in case alone, as do the users who booked them; no key keeps them apart."""
    source.create(optional=True, unique=False, ids=UUIDS)
    source.execute(f"ALTER TABLE bookings MODIFY user_id {MAILS}, MODIFY apartment_id VARCHAR(36) CHARACTER SET ascii")
    source.execute(f"ALTER TABLE user_viewing MODIFY user_id {MAILS}, MODIFY id BIGINT(20) UNSIGNED ZEROFILL")
    source.execute("CREATE INDEX by_id ON apartments (id)")
    source.insert("apartments", *({"id": key} for key in (LOWER, UPPER, OTHER)))
    source.insert("apartment_attributes", {"id": LOWER, "cityname": "Bern"}, {"id": UPPER, "cityname": "Thun"})
    source.insert(
        "bookings",
        *(
            {"booking_id": key, "apartment_id": key, "user_id": user}
            for key, user in ((LOWER, MAIL), (UPPER, MAIL.lower()), (OTHER, MAIL.upper()))
        ),
        {"booking_id": f"x{LOWER[1:]}", "apartment_id": UPPER, "user_id": MAIL + " "},
    )
    source.insert(
        "user_viewing",
        {"id": 7, "user_id": MAIL, "apartment_id": LOWER},
        {"id": 2**64 - 1, "user_id": None, "apartment_id": UPPER},
    )


def change(source: Source) -> None:
    """One row changes without a mark that a window would find, another one is deleted, and one comes."""
    source.execute(f"UPDATE apartments SET price = 90, last_modified_timestamp = '{LATE}' WHERE {IS_LOWER}")
    source.execute(f"DELETE FROM bookings WHERE booking_id = BINARY '{UPPER}'")
    source.insert("bookings", {"booking_id": "b", "apartment_id": UPPER, "user_id": MAIL, "updated_at": NEW})


def assert_told_apart(pipeline: Pipeline) -> None:
    assert pipeline.rows("SELECT listing_id, price::INTEGER, is_deleted FROM curated.listings ORDER BY 1") == [
        (UPPER, 100, False),
        (LOWER, 90, False),
        (OTHER, 100, False),
    ]
    assert pipeline.rows("SELECT booking_id FROM curated.bookings WHERE is_deleted") == [(UPPER,)]
    assert pipeline.rows("SELECT listing_id, city FROM curated.listing_attributes ORDER BY 1") == [
        (UPPER, "Thun"),
        (LOWER, "Bern"),
    ]
    assert pipeline.rows("SELECT DISTINCT user_id FROM curated.bookings ORDER BY 1") == [
        (user,) for user in sorted((MAIL, MAIL.lower(), MAIL.upper()))
    ]
    assert pipeline.rows("SELECT table_name, row_key, rules FROM ops.rejected_rows") == [
        ("bookings", f"x{LOWER[1:]}", "value_out_of_range")
    ]
    assert pipeline.rows("SELECT id FROM raw_data.user_viewing ORDER BY LENGTH(id)") == [("7",), (str(2**64 - 1),)]


def assert_counted_apart(pipeline: Pipeline) -> None:
    """In metrics too."""
    assert pipeline.rows(
        "SELECT revenue_rank, listing_id, city FROM presentation.top_listings_weekly ORDER BY revenue_rank"
    ) == [(1, UPPER, "Thun"), (2, LOWER, "Bern"), (3, OTHER, None)]
    assert pipeline.rows("SELECT user_id FROM presentation.bookings_per_user_weekly ORDER BY 1") == [
        (user,) for user in sorted((MAIL, MAIL.upper()))
    ]


ON_EACH = pytest.mark.parametrize("either_server", sampled(KINDS, ["mysql"]), indirect=True)


@ON_EACH
def test_ids_that_a_collation_takes_for_equal(either_server: MySqlServer, tmp_path: Path) -> None:
    source = Source.mysql(either_server)
    pipeline = Pipeline(tmp_path / "run", source.url, TEXT)
    fill(source)
    pipeline.load()
    change(source)
    pipeline.run(MANY_DELETED)
    assert_told_apart(pipeline)
    assert_counted_apart(pipeline)


@pytest.mark.usefixtures("spark")
@pytest.mark.exhaustive
def test_ids_that_a_collation_takes_for_equal_on_spark(
    mysql: MySqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in parts, whose bounds the collation compares. What Spark read first DuckDB transforms."""
    monkeypatch.setattr(jdbc, "_FEWEST_ROWS", 1)
    source = Source.mysql(mysql)
    pipeline = Pipeline(tmp_path / "run", source.url, TEXT)
    fill(source)
    pipeline.extract("engine.kind=spark", run_id="first")
    pipeline.load(resume="first")
    change(source)
    pipeline.load(MANY_DELETED, "engine.kind=spark")
    assert_told_apart(pipeline)


@ON_EACH
@pytest.mark.remedy("id-column-not-integer")
def test_texts_where_whole_numbers_are_said(either_server: MySqlServer, tmp_path: Path) -> None:
    source = Source.mysql(either_server)
    fill(source)
    pipeline = Pipeline(tmp_path / "run", source.url)
    error = failure(pipeline.load)
    assert (type(error), error.reason, error.exit_code) == (ContractError, "id-column-not-integer", 2)
    assert "is char(36), but ids are whole numbers: marketplace.ids is" in error.message
    assert error.remedy.startswith('set marketplace.ids = "text"')
    pipeline.load(TEXT)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.listings") == [(3,)]


NUMBERS = {
    "BIGINT": ("-5", "9007199254740993"),
    "INT UNSIGNED ZEROFILL": ("5", "4294967295"),
    "BIGINT UNSIGNED": ("5", "18446744073709551615"),
    "DECIMAL(40,0)": ("-5", "9" * 40),
    "BIT(64)": ("5", "18446744073709551615"),
}


@pytest.mark.parametrize("native", sampled(NUMBERS, ["BIGINT UNSIGNED"]))
def test_whole_numbers_become_their_digits_and_are_found_by_them(
    mysql: MySqlServer, tmp_path: Path, native: str
) -> None:
    """Also where a window would not find them."""
    source = Source.mysql(mysql)
    source.create(optional=True, ids=native)
    for key in NUMBERS[native]:
        source.execute(f"INSERT INTO apartments (id, price, listing_created_on) VALUES ({key}, 1, '{LATE}')")
        source.execute(f"UPDATE apartments SET currency = 'USD', last_modified_timestamp = '{NEW}'")
    pipeline = Pipeline(tmp_path / "run", source.url, TEXT)
    pipeline.load()
    assert sorted(pipeline.rows("SELECT listing_id FROM curated.listings")) == [
        (key,) for key in sorted(NUMBERS[native])
    ]
    source.execute(
        f"UPDATE apartments SET price = 2, last_modified_timestamp = '{LATE}' WHERE id = {NUMBERS[native][1]}"
    )
    pipeline.load()
    assert pipeline.rows("SELECT listing_id FROM curated.listings WHERE price = 2") == [(NUMBERS[native][1],)]

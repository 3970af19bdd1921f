"""What the settings of `[marketplace]` say of currencies and statuses, and what becomes of rows when they change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from rental_analytics.errors import ConfigurationError, ContractError, QualityError
from runs.harness import Kept, Pipeline, Source, failure

pytestmark = pytest.mark.slow

EURO, YEN = "marketplace.reporting_currency=EUR", "marketplace.reporting_currency=JPY"
PRICES = "SELECT booking_id, reporting_total_price FROM curated.bookings ORDER BY 1"
VERSIONS = (
    "SELECT listing_id, valid_from::DATE::VARCHAR, reporting_price, is_active, is_assumed "
    "FROM curated.listing_versions ORDER BY listing_id, valid_from"
)
STATES = (
    "SELECT valid_from::VARCHAR, status, reporting_total_price FROM curated.booking_versions "
    "WHERE booking_id = {} ORDER BY valid_from"
)
FIRST, SECOND, THIRD = (f"2024-03-0{day} 00:00:00.000000" for day in (1, 2, 3))
Loaded = tuple[Source, Pipeline]


def fill(source: Source) -> None:
    """An active listing, one that was taken down, and bookings in dollars and yen."""
    source.create(optional=True)
    source.insert("apartments", {"id": 1}, {"id": 2, "is_active": 0})
    source.insert(
        "bookings",
        {"booking_id": 1, "updated_at": FIRST},
        {"booking_id": 2, "updated_at": FIRST, "currency": "JPY", "total_price": 10000},
        {"booking_id": 3, "updated_at": FIRST},
    )
    source.insert("user_viewing", {"id": 1})


@pytest.fixture
def loaded(kept: Callable[[str], Kept], tmp_path: Path) -> Loaded:
    return kept("sqlite").again(tmp_path / "run")


def in_euros(dollars: str, rate: str) -> Decimal:
    """At a rate of dollars for a euro."""
    return (Decimal(dollars) / Decimal(rate)).quantize(Decimal("0.01"))


@pytest.mark.remedy("marketplace-settings-changed")
def test_a_changed_reporting_currency_demands_a_full_refresh(loaded: Loaded, tmp_path: Path) -> None:
    source, pipeline = loaded
    source.execute(f"UPDATE apartments SET price = 120, last_modified_timestamp = '{SECOND}' WHERE id = 1")
    source.execute(f"UPDATE bookings SET booking_status = 'canceled', updated_at = '{SECOND}' WHERE booking_id = 2")
    source.execute("DELETE FROM bookings WHERE booking_id = 3")
    low = "quality.min_deleted_rows=100"
    pipeline.load(low)
    before = sorted(pipeline.folder.rglob("lake/**/*.parquet"))
    for setting, told in (
        (EURO, "marketplace.reporting_currency is EUR, and was USD"),
        ('marketplace.statuses.confirmed=["no_show"]', "marketplace.statuses.confirmed is noshow, and was not set"),
        ("marketplace.default_currency=EUR", "marketplace.default_currency is EUR, and was not set"),
    ):
        error = failure(pipeline.load, setting)
        assert (type(error), error.reason, error.exit_code) == (ConfigurationError, "marketplace-settings-changed", 2)
        assert told in error.message
        assert "`rental run --full-refresh`" in error.remedy
    assert failure(pipeline.load, EURO, backfill=(date(2024, 3, 1), date(2024, 3, 2))).reason == error.reason
    assert sorted(pipeline.folder.rglob("lake/**/*.parquet")) == before

    pipeline.run(EURO, low, full_refresh=True)
    fresh = Pipeline(tmp_path / "fresh", source.url, EURO)
    fresh.run()
    assert pipeline.rows(f"{PRICES[:-10]} WHERE booking_id < 3 ORDER BY 1") == fresh.rows(PRICES)
    assert pipeline.rows(PRICES)[0] == (1, in_euros("300", "1.0813"))
    metric = "presentation.top_listings_weekly"
    assert pipeline.tables("presentation")[metric] == fresh.tables("presentation")[metric]
    assert {row[-1] for row in pipeline.tables("presentation")[metric]} == {"EUR"}
    # What the source does not have any more was worth what it was on its day.
    assert pipeline.rows(f"{PRICES[:-10]} WHERE is_deleted") == [(3, in_euros("300", "1.0813"))]
    assert pipeline.rows(VERSIONS) == [
        (1, "2024-01-01", in_euros("100", "1.0683"), True, False),
        (1, "2024-03-02", in_euros("120", "1.0813"), True, False),
        (2, "2024-01-01", in_euros("100", "1.0683"), True, True),
        (2, "2024-01-02", in_euros("100", "1.0683"), False, False),
    ]
    states = [(status, price) for _, status, price in pipeline.rows(STATES.format(2))]
    assert states == [("confirmed", in_euros("66.70", "1.0813")), ("canceled", in_euros("66.70", "1.0813"))]

    again = pipeline.tables("curated")
    # Spellings that are known already change nothing.
    pipeline.load("marketplace.reporting_currency= eur", 'marketplace.statuses.confirmed=["Checked-Out"]', low)
    assert pipeline.tables("curated") == again
    assert failure(pipeline.load).reason == "marketplace-settings-changed"


@pytest.mark.remedy("run-of-other-settings")
def test_a_run_goes_on_with_the_settings_it_began_with(loaded: Loaded) -> None:
    source, pipeline = loaded
    source.execute(f"UPDATE bookings SET total_price = 400, updated_at = '{SECOND}' WHERE booking_id = 1")
    run = pipeline.run(YEN, full_refresh=True, steps=("extract", "transform")).run
    error = failure(pipeline.load, resume=run.run_id)
    assert (error.reason, error.exit_code) == ("run-of-other-settings", 2)
    assert "marketplace.reporting_currency = JPY, and it is USD now" in error.message
    pipeline.load(YEN, resume=run.run_id)
    assert pipeline.rows(PRICES)[:2] == [(1, Decimal("59970.01")), (2, Decimal(10000))]


@pytest.mark.remedy("source-column-missing")
def test_a_source_without_currencies(tmp_path: Path) -> None:
    source = Source.sqlite(tmp_path / "marketplace.db")
    fill(source)
    for table in ("apartments", "bookings"):
        source.execute(f"ALTER TABLE {table} DROP COLUMN currency")
    pipeline = Pipeline(tmp_path / "run", source.url)
    error = failure(pipeline.load)
    assert isinstance(error, ContractError)
    assert error.reason == "source-column-missing"
    assert "set marketplace.default_currency, or" in error.remedy
    pipeline.load("marketplace.default_currency=eur")
    assert pipeline.rows("SELECT DISTINCT currency FROM curated.bookings") == [("EUR",)]
    assert pipeline.rows(PRICES)[0] == (1, Decimal("324.39"))


@pytest.mark.remedy("too-many-rows-rejected")
def test_statuses_that_are_not_known_are_named(loaded: Loaded) -> None:
    source, pipeline = loaded
    strict = "quality.max_rejected_share=0.2"
    odd = [("No show", 4), ("No show", 5), ("a\u202e\x1b[31m" + "b" * 80, 6), (None, 7)]
    source.insert(
        "bookings", *({"booking_id": key, "updated_at": SECOND, "booking_status": status} for status, key in odd)
    )
    source.insert("bookings", *({"booking_id": 9 + n, "updated_at": SECOND, "currency": None} for n in range(2)))
    source.insert("bookings", {"booking_id": 8, "updated_at": SECOND, "currency": "xxx"})
    error = failure(pipeline.load, strict)
    assert isinstance(error, QualityError)
    shown = repr("a\u202e\x1b[31m" + "b" * 53)
    values = f"'No show' 2, {shown} 1, NULL 1; see marketplace.statuses"
    assert f"unknown_status 4, such as 4 ({values})" in error.message
    assert (
        "to accept them, set marketplace.default_currency, such as EUR, and name each status in marketplace.statuses "
        'as pending, confirmed or canceled, such as confirmed = ["no_show"], then `rental run --full-refresh`'
        in error.remedy
    )
    assert any(f"unknown_status 4 ({values})" in note for note in pipeline.notes)
    accepted = 'marketplace.statuses.confirmed=["no_show"]'
    pipeline.load(accepted, "quality.max_rejected_share=0.9", full_refresh=True)
    assert pipeline.rows("SELECT COUNT(*) FROM curated.bookings WHERE status = 'confirmed'") == [(5,)]
    told = "unknown_currency 3 (NULL 2, 'XXX' 1; see marketplace.default_currency)"
    assert any(told in note for note in pipeline.notes)


@pytest.mark.remedy("too-many-rows-rejected")
def test_a_first_load_is_told_all_that_it_needs(tmp_path: Path) -> None:
    """One change of the file, and the command that the error shows; settings that only listings need are named too."""
    source = Source.sqlite(tmp_path / "marketplace.db")
    fill(source)
    source.execute("UPDATE apartments SET currency = NULL WHERE id = 2")
    source.execute("UPDATE bookings SET booking_status = 'no_show' WHERE booking_id = 1")
    source.execute("UPDATE bookings SET booking_status = 'inquiry' WHERE booking_id = 2")
    pipeline = Pipeline(tmp_path / "run", source.url)
    config = pipeline.folder / "rental.toml"
    config.write_text(config.read_text().replace("max_rejected_share = 1", "max_rejected_share = 0.2"))
    error = failure(pipeline.load)
    assert "2 of 3 rows of bookings were rejected" in error.message
    assert "unknown_status 2, such as 1 ('inquiry' 1, 'no_show' 1; see marketplace.statuses)" in error.message
    assert "set marketplace.default_currency, such as EUR, and name each status in marketplace.statuses" in error.remedy
    assert "then `rental run --full-refresh`" in error.remedy
    settings = 'default_currency = "EUR"\n[marketplace.statuses]\nconfirmed = ["no_show"]\npending = ["inquiry"]\n'
    config.write_text(f"{config.read_text()}[marketplace]\n{settings}")
    pipeline.load(full_refresh=True)
    assert pipeline.rows("SELECT booking_id, status FROM curated.bookings ORDER BY 1") == [
        (1, "confirmed"),
        (2, "pending"),
        (3, "confirmed"),
    ]
    assert pipeline.rows("SELECT currency FROM curated.listings ORDER BY listing_id") == [("USD",), ("EUR",)]


def test_what_bookings_and_listings_were_from_when_on(loaded: Loaded) -> None:
    source, pipeline = loaded
    assumed = [(2, "2024-01-01", 100, True, True), (2, "2024-01-02", 100, False, False)]
    assert pipeline.rows(VERSIONS)[1:] == assumed
    source.execute(
        f"UPDATE apartments SET is_active = 1, price = 90, last_modified_timestamp = '{SECOND}' WHERE id = 2"
    )
    source.execute(f"UPDATE bookings SET booking_status = 'cancelled', updated_at = '{SECOND}' WHERE booking_id = 1")
    # Its cursor stays where it is, and the next read of the whole table finds it.
    source.execute("UPDATE bookings SET total_price = 20000 WHERE booking_id = 2")
    source.execute("DELETE FROM bookings WHERE booking_id = 3")
    source.insert("bookings", {"booking_id": 4, "updated_at": THIRD, "booking_status": "canceled"})
    pipeline.run("quality.max_deleted_share=1", full_refresh=True)
    assert pipeline.rows(VERSIONS)[1:] == [*assumed, (2, "2024-03-02", 90, True, False)]
    # Of the second listing the night of January 1st.
    nights = "SELECT available_nights FROM presentation.occupancy_rate_monthly WHERE month_start = '2024-01-01'"
    assert pipeline.rows(nights) == [(32,)]
    bound = pipeline.rows("SELECT MAX(window_upper)::VARCHAR FROM ops.proofs")[0][0]
    booked = "2024-03-01 12:00:00"
    assert pipeline.rows(STATES.format(1)) == [(booked, "confirmed", 300), ("2024-03-02 00:00:00", "canceled", 300)]
    assert pipeline.rows(STATES.format(3)) == [(booked, "confirmed", 300), (bound, None, None)]
    assert pipeline.rows(STATES.format(4)) == [("2024-03-03 00:00:00", "canceled", 300)]
    assert [price for *_, price in pipeline.rows(STATES.format(2))][-1] == Decimal("133.40")

"""What the reference rates are worth on a day, from the data file that comes with the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.marketplace import MarketplaceFacts
from rental_analytics.reference.data import load_reference_data
from rental_analytics.reference.euro import EURO_CONVERSIONS
from rental_analytics.reference.exchange_rates import read_fixings

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.fast
THROUGH = date(2026, 11, 28)
Rate = Callable[[str, str], Decimal | None]


@pytest.fixture(scope="module")
def rates() -> Iterator[duckdb.DuckDBPyConnection]:
    """`curated.exchange_rates` as the model makes it of the package's file."""
    with made_in("USD") as connection:
        yield connection


@contextmanager
def made_in(currency: str, *wanted: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """In a reporting currency, of the currencies that are wanted, or of all."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA raw_data; CREATE SCHEMA curated")
        facts = MarketplaceFacts(reporting_currency=currency)
        for name, rows in load_reference_data(THROUGH, marketplace=facts).relations.items():
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
        if wanted:
            kept = (currency, *wanted)
            connection.execute(f"DELETE FROM raw_data.exchange_rate_fixings WHERE currency NOT IN {kept}")
        query = load_contracts().curated["exchange_rates"].query
        connection.execute(f"CREATE TABLE curated.exchange_rates AS {query}")
        yield connection


@pytest.fixture(scope="module")
def rate(rates: duckdb.DuckDBPyConnection) -> Rate:
    return finding(rates)


def finding(rates: duckdb.DuckDBPyConnection) -> Rate:
    def find(currency: str, day: str) -> Decimal | None:
        sql = "SELECT rate FROM curated.exchange_rates WHERE currency = ? AND rate_date = ?"
        found = rates.execute(sql, [currency, day]).fetchone()
        return Decimal(found[0]) if found else None

    return find


@pytest.mark.parametrize(
    ("amount", "currency", "day", "dollars"),
    [
        ("7534.50", "HRK", "2026-10-01", "1129.80"),
        ("1000.00", "EUR", "2026-10-01", "1129.80"),
        ("195.58", "BGN", "2026-03-01", "118.05"),
        ("200000000.00", "IDR", "2024-05-01", "12303.91"),
        ("200000000.00", "IDR", "2026-06-08", "11019.01"),
        ("1955.83", "DEM", "2001-12-31", "881.30"),
        ("1936270.00", "ITL", "2001-12-31", "881.30"),
        ("100.00", "USD", "1999-01-04", "100.00"),
    ],
)
def test_an_amount_in_dollars(rate: Rate, amount: str, currency: str, day: str, dollars: str) -> None:
    value = rate(currency, day)
    assert value is not None
    assert (Decimal(amount) * value).quantize(Decimal("0.01"), "ROUND_HALF_UP") == Decimal(dollars)


@pytest.mark.parametrize(
    ("reporting", "amounts"),
    [
        (
            "EUR",
            [
                ("7534.50", "HRK", "2026-10-01", "1000.00"),
                ("195.58", "BGN", "2026-03-01", "100.00"),
                ("200000000.00", "IDR", "2026-06-08", "9548.54"),
                ("1000.00", "USD", "1999-01-05", "848.18"),
                ("1000.00", "EUR", "2026-10-01", "1000.00"),
                ("1000.00", "RUB", "2022-03-15", "8.53"),
                ("1000.00", "RUB", "2022-03-16", None),
                ("1000.00", "ISK", "2008-12-23", "3.45"),
                ("1000.00", "ISK", "2012-05-05", None),
                ("1000000000.00", "TRL", "2005-01-14", "544.60"),
                ("1000000000.00", "TRL", "2005-01-17", None),
            ],
        ),
        (
            "JPY",
            [
                ("1000.00", "USD", "1999-01-05", "111077.18"),
                ("1955.83", "DEM", "2001-12-31", "115330.00"),
                ("1000.00", "RUB", "2022-03-16", None),
            ],
        ),
        ("ISK", [("1000.00", "EUR", "2008-12-23", "290000.00"), ("1000.00", "EUR", "2012-05-05", None)]),
        ("HRK", [("1000.00", "EUR", "2026-10-01", "7534.50"), ("1.00", "HRK", "2026-10-01", "1.00")]),
    ],
)
def test_an_amount_in_another_reporting_currency(
    reporting: str, amounts: list[tuple[str, str, str, str | None]]
) -> None:
    """A day on which the reporting currency has no rate, and others have, has none for anybody."""
    with made_in(reporting, *(currency for _, currency, *_ in amounts)) as rates:
        found = []
        for amount, currency, day, _ in amounts:
            value = finding(rates)(currency, day)
            shown = None if value is None else str((Decimal(amount) * value).quantize(Decimal("0.01"), "ROUND_HALF_UP"))
            found.append((amount, currency, day, shown))
    assert found == amounts


@pytest.mark.parametrize(
    ("currency", "first_unknown", "last_unknown"),
    [
        ("RUB", "2022-03-16", "2026-11-28"),
        ("ISK", "2008-12-24", "2018-01-31"),
        ("ROL", "2005-07-15", "2026-11-28"),
        ("TRL", "2005-01-17", "2026-11-28"),
    ],
)
def test_a_currency_without_fixings_has_no_rate(
    rate: Rate, rates: duckdb.DuckDBPyConnection, currency: str, first_unknown: str, last_unknown: str
) -> None:
    first, last = date.fromisoformat(first_unknown), date.fromisoformat(last_unknown)
    sql = "SELECT COUNT(*) FROM curated.exchange_rates WHERE currency = ? AND rate_date BETWEEN ? AND ?"
    assert rates.execute(sql, [currency, first, last]).fetchone() == (0,)
    assert rate(currency, str(first - timedelta(days=1))) is not None
    assert last == THROUGH or rate(currency, str(last + timedelta(days=1))) is not None


def test_every_other_currency_has_a_rate_on_every_day_since_its_first(rates: duckdb.DuckDBPyConnection) -> None:
    sql = (
        "SELECT currency FROM curated.exchange_rates GROUP BY currency "
        "HAVING MAX(rate_date) <> ? OR MAX(rate_date) - MIN(rate_date) + 1 <> COUNT(*)"
    )
    assert {name for (name,) in rates.execute(sql, [THROUGH]).fetchall()} == {"RUB", "ISK", "ROL", "TRL"}


@pytest.mark.parametrize("currency", EURO_CONVERSIONS)
def test_a_currency_that_joined_the_euro_keeps_its_rate(rates: duckdb.DuckDBPyConnection, currency: str) -> None:
    joined_on, per_euro = EURO_CONVERSIONS[currency]
    sql = (
        "SELECT COUNT(*), MAX(ABS(own.rate::DECIMAL(38,12) * ?::DECIMAL(12,6) - euro.rate)) "
        "FROM curated.exchange_rates AS own JOIN curated.exchange_rates AS euro USING (rate_date) "
        "WHERE own.currency = ? AND euro.currency = 'EUR' AND rate_date >= ?"
    )
    days, difference = rates.execute(sql, [per_euro, currency, joined_on]).fetchone() or (0, None)
    assert days == (THROUGH - max(joined_on, date(1999, 1, 4))).days + 1
    assert difference <= per_euro * Decimal("0.0000000000005")


def test_fixings_are_exact_to_twelve_decimals() -> None:
    fixings = read_fixings()
    on_day = {row["currency"]: row["rate"] for row in fixings.to_pylist() if row["rate_date"] == date(2026, 6, 8)}
    assert on_day["USD"] == 1
    assert on_day["IDR"] == Decimal("0.000055095051")
    assert len(on_day) == len(set(on_day))
    keys = fixings.select(["rate_date", "currency"])
    assert keys.group_by(["rate_date", "currency"]).aggregate([]).num_rows == fixings.num_rows

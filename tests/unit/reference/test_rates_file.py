"""A company's own rates: what is taken, and what is said of what is not."""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rental_analytics.contracts.marketplace import MarketplaceFacts
from rental_analytics.errors import ConfigurationError
from rental_analytics.reference.data import load_reference_data
from rental_analytics.reference.euro import EURO_CONVERSIONS
from rental_analytics.reference.exchange_rates import read_fixings
from rental_analytics.steps.transform.step import note_old_rates

pytestmark = pytest.mark.fast
HEADER = "rate_date,currency,usd_per_unit\n"


def rates(content: str | bytes, tmp_path: Path, currency: str = "USD") -> dict[tuple[str, str], Decimal]:
    """Without those of the reporting currency itself, which are 1."""
    file = tmp_path / "rates.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    found = {(str(row["rate_date"]), row["currency"]): row["rate"] for row in read_fixings(file, currency).to_pylist()}
    own = {key: rate for key, rate in found.items() if key[1] == currency}
    assert set(own.values()) <= {1}
    assert {day for day, _ in own} == {day for day, _ in found}
    return {key: rate for key, rate in found.items() if key not in own}


@pytest.mark.parametrize(
    "content",
    [
        HEADER + "2024-01-05,chf,1.13\n",
        HEADER + " 2024-01-05 , CHF\t, 1.13 \n",
        "\ufeff" + HEADER + "2024-01-05,Chf,1.13\n",
        (HEADER + "2024-01-05,CHF,1.13\n").replace("\n", "\r\n"),
        '"rate_date","currency","usd_per_unit"\n"2024-01-05","chf","1.13"',
        "note, rate_date ,currency,usd_per_unit\nfixed,2024-01-05,CHF\u00a0,1.130000000000\n\n",
        "usd_per_unit,currency,rate_date\n01.13,CHF,2024-01-05\n",
    ],
)
def test_ways_to_write_a_rate(content: str, tmp_path: Path) -> None:
    assert rates(content, tmp_path) == {("2024-01-05", "CHF"): Decimal("1.13")}


def test_twelve_decimals_and_seven_digits(tmp_path: Path) -> None:
    found = rates(HEADER + "2024-01-05,IDR,0.000000000001\n2024-01-05,BTC,9999999.999999999999\n", tmp_path)
    assert list(found.values()) == [Decimal("0.000000000001"), Decimal("9999999.999999999999")]


def test_a_file_without_lines_has_no_rates(tmp_path: Path) -> None:
    assert rates(HEADER, tmp_path) == {}


def test_a_currency_that_joined_the_euro_follows_it_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    found = rates(HEADER + "2026-01-05,eur,1.2\n2026-01-06,EUR,1.3\n2026-01-06,hrk,0.16\n", tmp_path)
    assert found["2026-01-05", "HRK"] == Decimal("0.159267370098")
    assert found["2026-01-06", "HRK"] == Decimal("0.16")
    assert found["2026-01-06", "BGN"] == Decimal("0.664679445555")
    assert ("2026-01-01", "BGN") not in found


def test_rates_in_another_currency_than_the_reporting_one(tmp_path: Path) -> None:
    """Rounded half up; where the reporting currency has no rate of the day, the others have none either."""
    content = (
        "rate_date,currency,EUR_per_unit\n2024-01-05,USD,0.8\n2024-01-05,JPY,0.006\n2024-01-05,IDR,0.000000000001\n"
        "2024-01-08,JPY,0.007\n2024-01-08,EUR,5\n"
    )
    assert rates(content, tmp_path, "EUR")["2024-01-05", "USD"] == Decimal("0.8")
    found = rates(content, tmp_path, "USD")
    joined = {key for key in found if key[1] in EURO_CONVERSIONS}
    assert {key: rate for key, rate in found.items() if key not in joined} == {
        ("2024-01-05", "EUR"): Decimal("1.25"),
        ("2024-01-05", "JPY"): Decimal("0.0075"),
        ("2024-01-05", "IDR"): Decimal("0.000000000001"),
    }
    assert found["2024-01-05", "HRK"] == Decimal("0.165903510518")
    in_yen = rates(content, tmp_path, "JPY")
    assert in_yen["2024-01-05", "USD"] == Decimal("133.333333333333")
    assert in_yen["2024-01-08", "EUR"] == Decimal("142.857142857143")


def test_a_rate_that_its_digits_do_not_show_is_none(tmp_path: Path) -> None:
    content = HEADER + "2024-01-05,BTC,9999999\n2024-01-05,IDR,0.05\n2024-01-05,ABC,0.00000001\n"
    assert set(rates(content, tmp_path, "IDR")) == {("2024-01-05", "USD"), ("2024-01-05", "ABC")}
    assert ("2024-01-05", "BTC") not in rates(content, tmp_path, "ABC")


@pytest.mark.remedy("reporting-currency-without-rates")
def test_a_reporting_currency_without_rates(tmp_path: Path) -> None:
    content = HEADER + "2024-01-05,JPY,0.007\n2024-01-05,EUR,1.1\n2024-01-20,EUR,1.2\n"
    for code, told in (
        ("GBP", "there is none"),
        ("JPY", "the last one is of 2024-01-05, and others go on to 2024-01-20"),
    ):
        with pytest.raises(ConfigurationError) as raised:
            rates(content, tmp_path, code)
        assert (raised.value.reason, raised.value.exit_code) == ("reporting-currency-without-rates", 2)
        assert f"{code}, for which rates.csv has no rates: {told}." in raised.value.message
        assert "EUR" in raised.value.remedy and "USD)" in raised.value.remedy and "JPY" not in raised.value.remedy
    assert rates(content, tmp_path, "EUR")
    assert rates(content + "2024-01-19,JPY,0.007\n2024-01-20,GBP,1.3\n", tmp_path, "JPY")


@pytest.mark.parametrize("euro", ["9999999.999999999999", "9000000", "5000000", "0.000000000001"])
def test_joined_currencies_at_the_ends_of_what_a_rate_may_be(tmp_path: Path, euro: str) -> None:
    """What is nothing in twelve decimals has no rate."""
    found = rates(f"{HEADER}2024-02-29,EUR,{euro}\n", tmp_path)
    exact = {"EUR": Decimal(euro)}
    for code, (joined_on, per_euro) in EURO_CONVERSIONS.items():
        if joined_on <= date(2024, 2, 29):
            exact[code] = (Decimal(euro) / per_euro).quantize(Decimal("1e-12"), "ROUND_HALF_UP")
    assert found == {("2024-02-29", code): rate for code, rate in exact.items() if rate}


@pytest.mark.parametrize(
    ("lines", "newest", "told"),
    [
        ("2024-02-29,EUR,1.1\n2090-01-01,EUR,5\n", date(2024, 2, 29), "the newest are of 2024-02-29, 702 days before"),
        ("2026-01-31,EUR,1.1\n2026-02-01,EUR,1.1\n", date(2026, 1, 31), ""),
        ("2090-01-01,EUR,5\n", None, "rates.csv has none up to the day of this run, 2026-01-31"),
        ("", None, "rates.csv has none up to the day of this run, 2026-01-31"),
    ],
)
def test_rates_that_are_old_or_of_days_to_come(tmp_path: Path, lines: str, newest: date | None, told: str) -> None:
    file, notes = tmp_path / "rates.csv", list[str]()
    file.write_text(HEADER + lines)
    context: Any = SimpleNamespace(
        run=SimpleNamespace(
            upper_bound=datetime(2026, 1, 31, 23, 59),  # noqa: DTZ001 as runs have it
            marketplace=MarketplaceFacts(),
        ),
        settings=SimpleNamespace(rates_file=file),
        events=SimpleNamespace(note=lambda text, **_: notes.append(text)),
    )
    reference = load_reference_data(date(2026, 1, 31), file)
    assert reference.newest_fixing == newest
    note_old_rates(context, reference)
    assert [told in note and f"add lines to {'rates.csv' if newest else 'it'}" in note for note in notes] == [
        True
    ] * bool(told)


@pytest.mark.remedy("exchange-rate-not-valid")
@pytest.mark.parametrize(
    ("line", "told", "corrected"),
    [
        ("2024-02-30,CHF,1.1", "rate_date '2024-02-30' is no date", "2024-02-29,CHF,1.1"),
        ("05.01.2024,CHF,1.1", "rate_date '05.01.2024' is no date", "2024-01-05,CHF,1.1"),
        ("2024-1-5,CHF,1.1", "rate_date '2024-1-5' is no date", "2024-01-05,CHF,1.1"),
        (",CHF,1.1", "rate_date is empty", "2024-01-05,CHF,1.1"),
        ("0001-01-01,CHF,1.1", "rate_date '0001-01-01' is before 1900-01-01", "2001-01-01,CHF,1.1"),
        ("1899-12-31,CHF,1.1", "rate_date '1899-12-31' is before 1900-01-01", "1900-01-01,CHF,1.1"),
        ("2024-01-05,,1.1", "currency is empty", "2024-01-05,CHF,1.1"),
        ("2024-01-05,SFr.,1.1", "currency 'SFR.' is no currency code", "2024-01-05,CHF,1.1"),
        ("2024-01-05,CHF,", "usd_per_unit is empty", ""),
        ("2024-01-05,CHF,0", "usd_per_unit '0' is no rate", "2024-01-05,CHF,0.1"),
        ("2024-01-05,CHF,-1.1", "usd_per_unit '-1.1' is no rate", "2024-01-05,CHF,1.1"),
        ("2024-01-05,CHF,nan", "usd_per_unit 'nan' is no rate", ""),
        ("2024-01-05,CHF,1e3", "usd_per_unit '1e3' is no rate", "2024-01-05,CHF,1000"),
        ("2024-01-05,CHF,10000000", "usd_per_unit '10000000' is no rate", ""),
        (
            "2024-01-05,CHF,0.1234567890123",
            "usd_per_unit '0.1234567890123' is no rate",
            "2024-01-05,CHF,0.123456789012",
        ),
        ('2024-01-05,CHF,"1,1"', "usd_per_unit '1,1' is no rate", "2024-01-05,CHF,1.1"),
    ],
)
def test_a_line_that_cannot_be_taken_is_named(tmp_path: Path, line: str, told: str, corrected: str) -> None:
    before = HEADER + "2024-01-04,GBP,1.3\n\n"
    with pytest.raises(ConfigurationError) as raised:
        rates(f"{before}{line}\n2024-01-06,GBP,1.3\n", tmp_path)

    error = raised.value
    assert error.reason == "exchange-rate-not-valid"
    assert f"rates.csv:4: {told}" in str(error)
    rates(f"{before}{corrected}\n2024-01-06,GBP,1.3\n", tmp_path)


@pytest.mark.remedy("exchange-rate-twice")
def test_a_day_and_currency_that_stand_twice(tmp_path: Path) -> None:
    lines = [HEADER, "2024-01-04,GBP,1.3\n", "2024-01-04,EUR,1.1\n", "2024-01-04, gbp,1.4\n"]
    with pytest.raises(ConfigurationError) as raised:
        rates("".join(lines), tmp_path)
    assert raised.value.reason == "exchange-rate-twice"
    assert "lines 2 and 4 name GBP twice on 2024-01-04" in str(raised.value)
    assert rates("".join(lines[:3]), tmp_path)["2024-01-04", "GBP"] == Decimal("1.3")


@pytest.mark.remedy("exchange-rates-not-read")
@pytest.mark.parametrize(
    "content",
    [
        "day,rate\n2024-01-01,1\n",
        "",
        "rate_date;currency;usd_per_unit\n2024-01-05;CHF;1.1\n",
        (HEADER + "2024-01-05,CHF,1.1\n").encode("utf-16"),
        HEADER + "2024-01-05,CHF,1.1,1.2\n",
        HEADER + "2024-01-05,CHF\n",
        "rate_date,currency,usd_per_unit,usd_per_unit\n2024-01-05,CHF,1.1,1.2\n",
        "rate_date,currency,usd_per_unit,eur_per_unit\n2024-01-05,CHF,1.1,1.2\n",
        HEADER.encode() + b"2024-01-05,\xe4,1.1\n",
    ],
)
def test_what_is_no_such_file(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(ConfigurationError) as raised:
        rates(content, tmp_path)
    assert raised.value.reason == "exchange-rates-not-read"
    assert "save it as a CSV in UTF-8 with commas and the header rate_date,currency,usd_per_unit" in str(raised.value)
    assert rates(HEADER + "2024-01-05,CHF,1.1\n", tmp_path)


@pytest.mark.remedy("exchange-rates-not-found")
def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_fixings(tmp_path / "rates.csv")
    assert raised.value.reason == "exchange-rates-not-found"
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(2**30)
    for name, told in (("pipe", "it is not a regular file"), ("large.csv", "it has 1,073,741,824 bytes, and at most")):
        with pytest.raises(ConfigurationError, match=told) as raised:
            read_fixings(tmp_path / name)
        assert raised.value.reason == "exchange-rates-not-found"
        assert "a CSV of at most 128 MB" in raised.value.remedy
    assert rates(HEADER + "2024-01-05,CHF,1.1\n", tmp_path)


def test_days_are_dates(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(HEADER + "2024-02-29,CHF,1.1\n")
    assert read_fixings(file).column("rate_date").to_pylist() == [date(2024, 2, 29)] * 2

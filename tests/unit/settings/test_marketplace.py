"""`[marketplace]`: currencies, and spellings of statuses that add to those that are known."""

from pathlib import Path

import pytest

from rental_analytics.contracts.marketplace import STATUSES, MarketplaceFacts
from rental_analytics.errors import ConfigurationError
from rental_analytics.settings import load_settings

pytestmark = pytest.mark.fast
MINIMAL = '[source]\nurl = "sqlite:///m.db"\n'


def facts(folder: Path, text: str, *overrides: str) -> MarketplaceFacts:
    file = folder / "rental.toml"
    file.write_text(MINIMAL + text)
    return load_settings(file, overrides).marketplace.facts


def test_without_settings_all_is_in_dollars(tmp_path: Path) -> None:
    assert facts(tmp_path, "") == MarketplaceFacts()
    assert facts(tmp_path, "").all_statuses == STATUSES


def test_codes_and_spellings_are_normalised(tmp_path: Path) -> None:
    text = (
        '[marketplace]\nreporting_currency = " eur"\ndefault_currency = "Gbp"\n[marketplace.statuses]\n'
        'confirmed = ["No-Show", "checked out"]\npending = ["in quiry"]\ncanceled = ["Cancelled by guest"]\n'
    )
    expected = {"noshow": "confirmed", "inquiry": "pending", "cancelledbyguest": "canceled"}
    assert facts(tmp_path, text).model_dump() == {
        "ids": "integer",
        "reporting_currency": "EUR",
        "default_currency": "GBP",
        "statuses": expected,
    }


def test_from_the_command_line_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTAL_MARKETPLACE__STATUSES__PENDING", '["a", "b"]')
    monkeypatch.setenv("RENTAL_MARKETPLACE__DEFAULT_CURRENCY", "eur")
    found = facts(tmp_path, "", 'marketplace.statuses.confirmed=["c", "d"]', "marketplace.statuses.canceled=e f")
    assert found.default_currency == "EUR"
    assert found.statuses == {"a": "pending", "b": "pending", "c": "confirmed", "d": "confirmed", "ef": "canceled"}


@pytest.mark.remedy("setting-invalid")
@pytest.mark.parametrize(
    ("wrong", "told", "right"),
    [
        (
            'reporting_currency = "E UR"',
            "marketplace.reporting_currency: is no currency code",
            'reporting_currency = "EUR"',
        ),
        ("default_currency = 7", "marketplace.default_currency: is no currency code", 'default_currency = "GBP"'),
        (
            '[marketplace.statuses]\ncanceled = ["Checked_Out"]',
            "marketplace.statuses: 'Checked_Out' stands for confirmed everywhere, and cannot be canceled",
            '[marketplace.statuses]\nconfirmed = ["Checked_Out"]',
        ),
        (
            '[marketplace.statuses]\nconfirmed = ["no show"]\ncanceled = ["NO_SHOW"]',
            "'NO_SHOW' of canceled stands twice, as 'no show' of confirmed too",
            '[marketplace.statuses]\nconfirmed = ["no show"]',
        ),
        (
            '[marketplace.statuses]\npending = ["new", "New"]',
            "'New' of pending stands twice, as 'new' of pending too",
            '[marketplace.statuses]\npending = ["new"]',
        ),
        (
            '[marketplace.statuses]\npending = [" _-"]',
            "pending has a status without a letter or digit, ' _-'",
            "[marketplace.statuses]\npending = []",
        ),
        ("[marketplace.statuses]\npending = [7]", "marketplace.statuses.pending.0: ", "[marketplace.statuses]"),
        ('[marketplace.statuses]\npending = ["a\\u001b"]', "has a control character", "[marketplace.statuses]"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, wrong: str, told: str, right: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        facts(tmp_path, f"[marketplace]\n{wrong}\n")
    assert (caught.value.reason, caught.value.exit_code) == ("setting-invalid", 2)
    assert told in caught.value.message
    facts(tmp_path, f"[marketplace]\n{right}\n")


def test_a_list_on_the_command_line_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pending: is not a list"):
        facts(tmp_path, "", "marketplace.statuses.pending=[a")


def test_differences_are_told_by_key() -> None:
    one = MarketplaceFacts(reporting_currency="EUR", statuses={"b": "pending", "a": "pending"})
    other = MarketplaceFacts(default_currency="EUR", statuses={"a": "pending", "b": "confirmed"})
    assert one.differences(one) == []
    assert one.differences(other) == [
        ("marketplace.reporting_currency", "EUR", "USD"),
        ("marketplace.default_currency", "not set", "EUR"),
        ("marketplace.statuses.pending", "a, b", "a"),
        ("marketplace.statuses.confirmed", "not set", "b"),
    ]

"""How alike names are: what is safe to take for ours, what is only likely, and what cannot be named."""

import pytest

from rental_analytics.contracts.loader import load_contracts
from rental_analytics.proposals.names import Likeness, can_be_configured, in_cents, likeness, words

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ("total_price", Likeness.EXACT),
        ("Total_Price", Likeness.EXACT),
        ("totalPrice", Likeness.SYNONYM),
        ("TotalPrice", Likeness.SYNONYM),
        ("total-price", Likeness.SYNONYM),
        ("price_total", Likeness.SYNONYM),
        ("total_prices", Likeness.SYNONYM),
        ("grand total", Likeness.SYNONYM),
        ("reservation_total", Likeness.SYNONYM),
        ("price", Likeness.LIKELY),
        ("total_price_net", Likeness.LIKELY),
        ("totl_price", Likeness.LIKELY),
        ("tax", Likeness.NONE),
        ("reservation", Likeness.NONE),
        ("", Likeness.NONE),
        ("`", Likeness.NONE),
    ],
)
def test_likeness(theirs: str, expected: Likeness) -> None:
    found = likeness(theirs, "total_price", ["total", "grand_total"], leave_out={"reservation"})
    assert found is expected


def test_words_are_what_names_have_in_common() -> None:
    assert words("checkInDate") == words("check_in_dates") == words("Check-In date") == ("check", "in", "date")
    assert words("address_status_is") == ("address", "status", "is")
    assert words("HTTPRequests") == ("http", "request")


def test_a_word_that_is_written_apart_is_the_same() -> None:
    assert likeness("check_in_date", "checkin_date") is Likeness.SYNONYM


@pytest.mark.parametrize("name", ["total_cents", "priceCents", "price_ct", "amount minor", "pence"])
def test_amounts_in_cents_say_so(name: str) -> None:
    assert in_cents(name)
    assert not in_cents("percent_center")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\x85", "\ud800", "", "x" * 256])
def test_what_a_configuration_cannot_name(name: str) -> None:
    assert not can_be_configured(name)
    assert can_be_configured('odd "name` \u202e ' + "x" * 200)


def test_no_name_is_a_synonym_of_two_tables() -> None:
    """It would be proposed for neither."""
    sources = load_contracts().sources
    names = {words(name): table.name for table in sources.values() for name in (table.name, *table.synonyms)}
    for table in sources.values():
        assert {names[words(name)] for name in (table.name, *table.synonyms)} == {table.name}


@pytest.mark.parametrize("table", load_contracts().sources.values(), ids=lambda table: table.name)
def test_no_name_is_a_synonym_of_two_columns(table: object) -> None:
    sources = load_contracts().sources
    spec = sources[table.name]  # type: ignore[attr-defined]
    seen: dict[tuple[str, ...], str] = {}
    for column in spec.columns:
        for name in (column, *spec.column_synonyms.get(column, ())):
            assert seen.setdefault(words(name), column) == column, name

"""What the catalogue says of a metric: each number is explained, once, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.test_loader import METRIC, METRIC_MODEL, root, shared
from rental_analytics.contracts.catalogue import Additivity, measured_columns
from rental_analytics.contracts.loader import load_cases, load_contracts
from rental_analytics.contracts.model import PresentationModel
from rental_analytics.errors import ContractError

pytestmark = pytest.mark.fast
__all__ = ["root", "shared"]

METRICS = load_contracts().presentation
COLUMNS = """\
  bookings: {type: BIGINT, description: Bookings up to that day}
  listings: {type: BIGINT, description: Listings that day}
  per_listing: {type: 'DECIMAL(9,2)', ratio: {of: bookings, to: listings}, description: Bookings by listings}
  stay: {type: 'DECIMAL(9,2)', ratio: {of: _nights, to: bookings}, description: Nights by bookings}
  guest_id: {type: ID, description: A guest}
"""
MODEL = METRIC_MODEL.replace("  bookings: {type: BIGINT, description: Bookings up to that day}\n", COLUMNS)
CATALOGUE = """\
catalogue:
  owner: Revenue management
  attribution: day of the booking (UTC)
  measures:
    bookings: {unit: bookings, formula: number of bookings, adds_over: none}
    listings: {unit: listings, formula: number of listings, adds_over: none}
    per_listing: {unit: bookings per listing}
    stay: {unit: nights, numerator: nights of these bookings}
  caveats: [Bookings of today are not in yet.]
  elsewhere: [{by: STR, definition: Rooms sold., source: Glossary}]
"""
FIRST = MODEL.count("\n") + 1
"""The line of the model that the catalogue begins on."""


def write(root: Path, catalogue: str) -> None:
    (root / METRIC / "model.yaml").write_text(MODEL + catalogue)


def loaded(root: Path, catalogue: str) -> PresentationModel:
    write(root, catalogue)
    return load_contracts(root).presentation["bookings_daily"]


def test_a_catalogue_says_how_measures_add(root: Path) -> None:
    model = loaded(root, CATALOGUE.replace("number of bookings, adds_over: none", "some, adds_over: keys"))
    assert model.catalogue is not None
    measures = model.catalogue.measures

    assert measured_columns(model.columns, model.key) == tuple(measures)
    assert [measure.adds_over for measure in measures.values()] == [Additivity.KEYS, *[Additivity.NONE] * 3]


def test_a_metric_does_without_a_catalogue(root: Path) -> None:
    assert loaded(root, "").catalogue is None


def test_ids_are_no_numbers_to_be_read_whatever_they_are(root: Path) -> None:
    write(root, CATALOGUE)
    model = load_contracts(root).with_ids("text").presentation["bookings_daily"]

    assert "guest_id" not in measured_columns(model.columns, model.key)


@pytest.mark.parametrize(
    ("right", "wrong", "place", "said", "remedy"),
    [
        (
            "listings: {unit: listings,",
            "guests: {unit: listings,",
            "6: catalogue.measures.guests",
            "is no number",
            "name",
        ),
        ("listings: {unit: listings,", "city: {unit: listings,", "6: catalogue.measures.city", "is no number", "name"),
        (
            "listings: {unit: listings,",
            "calendar_date: {unit: listings,",
            "6: catalogue.measures.calendar_date",
            "is no number",
            "bookings, listings, per_listing, stay",
        ),
        (
            "    listings: {unit: listings, formula: number of listings, adds_over: none}\n",
            "",
            "4: catalogue.measures",
            "'listings' is not explained",
            "add it",
        ),
        (
            "formula: number of bookings, ",
            "",
            "5: catalogue.measures.bookings",
            "its formula is missing",
            "add formula",
        ),
        (
            ", adds_over: none}\n    l",
            "}\n    l",
            "5: catalogue.measures.bookings",
            "its adds_over is",
            "add adds_over",
        ),
        (
            "adds_over: none}\n    l",
            "adds_over: weeks}\n    l",
            "5: catalogue.measures.bookings.adds_over",
            "'all'",
            "",
        ),
        (
            "unit: bookings per listing",
            "unit: bookings per listing, formula: bookings / listings",
            "7: catalogue.measures.per_listing.formula",
            "it follows from the column's ratio",
            "remove it",
        ),
        (
            "unit: bookings per listing",
            "unit: bookings per listing, adds_over: all",
            "7: catalogue.measures.per_listing.adds_over",
            "it follows from the column's ratio",
            "remove it",
        ),
        (
            "unit: bookings per listing",
            "unit: bookings per listing, denominator: listings",
            "7: catalogue.measures.per_listing.denominator",
            "it is the column 'listings'",
            "remove it",
        ),
        (
            ", numerator: nights of these bookings",
            "",
            "8: catalogue.measures.stay",
            "its numerator '_nights' is in no column",
            "say in numerator what it is",
        ),
        (
            "unit: listings, ",
            "unit: listings, numerator: all, ",
            "6: catalogue.measures.listings.numerator",
            "it has a column's ratio alone",
            "formula",
        ),
        ("  owner: Revenue management\n", "", "1: catalogue.owner", "required", "add this key"),
        (
            "{by: STR, definition: Rooms sold., source: Glossary}",
            "{by: STR}",
            "10: catalogue.elsewhere.0.d",
            "req",
            "add",
        ),
        ("unit: nights", "units: nights", "8: catalogue.measures.stay.unit", "required", "add this key"),
    ],
)
def test_mistake(root: Path, right: str, wrong: str, place: str, said: str, remedy: str) -> None:
    assert CATALOGUE.count(right) == 1
    line, _, key = place.partition(": ")
    with pytest.raises(ContractError) as raised:
        loaded(root, CATALOGUE.replace(right, wrong))

    assert raised.value.message.startswith(f"{METRIC}/model.yaml:{FIRST - 1 + int(line)}: {key}")
    assert said in raised.value.message
    assert remedy in raised.value.remedy
    assert raised.value.reason == "contract-invalid"


@pytest.mark.parametrize("model", METRICS.values(), ids=METRICS)
def test_a_metric_that_comes_with_the_package_is_explained_with_one_example(model: PresentationModel) -> None:
    examples = [case for case in load_cases(model) if case.example]

    assert model.catalogue is not None
    assert model.catalogue.caveats
    assert len(examples) == 1
    assert examples[0].calculation
    assert examples[0].given
    assert examples[0].expect


@pytest.mark.parametrize("model", METRICS.values(), ids=METRICS)
def test_texts_of_the_catalogue_read_alike(model: PresentationModel) -> None:
    assert model.catalogue is not None
    sentences = [*model.catalogue.caveats, *(other.definition for other in model.catalogue.elsewhere)]
    formulas = [measure.formula for measure in model.catalogue.measures.values() if measure.formula]

    assert [text for text in sentences if not text.endswith(".")] == []
    assert [text for text in formulas if text.endswith(".")] == []

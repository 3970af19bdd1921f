"""An entry of the catalogue says how each number is computed and added up, and shows an example."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.contents import packaged
from rental_analytics.catalogue.metrics import MeasureEntry, Metric, metric_catalogue
from rental_analytics.contracts.cases import Case
from rental_analytics.contracts.catalogue import Additivity
from rental_analytics.contracts.loader import Contracts, load_contracts
from rental_analytics.contracts.model import PresentationModel

pytestmark = pytest.mark.fast
METRICS = {metric.name: metric for metric in packaged().metrics}


def measure(metric: Metric, name: str) -> MeasureEntry:
    return {measure.name: measure for measure in metric.measures}[name]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_number_has_a_formula_a_unit_and_how_it_adds(metric: Metric) -> None:
    lacking = [measure.name for measure in metric.measures if not (measure.formula and measure.unit and measure.adds)]

    assert metric.measures
    assert lacking == []
    assert metric.example is not None
    assert metric.sql == metric.model.query.strip()
    assert metric.reads


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_an_example_shows_every_row_and_column_of_its_case(metric: Metric) -> None:
    assert metric.example is not None
    assert metric.example.expected.columns == tuple(metric.model.columns)
    assert all(len(row) == len(grid.columns) for grid in metric.example.given for row in grid.rows)
    assert {grid.relation for grid in metric.example.given} <= {*metric.reads, *metric.rests_on}


def test_every_ratio_of_the_package_says_what_is_divided() -> None:
    for model in load_contracts().presentation.values():
        for name in model.ratios:
            shown = measure(METRICS[model.name], name)
            assert shown.numerator, name
            assert shown.denominator, name
            assert shown.adds == "not at all", name
            assert any(sentence.startswith(f"{name} = ") for sentence in METRICS[model.name].added), name


DAILY = {
    "name": "odd_daily",
    "layer": "presentation",
    "query": "SELECT 1 FROM curated.bookings",
    "description": "Odd bookings.",
    "definition": "Odd bookings.",
    "grain": "one row per day and city",
    "key": ["calendar_date", "city"],
    "columns": {
        "calendar_date": {"type": "DATE", "description": "Day"},
        "city": {"type": "VARCHAR", "description": "City"},
        "odds": {"type": "BIGINT", "description": "Odd ones"},
        "rate": {"type": "DECIMAL(9,1)", "description": "Rate", "ratio": {"of": "_all", "to": "odds"}},
    },
    "period": {"column": "calendar_date", "length": "week"},
}


def entry(adds: str, case: Case | None = None, **changes: object) -> Metric:
    measures = {
        "odds": {"unit": "bookings", "formula": "odd bookings", "adds_over": adds},
        "rate": {"unit": "share", "numerator": "all of them"},
    }
    catalogue = {"owner": "Finance", "attribution": "day of the booking", "measures": measures}
    model = PresentationModel.model_validate({**DAILY, "catalogue": catalogue, **changes})
    (metric,) = metric_catalogue(Contracts({}, {}, {}, {model.name: model}), {model.name: (case,) if case else ()})
    return metric


@pytest.mark.parametrize(
    ("adds", "said"),
    [
        (Additivity.ALL, "over all rows"),
        (Additivity.KEYS, "over city within one week"),
        (Additivity.NONE, "not at all"),
    ],
)
def test_how_a_number_adds_is_said_in_words(adds: Additivity, said: str) -> None:
    assert measure(entry(adds), "odds").adds == said


def test_over_keys_of_a_metric_that_has_no_other_is_not_at_all() -> None:
    alone = entry("keys", key=["calendar_date"])

    assert measure(alone, "odds").adds == "not at all"


def test_a_ratio_is_explained_by_its_parts() -> None:
    metric = entry("all")

    assert measure(metric, "rate").formula == "(all of them) / odds"
    assert measure(metric, "rate").denominator == "odds"
    assert metric.added == ("rate = _all / odds, rounded to 1 decimal, half away from zero; NULL where odds is 0",)


def test_a_metric_of_ones_own_is_shown_without_a_catalogue() -> None:
    metric = entry("all", catalogue=None)

    assert metric.catalogue is None
    assert metric.example is None
    assert measure(metric, "odds") == MeasureEntry("odds", "BIGINT", "Odd ones", "", "", "", "", "")
    assert measure(metric, "rate").formula == "_all / odds"


def test_values_of_an_example_are_texts() -> None:
    row = {"booking_id": 1, "is_deleted": False, "title": None, "booked_on": date(2024, 2, 1)}
    case = Case(
        name="odd",
        example=True,
        calculation="one",
        as_of=date(2024, 2, 3),
        given={"curated.bookings": (row, {"booking_id": 2})},
        expect=({"odds": 1},),
    )
    example = entry("all", case).example

    assert example is not None
    assert example.parameters == {"as_of": "2024-02-03"}
    assert example.given[0].columns == ("booking_id", "is_deleted", "title", "booked_on")
    assert example.given[0].rows == (("1", "false", "NULL", "2024-02-01"), ("2", "NULL", "NULL", "NULL"))
    assert example.expected.rows == (("NULL", "NULL", "1", "NULL"),)

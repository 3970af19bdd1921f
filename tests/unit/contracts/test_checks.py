"""What contract files may declare as checks, and what they are told where they may not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from contracts.test_loader import APARTMENTS, CURATED, CURATED_MODEL, METRIC, METRIC_MODEL, root
from rental_analytics.contracts.base import Severity
from rental_analytics.contracts.checks import (
    AcceptedValues,
    DeclaredCheck,
    Expression,
    Freshness,
    NotNull,
    Range,
    Relationships,
    RowCountNearUsual,
    Unique,
)
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.contracts.model import Model
from rental_analytics.contracts.source_table import SourceTable
from rental_analytics.errors import ContractError

pytestmark = pytest.mark.fast
__all__ = ["root"]

SOURCE = "sources/apartments.yaml"
MODEL = f"{CURATED}/model.yaml"
SHOWN = f"{METRIC}/model.yaml"
CHECKED = {
    SOURCE: APARTMENTS
    + """\
  title: {type: text, description: Its title}
  is_new: {type: boolean, description: Whether it is new}
  moved_at: {type: timestamp, description: When it changed}
  seen_at: {type: timestamp, description: When it was seen}
change_cursor: moved_at
""",
    MODEL: CURATED_MODEL.replace(
        "rules:",
        """\
  status: {type: VARCHAR, description: What became of it}
  price: {type: "DECIMAL(18,2)", description: What it costs}
  rating: {type: DOUBLE, description: How it was liked}
  is_paid: {type: BOOLEAN, description: Whether it is paid}
  booked_on: {type: DATE, description: When it was booked}
  listing_id: {type: ID, description: What was booked}
rules:""",
    ),
    SHOWN: METRIC_MODEL.replace(
        "{type: DATE, description: The day}", "{type: DATE, description: The day, nullable: false}"
    ),
}


def declared(root: Path, file: str, column: str = "", item: str = "", table: str = "") -> tuple[DeclaredCheck, ...]:
    """The checks of a file with an item for a column, or one for the table."""
    text = CHECKED[file]
    if column:
        (line,) = (line for line in text.splitlines() if line.startswith(f"  {column}: {{"))
        text = text.replace(line, f"{line[:-1]}, checks: [{item}]}}")
    if table:
        kept, _, given = text.partition("checks:\n")
        text = f"{kept}checks:\n  - {table}\n{given}"
    (root / file).write_text(text)
    contracts = load_contracts(root)
    tables: dict[str, SourceTable | Model] = {
        SOURCE: contracts.sources["apartments"],
        MODEL: contracts.curated["bookings"],
        SHOWN: contracts.presentation["bookings_daily"],
    }
    return tables[file].declared_checks


@pytest.mark.parametrize(
    ("column", "item", "name", "severity", "kind"),
    [
        ("status", "not_null", "status_not_null", "fail", NotNull()),
        ("status", "{not_null, severity: warn}", "status_not_null", "warn", NotNull()),
        ("status", "{not_null: true, name: no_status, severity: reject}", "no_status", "reject", NotNull()),
        ("status", "unique", "status_unique", "fail", Unique()),
        (
            "status",
            "{accepted_values: [new, paid]}",
            "status_accepted_values",
            "fail",
            AcceptedValues(values=("new", "paid")),
        ),
        ("price", "{accepted_values: [1, 2.5]}", "price_accepted_values", "fail", AcceptedValues(values=(1, 2.5))),
        ("price", "{range: {min: 0, below: 1000}}", "price_range", "fail", Range(min=0, below=1000)),
        ("rating", "{range: {above: 0.5}}", "rating_range", "fail", Range(above=0.5)),
        ("booked_on", "{range: {min: 2020-01-01}}", "booked_on_range", "fail", Range(min=date(2020, 1, 1))),
        (
            "listing_id",
            "{relationships: {to: curated.bookings, column: listing_id}, severity: warn}",
            "listing_id_relationships",
            "warn",
            Relationships(to="curated.bookings", column="listing_id"),
        ),
    ],
)
def test_checks_of_columns(root: Path, column: str, item: str, name: str, severity: str, kind: object) -> None:
    (check,) = declared(root, MODEL, column, item)
    assert (check.name, check.severity, check.kind, check.columns) == (name, Severity(severity), kind, (column,))
    assert check.key == f"columns.{column}.checks.0"


@pytest.mark.parametrize(
    ("item", "name", "kind", "columns"),
    [
        ("{unique: [status, price]}", "status_price_unique", Unique(), ("status", "price")),
        ("{unique: status}", "status_unique", Unique(), ("status",)),
        (
            "{freshness: {column: booked_on, within: 2 days}}",
            "booked_on_freshness",
            Freshness(column="booked_on", within=timedelta(days=2)),
            ("booked_on",),
        ),
        ("{row_count_near_usual: {within: 0.5}}", "row_count_near_usual", RowCountNearUsual(within=0.5), ()),
        ("{name: dear, when: price > 9}", "dear", Expression(when="price > 9"), ()),
    ],
)
def test_checks_of_tables(root: Path, item: str, name: str, kind: object, columns: tuple[str, ...]) -> None:
    (check,) = declared(root, MODEL, table=item)
    assert (check.name, check.severity, check.kind, check.columns) == (name, Severity.FAIL, kind, columns)
    assert check.key == "checks.0"


@pytest.mark.parametrize(
    ("file", "column", "item", "told", "remedy"),
    [
        (MODEL, "status", "not_nul", "checks.0.not_nul: Extra inputs", "remove or correct this key"),
        (MODEL, "status", "{name: odd}", "a check names one kind, and this one none", "name one of not_null, unique,"),
        (MODEL, "price", "{not_null, unique}", "this one not_null and unique", "name one of not_null, unique,"),
        (MODEL, "status", "{accepted_values: []}", "at least 1 item", "correct the value"),
        (MODEL, "status", "{accepted_values: [1]}", "'1' is no text as 'status' holds them", "correct the value"),
        (MODEL, "status", '{accepted_values: ["a "]}', "'a ' is no text", "correct the value"),
        (MODEL, "price", "{accepted_values: [true]}", "'True' is no number", "correct the value"),
        (MODEL, "price", "{accepted_values: [.nan]}", "not a number, a text or a date", "correct the value"),
        (MODEL, "rating", "{accepted_values: [0.5]}", "accepted_values is for texts, exact", "say it by `when`"),
        (MODEL, "listing_id", "{accepted_values: [1]}", "which 'listing_id' does not hold", "say it by `when`"),
        (MODEL, "booked_on", "{accepted_values: [2020-01-01 10:00:00]}", "is no date", "correct the value"),
        (MODEL, "price", "{range: {}}", "checks.0.range: it has no bound", "name min or above"),
        (MODEL, "price", "{range: {min: 0, above: 0}}", "min and above are one bound", "remove one of them"),
        (MODEL, "price", "{range: {max: 0, below: 0}}", "max and below are one bound", "remove one of them"),
        (MODEL, "price", "{range: {min: 2, max: 1}}", "nothing lies between its bounds", "let the lower one be lower"),
        (MODEL, "price", "{range: {min: 1, below: 1}}", "nothing lies between its bounds", "let the lower one"),
        (MODEL, "price", "{range: {min: 1, max: 2020-01-01}}", "its bounds are of two kinds", "write two numbers"),
        (MODEL, "booked_on", "{range: {min: 1}}", "'1' is no date as 'booked_on' holds them", "correct the value"),
        (MODEL, "booked_on", "{range: {min: 2020-01-01T00:00:00Z}}", "written in UTC, without a zone", "correct"),
        (MODEL, "status", "{range: {min: a}}", "range is for numbers, dates and timestamps", "say it by `when`"),
        (MODEL, "is_paid", "{range: {min: 0}}", "which 'is_paid' does not hold", "say it by `when`"),
        (MODEL, "status", "{relationships: {to: listings, column: id}}", "relationships.to: String", "use lower-case"),
        (MODEL, "booking_id", "not_null", "`nullable: false` says so already", "remove the check"),
        (MODEL, "booking_id", "{not_null, severity: warn}", "`nullable: false` says so already", "remove the check"),
        (MODEL, "booking_id", "unique", "the table's key is checked to be unique anyway", "remove the check"),
        (MODEL, "status", "not_null, not_null", "there is a check 'status_not_null' already", "a `name` of its own"),
        (MODEL, "status", "{not_null, name: missing_key}", "a check 'missing_key' already", "a `name` of its own"),
        (MODEL, "status", "{not_null, name: value_out_of_range}", "'value_out_of_range' already", "a `name`"),
        (MODEL, "status", "{not_null, name: unique_key}", "a check 'unique_key' already", "a `name` of its own"),
        (MODEL, "status", "{unique, severity: reject}", "cannot reject rows", "use fail or warn"),
        (
            SHOWN,
            "city",
            "{not_null, severity: reject}",
            "checks.0.severity: check 'city_not_null' cannot",
            "is rebuilt",
        ),
        (SHOWN, "calendar_date", "unique", "the table's key is checked", "remove the check"),
        (SOURCE, "title", "{not_null, severity: reject}", "cannot reject rows", "declare it in the curated model"),
        (
            SOURCE,
            "title",
            "{relationships: {to: curated.bookings, column: booking_id}}",
            "read before",
            "curated model",
        ),
        (SOURCE, "is_new", "{accepted_values: [true]}", "which 'is_new' does not hold", "say it by `when`"),
    ],
)
def test_a_check_of_a_column_that_cannot_be_made(
    root: Path, file: str, column: str, item: str, told: str, remedy: str
) -> None:
    line = next(n for n, text in enumerate(CHECKED[file].splitlines(), 1) if text.startswith(f"  {column}: {{"))
    refused(root, f"{file}:{line}: columns.{column}.checks.", told, remedy, file, column, item)


@pytest.mark.parametrize(
    ("file", "item", "told", "remedy"),
    [
        (MODEL, "{when: price > 9}", "an expression says nothing of what it is for", "add a `name`"),
        (MODEL, "{severity: warn}", "this one none", "name one of when, unique, adds_up_to, freshness"),
        (MODEL, "{unique: [status, colour]}", "there is no column 'colour'", "name one of the columns: booking_id"),
        (MODEL, "{unique: []}", "at least 1 item", "correct the value"),
        (MODEL, "{unique: [status, booking_id]}", "the table's key is checked to be unique anyway", "remove the check"),
        (
            SHOWN,
            "{adds_up_to: {to: presentation.x, by: calendar_date, columns: [city]}}",
            "'city' is no exact",
            "name columns",
        ),
        (
            SHOWN,
            "{adds_up_to: {to: curated.x, by: city, columns: [bookings]}}",
            "adds_up_to.to: String",
            "use lower-case",
        ),
        (
            SOURCE,
            "{adds_up_to: {to: presentation.x, by: title, columns: [id]}}",
            "a table is read before",
            "in a metric",
        ),
        (MODEL, "{freshness: {column: colour, within: 1 day}}", "there is no column 'colour'", "name one of the"),
        (MODEL, "{freshness: {column: price, within: 1 day}}", "'price' holds no moments", "name a column of dates"),
        (MODEL, "{freshness: {column: booked_on, within: soon}}", "is not a duration", "correct the value"),
        (MODEL, "{freshness: {column: booked_on, within: 0}}", "greater than", "correct the value"),
        (MODEL, "{row_count_near_usual: {within: 0}}", "greater than 0", "correct the value"),
        (MODEL, "row_count_near_usual", "valid dictionary", "correct the value"),
        (MODEL, "{row_count_near_usual: {within: 1}, severity: reject}", "cannot reject rows", "use fail or warn"),
        (MODEL, "{name: x, when: price > 9, severity: reject}", "cannot reject rows", "rules, and checks"),
        (
            SOURCE,
            "{freshness: {column: seen_at, within: 1 day}}",
            "newest value of moved_at",
            "name moved_at, or declare",
        ),
    ],
)
def test_a_check_of_a_table_that_cannot_be_made(root: Path, file: str, item: str, told: str, remedy: str) -> None:
    refused(root, f"{file}:", told, remedy, file, table=item)


def test_a_name_is_not_longer_than_warehouses_take(root: Path) -> None:
    long = "a_" * 30 + "b"
    text = CHECKED[MODEL].replace(
        "  status:", f"  {long}: {{type: VARCHAR, description: Long, checks: [not_null]}}\n  status:"
    )
    (root / MODEL).write_text(text)
    with pytest.raises(ContractError, match="its name would be longer than 63 letters") as caught:
        load_contracts(root)
    assert "give it a `name`" in caught.value.remedy


def refused(
    root: Path, place: str, told: str, remedy: str, file: str, column: str = "", item: str = "", table: str = ""
) -> None:
    with pytest.raises(ContractError) as caught:
        declared(root, file, column, item, table)
    assert caught.value.message.startswith(place)
    assert told in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.reason == "contract-invalid"

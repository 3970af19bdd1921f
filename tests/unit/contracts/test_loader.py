"""A wrong contract file is named with line or key, and the error says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rental_analytics.contracts.loader import load_cases, load_contracts
from rental_analytics.contracts.model import Layer
from rental_analytics.errors import ContractError

pytestmark = pytest.mark.fast

APARTMENTS = """\
description: Listings on offer
key: [id]
columns:
  id: {type: integer, description: Identifies the listing}
"""
BOOKINGS = """\
description: Bookings of listings
key: [booking_id]
event_time: booked_at
references: {apartment_id: apartments}
columns:
  booking_id: {type: integer, description: Identifies the booking}
  apartment_id: {type: integer, description: The listing booked}
  booked_at: {type: timestamp, description: When it was booked}
"""
CURATED_MODEL = """\
description: Bookings of listings
grain: one row per booking
key: [booking_id]
source: bookings
columns:
  booking_id: {type: BIGINT, nullable: false, description: Identifies the booking}
rules:
  - {name: missing_key, severity: reject, when: booking_id IS NULL}
"""
METRIC_MODEL = """\
description: How many bookings there are
definition: All bookings there ever were
grain: one row per day
key: [calendar_date]
columns:
  calendar_date: {type: DATE, description: The day}
  bookings: {type: BIGINT, description: Bookings up to that day}
  city: {type: VARCHAR, description: Where most are}
period: {column: calendar_date, length: day}
headline: {title: All bookings, text: "{bookings}, most in {city}", otherwise: {city: no city}}
chart: {title: All bookings, value: bookings, format: count, kind: line, shown_periods: 30}
ranking:
  title: Cities
  place: bookings
  columns:
    - {title: City, values: [city]}
    - {title: Bookings, values: [bookings], format: count}
checks:
  - {name: bookings_positive, severity: fail, when: bookings <= 0}
"""
CASES = """\
- name: no rows in, no rows out
  expect: []
"""
CURATED = "models/curated/bookings"
METRIC = "models/presentation/bookings_daily"
FILES = {
    "sources/apartments.yaml": APARTMENTS,
    "sources/bookings.yaml": BOOKINGS,
    f"{CURATED}/model.yaml": CURATED_MODEL,
    f"{CURATED}/query.sql": "SELECT booking_id, _row_id FROM raw_data.bookings",
    f"{CURATED}/cases.yaml": CASES,
    f"{METRIC}/model.yaml": METRIC_MODEL,
    f"{METRIC}/query.sql": "SELECT calendar_date, bookings FROM curated.bookings",
    f"{METRIC}/cases.yaml": CASES,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@dataclass(frozen=True)
class Mistake:
    """`wrong` stands where `right` should; the error starts with `place` and tells `told` and `remedy`."""

    file: str
    right: str
    wrong: str
    place: str
    told: str
    remedy: str = "correct the value in the file"


def model_line(line: int) -> str:
    return f"{CURATED}/model.yaml:{line}: "


MISTAKES = {
    "ratio of no column": Mistake(
        f"{METRIC}/model.yaml",
        "city: {type: VARCHAR,",
        "share: {type: 'DECIMAL(9,6)', ratio: {of: wishes, to: bookings}, description: Some}\n  city: {type: VARCHAR,",
        f"{METRIC}/model.yaml:8: columns.share.ratio.of:",
        "the query has no column 'wishes'",
        "one of the model's or begins with `_`",
    ),
    "ratio of a text": Mistake(
        f"{METRIC}/model.yaml",
        "city: {type: VARCHAR,",
        "share: {type: 'DECIMAL(9,6)', ratio: {of: city, to: bookings}, description: Some}\n  city: {type: VARCHAR,",
        f"{METRIC}/model.yaml:8: columns.share.ratio.of:",
        "'city' is VARCHAR",
        "name a column that holds whole numbers or decimals",
    ),
    "ratio of a ratio": Mistake(
        f"{METRIC}/model.yaml",
        "city: {type: VARCHAR,",
        "share: {type: 'DECIMAL(9,6)', ratio: {of: _all, to: share}, description: Some}\n  city: {type: VARCHAR,",
        f"{METRIC}/model.yaml:8: columns.share.ratio.to:",
        "the query has no column 'share'",
        "one of the model's or begins with `_`",
    ),
    "ratio that is no decimal": Mistake(
        f"{METRIC}/model.yaml",
        "bookings: {type: BIGINT,",
        "bookings: {type: BIGINT, ratio: {of: _all, to: _days},",
        f"{METRIC}/model.yaml:7: columns.bookings:",
        "a ratio is a DECIMAL",
    ),
    "ratio in a curated table": Mistake(
        f"{CURATED}/model.yaml",
        "{type: BIGINT, nullable: false,",
        "{type: 'DECIMAL(9,2)', ratio: {of: _all, to: _days}, nullable: false,",
        f"{CURATED}/model.yaml:",
        "a ratio is for tables that are rebuilt whole",
    ),
    "ratio with fewer places than what is divided": Mistake(
        f"{METRIC}/model.yaml",
        "city: {type: VARCHAR,",
        "share: {type: 'DECIMAL(9,2)', ratio: {of: fine, to: bookings}, description: Some}\n"
        "  fine: {type: 'DECIMAL(9,4)', description: Fine}\n  city: {type: VARCHAR,",
        f"{METRIC}/model.yaml:8: columns.share.ratio.of:",
        "'fine' is DECIMAL(9,4), with more places than 'share'",
        "give share as many places",
    ),
    "ratio with too many places": Mistake(
        f"{METRIC}/model.yaml",
        "city: {type: VARCHAR,",
        "share: {type: 'DECIMAL(38,20)', ratio: {of: _all, to: bookings}, description: Some}\n  city: {type: VARCHAR,",
        f"{METRIC}/model.yaml:8: columns.share.type:",
        "a ratio has at most 6 places",
        "take a DECIMAL with fewer",
    ),
    "conversion into itself": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: bookings\n"
        "conversion: {amount: booking_id, currency: booking_id, moment: _priced_at, into: booking_id}",
        model_line(5) + "conversion.into:",
        "it is converted itself",
        "name a column of its own for the amount in the reporting currency",
    ),
    "conversion into no column": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: bookings\n"
        "conversion: {amount: booking_id, currency: booking_id, moment: _priced_at, into: reporting_price}",
        model_line(5) + "conversion.into:",
        "there is no column 'reporting_price'",
        "name one of the model's columns: booking_id",
    ),
    "unknown key": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: bookings\nsuorce: bookings",
        model_line(5) + "suorce:",
        "Extra inputs",
        "remove or correct this key",
    ),
    "unknown key of a column": Mistake(
        "sources/bookings.yaml",
        "booked_at: {type: timestamp,",
        "booked_at: {type: timestamp, nullable: true,",
        "sources/bookings.yaml:8: columns.booked_at.nullable:",
        "Extra inputs",
        "remove or correct this key",
    ),
    "missing key": Mistake(
        f"{CURATED}/model.yaml",
        "grain: one row per booking\n",
        "",
        model_line(1) + "grain:",
        "required",
        "add this key",
    ),
    "missing key of a column": Mistake(
        f"{CURATED}/model.yaml",
        ", description: Identifies the booking",
        "",
        model_line(6) + "columns.booking_id.description:",
        "required",
        "add this key",
    ),
    "wrong type of a value": Mistake(
        f"{CURATED}/model.yaml", "key: [booking_id]", "key: 5", model_line(3) + "key:", "valid tuple"
    ),
    "unknown column type": Mistake(
        f"{CURATED}/model.yaml",
        "type: BIGINT",
        "type: NUMBER",
        model_line(6) + "columns.booking_id.type:",
        "use SMALLINT, INTEGER",
    ),
    "impossible precision": Mistake(
        f"{CURATED}/model.yaml",
        "type: BIGINT",
        "type: 'DECIMAL(39,2)'",
        model_line(6) + "columns.booking_id.type:",
        "precision is at most 38",
    ),
    "unknown source type": Mistake(
        "sources/bookings.yaml",
        "type: timestamp",
        "type: datetime",
        "sources/bookings.yaml:8: columns.booked_at.type:",
        "'timestamp'",
    ),
    "bad identifier": Mistake(
        f"{CURATED}/model.yaml",
        "name: missing_key",
        "name: Missing key",
        model_line(8) + "rules.0.name:",
        "match pattern",
        "use lower-case letters, digits and underscores",
    ),
    "duplicate YAML key": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: bookings\nkey: [booking_id]",
        model_line(5),
        "the key 'key' stands twice",
        "correct that line",
    ),
    "invalid YAML": Mistake(
        f"{CURATED}/model.yaml",
        "key: [booking_id]",
        "key: [booking_id",
        model_line(4),
        "not valid YAML",
        "correct that line",
    ),
    "no keys at all": Mistake(
        "sources/apartments.yaml", APARTMENTS, "- id\n", "sources/apartments.yaml:1:", "no keys", "`key: value` lines"
    ),
    "empty file": Mistake(
        "sources/apartments.yaml", APARTMENTS, "", "sources/apartments.yaml:1:", "no keys", "`key: value` lines"
    ),
    "what the path says": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: bookings\nname: bookings",
        f"{CURATED}/model.yaml: name",
        "given by the path",
        "remove that key",
    ),
    "key column of a model not listed": Mistake(
        f"{CURATED}/model.yaml", "key: [booking_id]", "key: [id]", model_line(1), "key column 'id' is not listed"
    ),
    "key column of a source not listed": Mistake(
        "sources/bookings.yaml",
        "key: [booking_id]",
        "key: [id]",
        "sources/bookings.yaml:1:",
        "column 'id' is used but not listed",
    ),
    "optional key column": Mistake(
        "sources/bookings.yaml",
        "booking_id: {type: integer,",
        "booking_id: {type: integer, required: false,",
        "sources/bookings.yaml:1:",
        "key column 'booking_id' cannot be optional",
    ),
    "cursor that is no timestamp": Mistake(
        "sources/bookings.yaml",
        "type: timestamp",
        "type: date",
        "sources/bookings.yaml:1:",
        "column 'booked_at' orders changes, so its type must be timestamp",
    ),
    "two inputs": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: bookings\nreference: calendar",
        model_line(1),
        "exactly one of source, versions_of and reference",
    ),
    "no input": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings\n",
        "",
        model_line(1),
        "exactly one of source, versions_of and reference",
    ),
    "rule that fails": Mistake(
        f"{CURATED}/model.yaml",
        "severity: reject",
        "severity: fail",
        model_line(1),
        "rule 'missing_key' is about one row: use severity reject or warn",
    ),
    "two rules of one name": Mistake(
        f"{CURATED}/model.yaml",
        "rules:",
        "rules:\n  - {name: missing_key, severity: warn, when: booking_id < 0}",
        model_line(1),
        "two rules are named 'missing_key'",
    ),
    "check that rejects": Mistake(
        f"{METRIC}/model.yaml",
        "severity: fail",
        "severity: reject",
        f"{METRIC}/model.yaml:19: checks.0.severity:",
        "check 'bookings_positive' cannot reject rows",
        "use fail or warn",
    ),
    "metric without key": Mistake(
        f"{METRIC}/model.yaml",
        "key: [calendar_date]\n",
        "",
        f"{METRIC}/model.yaml:1:",
        "a table that is rebuilt whole needs a key",
    ),
    "metric without definition": Mistake(
        f"{METRIC}/model.yaml",
        "definition: All bookings there ever were\n",
        "",
        f"{METRIC}/model.yaml:1: definition:",
        "required",
        "add this key",
    ),
    "shown without a period": Mistake(
        f"{METRIC}/model.yaml",
        "period: {column: calendar_date, length: day}\n",
        "",
        f"{METRIC}/model.yaml:9: headline:",
        "the model names none",
        "add `period: {column, length}`",
    ),
    "period that is no key": Mistake(
        f"{METRIC}/model.yaml",
        "period: {column: calendar_date,",
        "period: {column: bookings,",
        f"{METRIC}/model.yaml:9: period.column:",
        "'bookings' is no column of the key",
        "name one of the key: calendar_date",
    ),
    "period that is no date": Mistake(
        f"{METRIC}/model.yaml",
        "calendar_date: {type: DATE,",
        "calendar_date: {type: TIMESTAMP,",
        f"{METRIC}/model.yaml:9: period.column:",
        "'calendar_date' is TIMESTAMP",
        "name a DATE",
    ),
    "unknown length of a period": Mistake(
        f"{METRIC}/model.yaml",
        "length: day",
        "length: year",
        f"{METRIC}/model.yaml:9: period.length:",
        "'day', 'week' or 'month'",
    ),
    "unknown column of a chart": Mistake(
        f"{METRIC}/model.yaml",
        "value: bookings",
        "value: viewings",
        f"{METRIC}/model.yaml:11: chart.value:",
        "there is no column 'viewings'",
        "name one of the model's columns: calendar_date, bookings, city",
    ),
    "chart of texts": Mistake(
        f"{METRIC}/model.yaml",
        "value: bookings",
        "value: city",
        f"{METRIC}/model.yaml:11: chart.value:",
        "'city' is VARCHAR",
        "name a column that holds numbers",
    ),
    "unknown format": Mistake(
        f"{METRIC}/model.yaml",
        "format: count, kind",
        "format: euros, kind",
        f"{METRIC}/model.yaml:11: chart.format:",
        "'money', 'percent', 'count' or 'decimal'",
    ),
    "chart that shows nothing": Mistake(
        f"{METRIC}/model.yaml",
        ", shown_periods: 30",
        "",
        f"{METRIC}/model.yaml:11: chart:",
        "shown_periods is how many periods",
    ),
    "sum of one row": Mistake(
        f"{METRIC}/model.yaml",
        "kind: line",
        "kind: line, aggregate: sum",
        f"{METRIC}/model.yaml:11: chart.aggregate:",
        "a period has one row",
        "remove aggregate",
    ),
    "chart of several rows of a period": Mistake(
        f"{METRIC}/model.yaml",
        "key: [calendar_date]\n",
        "key: [calendar_date, bookings]\n",
        f"{METRIC}/model.yaml:10: headline.text:",
        "a period has several rows",
        "pick one of them by `where`, or take them together",
    ),
    "unknown column of a headline": Mistake(
        f"{METRIC}/model.yaml",
        "{bookings}, most",
        "{viewings}, most",
        f"{METRIC}/model.yaml:10: headline.text:",
        "there is no column 'viewings'",
        "name one of the model's columns",
    ),
    "unknown style in a headline": Mistake(
        f"{METRIC}/model.yaml",
        "{bookings}, most",
        "{bookings:euros}, most",
        f"{METRIC}/model.yaml:10: headline.text:",
        "'euros' is no style of a value; use percent, sum, count, or none",
    ),
    "open braces in a headline": Mistake(
        f"{METRIC}/model.yaml",
        "{bookings}, most",
        "{bookings, most",
        f"{METRIC}/model.yaml:10: headline.text:",
        "braces that hold no column",
    ),
    "one row and all rows in a headline": Mistake(
        f"{METRIC}/model.yaml",
        "{bookings}, most",
        "{bookings:sum}, most",
        f"{METRIC}/model.yaml:10: headline:",
        "give each column sum or count",
    ),
    "unknown column of a ranking": Mistake(
        f"{METRIC}/model.yaml",
        "place: bookings",
        "place: rank",
        f"{METRIC}/model.yaml:14: ranking.place:",
        "there is no column 'rank'",
        "name one of the model's columns",
    ),
    "number of a ranking that is a text": Mistake(
        f"{METRIC}/model.yaml",
        "values: [bookings], format",
        "values: [city], format",
        f"{METRIC}/model.yaml:17: ranking.columns.1:",
        "'city' is VARCHAR",
        "name a column that holds numbers",
    ),
    "unknown source of a model": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "source: reservations",
        f"{CURATED}/model.yaml: source",
        "unknown table 'reservations'",
        "add sources/reservations.yaml or correct the name",
    ),
    "unknown parent of a source": Mistake(
        "sources/bookings.yaml",
        "apartment_id: apartments",
        "apartment_id: flats",
        "sources/bookings.yaml: references.apartment_id",
        "unknown table 'flats'",
        "add sources/flats.yaml or correct the name",
    ),
    "versions of an unknown model": Mistake(
        f"{CURATED}/model.yaml",
        "source: bookings",
        "versions_of: guests",
        f"{CURATED}/model.yaml:",
        "no curated model 'guests'",
        "correct the name in the file",
    ),
}


def test_the_contracts_that_the_mistakes_are_made_in_are_right(root: Path) -> None:
    contracts = load_contracts(root)

    assert list(contracts.sources) == ["apartments", "bookings"]
    assert contracts.curated["bookings"].relation == "curated.bookings"
    assert contracts.presentation["bookings_daily"].query == FILES[f"{METRIC}/query.sql"]
    assert load_cases(contracts.curated["bookings"], root)[0].name == "no rows in, no rows out"


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistake(root: Path, mistake: Mistake) -> None:
    file = root / mistake.file
    assert file.read_text().count(mistake.right) == 1
    file.write_text(file.read_text().replace(mistake.right, mistake.wrong))

    with pytest.raises(ContractError) as raised:
        load_contracts(root)

    assert raised.value.message.startswith(mistake.place)
    assert mistake.told in raised.value.message
    assert mistake.remedy in raised.value.remedy
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("folder", [CURATED, METRIC])
@pytest.mark.parametrize("name", ["model.yaml", "query.sql", "cases.yaml"])
def test_missing_file(root: Path, folder: str, name: str) -> None:
    (root / folder / name).unlink()

    with pytest.raises(ContractError) as raised:
        load_contracts(root)

    assert raised.value.message == f"{folder}/{name} is missing."
    assert "model.yaml, query.sql, cases.yaml" in raised.value.remedy


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ("- expect: []\n", ":1: 0.name: Field required."),
        ("- name: one\n  expect: []\n- name: two\n  expected: []\n", ":3: 1.expect: Field required."),
        ("- name: one\n  expect: [\n", ":3: not valid YAML"),
        ("- name: one\n  name: two\n  expect: []\n", ":2: not valid YAML: the key 'name' stands twice."),
    ],
)
def test_wrong_case(root: Path, cases: str, message: str) -> None:
    (root / CURATED / "cases.yaml").write_text(cases)
    model = load_contracts(root).curated["bookings"]

    with pytest.raises(ContractError) as raised:
        load_cases(model, root)

    assert raised.value.message.startswith(f"{CURATED}/cases.yaml{message}")


def test_circular_references(root: Path) -> None:
    file = root / "sources" / "apartments.yaml"
    file.write_text(APARTMENTS.replace("columns:", "references: {id: bookings}\ncolumns:"))

    with pytest.raises(ContractError) as raised:
        _ = load_contracts(root).extraction_order

    assert "apartments, bookings reference each other in a circle" in raised.value.message
    assert "remove one of the references" in raised.value.remedy


@pytest.fixture
def shared(root: Path) -> Path:
    """With two intermediate models, the first of which reads the second, and a metric that reads the first."""
    for name, read in (("a_nights", "intermediate.b_stays"), ("b_stays", "curated.bookings")):
        folder = root / "models" / Layer.INTERMEDIATE / name
        folder.mkdir(parents=True)
        for file in ("model.yaml", "cases.yaml"):
            (folder / file).write_text(FILES[f"{METRIC}/{file}"].partition("period:")[0])
        (folder / "query.sql").write_text(f"SELECT calendar_date, bookings, city\nFROM {read} AS rows_read\n")
    (root / METRIC / "query.sql").write_text(
        "SELECT calendar_date, bookings, city FROM curated.calendar JOIN intermediate.a_nights USING (calendar_date)"
    )
    return root


def test_tables_are_rebuilt_behind_those_they_read(shared: Path) -> None:
    contracts = load_contracts(shared)

    assert [model.name for model in contracts.rebuild_order] == ["b_stays", "a_nights", "bookings_daily"]
    (metric,) = contracts.presentation.values()
    assert [model.name for model in contracts.read_by(metric)] == ["b_stays", "a_nights"]
    assert contracts.read_by(contracts.intermediate["b_stays"]) == ()


def test_children_are_extracted_before_their_parents() -> None:
    order = [table.name for table in load_contracts().extraction_order]

    assert sorted(order) == ["apartment_attributes", "apartments", "bookings", "user_viewing"]
    assert order[-1] == "apartments"


def test_curated_tables_are_made_after_those_they_are_made_of() -> None:
    order = [model.name for model in load_contracts().transform_order]

    assert order.index("exchange_rates") < order.index("listings") < order.index("listing_versions")
    assert order.index("exchange_rates") < order.index("bookings")


def test_folders_that_are_no_models_are_passed_over(root: Path) -> None:
    for name in ("__pycache__", ".ipynb_checkpoints", "_drafts"):
        (root / "models" / Layer.CURATED / name).mkdir()

    assert list(load_contracts(root).curated) == ["bookings"]

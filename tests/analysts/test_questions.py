"""Every question of analytics/ is answered in either warehouse, with ids of either kind; of many we know the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analysts.questions import MARK, Question, questions
from metrics.warehouse import MetricWarehouse, contracts
from rental_analytics.analysis.connection import Connection
from rental_analytics.contracts.marketplace import IdKind
from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.ratios import whole_query
from rental_analytics.sql.redshift import refused_by_redshift

ALL = [pytest.param(question, id=question.name) for question in questions()]
AS_OF = date(2026, 3, 31)
IDS = ("booking_id", "user_id", "listing_id")
Row = Mapping[str, Any]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text} 12:00:00")


def booking(number: int, booked: str, checkin: str, **given: Any) -> Row:
    """A confirmed booking of listing 1 by user 1: two nights for 200."""
    nights = given.pop("nights", 2)
    first = date.fromisoformat(checkin)
    row = {
        "booking_id": number,
        "user_id": 1,
        "listing_id": 1,
        "booked_at": moment(booked),
        "checkin_date": first,
        "checkout_date": first + timedelta(days=nights),
        "stay_nights": nights,
        "lead_days": (first - date.fromisoformat(booked)).days,
        "reporting_total_price": "200.00",
        "status": "confirmed",
    }
    assert given.keys() <= row.keys() | {"is_deleted"}
    return {**row, **given}


def viewing(user: int | None, listing: int, day: str, wish: bool = False) -> Row:
    return {"user_id": user, "listing_id": listing, "viewed_at": moment(day), "is_wishlisted": wish}


def on_offer(*numbers: int, cities: Mapping[int, str] | None = None) -> dict[str, list[Row]]:
    """Listings that have been on offer at 100 a night since 2025 began."""
    begun = datetime(2025, 1, 1)  # noqa: DTZ001
    return {
        "curated.listings": [
            {
                "listing_id": one,
                "title": f"Flat {one}",
                "reporting_price": "100.00",
                "created_at": begun,
                "is_active": True,
            }
            for one in numbers
        ],
        "curated.listing_versions": [
            {
                "listing_id": one,
                "valid_from": begun,
                "reporting_price": "100.00",
                "is_active": True,
                "is_assumed": False,
            }
            for one in numbers
        ],
        "curated.listing_attributes": [
            {"listing_id": one, "city": (cities or {}).get(one), "state": None, "amenity_count": 0} for one in numbers
        ],
    }


@dataclass(frozen=True)
class Known:
    """Rows by table, and the answer that follows from them."""

    bookings: Sequence[Row] = ()
    others: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    answer: Sequence[tuple[Any, ...]] = ()


KNOWN = {
    "cancellations_by_lead_time": Known(
        bookings=[
            booking(1, "2026-03-10", "2026-03-10"),
            booking(2, "2026-03-09", "2026-03-10", status="canceled", reporting_total_price="50.00"),
            booking(3, "2026-01-01", "2026-02-10", status="canceled"),
            booking(4, "2026-01-01", "2026-02-10"),
            booking(5, "2025-03-30", "2025-03-31", status="canceled"),
            booking(6, "2026-03-30", "2026-04-01", status="canceled"),
            booking(7, "2026-03-12", "2026-03-10", status="canceled"),
            booking(8, "2026-03-10", "2026-03-10", status="canceled", is_deleted=True),
        ],
        answer=[("1: to 1 day", 2, 1, 50.0, 50, "USD"), ("4: 31 to 60 days", 2, 1, 50.0, 200, "USD")],
    ),
    "viewers_who_never_book": Known(
        bookings=[booking(1, "2025-01-01", "2025-01-02", user_id=1, status="canceled")],
        others={
            "curated.viewings": [
                *(viewing(1, listing, "2026-03-01") for listing in (1, 2, 3)),
                viewing(2, 1, "2026-03-01", wish=True),
                viewing(2, 1, "2026-03-02"),
                *(viewing(3, listing, "2026-03-01") for listing in (1, 2, 3)),
                viewing(None, 1, "2026-03-01"),
                viewing(4, 1, "2025-10-02"),
                viewing(5, 1, "2026-04-01"),
            ]
        },
        answer=[(3, 3, 3, 0, moment("2026-03-01")), (2, 2, 1, 1, moment("2026-03-02"))],
    ),
    "gaps_between_stays": Known(
        bookings=[
            booking(1, "2026-01-01", "2026-01-01", nights=2),
            booking(2, "2026-01-01", "2026-01-05", nights=1),
            booking(3, "2026-01-01", "2026-01-05", nights=5),
            booking(4, "2026-01-01", "2026-01-11", nights=1),
            booking(5, "2026-01-01", "2026-01-30", nights=1),
            booking(6, "2026-01-01", "2026-01-14", nights=1, status="pending"),
            booking(7, "2026-01-01", "2026-01-05", nights=1, listing_id=2),
            booking(8, "2026-03-01", "2026-03-29", nights=1, listing_id=2),
            booking(9, "2026-03-01", "2026-04-02", nights=1, listing_id=2),
        ],
        answer=[(1, 1, 1), (2, 1, 2)],
    ),
    "days_to_the_second_booking": Known(
        bookings=[
            booking(1, "2024-01-01", "2024-02-01", user_id=1),
            booking(2, "2024-01-08", "2024-02-05", user_id=1, status="pending"),
            booking(3, "2024-01-01", "2024-02-01", user_id=2),
            booking(4, "2024-01-02", "2024-02-01", user_id=2, status="canceled"),
            booking(5, "2024-01-01", "2024-02-01", user_id=3),
            booking(6, "2025-06-01", "2025-07-01", user_id=3),
            booking(7, "2025-04-01", "2025-07-01", user_id=4),
        ],
        answer=[
            ("1: within a week", 1, 33.3),
            ("5: after more than a year", 1, 33.3),
            ("6: not so far", 1, 33.3),
        ],
    ),
    "best_cities_per_available_night": Known(
        bookings=[
            booking(1, "2025-05-01", "2025-06-01", nights=10, reporting_total_price="1000.00"),
            booking(2, "2026-03-01", "2026-03-05", listing_id=2),
        ],
        others=on_offer(1, 2, cities={1: "Lisboa", 2: "Porto"}),
        answer=[("Lisboa", None, 365, 2.7, 100.0, 2.74, "USD"), ("Porto", None, 365, 0.0, None, 0.0, "USD")],
    ),
    "revenue_against_last_year": Known(
        bookings=[
            booking(1, "2025-01-01", "2025-01-10"),
            booking(2, "2026-01-01", "2026-01-10", nights=3, reporting_total_price="330.00"),
            booking(3, "2026-03-01", "2026-03-05"),
        ],
        others=on_offer(1),
        answer=[(date(2026, 2, 1), 0, 0, None, None, "USD"), (date(2026, 1, 1), 330, 200, 65.0, 50.0, "USD")],
    ),
    "share_of_the_best_listings": Known(
        bookings=[
            booking(number, "2026-01-01", "2026-01-10", listing_id=number, reporting_total_price=price)
            for number, price in ((1, "300.00"), (2, "1000.00"), (3, "200.00"), (4, "500.00"))
        ]
        + [booking(5, "2026-03-01", "2026-03-05", listing_id=3, reporting_total_price="9000.00")],
        others=on_offer(1, 2, 3, 4),
        answer=[
            (1, 1, 1000, 50.0, 50.0, "USD"),
            (2, 1, 500, 25.0, 75.0, "USD"),
            (3, 1, 300, 15.0, 90.0, "USD"),
            (4, 1, 200, 10.0, 100.0, "USD"),
        ],
    ),
    "nights_of_the_week": Known(
        bookings=[
            booking(1, "2026-03-01", "2026-03-06", reporting_total_price="300.00"),
            booking(2, "2026-03-01", "2026-03-06", reporting_total_price="300.00", status="canceled"),
            booking(3, "2026-03-01", "2026-03-31", nights=3, reporting_total_price="300.00"),
            booking(4, "2025-03-01", "2025-03-31", nights=3, reporting_total_price="300.00"),
        ],
        answer=[
            (2, "Tuesday", 1, 25.0, 100.0, "USD"),
            (3, "Wednesday", 1, 25.0, 100.0, "USD"),
            (5, "Friday", 1, 25.0, 150.0, "USD"),
            (6, "Saturday", 1, 25.0, 150.0, "USD"),
        ],
    ),
    "pace_against_last_year": Known(
        bookings=[
            booking(1, "2026-03-01", "2026-05-02"),
            booking(2, "2026-03-01", "2026-05-02", status="canceled"),
            booking(3, "2026-03-01", "2026-03-31"),
            booking(4, "2025-03-31", "2025-05-10", nights=1, reporting_total_price="80.00"),
            booking(5, "2025-04-01", "2025-05-10", nights=1),
            booking(6, "2025-03-01", "2025-03-31"),
        ],
        answer=[(date(2026, 5, 1), 2, 1, 100.0, 200, 80, 150.0, "USD")],
    ),
    "late_cancellations": Known(
        bookings=[
            booking(1, "2026-01-01", "2026-03-10", status="canceled"),
            booking(2, "2026-01-01", "2026-03-10", status="canceled", reporting_total_price="50.00"),
            booking(3, "2026-01-01", "2026-03-10"),
            booking(4, "2025-01-01", "2025-03-10", status="canceled"),
        ],
        others={
            "curated.booking_versions": [
                {"booking_id": number, "valid_from": moment(day), "status": status}
                for number, day, status in (
                    (1, "2026-01-01", "confirmed"),
                    (1, "2026-03-09", "canceled"),
                    (1, "2026-03-20", "canceled"),
                    (2, "2026-02-07", "canceled"),
                    (3, "2026-03-09", "canceled"),
                    (3, "2026-03-10", "confirmed"),
                    (4, "2025-03-01", "canceled"),
                )
            ]
        },
        answer=[
            ("1: to 1 day before", 1, 50.0, 200, "USD"),
            ("4: 31 days and more before", 1, 50.0, 50, "USD"),
        ],
    ),
    "listings_that_lose_bookings": Known(
        bookings=[
            booking(1, "2025-03-01", "2025-04-01", listing_id=1),
            booking(2, "2025-03-31", "2025-04-10", listing_id=1, status="pending"),
            booking(3, "2026-03-01", "2026-04-01", listing_id=1),
            booking(4, "2025-03-01", "2025-04-01", listing_id=2),
            booking(5, "2026-03-01", "2026-04-01", listing_id=2),
            booking(6, "2025-03-01", "2025-04-01", listing_id=3),
            booking(7, "2025-03-01", "2025-04-01", listing_id=3, status="canceled"),
        ],
        others=on_offer(1, 2, cities={1: "Lisboa"}),
        answer=[(1, "Flat 1", "Lisboa", True, 2, 1, 1), (3, None, None, False, 1, 0, 1)],
    ),
    "revenue_from_returning_customers": Known(
        bookings=[
            booking(1, "2026-02-01", "2026-04-01", user_id=1),
            booking(2, "2026-03-01", "2026-04-01", user_id=1, reporting_total_price="300.00"),
            booking(3, "2026-03-01", "2026-04-01", user_id=2, reporting_total_price="100.00"),
            booking(4, "2026-03-02", "2026-04-01", user_id=2, status="pending"),
            booking(5, "2026-04-01", "2026-04-02", user_id=3),
        ],
        answer=[(date(2026, 3, 1), 100, 300, 75.0, "USD"), (date(2026, 2, 1), 200, 0, 0.0, "USD")],
    ),
    "idle_listings": Known(
        bookings=[
            booking(1, "2025-10-01", "2025-12-01", listing_id=1),
            booking(2, "2025-10-01", "2026-01-01", listing_id=2),
            booking(3, "2026-03-01", "2026-05-01", listing_id=3),
            booking(4, "2026-03-01", "2026-03-05", listing_id=4, status="canceled"),
        ],
        others=on_offer(1, 2, 3, 4, cities={1: "Lisboa"})
        | {"curated.viewings": [viewing(None, 4, "2026-03-01"), viewing(1, 4, "2025-12-31")]},
        answer=[
            (4, "Flat 4", None, date(2025, 1, 1), 100, "USD", 1),
            (1, "Flat 1", "Lisboa", date(2025, 1, 1), 100, "USD", 0),
        ],
    ),
}


@pytest.mark.fast
def test_there_are_twenty() -> None:
    assert len(ALL) == 20
    assert len(KNOWN) >= 8
    assert KNOWN.keys() <= {question.name for question in questions()}


@pytest.mark.fast
@pytest.mark.parametrize("question", ALL)
def test_a_file_asks_in_words_and_says_how_to_read_the_answer(question: Question) -> None:
    assert len(question.comment) == 2
    assert question.words.endswith("?")
    assert question.comment[1].startswith(MARK)
    assert len(question.reading.split()) > 20
    assert len(question.text.splitlines()) <= 80
    tables = {model.relation for layer in (contracts().curated, contracts().presentation) for model in layer.values()}
    assert set(question.reads) <= tables | {f"ops.{name}" for name in ops_tables()}


@pytest.mark.fast
@pytest.mark.parametrize("question", ALL)
def test_redshift_takes_a_statement_as_it_stands(question: Question) -> None:
    assert refused_by_redshift(question.text) == []


class Questioned:
    """A warehouse with ids of one kind, to ask questions of a few rows."""

    def __init__(self, ids: IdKind) -> None:
        self._warehouse = MetricWarehouse(ids)
        execute = self._warehouse.connection.execute
        execute("CREATE SCHEMA presentation")
        for model in contracts(ids).presentation.values():
            execute(f"CREATE VIEW {model.relation} AS {whole_query(model)}")
        for name, table in ops_tables().items():
            columns = ", ".join(f"{column.name} {column.type}" for column in table.file_columns)
            execute(f"CREATE TABLE IF NOT EXISTS ops.{name} ({columns})")

    @contextmanager
    def holding(self, known: Known) -> Iterator[None]:
        rows = {"curated.bookings": known.bookings, **known.others}
        given = {name: [self.own(row) for row in held] for name, held in rows.items() if held}
        with self._warehouse.holding(AS_OF, given):
            yield

    def ask(self, question: Question) -> list[dict[str, Any]]:
        return list(self._warehouse.connection.execute(question.text).to_arrow_table().to_pylist())

    def own(self, row: Row) -> Row:
        """A row with ids of this warehouse's kind."""
        return {name: self._id(value) if name in IDS and value is not None else value for name, value in row.items()}

    def _id(self, number: int) -> int | str:
        return f"id {number:04}" if self._warehouse.ids == "text" else number


@pytest.fixture(scope="module", params=["integer", "text"])
def questioned(request: pytest.FixtureRequest) -> Questioned:
    return Questioned(request.param)


def number(value: Any) -> Any:
    """A decimal as a number to compare."""
    return float(value) if isinstance(value, Decimal | int | float) and not isinstance(value, bool) else value


@pytest.mark.fast
@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(questioned: Questioned, name: str) -> None:
    known = KNOWN[name]
    (question,) = [one for one in questions() if one.name == name]
    with questioned.holding(known):
        found = questioned.ask(question)
    expected = [questioned.own(dict(zip(found[0], row, strict=True))) for row in known.answer]
    assert [{key: number(value) for key, value in row.items()} for row in found] == [
        {key: number(value) for key, value in row.items()} for row in expected
    ]


@pytest.mark.fast
@pytest.mark.parametrize("question", ALL)
def test_nothing_is_known_of_an_empty_marketplace(questioned: Questioned, question: Question) -> None:
    with questioned.holding(Known()):
        assert questioned.ask(question) == []


@pytest.mark.service
@pytest.mark.xdist_group("analysts")
@pytest.mark.parametrize("question", ALL)
def test_both_warehouses_answer_alike(both: tuple[Connection, Connection], question: Question) -> None:
    one, other = (connection.query(question.text) for connection in both)
    assert one.columns == other.columns
    assert len(one) == len(other) > 0
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in one.columns)
    for row, same in zip(one.rows(), other.rows(), strict=True):
        assert {name: number(value) for name, value in row.items()} == {
            name: pytest.approx(number(value)) if isinstance(number(value), float) else value
            for name, value in same.items()
        }

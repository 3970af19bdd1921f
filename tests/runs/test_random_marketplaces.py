"""Random small databases, dirty rows included, through the whole pipeline, against plain Python."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.marketplace import Attributes, Booking, Listing, Marketplace, Version
from metrics.references import reference_of
from metrics.warehouse import contracts
from runs.harness import RATES, Pipeline, Source
from support.breadth import examples

Row = dict[str, Any]
CENT = Decimal("0.01")
STATUS = {
    "pending": "pending",
    "Confirmed ": "confirmed",
    "completed": "confirmed",
    "checked out": "confirmed",
    "canceled": "canceled",
    "CANCELLED": "canceled",
    "maybe": None,
    None: None,
}
CURRENCIES = ["USD", "usd ", "EUR", " gbp", "CHF", "XXX", None]
IDS = st.sampled_from([1, 2, 3, 2**53 + 1])
DAYS = st.dates(date(2023, 12, 25), date(2024, 3, 4))
MOMENTS = st.datetimes(datetime.fromisoformat("2023-12-25"), datetime.fromisoformat("2024-03-04 23:59:59.999999"))
PRICES = st.decimals(-20, 500, places=2)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, strategy, st.none())


LISTINGS = st.lists(
    st.fixed_dictionaries(
        {
            "id": maybe(IDS),
            "title": maybe(st.sampled_from(["Loft", "O'Brien's\n🏠", ""])),
            "source": st.just("web"),
            "price": maybe(PRICES),
            "currency": st.sampled_from(CURRENCIES),
            "listing_created_on": maybe(MOMENTS),
            "is_active": st.sampled_from([0, 1, None]),
            "last_modified_timestamp": maybe(MOMENTS),
        }
    ),
    max_size=5,
    unique_by=lambda row: row["id"] if row["id"] is not None else object(),
)
ATTRIBUTES = st.lists(
    st.fixed_dictionaries(
        {"id": maybe(IDS), "cityname": maybe(st.sampled_from(["Bern", "Thun ", " "])), "state": maybe(st.just("BE"))}
    ),
    max_size=4,
    unique_by=lambda row: row["id"] if row["id"] is not None else object(),
)
BOOKINGS = st.lists(
    st.fixed_dictionaries(
        {
            "booking_id": maybe(st.integers(1, 10**6)),
            "user_id": maybe(st.sampled_from([7, 8])),
            "apartment_id": maybe(IDS),
            "booking_date": maybe(MOMENTS),
            "checkin_date": maybe(DAYS),
            "nights": st.sampled_from([1, 2, 3, 30, 0, -1, 365, 366]),
            "total_price": maybe(PRICES),
            "currency": st.sampled_from(CURRENCIES),
            "booking_status": st.sampled_from(list(STATUS)),
        }
    ),
    max_size=12,
    unique_by=lambda row: row["booking_id"] if row["booking_id"] is not None else object(),
)
VIEWINGS = st.lists(
    st.fixed_dictionaries({"user_id": maybe(st.just(7)), "apartment_id": maybe(IDS), "viewed_at": maybe(MOMENTS)}),
    max_size=4,
)

# For what takes half a minute an example: always the same, and a smaller one is not looked for.
few_examples = settings(
    max_examples=examples(2, 12),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


def rate(currency: str | None, day: date) -> Decimal | None:
    """The last fixing on or before the day."""
    code = (currency or "").strip().upper()
    if code == "USD":
        return Decimal(1)
    fixings = [line.split(",") for line in RATES.splitlines()[1:]]
    known = [(fixed, value) for fixed, name, value in fixings if name == code and fixed <= str(day)]
    return Decimal(max(known)[1]) if known else None


def in_dollars(amount: Decimal, currency: str | None, day: date) -> Decimal | None:
    value = rate(currency, day)
    return None if value is None else (amount * value).quantize(CENT, ROUND_HALF_UP)


def kept_listings(rows: list[Row]) -> Iterator[tuple[Row, Decimal]]:
    for row in rows:
        if row["id"] is None or row["price"] is None or row["price"] <= 0 or row["listing_created_on"] is None:
            continue
        moment = row["last_modified_timestamp"] or row["listing_created_on"]
        price = in_dollars(row["price"], row["currency"], moment.date())
        if price is not None:
            yield row, price


def kept_bookings(rows: list[Row]) -> Iterator[Booking]:
    for row in rows:
        needed = ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "total_price")
        status = STATUS[row["booking_status"]]
        if any(row[name] is None for name in needed) or status is None:
            continue
        price = in_dollars(row["total_price"], row["currency"], row["booking_date"].date())
        if row["total_price"] < 0 or price is None or not 1 <= row["nights"] <= 365:
            continue
        checkout = row["checkin_date"] + timedelta(days=row["nights"])
        yield Booking(
            row["booking_id"],
            row["user_id"],
            row["apartment_id"],
            row["booking_date"],
            row["checkin_date"],
            checkout,
            price,
            status,
            is_deleted=False,
        )


def expected(listings: list[Row], attributes: list[Row], bookings: list[Row], viewings: list[Row]) -> Marketplace:
    kept, booked = list(kept_listings(listings)), tuple(kept_bookings(bookings))
    days = [booking.booked_at.date() for booking in booked]
    days += [row["last_modified_timestamp"].date() for row, _ in kept if row["last_modified_timestamp"]]
    # Viewings of those who are not signed in count too.
    days += [row["viewed_at"].date() for row in viewings if None not in (row["apartment_id"], row["viewed_at"])]
    return Marketplace(
        as_of=max(days, default=date.min),
        listings=tuple(Listing(row["id"], row["title"], is_deleted=False) for row, _ in kept),
        attributes=tuple(
            Attributes(row["id"], (row["cityname"] or "").strip() or None, row["state"], is_deleted=False)
            for row in attributes
            if row["id"] is not None
        ),
        versions=tuple(
            Version(row["id"], row["listing_created_on"], price, bool(row["is_active"])) for row, price in kept
        ),
        bookings=booked,
    )


def fill(source: Source, table: str, rows: list[Row]) -> None:
    for row in rows:
        values = dict(row)
        if "nights" in values:
            nights = values.pop("nights")
            checkin = values["checkin_date"]
            values["checkout_date"] = checkin and checkin + timedelta(days=nights)
        source.insert(table, values)


@pytest.mark.slow
@given(LISTINGS, ATTRIBUTES, BOOKINGS, VIEWINGS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_warehouse_holds_what_plain_python_finds(
    listings: list[Row], attributes: list[Row], bookings: list[Row], viewings: list[Row]
) -> None:
    with TemporaryDirectory() as folder:
        source = Source.sqlite(Path(folder) / "marketplace.db")
        source.create(optional=False)
        for table, rows in {
            "apartments": listings,
            "apartment_attributes": attributes,
            "bookings": bookings,
            "user_viewing": viewings,
        }.items():
            fill(source, table, rows)
        pipeline = Pipeline(Path(folder) / "run", source.url)
        pipeline.run()
        marketplace = expected(listings, attributes, bookings, viewings)

        before = pipeline.tables("raw_data", "curated", "presentation")
        for metric, model in contracts().presentation.items():
            found = before[f"presentation.{metric}"]
            wanted = [] if marketplace.as_of == date.min else reference_of(model)(marketplace)
            assert Counter(found) == Counter(wanted), metric
        accounts = {
            name: tuple(rest)
            for name, *rest in pipeline.rows(
                "SELECT table_name, extracted, curated, superseded, rejected FROM ops.row_accounting"
            )
        }
        kept = len(marketplace.bookings)
        assert accounts["bookings"] == (len(bookings), kept, 0, len(bookings) - kept)
        kept = len(marketplace.listings)
        assert accounts["listings"] == (len(listings), kept, 0, len(listings) - kept)
        rejected = pipeline.rows("SELECT COUNT(*) FROM ops.rejected_rows")[0][0]
        assert rejected == sum(account[3] for account in accounts.values())

        # Of the same curated rows metrics are the same.
        pipeline.load()
        again = pipeline.tables("raw_data", "curated")
        assert again == {name: rows for name, rows in before.items() if not name.startswith("presentation.")}

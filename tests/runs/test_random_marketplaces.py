"""Random small databases, dirty rows included, through the whole pipeline, against plain Python."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.marketplace import Attributes, Booking, BookingVersion, Listing, Marketplace, Version, Viewing
from metrics.references import reference_of
from metrics.warehouse import contracts
from rental_analytics.contracts.marketplace import IdKind
from runs.harness import RATES, Pipeline, Source
from support.breadth import examples
from support.text_ids import tricky

Row = dict[str, Any]
CENT, RATE = Decimal("0.01"), Decimal("1e-12")
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
KINDS_OF_IDS: tuple[IdKind, ...] = ("integer", "text")
TYPES: dict[IdKind, str] = {"integer": "BIGINT", "text": "VARCHAR(100)"}
ID_COLUMNS = ("id", "booking_id", "user_id", "apartment_id")
NO_ID = "a "
CURRENCIES = ["USD", "usd ", "EUR", " gbp", "CHF", "XXX", None]


class Market(NamedTuple):
    """What the settings say of currencies and ids."""

    reporting: str
    default: str | None
    ids: IdKind = "integer"

    @property
    def settings(self) -> list[str]:
        found = [f"marketplace.reporting_currency={self.reporting}", f"marketplace.ids={self.ids}"]
        return [*found, f"marketplace.default_currency={self.default}"] if self.default else found


MARKETS = st.builds(
    Market,
    st.sampled_from(["USD", "EUR", "JPY"]),
    st.sampled_from([None, "EUR", "GBP"]),
    st.sampled_from(KINDS_OF_IDS),
)
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


def rate(currency: str, reporting: str, day: date) -> Decimal | None:
    """Of the last fixing on or before the day on which the reporting currency has one too."""
    if currency == reporting:
        return Decimal(1)
    fixings: dict[str, dict[str, Decimal]] = {}
    for fixed, name, value in (line.split(",") for line in RATES.splitlines()[1:]):
        fixings.setdefault(fixed, {"USD": Decimal(1)})[name] = Decimal(value)
    known = [
        rates for fixed, rates in sorted(fixings.items()) if fixed <= str(day) and {currency, reporting} <= {*rates}
    ]
    return (known[-1][currency] / known[-1][reporting]).quantize(RATE, ROUND_HALF_UP) if known else None


def converted(amount: Decimal, currency: str | None, market: Market, day: date) -> Decimal | None:
    code = market.default if currency is None else currency.strip().upper()
    value = rate(code, market.reporting, day) if code else None
    return None if value is None else (amount * value).quantize(CENT, ROUND_HALF_UP)


def with_ids(rows: list[Row], ids: IdKind, *, misfit: bool = True) -> list[Row]:
    """Rows with texts in place of their ids, if these are texts: one of them none that can be an id."""
    wrong = {3: NO_ID} if misfit else {}
    if ids == "integer":
        return rows
    return [
        {name: wrong.get(value) or tricky(value) if name in ID_COLUMNS else value for name, value in row.items()}
        for row in rows
    ]


def kept_listings(rows: list[Row], market: Market) -> Iterator[tuple[Row, Decimal]]:
    for row in rows:
        if row["id"] in {None, NO_ID} or row["price"] is None or row["price"] <= 0 or row["listing_created_on"] is None:
            continue
        moment = row["last_modified_timestamp"] or row["listing_created_on"]
        price = converted(row["price"], row["currency"], market, moment.date())
        if price is not None:
            yield row, price


def kept_bookings(rows: list[Row], market: Market) -> Iterator[Booking]:
    for row in rows:
        needed = ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "total_price")
        status = STATUS[row["booking_status"]]
        if any(row[name] in {None, NO_ID} for name in needed) or status is None:
            continue
        price = converted(row["total_price"], row["currency"], market, row["booking_date"].date())
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


def versions(row: Row, price: Decimal) -> Iterator[Version]:
    """From the listing's creation on; of one that is not active, it had been until it was changed."""
    created, modified = row["listing_created_on"], row["last_modified_timestamp"]
    was_active = not row["is_active"] and modified and modified > created
    if was_active:
        yield Version(row["id"], created, price, is_active=True)
    yield Version(row["id"], modified if was_active else created, price, bool(row["is_active"]))


def expected(
    market: Market, listings: list[Row], attributes: list[Row], bookings: list[Row], viewings: list[Row]
) -> Marketplace:
    kept, booked = list(kept_listings(listings, market)), tuple(kept_bookings(bookings, market))
    days = [booking.booked_at.date() for booking in booked]
    days += [row["last_modified_timestamp"].date() for row, _ in kept if row["last_modified_timestamp"]]
    # Viewings of those who are not signed in count too.
    seen = [row for row in viewings if not {None, NO_ID} & {row["apartment_id"], row["viewed_at"]}]
    days += [row["viewed_at"].date() for row in seen]
    return Marketplace(
        as_of=max(days, default=date.min),
        known_from=datetime.now(UTC).date(),
        currency=market.reporting,
        listings=tuple(Listing(row["id"], row["title"], is_deleted=False) for row, _ in kept),
        attributes=tuple(
            Attributes(row["id"], (row["cityname"] or "").strip() or None, row["state"], is_deleted=False)
            for row in attributes
            if row["id"] not in {None, NO_ID}
        ),
        versions=tuple(version for row, price in kept for version in versions(row, price)),
        bookings=booked,
        booking_versions=tuple(map(first_version, booked)),
        viewings=tuple(
            Viewing(row["user_id"], row["apartment_id"], row["viewed_at"], is_wishlisted=False) for row in seen
        ),
    )


def first_version(booking: Booking) -> BookingVersion:
    """As it was made, where the source does not tell when it changed."""
    stay = booking.checkin_date, booking.checkout_date
    return BookingVersion(booking.booking_id, booking.booked_at, booking.status, *stay, booking.reporting_total_price)


def fill(source: Source, table: str, rows: list[Row]) -> None:
    for row in rows:
        values = dict(row)
        if "nights" in values:
            nights = values.pop("nights")
            checkin = values["checkin_date"]
            values["checkout_date"] = checkin and checkin + timedelta(days=nights)
        source.insert(table, values)


@pytest.mark.slow
@given(MARKETS, LISTINGS, ATTRIBUTES, BOOKINGS, VIEWINGS)
@settings(
    max_examples=examples(6, 12),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_warehouse_holds_what_plain_python_finds(
    market: Market, listings: list[Row], attributes: list[Row], bookings: list[Row], viewings: list[Row]
) -> None:
    listings, attributes, bookings, viewings = (
        with_ids(rows, market.ids) for rows in (listings, attributes, bookings, viewings)
    )
    with TemporaryDirectory() as folder:
        source = Source.sqlite(Path(folder) / "marketplace.db")
        source.create(optional=False, ids=TYPES[market.ids])
        for table, rows in {
            "apartments": listings,
            "apartment_attributes": attributes,
            "bookings": bookings,
            "user_viewing": viewings,
        }.items():
            fill(source, table, rows)
        pipeline = Pipeline(Path(folder) / "run", source.url, *market.settings, every_metric=True)
        pipeline.run()
        marketplace = expected(market, listings, attributes, bookings, viewings)

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

"""A company's own marketplace: its tables, names, statuses and habits are not ours.

Ids may be CHAR(36). Nightly prices are in cents, and a view of the company gives them in euros; it also knows which
units are deleted, whose rows stay. Nothing says that prices are in euros. Who looks at a page without being signed in
is NULL. A user may read, and create nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from metrics.marketplace import Attributes, Booking, BookingVersion, Listing, Marketplace, Version, Viewing

STATUSES = {
    "CONFIRMED": "confirmed",
    "Cancelled by guest": "canceled",
    "no_show": "confirmed",
    "inquiry": "pending",
}
"""What the company calls a reservation's state, and what it means by it."""

FIRST_DAY = datetime(2024, 1, 1, 9)  # noqa: DTZ001 moments are UTC
AS_BOOKED = timedelta(hours=2)
"""How long after it was booked a reservation that nobody changed since was written."""
CITIES = (("Lisboa", "PT"), ("Porto", "PT"), ("Sevilla", "ES"))
TABLES = {
    "units": {
        "id": "{id} PRIMARY KEY",
        "name": "VARCHAR(200)",
        "channel": "VARCHAR(20)",
        "nightly_cents": "INT",
        "created_at": "DATETIME(6)",
        "updated_at": "DATETIME(6)",
        "deleted_at": "DATETIME(6)",
    },
    "unit_details": {
        "id": "BIGINT PRIMARY KEY",
        "unit_id": "{id}",
        "kind": "VARCHAR(40)",
        "description": "TEXT",
        "amenities": "TEXT",
        "baths": "DECIMAL(3,1)",
        "bedrooms": "INT",
        "photos": "INT",
        "pets": "VARCHAR(20)",
        "sqft": "INT",
        "street": "VARCHAR(200)",
        "city": "VARCHAR(100)",
        "region": "VARCHAR(20)",
        "lat": "DECIMAL(9,6)",
        "lng": "DECIMAL(9,6)",
        "updated_at": "DATETIME(6)",
    },
    "reservations": {
        "id": "{id} PRIMARY KEY",
        "guest_id": "{id}",
        "unit_id": "{id}",
        "booked_at": "DATETIME(6)",
        "arrival": "DATE",
        "departure": "DATE",
        "total": "DECIMAL(12,2)",
        "status": "VARCHAR(40)",
        "guests": "INT",
        "updated_at": "DATETIME(6)",
    },
    "page_views": {
        "visitor_id": "{id}",
        "unit_id": "{id}",
        "viewed_at": "DATETIME(6)",
        "cta": "VARCHAR(40)",
    },
    "guests": {"id": "{id} PRIMARY KEY", "email": "VARCHAR(200)"},
}
VIEW = (
    "CREATE VIEW units_in_euros AS SELECT id, name, channel, {price} AS nightly_price, "
    "deleted_at IS NULL AS active, created_at, updated_at FROM units"
)
PRICES = {"sqlite": "nightly_cents / 100.0", "mysql": "nightly_cents / 100"}


def edited(text: str) -> str:
    """What a person makes of the file that `rental init --from` wrote for the company."""
    for before, after in {
        '# reporting_currency = "EUR"\n': 'reporting_currency = "EUR"\n',
        "# No currency is known for apartments.price, bookings.total_price.\n": "",
        '# default_currency = "EUR"\n': 'default_currency = "EUR"\n',
        "# pending = []\n": 'pending = ["inquiry"]\n',
        "# confirmed = []\n": 'confirmed = ["no_show"]\n',
        "# canceled = [": "canceled = [",
        '# name = "units_in_euros"  # has 7 of 7 needed columns\n': 'name = "units_in_euros"\n',
        '# fee = "no"\n': 'fee = "no"\n',
        "# is_wishlisted = false\n": "is_wishlisted = false\n",
    }.items():
        assert text.count(f"\n{before}") == 1, f"{before} in\n{text}"
        text = text.replace(f"\n{before}", f"\n{after}")
    return text


@dataclass
class Unit:
    number: int
    created_at: datetime
    cents: int
    updated_at: datetime
    is_deleted: bool = False
    versions: list[tuple[datetime, int, bool]] = field(default_factory=list)
    """What runs have seen: since when, price in cents, whether it is on offer."""


@dataclass(frozen=True)
class Reservation:
    number: int
    guest: int
    unit: int
    booked_at: datetime
    arrival: date
    nights: int
    cents: int
    status: str
    updated_at: datetime


class Company:
    """The marketplace in a database, and once more in memory.

    Args:
        execute: runs a statement in an empty database.
        dialect: `sqlite` or `mysql`.
        ids: `integer` or `text`, as `marketplace.ids` says them.
    """

    def __init__(self, execute: Callable[[str], Any], dialect: str, ids: str = "integer") -> None:
        self._execute = execute
        self._ids = ids
        kind = "BIGINT" if ids == "integer" else "CHAR(36)"
        for table, columns in TABLES.items():
            listed = ", ".join(f"{name} {native.format(id=kind)}" for name, native in columns.items())
            execute(f"CREATE TABLE {table} ({listed})")
        execute(VIEW.format(price=PRICES[dialect]))
        self._units: dict[int, Unit] = {}
        self._reservations: dict[int, Reservation] = {}
        self._views: list[tuple[int | None, int, datetime]] = []
        self._fill(Random(7))

    def id(self, what: str, number: int) -> Any:
        """An id of a unit, a guest or a reservation."""
        return number if self._ids == "integer" else str(uuid5(NAMESPACE_URL, f"{what}/{number}"))

    def change(self) -> None:
        """A week in which a unit is deleted, one gets dearer, a guest cancels, and pages are viewed."""
        moment = FIRST_DAY + timedelta(days=100)
        self._change_unit(2, moment, cents=9_999)
        self._change_unit(3, moment + timedelta(hours=1), is_deleted=True)
        first = next(one for one in self._reservations.values() if one.status == "CONFIRMED")
        changed = replace(first, status="Cancelled by guest", updated_at=moment)
        self._reservations[first.number] = changed
        self._execute(
            f"UPDATE reservations SET status = {_literal(changed.status)}, updated_at = {_literal(moment)} "
            f"WHERE id = {_literal(self.id('reservation', first.number))}"
        )
        self._add_view(None, 1, moment)
        self._add_view(4, 2, moment + timedelta(days=1))

    def marketplace(self, as_of: date) -> Marketplace:
        """What the metrics are to be made of, with euros as the reporting currency."""
        return Marketplace(
            as_of,
            "EUR",
            # Its first run is one of today.
            known_from=datetime.now(UTC).date(),
            listings=tuple(Listing(self.id("unit", number), _name(number), is_deleted=False) for number in self._units),
            attributes=tuple(
                Attributes(self.id("unit", number), *CITIES[number % len(CITIES)], is_deleted=False)
                for number in self._units
            ),
            versions=tuple(version for unit in self._units.values() for version in self._versions(unit)),
            bookings=tuple(self._booking(one) for one in self._reservations.values()),
            booking_versions=tuple(
                version for one in self._reservations.values() for version in self._booking_versions(one)
            ),
            viewings=tuple(
                Viewing(None if guest is None else self.id("guest", guest), self.id("unit", unit), at, False)
                for guest, unit, at in self._views
            ),
        )

    def _versions(self, unit: Unit) -> Iterator[Version]:
        """The first that was seen holds from the beginning; a unit that was gone by then was on offer before."""
        identifier = self.id("unit", unit.number)
        _, first_cents, was_active = unit.versions[0]
        yield Version(identifier, unit.created_at, _euros(first_cents), is_active=True)
        for since, cents, is_active in unit.versions[1:] if was_active else unit.versions:
            yield Version(identifier, since, _euros(cents), is_active)

    def _booking_versions(self, one: Reservation) -> Iterator[BookingVersion]:
        """One that was canceled when it was first seen was something else before, which nobody knows."""
        now = self._booking(one)
        stay = now.checkin_date, now.checkout_date, now.reporting_total_price
        since = one.booked_at
        if now.status == "canceled":
            since = one.updated_at
            if since > one.booked_at + AS_BOOKED:
                yield BookingVersion(now.booking_id, one.booked_at, "confirmed", *stay)
        yield BookingVersion(now.booking_id, since, now.status, *stay)

    def _booking(self, one: Reservation) -> Booking:
        return Booking(
            self.id("reservation", one.number),
            self.id("guest", one.guest),
            self.id("unit", one.unit),
            one.booked_at,
            one.arrival,
            one.arrival + timedelta(days=one.nights),
            _euros(one.cents),
            STATUSES[one.status],
            is_deleted=False,
        )

    def _fill(self, random: Random) -> None:
        for number in range(1, 8):
            created = FIRST_DAY + timedelta(days=number)
            unit = Unit(number, created, 5_000 + 1_234 * number, created + timedelta(days=20), number % 3 == 1)
            unit.versions.append((unit.updated_at, unit.cents, not unit.is_deleted))
            self._units[number] = unit
            self._insert_unit(unit)
        for number in range(1, 41):
            booked = FIRST_DAY + timedelta(days=random.randrange(10, 90), hours=random.randrange(12))
            reservation = Reservation(
                number,
                random.randrange(1, 9),
                random.randrange(1, 8),
                booked,
                booked.date() + timedelta(days=random.randrange(30)),
                random.randrange(1, 9),
                random.randrange(4_000, 90_000),
                random.choice(list(STATUSES)),
                booked + AS_BOOKED,
            )
            self._reservations[number] = reservation
            self._insert_reservation(reservation)
        for number in range(30):
            guest = None if number % 3 == 0 else random.randrange(1, 9)
            self._add_view(guest, random.randrange(1, 8), FIRST_DAY + timedelta(days=number, minutes=number))
        for number in range(1, 9):
            self._insert("guests", id=self.id("guest", number), email=f"guest{number}@example.com")

    def _insert_unit(self, unit: Unit) -> None:
        city, region = CITIES[unit.number % len(CITIES)]
        identifier = self.id("unit", unit.number)
        moments = {"created_at": unit.created_at, "updated_at": unit.updated_at}
        deleted = unit.updated_at if unit.is_deleted else None
        name = _name(unit.number)
        self._insert(
            "units", id=identifier, name=name, channel="web", nightly_cents=unit.cents, **moments, deleted_at=deleted
        )
        self._insert(
            "unit_details",
            id=1_000 - unit.number,
            unit_id=identifier,
            kind="flat",
            amenities="Pool, Gym",
            baths="1.5",
            bedrooms=2,
            photos=3,
            pets="none",
            sqft=700,
            street="Rua 1",
            city=city,
            region=region,
            lat="38.722300",
            lng="-9.139300",
            updated_at=unit.updated_at,
        )

    def _insert_reservation(self, one: Reservation) -> None:
        self._insert(
            "reservations",
            id=self.id("reservation", one.number),
            guest_id=self.id("guest", one.guest),
            unit_id=self.id("unit", one.unit),
            booked_at=one.booked_at,
            arrival=one.arrival,
            departure=one.arrival + timedelta(days=one.nights),
            total=_euros(one.cents),
            status=one.status,
            guests=2,
            updated_at=one.updated_at,
        )

    def _add_view(self, guest: int | None, unit: int, at: datetime) -> None:
        self._views.append((guest, unit, at))
        visitor = None if guest is None else self.id("guest", guest)
        self._insert("page_views", visitor_id=visitor, unit_id=self.id("unit", unit), viewed_at=at, cta="book")

    def _change_unit(self, number: int, moment: datetime, cents: int = 0, *, is_deleted: bool = False) -> None:
        unit = self._units[number]
        unit.cents, unit.is_deleted, unit.updated_at = cents or unit.cents, is_deleted, moment
        unit.versions.append((moment, unit.cents, not is_deleted))
        deleted = _literal(moment if is_deleted else None)
        self._execute(
            f"UPDATE units SET nightly_cents = {unit.cents}, deleted_at = {deleted}, updated_at = {_literal(moment)} "
            f"WHERE id = {_literal(self.id('unit', number))}"
        )

    def _insert(self, table: str, **row: Any) -> None:
        values = ", ".join(_literal(value) for value in row.values())
        self._execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})")


def _name(number: int) -> str:
    return f"Casa {number}"


def _euros(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"'{value.isoformat(' ', 'microseconds')}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def schema(ids: str = "text") -> Mapping[str, Mapping[str, str]]:
    """The company's tables, as its own documentation shows them."""
    kind = "BIGINT" if ids == "integer" else "CHAR(36)"
    return {
        table: {name: native.format(id=kind) for name, native in columns.items()} for table, columns in TABLES.items()
    }

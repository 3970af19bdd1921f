"""A thousand random dirty rows among good ones, against plain Python: set aside whole, and back once corrected."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from runs.harness import OPTIONAL, RATES, REQUIRED, Pipeline
from servers.mysql import MySqlServer
from support.breadth import sampled

pytestmark = [pytest.mark.service, pytest.mark.slow]
Row = dict[str, Any]
Rules = tuple[str, ...]
DIRTY, GOOD = 250, 120
"""Rows per table."""

COLUMNS = {table: columns | OPTIONAL.get(table, {}) for table, columns in REQUIRED.items()}
MODELS = {
    "apartments": "listings",
    "apartment_attributes": "listing_attributes",
    "user_viewing": "viewings",
    "bookings": "bookings",
}
KEYS = {"apartments": "id", "apartment_attributes": "id", "bookings": "booking_id"}
CURSORS = {
    "apartments": "last_modified_timestamp",
    "apartment_attributes": "last_modified_timestamp",
    "user_viewing": "viewed_at",
    "bookings": "updated_at",
}
ZERO, ZERO_MONTH = "0000-00-00", "2024-00-10"
WORDS = (
    *("", " ", "O'Brien", '"', "\\", "\\N", "🏠", "e\u0301", "שלום", "a\0b", "\0", "\r\n\t", "%s", "{key}", "NULL"),
    *("null", "; --", "\x1f\x7f", "北京", ",", ",,", "a,b", "\u202e", "\ufeff"),
)
START = datetime(2024, 3, 1)  # noqa: DTZ001 moments of the lake are UTC without a zone
CENT = Decimal("0.01")


class Dice:
    """Random rows; every moment it deals is another one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._ticks = 0

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def moment(self, days: int = 60) -> datetime:
        self._ticks += 1
        return START + timedelta(days=self.random.randrange(days), seconds=self._ticks, microseconds=self._ticks)

    def id(self) -> int:
        return int(self.pick(self.random.randrange(1, 10**6), self.random.randrange(2**53, 2**63), 2**63 - 1, -(2**63)))

    def word(self) -> Any:
        return self.pick(None, "plain", *WORDS)

    def money(self) -> Decimal:
        return Decimal(self.random.randrange(1, 10 ** self.random.randrange(1, 13))).scaleb(-2)

    def number(self) -> int | None:
        number: int | None = self.pick(None, 0, 1, -1, 2**31 - 1, -(2**31))
        return number


def good_listing(dice: Dice) -> Row:
    created = dice.moment()
    return {
        "title": dice.word(),
        "source": dice.word(),
        "price": dice.money(),
        "currency": dice.pick("USD", " usd", "EUR", "gbp ", "Jpy"),
        "listing_created_on": created,
        "is_active": dice.pick(0, 1, None),
        "last_modified_timestamp": dice.moment(),
    }


def good_attributes(dice: Dice) -> Row:
    texts = ("category", "body", "fee", "pets_allowed", "address", "cityname", "state", "price_type")
    return {
        **{name: dice.word() for name in texts},
        "amenities": dice.pick(None, "", "Wifi, Bath ,,a", " , ", dice.word(), f"b,{dice.word()}, A"),
        "bathrooms": dice.pick(None, Decimal("99.9"), Decimal("-99.9"), Decimal("1.5")),
        "bedrooms": dice.number(),
        "has_photo": dice.pick("Yes", " NO ", "1", "thumbnail", "", dice.word()),
        "square_feet": dice.number(),
        "latitude": dice.pick(None, Decimal("999.999999"), Decimal("-0.000001")),
        "longitude": dice.pick(None, Decimal("-999.999999"), Decimal("12.5")),
        "last_modified_timestamp": dice.moment(),
    }


def good_viewing(dice: Dice) -> Row:
    return {
        "id": dice.id(),
        "user_id": dice.pick(None, dice.id()),
        "apartment_id": dice.id(),
        "viewed_at": dice.moment(),
        "is_wishlisted": dice.pick(0, 1, None),
        "call_to_action": dice.word(),
    }


def good_booking(dice: Dice) -> Row:
    checkin = START.date() + timedelta(days=dice.random.randrange(100))
    return {
        "user_id": dice.id(),
        "apartment_id": dice.id(),
        "booking_date": dice.moment(),
        "checkin_date": checkin,
        "checkout_date": checkin + timedelta(days=dice.pick(1, 3, 365)),
        "total_price": dice.pick(dice.money(), Decimal("0.00"), Decimal("9999999999.99")),
        "currency": dice.pick("USD", "usd ", "EUR", " Chf", "JPY"),
        "booking_status": dice.pick("pending", "CONFIRMED", " Completed", "checked out", "Checked_Out", "cancelled"),
        "payment_status": dice.word(),
        "num_guests": dice.number(),
        "updated_at": dice.moment(),
    }


MAKE: Mapping[str, Callable[[Dice], Row]] = {
    "apartments": good_listing,
    "apartment_attributes": good_attributes,
    "user_viewing": good_viewing,
    "bookings": good_booking,
}
BAD_CURRENCIES = (None, "", " ", "XXX", "US$", "DOGE", "EURO", "\tEUR", "€", "U SD", "e\u0301ur")
NO_DATE = (None, ZERO, ZERO_MONTH)
BREAKS: Mapping[str, tuple[Callable[[Row, Dice], Row], ...]] = {
    "apartments": (
        lambda row, dice: {"id": None},
        lambda row, dice: {"price": dice.pick(None, Decimal("0.00"), Decimal("-0.01"), Decimal("-9999999999.99"))},
        lambda row, dice: {"currency": dice.pick(*BAD_CURRENCIES)},
        lambda row, dice: {"listing_created_on": dice.pick(*NO_DATE)},
        lambda row, dice: {"currency": "CHF", "last_modified_timestamp": dice.moment() - timedelta(days=90)},
    ),
    "apartment_attributes": (lambda row, dice: {"id": None},),
    "user_viewing": (
        lambda row, dice: {"apartment_id": None},
        lambda row, dice: {"viewed_at": dice.pick(*NO_DATE)},
    ),
    "bookings": (
        lambda row, dice: {"booking_id": None},
        lambda row, dice: {"user_id": None},
        lambda row, dice: {"apartment_id": None},
        lambda row, dice: {"booking_date": dice.pick(*NO_DATE)},
        lambda row, dice: {dice.pick("checkin_date", "checkout_date"): dice.pick(*NO_DATE)},
        lambda row, dice: {"checkin_date": dice.pick(date(1000, 1, 1), date(9999, 12, 30), row["checkout_date"])},
        lambda row, dice: {"checkout_date": dice.pick(date(9999, 12, 31), START.date() + timedelta(days=600))},
        lambda row, dice: {"total_price": dice.pick(Decimal("-0.01"), Decimal("-9999999999.99"), None)},
        lambda row, dice: {"currency": dice.pick(*BAD_CURRENCIES)},
        lambda row, dice: {"booking_date": dice.moment() - timedelta(days=500), "currency": "EUR"},
        lambda row, dice: {"booking_status": dice.pick(None, "", "on hold", "confirmed?", "cancel", *WORDS)},
    ),
}


def dirty_rows(table: str, dice: Dice) -> list[Row]:
    """Good rows and broken ones, in any order; some keys come again, in a newer or an older row."""
    rows: list[Row] = []
    for is_dirty in dice.random.sample([True] * DIRTY + [False] * GOOD, DIRTY + GOOD):
        row: Row = {"number": len(rows), **MAKE[table](dice)}
        if table in KEYS:
            row[KEYS[table]] = len(rows) + dice.pick(1, 2**53, -(2**62))
            if dice.random.random() < 0.15 and rows:
                row[KEYS[table]] = dice.pick(*rows)[KEYS[table]]
        for break_ in dice.random.sample(BREAKS[table], min(dice.pick(1, 1, 2, 3), len(BREAKS[table]))) * is_dirty:
            row |= break_(row, dice)
        rows.append(row)
        if dice.random.random() < 0.03:
            rows.append({**row, "number": len(rows)})
    if table in KEYS:
        often = Counter(row[KEYS[table]] for row in rows)
        for row in rows:
            if often[row[KEYS[table]]] == 1 and dice.random.random() < 0.1:
                row[CURSORS[table]] = dice.pick(*NO_DATE)
    return rows


def arrived(row: Row) -> Row:
    """What the lake has of a row: zero dates are NULL."""
    return {name: None if value in (ZERO, ZERO_MONTH) else value for name, value in row.items() if name != "number"}


def rate(currency: str | None, moment: datetime | None) -> Decimal | None:
    """US dollars for one unit; None where there is no such rate. Without a moment any rate will do."""
    code = (currency or "").strip(" ").upper()
    if code == "USD":
        return Decimal(1)
    fixings = [line.split(",") for line in RATES.splitlines()[1:]]
    known = [(day, value) for day, name, value in fixings if name == code]
    if moment is not None:
        known = [(day, value) for day, value in known if day <= str(moment.date())]
    return Decimal(max(known)[1]) if known else None


def status(text: str | None) -> str | None:
    word = "".join(letter for letter in (text or "").lower() if letter not in " _-")
    names = {"completed": "confirmed", "checkedout": "confirmed", "cancelled": "canceled"}
    word = names.get(word, word)
    return word if word in {"pending", "confirmed", "canceled"} else None


def broken_rules(table: str, row: Row) -> Rules:
    """The names of the reject rules that a row breaks, in the order of DESIGN's list."""
    if table == "apartment_attributes":
        found = {"missing_key": row["id"] is None}
    elif table == "user_viewing":
        names = {"missing_listing": "apartment_id", "missing_viewed_at": "viewed_at"}
        found = {rule: row[name] is None for rule, name in names.items()}
    elif table == "apartments":
        moment = row["last_modified_timestamp"] or row["listing_created_on"]
        found = {
            "missing_key": row["id"] is None,
            "price_not_positive": row["price"] is None or row["price"] <= 0,
            "unknown_currency": rate(row["currency"], moment) is None,
            "missing_created_at": row["listing_created_on"] is None,
        }
    else:
        checkin, checkout, price = row["checkin_date"], row["checkout_date"], row["total_price"]
        nights = (checkout - checkin).days if checkin and checkout else None
        found = {
            "missing_key": row["booking_id"] is None,
            "missing_user": row["user_id"] is None,
            "missing_listing": row["apartment_id"] is None,
            "missing_booked_at": row["booking_date"] is None,
            "missing_stay_dates": nights is None,
            "checkout_not_after_checkin": nights is not None and nights <= 0,
            "stay_longer_than_year": nights is not None and nights > 365,
            "negative_price": price is not None and price < 0,
            "missing_price": price is None,
            "unknown_currency": rate(row["currency"], row["booking_date"]) is None,
            "unknown_status": status(row["booking_status"]) is None,
            "value_out_of_range": any(day and not 1678 <= day.year <= 2261 for day in (checkin, checkout)),
        }
    return tuple(rule for rule, is_broken in found.items() if is_broken)


def current(table: str, rows: Iterable[Row]) -> list[Row]:
    """The newest row of each key; rows without a key stand for themselves."""
    if table not in KEYS:
        return list(rows)
    key, newest, alone = KEYS[table], dict[Any, Row](), []
    for row in rows:
        known = newest.get(row[key])
        if row[key] is None:
            alone.append(row)
        elif known is None or arrived(row)[CURSORS[table]] >= arrived(known)[CURSORS[table]]:
            newest[row[key]] = row
    return [*newest.values(), *alone]


def dollars(amount: Decimal, currency: str, moment: datetime) -> Decimal:
    value = rate(currency, moment)
    assert value is not None
    return (amount * value).quantize(CENT, ROUND_HALF_UP)


def curated(table: str, row: Row) -> tuple[Any, ...]:
    """A good row as it stands in its curated table."""
    if table == "user_viewing":
        wishlisted = row["is_wishlisted"]
        flag = None if wishlisted is None else bool(wishlisted)
        return row["user_id"], row["apartment_id"], row["viewed_at"], flag, row["call_to_action"]
    if table == "apartment_attributes":
        return curated_attributes(row)
    code = row["currency"].strip(" ").upper()
    if table == "apartments":
        created, modified = row["listing_created_on"], row["last_modified_timestamp"]
        price = dollars(row["price"], code, modified or created)
        active = None if row["is_active"] is None else bool(row["is_active"])
        return row["id"], row["title"], row["source"], row["price"], code, price, created, active, modified, False
    checkin, checkout, booked = row["checkin_date"], row["checkout_date"], row["booking_date"]
    return (
        *(row["booking_id"], row["user_id"], row["apartment_id"], booked, checkin, checkout),
        *((checkout - checkin).days, (checkin - booked.date()).days, row["total_price"], code),
        *(dollars(row["total_price"], code, booked), status(row["booking_status"])),
        *(row["payment_status"], row["num_guests"], row["updated_at"] or booked, False),
    )


def curated_attributes(row: Row) -> tuple[Any, ...]:
    amenities = sorted(word for part in (row["amenities"] or "").split(",") if (word := part.strip(" ")))
    photo = (row["has_photo"] or "").strip(" ").lower()
    yes = photo in {"1", "true", "yes", "y", "thumbnail"}
    no = row["has_photo"] is not None and photo in {"0", "false", "no", "n", "none", ""}
    degrees = (None if row[name] is None else float(row[name]) for name in ("latitude", "longitude"))
    return (
        *(row["id"], row["category"], row["body"], ",".join(amenities) or None, len(amenities)),
        *(row["bathrooms"], row["bedrooms"], row["fee"], True if yes else False if no else None),
        *(row["pets_allowed"], row["price_type"], row["square_feet"], row["address"]),
        *((row["cityname"] or "").strip(" ") or None, (row["state"] or "").strip(" ") or None, *degrees, False),
    )


def shown(kind: str, value: Any) -> str | None:
    """A source value as the text that stands in `row_json`."""
    if value is None:
        return None
    if kind == "TINYINT(1)":
        return "true" if value else "false"
    if kind.startswith("DATETIME"):
        return str(value).rstrip("0") if value.microsecond else str(value)
    if kind.startswith("DECIMAL"):
        return f"{value:.{kind[-2]}f}"
    return str(value)


def set_aside(table: str, rows: Iterable[Row]) -> Counter[tuple[Any, ...]]:
    """What has to stand in `ops.rejected_rows`: key, rules, all columns."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in map(arrived, current(table, rows)):
        if rules := broken_rules(table, row):
            key = KEYS.get(table)
            text = None if key is None else "" if row[key] is None else str(row[key])
            columns = {name: shown(kind, row[name]) for name, kind in COLUMNS[table].items()}
            found[text, ",".join(rules), tuple(sorted(columns.items()))] += 1
    return found


class Market:
    """The four tables in MySQL, without keys, and what Python knows of them."""

    def __init__(self, server: MySqlServer, dice: Dice) -> None:
        self._server = server
        self._database = server.create_database()
        self.url = server.url(self._database)
        self.rows = {table: dirty_rows(table, dice) for table in COLUMNS}
        for table, columns in COLUMNS.items():
            # The pipeline ignores a column that its contract does not name.
            listed = ", ".join(f"{name} {kind}" for name, kind in ({"number": "INT"} | columns).items())
            server.execute(f"CREATE TABLE {table} ({listed})", self._database)
            marks = ", ".join(f"%({name})s" for name in self.rows[table][0])
            names = ", ".join(self.rows[table][0])
            self._write(f"INSERT INTO {table} ({names}) VALUES ({marks})", self.rows[table])

    def _write(self, sql: str, rows: list[Row]) -> None:
        with closing(self._server.connect(self._database)) as connection, connection.cursor() as cursor:
            # MySQL refuses zero dates unless it is told otherwise; tables of before 5.7 have them.
            cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
            cursor.executemany(sql, rows)
            connection.commit()

    def correct(self, table: str, dice: Dice, *, moving: bool, every: int = 1) -> None:
        """Make good rows of those that are set aside, each in place and its copies with it."""
        rows, cursor, key = self.rows[table], CURSORS[table], KEYS.get(table)
        changed = []
        for row in [row for row in current(table, rows) if broken_rules(table, arrived(row))][::every]:
            fixed = MAKE[table](dice) | {cursor: dice.moment() + timedelta(days=100) if moving else row[cursor]}
            if key:
                fixed[key] = 10**9 + row["number"] if row[key] is None else row[key]
            if broken_rules(table, arrived(fixed)):
                # The cursor itself is at fault.
                fixed[cursor] = dice.moment()
            copies = (
                [other for other in rows if arrived(other) == arrived(row)] if key and row[key] is not None else [row]
            )
            for copy in copies:
                copy.update(fixed)
            changed += copies
        assignments = ", ".join(f"{name} = %({name})s" for name in COLUMNS[table])
        self._write(f"UPDATE {table} SET {assignments} WHERE number = %(number)s", changed)


def stored(pipeline: Pipeline, table: str, run_id: str) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    sql = f"SELECT row_key, rules, row_json FROM ops.rejected_rows WHERE table_name = '{MODELS[table]}'"
    for key, rules, text in pipeline.rows(f"{sql} AND run_id = '{run_id}'"):
        columns = json.loads(text)
        assert {value for name, value in columns.items() if name not in COLUMNS[table]} <= {None}
        found[key, rules, tuple(sorted((name, columns[name]) for name in COLUMNS[table]))] += 1
    return found


def accounts(pipeline: Pipeline, run_id: str) -> dict[str, tuple[int, int, int, int]]:
    sql = "SELECT table_name, extracted, curated, superseded, rejected FROM ops.row_accounting"
    return {name: tuple(counts) for name, *counts in pipeline.rows(f"{sql} WHERE run_id = '{run_id}'")}  # type: ignore[misc]


def kept(pipeline: Pipeline, table: str) -> Counter[tuple[Any, ...]]:
    hidden = "COLUMNS(c -> c NOT IN ('_run_id', '_loaded_at'))"
    where = " WHERE NOT is_deleted" if table in KEYS else ""
    return Counter(pipeline.rows(f"SELECT {hidden} FROM curated.{MODELS[table]}{where}"))


def expected(table: str, rows: Iterable[Row]) -> Counter[tuple[Any, ...]]:
    found = map(arrived, current(table, rows))
    return Counter(curated(table, row) for row in found if not broken_rules(table, row))


def assert_curated(pipeline: Pipeline, market: Market) -> None:
    for table, rows in market.rows.items():
        found, wanted = kept(pipeline, table), expected(table, rows)
        assert (found - wanted, wanted - found) == (Counter(), Counter()), table


RUNS = [(1, "duckdb"), (random.SystemRandom().randrange(10**9), "duckdb"), (1, "spark")]


@pytest.mark.parametrize(
    ("seed", "engine"), sampled(RUNS, RUNS[:1]), ids=["always the same", "another each time", "on Spark"]
)
def test_dirty_rows_are_set_aside_whole_and_come_back(
    mysql: MySqlServer, tmp_path: Path, request: pytest.FixtureRequest, seed: int, engine: str
) -> None:
    if engine == "spark":
        request.getfixturevalue("spark")
    print(f"seed {seed}")  # noqa: T201 pytest shows it when the test fails
    dice = Dice(seed)
    market = Market(mysql, dice)
    pipeline = Pipeline(tmp_path / "run", market.url, f"engine.kind={engine}")

    first = pipeline.load().run.run_id
    counts = accounts(pipeline, first)
    for table, rows in market.rows.items():
        wanted, found = set_aside(table, rows), stored(pipeline, table, first)
        assert (found - wanted, wanted - found) == (Counter(), Counter()), table
        newest = len(current(table, rows))
        rejected = wanted.total()
        assert counts[MODELS[table]] == (len(rows), newest - rejected, len(rows) - newest, rejected)
    assert sum(count[3] for count in counts.values()) > 3 * DIRTY // 2
    assert_curated(pipeline, market)
    if engine == "spark":
        # What it makes of later runs is compared with DuckDB's in test_spark_marketplaces.py.
        return

    for table in market.rows:
        market.correct(table, dice, moving=True, every=2)
    second = pipeline.load().run.run_id
    assert_curated(pipeline, market)
    for table, rows in market.rows.items():
        extracted, *parts = accounts(pipeline, second)[MODELS[table]]
        assert extracted == sum(parts)
        # What is read again, such as all rows without a key, is set aside again; nothing else is.
        assert not stored(pipeline, table, second) - set_aside(table, rows)

    for table in market.rows:
        market.correct(table, dice, moving=False)
    # An event that was moved is another event, so many have vanished.
    refreshed = pipeline.load("quality.max_deleted_share=1", full_refresh=True).run.run_id
    assert_curated(pipeline, market)
    for table, rows in market.rows.items():
        newest = len(current(table, rows))
        assert accounts(pipeline, refreshed)[MODELS[table]] == (len(rows), newest, len(rows) - newest, 0)
    assert pipeline.rows(f"SELECT COUNT(*) FROM ops.rejected_rows WHERE run_id = '{refreshed}'") == [(0,)]

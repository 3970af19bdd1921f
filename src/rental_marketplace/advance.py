"""Some more days in the life of an existing marketplace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from rental_marketplace.booking_changes import draw_booking_changes, write_booking_changes
from rental_marketplace.calendar import day_date
from rental_marketplace.dirt import NULLED_COLUMNS
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.future import FutureDays
from rental_marketplace.listing_changes import (
    draw_listing_changes,
    write_attribute_changes,
    write_listing_changes,
)
from rental_marketplace.options import (
    AdvanceSummary,
    Progress,
    check_dirty_rate,
    check_not_negative,
    ignore_progress,
)
from rental_marketplace.sampling import stream
from rental_marketplace.schema import Table
from rental_marketplace.state import read_state
from rental_marketplace.writers import Target, open_target


def advance(
    url: str,
    days: int,
    *,
    seed: int = 42,
    dirty_rate: float = 0.0,
    password: str | None = None,
    on_progress: Progress | None = None,
) -> AdvanceSummary:
    """Let the marketplace live on for some days after its last one, one transaction per table.

    The same seed and the same database content give the same changes; the clock plays no part.

    Args:
        url: as for `generate`.
        days: how many, at least 1.
        dirty_rate: share of bad rows among the new ones.
        password: for MySQL, instead of the one in the URL.
        on_progress: called with a table's name and the new rows of it written so far.

    Raises:
        MarketplaceError: there is no marketplace, its tables refuse bad rows, or the database fails.
    """
    if days < 1:
        raise MarketplaceError(f"Cannot advance by {days} days.", remedy="Give at least 1 day.", reason="days-too-few")
    check_not_negative("seed", seed)
    check_dirty_rate(dirty_rate)
    with closing(open_target(url, password)) as target:
        return _Advance(target, days, seed, dirty_rate, on_progress or ignore_progress).run()


class _Advance:
    """One advance of one database: look, decide, write."""

    def __init__(self, target: Target, days: int, seed: int, dirty_rate: float, on_progress: Progress) -> None:
        self._target = target
        self._tables = target.require_tables()
        if dirty_rate > 0:
            _require_nullable(target)
        self._on_progress = on_progress
        self._days = days
        self._state = read_state(target, self._tables)
        rng = stream(seed, "changes", self._state.last_day)
        self._listings = draw_listing_changes(rng, self._state, days)
        self._bookings = draw_booking_changes(rng, target, self._state, days)
        bookable = self._listings.bookable(self._state.listings)
        self._future = FutureDays(seed, self._state, days, bookable, dirty_rate)

    def run(self) -> AdvanceSummary:
        """Write everything, one transaction per table."""
        changes: dict[str, Callable[[Table], None]] = {
            "apartments": self._change_apartments,
            "apartment_attributes": self._change_attributes,
            "bookings": self._change_bookings,
            "user_viewing": lambda _: None,
        }
        rows = {}
        for name, table in self._tables.items():
            with self._target.transaction():
                changes[name](table)
                rows[name] = self._insert(table)
        return self._summary(rows)

    def _change_apartments(self, _table: Table) -> None:
        write_listing_changes(self._target, self._state.listings, self._listings)

    def _change_attributes(self, table: Table) -> None:
        write_attribute_changes(self._target, table, self._state.listings, self._listings)

    def _change_bookings(self, table: Table) -> None:
        write_booking_changes(self._target, table, self._bookings)

    def _insert(self, table: Table) -> int:
        done = 0
        for chunk in self._future.rows(table.name):
            self._target.insert(table, self._state.ids.written(table, chunk))
            done += len(chunk)
            self._on_progress(table.name, done)
        return done

    def _summary(self, rows: dict[str, int]) -> AdvanceSummary:
        return AdvanceSummary(
            first_day=day_date(self._state.last_day + 1),
            last_day=day_date(self._state.last_day + self._days),
            rows=rows,
            status_changes=len(self._bookings.status),
            price_changes=len(self._listings.repriced),
            deactivations=len(self._listings.deactivated),
            reactivations=len(self._listings.reactivated),
            deleted_listings=len(self._listings.deleted),
            deleted_bookings=len(self._bookings.deleted),
            planted=self._future.planted,
        )


def _require_nullable(target: Target) -> None:
    for table, names in NULLED_COLUMNS.items():
        nullable = target.columns(table)
        refusing = [name for name in names if not nullable[name]]
        if refusing:
            raise MarketplaceError(
                f"Columns {', '.join(refusing)} of table {table} take no NULL: bad rows cannot be planted.",
                remedy="Make the marketplace with a dirty rate above 0, or advance with dirty rate 0.",
                reason="columns-take-no-null",
            )

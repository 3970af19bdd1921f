"""What is asked of the generator, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from rental_marketplace.errors import MarketplaceError

MAX_DIRTY_RATE = 0.9
_EARLIEST, _LATEST = 1980, 2099

Progress = Callable[[str, int], None]
"""Called with a table's name and the rows of it written so far."""


def ignore_progress(_table: str, _rows: int) -> None:
    """Progress nobody watches."""


@dataclass(frozen=True, kw_only=True)
class MarketplaceOptions:
    """Size and shape of a generated marketplace.

    Args:
        listings: rows of `apartments` and of `apartment_attributes`.
        bookings: rows of `bookings`.
        viewings: rows of `user_viewing`.
        seed: the same seed and options give the same rows on every target.
        end_date: last day of data (UTC); stays may lie after it.
        dirty_rate: share of bad rows per table, 0 to 0.9; they come on top of the rows asked for.
        minimal: leave out every optional column.
        ids: whether ids are whole numbers, or texts: UUIDs that stand for them.

    Raises:
        MarketplaceError: a value is out of range.
    """

    listings: int = 2_000
    bookings: int = 20_000
    viewings: int = 100_000
    seed: int = 42
    end_date: date
    dirty_rate: float = 0.0
    minimal: bool = False
    ids: Literal["integer", "text"] = "integer"

    def __post_init__(self) -> None:
        for name in ("listings", "bookings", "viewings", "seed"):
            check_not_negative(name, getattr(self, name))
        if self.listings == 0 and (self.bookings or self.viewings):
            raise MarketplaceError(
                "A marketplace without listings has no bookings or viewings.",
                remedy="Ask for at least one listing.",
                reason="listings-too-few",
            )
        if not _EARLIEST <= self.end_date.year <= _LATEST:
            raise MarketplaceError(
                f"end_date {self.end_date} is out of range.",
                remedy=f"Give a day from {_EARLIEST} to {_LATEST}.",
                reason="end-date-out-of-range",
            )
        check_dirty_rate(self.dirty_rate)


def check_not_negative(name: str, value: int) -> None:
    """Raise MarketplaceError if the number is below 0."""
    if value < 0:
        raise MarketplaceError(
            f"{name} must not be negative.", remedy=f"Give {name} as 0 or more.", reason="number-negative"
        )


def check_dirty_rate(rate: float) -> None:
    """Raise MarketplaceError unless `rate` is a usable share."""
    if not 0 <= rate <= MAX_DIRTY_RATE:
        raise MarketplaceError(
            f"dirty_rate {rate} is out of range.",
            remedy=f"Give a share between 0 and {MAX_DIRTY_RATE}.",
            reason="dirty-rate-out-of-range",
        )


@dataclass(frozen=True)
class GenerationSummary:
    """What `generate` wrote.

    `rows` counts all rows per table, bad ones included; `planted` counts the bad rows per table and rule.
    """

    rows: dict[str, int]
    planted: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class AdvanceSummary:
    """What `advance` changed, from `first_day` to `last_day` inclusive.

    `rows` counts the new rows per table, bad ones included; `planted` counts the bad rows per table and rule.
    """

    first_day: date
    last_day: date
    rows: dict[str, int]
    status_changes: int
    price_changes: int
    deactivations: int
    reactivations: int
    deleted_listings: int
    deleted_bookings: int
    planted: dict[str, dict[str, int]] = field(default_factory=dict)

"""What differs from company to company in a marketplace's rows, as a run fixes it: ids, currencies and statuses."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from rental_analytics.contracts.base import Contract

CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,16}$")]
IdKind = Literal["integer", "text"]
MAX_ID_BYTES = 64
"""Bytes of UTF-8 that an id may have where ids are texts."""


def is_id(text: str) -> bool:
    """Whether a text can be an id: no warehouse cuts it, nor takes it for another one."""
    return 0 < len(text.encode()) <= MAX_ID_BYTES and "\0" not in text and not text.endswith(" ")


Status = Literal["pending", "confirmed", "canceled"]
STATUSES: Mapping[str, Status] = {
    "pending": "pending",
    "confirmed": "confirmed",
    "completed": "confirmed",
    "checkedout": "confirmed",
    "canceled": "canceled",
    "cancelled": "canceled",
}
"""What a booking's status may be called everywhere, normalised, and what it means."""
_NORMALISED = str.maketrans(ascii_uppercase, ascii_lowercase, " _-")


def spelling(status: str) -> str:
    """A status without what its ways to be written differ in, as `models/curated/bookings/query.sql` reads it.

    A to Z become small; spaces, `_` and `-` go.
    """
    return status.translate(_NORMALISED)


class MarketplaceFacts(Contract):
    """What the settings of `[marketplace]` say, in the one way that tells whether two of them mean the same.

    Args:
        ids: whether the ids of all tables are 64-bit integers or texts.
        reporting_currency: what money in the metrics is in.
        default_currency: what a row's amount is in where the row does not say.
        statuses: further spellings of a booking's status, normalised, and what they mean.
    """

    ids: IdKind = "integer"
    reporting_currency: CurrencyCode = "USD"
    default_currency: CurrencyCode | None = None
    statuses: dict[Annotated[str, Field(min_length=1)], Status] = Field(default_factory=dict)

    @property
    def all_statuses(self) -> dict[str, Status]:
        """Every spelling that is accepted, normalised, and what it means."""
        return {**STATUSES, **self.statuses}

    def differences(self, other: MarketplaceFacts) -> list[tuple[str, str, str]]:
        """Settings in which the other one differs: key, and what each of them has, in words."""
        found = [
            (f"marketplace.{name}", str(own or "not set"), str(its or "not set"))
            for name in ("ids", "reporting_currency", "default_currency")
            if (own := getattr(self, name)) != (its := getattr(other, name))
        ]
        for status in ("pending", "confirmed", "canceled"):
            mine, theirs = (_spellings(facts.statuses, status) for facts in (self, other))
            if mine != theirs:
                found.append((f"marketplace.statuses.{status}", mine, theirs))
        return found


def _spellings(statuses: Mapping[str, Status], status: str) -> str:
    return ", ".join(sorted(name for name, meaning in statuses.items() if meaning == status)) or "not set"

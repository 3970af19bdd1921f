"""Ids that are texts, in place of the numbers that rows and cases of tests have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

TRICKY = (
    "~",
    "b",
    "B",
    "\uffff",
    "\U0001f3e0",
    "é",
    "e\u0301",
    "9",
    "10",
    "a",
    "A",
    "á",
    "aa",
    "a a",
    "-1",
    "x'\\",
    "%",
)
"""What is in another order, or one, to whoever does not compare bytes: letters of two cases, with accents and beyond
16 bits, and numbers."""


def tricky(number: int | None) -> str | None:
    """An id of its own for each number."""
    if number is None:
        return None
    rounds, place = divmod(number, len(TRICKY))
    return TRICKY[place] * (1 if rounds == 0 else 2) + (f"-{rounds}" if rounds else "")


def ordered(number: int) -> str:
    """An id for each number, in the order of these."""
    return f"id {number:020d}"


def in_order(rows: list[dict[str, Any]], ids: Collection[str]) -> list[dict[str, Any]]:
    """Rows with texts in place of their ids."""
    return [
        {name: ordered(value) if name in ids and value is not None else value for name, value in row.items()}
        for row in rows
    ]


def of_row(row: Mapping[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """A row with tricky texts in place of its ids."""
    return {name: tricky(value) if name in ids else value for name, value in row.items()}

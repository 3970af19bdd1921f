"""How many rows a table usually has, by the last runs that were loaded."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from statistics import median

from rental_analytics.errors import number_of

Counts = Sequence[int]
"""Rows of a table in the last runs that can be compared."""
LAST_RUNS = 14
"""How many runs tell what is usual."""
FEWEST_RUNS = 3
"""Of fewer nothing is usual."""


def usual_range(counts: Counts, within: float) -> tuple[int, int] | None:
    """The fewest and the most rows that are near the usual number, which is the median of `counts`.

    None where too few runs are known.

    Args:
        within: the share of the usual number by which another one may differ.
    """
    if len(counts) < FEWEST_RUNS:
        return None
    usual, share = Fraction(median(map(Fraction, counts))), Fraction(str(within))
    return max(0, ceil(usual * (1 - share))), floor(usual * (1 + share))


def unusual(rows: int, usual: tuple[int, int] | None) -> str | None:
    """What is told of a number of rows that is out of the range; None where it is in it, or nothing is usual."""
    if usual is None or usual[0] <= rows <= usual[1]:
        return None
    return f"{number_of(rows, 'row')}, {usual[0]:,} to {usual[1]:,} are usual"

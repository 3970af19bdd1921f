"""Which places of which files are changed: of each file its share and at least one, the same each time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

Place = TypeVar("Place")


def shares(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """How many places of each file are taken, of the places it has."""
    total = sum(counts.values())
    return {path: min(count, max(1, round(most * count / total))) for path, count in counts.items() if count}


def shuffled(places: Sequence[Place], seed: str) -> list[Place]:
    """The places in an order that the seed makes: the first of them are the sample."""
    order = list(places)
    random.Random(seed).shuffle(order)
    return order

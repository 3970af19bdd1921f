"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import Counter

from metrics.marketplace import DAY, Marketplace, Row


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    before: tuple[set[int], set[int]] = (set(), set())
    after = {marketplace.as_of + DAY: (set[int](), set[int]())} if marketplace.nights else {}
    for night, listings in (marketplace.nights | after).items():
        changes: list[Counter[tuple[str, str | None]]] = []
        for now, then in zip(listings, before, strict=True):
            changes.append(Counter(map(marketplace.named_city, now)))
            changes[-1].subtract(Counter(map(marketplace.named_city, then)))
        booked, available = changes
        found += [
            (*place, night, booked[place], available[place])
            for place in {*booked, *available}
            if booked[place] or available[place]
        ]
        before = listings
    return found

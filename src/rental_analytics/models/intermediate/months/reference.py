"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from datetime import date, timedelta

from metrics.marketplace import Marketplace, Row, months_later


def rows(marketplace: Marketplace) -> list[Row]:
    months = [months_later(date(1970, 1, 1), count) for count in range(130 * 12)]
    known = [month for month in months if month <= marketplace.as_of + timedelta(days=366)]
    return [(month, months_later(month, 1), number) for number, month in enumerate(known, start=1)]

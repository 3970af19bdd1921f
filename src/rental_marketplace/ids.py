"""Ids as companies have them: whole numbers, or texts that stand for these, in their order."""

from __future__ import annotations

import re
from typing import Literal

import pyarrow.compute as pc

from rental_marketplace import arrow
from rental_marketplace.errors import MarketplaceError
from rental_marketplace.schema import Table

IdKind = Literal["integer", "text"]
IdValue = int | str
_LOW = 10**12
_FORM = re.compile(r"([0-9]{8})-0000-7000-8000-([0-9]{12})")


class Ids:
    """How the ids of a marketplace are written; a text is a UUID of version 7 with the number's digits."""

    def __init__(self, kind: IdKind) -> None:
        self._are_texts = kind == "text"

    @classmethod
    def like(cls, value: object) -> Ids:
        """As an id that is there, if one is."""
        return cls("text" if isinstance(value, str) else "integer")

    def written(self, table: Table, rows: arrow.Table) -> arrow.Table:
        """Rows with ids as the table has them."""
        if self._are_texts:
            for column in table.columns:
                if column.kind == "id":
                    place = rows.column_names.index(column.name)
                    rows = rows.set_column(place, column.name, _texts(rows[column.name]))
        return rows

    def value(self, number: int) -> IdValue:
        """The id that stands for a number."""
        return f"{number // _LOW:08}-0000-7000-8000-{number % _LOW:012}" if self._are_texts else number

    def number(self, value: IdValue) -> int:
        """The number that an id stands for.

        Raises:
            MarketplaceError: it is none of ours.
        """
        if isinstance(value, int):
            return value
        found = _FORM.fullmatch(value)
        if found is None:
            raise MarketplaceError(
                f"{value[:40]!r} is not an id of a generated marketplace.",
                remedy="Make a marketplace first with `rental generate --to URL --ids text`.",
                reason="marketplace-ids-unknown",
            )
        return int(found[1]) * _LOW + int(found[2])

    def share(self, column: str) -> str:
        """A condition for one id of so many; `?` is how many."""
        number = f"(SUBSTR({column}, -9) + 0)" if self._are_texts else column
        return f"{number} % ? = 0"


def _texts(numbers: arrow.Column) -> arrow.Column:
    high = pc.divide(numbers, _LOW)
    low = pc.subtract(numbers, pc.multiply(high, _LOW))
    padded = (pc.utf8_lpad(part.cast("string"), width, "0") for part, width in ((high, 8), (low, 12)))
    return arrow.join(next(padded), "-0000-7000-8000-", next(padded))

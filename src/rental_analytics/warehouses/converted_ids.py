"""Ids that a warehouse has as numbers and is to have as texts, or the other way round, in SQL of every warehouse."""

from __future__ import annotations

import re

_BITS = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}


def id_kinds_differ(held: str, wanted: str) -> bool:
    """Whether ids of one type are texts and those of the other are numbers."""
    return held != wanted and "VARCHAR" in {held, wanted}


def converted_id(value: str, wanted: str) -> str:
    """An expression for an id in its new type; NULL where a text is not what a number is written as.

    Args:
        wanted: the type as contracts spell it.
    """
    if wanted == "VARCHAR":
        return f"CAST({value} AS VARCHAR)"
    # A cast alone would read more: ' 5' and '05' are ids, and not those of 5.
    number = f"CAST({value} AS DECIMAL(38,0))"
    least, most = _bounds(wanted)
    inside = f"CASE WHEN {number} BETWEEN {least} AND {most} THEN CAST({number} AS {wanted}) END"
    return f"CASE WHEN {value} SIMILAR TO '(0|-?[1-9][0-9]{{0,37}})' THEN {inside} END"


def _bounds(kind: str) -> tuple[int, int]:
    if kind in _BITS:
        return -(2 ** _BITS[kind]), 2 ** _BITS[kind] - 1
    digits = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    most = 10 ** (int(digits[1]) - int(digits[2])) - 1 if digits else 0
    return -most, most

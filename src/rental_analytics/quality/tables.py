"""Queries for what no row tells by itself: whether values are unique, known elsewhere, and new enough.

Each gives one row: `failed_rows`, and a `sample` of what breaks the check or NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from rental_analytics.contracts.checks import DeclaredCheck, Freshness, Relationships, Values
from rental_analytics.quality.conditions import constant, key_text
from rental_analytics.sql.render import render


@dataclass(frozen=True)
class Looked:
    """The rows of a table that a check looks at.

    Args:
        relation: has the rows.
        is_flagged: rows that are deleted are flagged, and do not count.
        run_id: only what this run loaded can break the check; None where any row can.
    """

    relation: str
    is_flagged: bool = False
    run_id: str | None = None


def doubled_key_query(looked: Looked, key: Sequence[str]) -> str:
    """Keys that more than one row has, NULL being a value as any other; the sample is one of them."""
    return render("quality/doubled_key", relation=looked.relation, key=key, key_text=key_text(key))


def doubled_query(looked: Looked, check: DeclaredCheck) -> str:
    """Values that more than one row has, each counted once, of rows without NULL in a column; the sample is one."""
    return render(
        "quality/doubled", looked=looked, columns=check.columns, texts=check.texts, key_text=key_text(check.columns)
    )


def unrelated_query(looked: Looked, check: DeclaredCheck, related: Relationships, parent: str | None = None) -> str:
    """Rows whose value is in no row of another table; the sample is one of these values.

    Args:
        parent: stands for the other table; None for that itself.
    """
    return render(
        "quality/unrelated",
        looked=looked,
        column=check.columns[0],
        parent=parent or related.to,
        parent_column=related.column,
        texts=check.texts,
    )


def stale_query(looked: Looked, check: DeclaredCheck, freshness: Freshness, moment: datetime) -> str:
    """Whether the newest value is too old, or none is there.

    Args:
        moment: what its age is counted to, UTC.
    """
    oldest = _oldest_fresh(freshness, moment, is_day=Values.DATE in check.values)
    return render("quality/stale", looked=looked, column=freshness.column, oldest=constant(oldest))


def _oldest_fresh(freshness: Freshness, moment: datetime, *, is_day: bool) -> date | datetime:
    """The oldest newest value that is new enough; the age of a day counts from its end."""
    oldest = moment - freshness.within
    if not is_day:
        return oldest
    oldest -= timedelta(days=1)
    return oldest.date() + timedelta(days=oldest.time() > time())

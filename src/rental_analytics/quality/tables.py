"""Queries for what no row tells by itself: whether values are unique, known elsewhere, and new enough.

Each gives one row: `failed_rows`, and a `sample` of what breaks the check or NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from rental_analytics.contracts.checks import AddsUpTo, DeclaredCheck, Freshness, Relationships
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


def doubled_query(looked: Looked, columns: Sequence[str], *, nulls_agree: bool = False) -> str:
    """Values that more than one row has, each counted once; the sample is one of them.

    Args:
        nulls_agree: NULL is a value as any other; else rows with one are left out.
    """
    return render(
        "quality/not_unique", looked=looked, columns=columns, key_text=key_text(columns), nulls_agree=nulls_agree
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
    )


def unequal_query(looked: Looked, asked: AddsUpTo, other: str | None = None) -> str:
    """Values of `by` of which a sum is not that of the other table; the sample is one of them.

    Args:
        other: stands for the other table; None for that itself.
    """
    return render(
        "quality/unequal_sums",
        relation=looked.relation,
        other=other or asked.to,
        by=asked.by,
        columns=asked.columns,
        key_text=key_text(asked.by),
    )


def stale_query(looked: Looked, freshness: Freshness, moment: datetime, *, is_day: bool) -> str:
    """Whether the newest value is too old, or none is there.

    Args:
        moment: what its age is counted to, UTC.
        is_day: the column holds days, and not moments.
    """
    oldest = oldest_fresh(freshness, moment, is_day=is_day)
    return render("quality/stale", looked=looked, column=freshness.column, oldest=constant(oldest))


def oldest_fresh(freshness: Freshness, moment: datetime, *, is_day: bool = False) -> date | datetime:
    """The oldest newest value that is new enough; the age of a day counts from its end."""
    oldest = moment - freshness.within
    if not is_day:
        return oldest
    oldest -= timedelta(days=1)
    return oldest.date() + timedelta(days=oldest.time() > time())

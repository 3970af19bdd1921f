"""Timestamps in conditions: a column as one, and whether it lies in a window."""

from __future__ import annotations

from rental_analytics.databases.base import Window
from rental_analytics.sql.render import identifier, literal


def as_moment(name: str | None) -> str:
    """A column as a timestamp, or NULL."""
    return f"CAST({identifier(name) if name else 'NULL'} AS TIMESTAMP)"


def within_window(moment: str, window: Window, *, upper: bool = True) -> str:
    """Condition that a timestamp lies in a window; without `upper` it may be later."""
    parts = [f"{moment} >= TIMESTAMP {literal(window.lower)}"] if window.lower else []
    parts += [f"{moment} < TIMESTAMP {literal(window.upper)}"] if upper else []
    return " AND ".join(parts) or "TRUE"

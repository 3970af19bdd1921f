"""Hashes of keys and rows as expressions: whichever engine computes them, equal values give equal numbers."""

from __future__ import annotations

from collections.abc import Sequence

from rental_analytics.engines.base import Session
from rental_analytics.sql.render import identifier

ROW_HASHES = "row-hashes-1"
"""Names how rows are hashed; hashes of another method cannot be compared with them."""


def key_hash(session: Session, key: Sequence[str], moment: str) -> str:
    """A number below 2^32 from a key and a timestamp."""
    parts = [f"CAST({identifier(name)} AS VARCHAR)" for name in key]
    text = ", ".join([*parts, f"COALESCE(CAST(EPOCH_US({moment}) AS VARCHAR), '')"])
    return session.md5_number(f"CONCAT_WS('|', {text})", 8)


def row_hash(session: Session, columns: Sequence[tuple[str, str]]) -> str:
    """A number below 2^60 from a row's values; `columns` are names and types."""
    parts = ", ".join(f"COALESCE({_text(session, identifier(name), kind)}, '-')" for name, kind in columns)
    return session.md5_number(f"CONCAT_WS('|', {parts})", 15)


def _text(session: Session, value: str, kind: str) -> str:
    """A text that no other value of the type has, and that engines agree on."""
    if kind == "VARCHAR":
        return f"CAST(LENGTH({value}) AS VARCHAR) || ':' || {value}"
    if kind == "TIMESTAMP":
        return f"CAST(EPOCH_US({value}) AS VARCHAR)"
    if kind == "DOUBLE":
        return f"CAST({session.bits(value)} AS VARCHAR)"
    return session.text(value, kind)

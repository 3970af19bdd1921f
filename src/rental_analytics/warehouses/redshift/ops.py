"""Rows of schema `ops` as Redshift's SQL, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rental_analytics.contracts.ops import ops_tables
from rental_analytics.sql.redshift import STATEMENT_BYTES
from rental_analytics.sql.render import identifier, identifiers, redshift_literal, render, timestamp_text

_MAX_BYTES = STATEMENT_BYTES // 5
"""Of a text, whose every character may become two."""


def value(item: Any) -> str:
    """A value as Redshift writes it; a text that with others would make a statement too long is cut."""
    if item is None:
        return "NULL"
    if isinstance(item, bool):
        return "TRUE" if item else "FALSE"
    if isinstance(item, datetime):
        return f"TIMESTAMP '{timestamp_text(item)}'"
    if isinstance(item, date):
        return f"DATE '{item.isoformat()}'"
    if isinstance(item, str):
        return redshift_literal(item.encode()[:_MAX_BYTES].decode(errors="ignore"))
    return str(item)


def deletion(name: str, rows: Sequence[Mapping[str, Any]], agreeing: Sequence[str]) -> str:
    """The statement that removes what agrees with one of the rows in columns without NULL."""
    same = dict.fromkeys(tuple((column, value(row[column])) for column in agreeing) for row in rows)
    return render("warehouses/redshift/delete_agreeing", relation=f"ops.{name}", rows=list(same))


def insertions(name: str, rows: Sequence[Mapping[str, Any]], relation: str | None = None) -> Iterator[str]:
    """Statements that add rows, none longer than the Data API takes."""
    columns = list(ops_tables()[name].columns)
    opening = f"INSERT INTO {identifier(relation or f'ops.{name}')} ({identifiers(columns)}) VALUES "
    held, size = list[str](), len(opening)
    for row in rows:
        text = f"({', '.join(value(row.get(column)) for column in columns)})"
        if held and size + len(text.encode()) > STATEMENT_BYTES - 1000:
            yield opening + ", ".join(held)
            held, size = [], len(opening)
        held.append(text)
        size += len(text.encode()) + 2
    if held:
        yield opening + ", ".join(held)


def is_loaded(step: str, manifest_hash: str) -> str:
    """The query with a row if a manifest is loaded."""
    return render("warehouses/redshift/loaded", step=value(step), manifest_hash=value(manifest_hash))


def last_loaded(step: str) -> str:
    """The query for the hash of the manifest that was loaded last."""
    return render("warehouses/redshift/last_loaded", step=value(step))


def filled_from() -> str:
    """The query for id and URL of the lake that was adopted last."""
    return render("warehouses/redshift/filled_from")


def attempts(run_id: str, step: str, begun: datetime) -> str:
    """The query for how many attempts at a step of a run were recorded, without the one that began at a moment."""
    return render("warehouses/redshift/attempts", run_id=value(run_id), step=value(step), begun=value(begun))


def load_errors(process: int, created: datetime | None) -> str:
    """The query for what COPY noted: numbers of sessions come again, and clocks may differ by a minute."""
    since = {"since": value(created.astimezone(UTC) - timedelta(minutes=1))} if created else {}
    return render("warehouses/redshift/load_errors", process=process, **since)


def end_running(finished_at: datetime, error: str) -> str:
    """The statement that marks runs as failed which still say that they run."""
    return render("warehouses/redshift/end_running", finished_at=value(finished_at), error=value(error))

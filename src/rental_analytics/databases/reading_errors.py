"""What ConnectorX says when it cannot read, as errors of ours."""

from __future__ import annotations

import re

from rental_analytics.errors import SourceError, SourceUnavailableError

SERVER_CODE = re.compile(r"\bERROR (\d+)")
"""Where ConnectorX repeats an error code of a server."""

_TABLE = re.compile(r'\bFROM (?:`[^`]+`\.)?(?:`([^`]+)`|"([^"]+)")')
_LOST = (
    "connection",
    "could not connect",
    "timed out",
    "timeout",
    "broken pipe",
    "io error",
    "ioerror",
    "server disconnected",
    "server has gone away",
    "database is locked",
    "table is locked",
    "schema is locked",
    "process that reads the source ended",
)


def table_in(sql: str) -> str | None:
    """The table a statement reads."""
    found = _TABLE.search(sql)
    return (found[1] or found[2]) if found else None


def reading_error(text: str, sql: str, display_url: str) -> SourceError:
    """The error for what ConnectorX says."""
    first = text.splitlines()[0]
    table = table_in(sql)
    place = f" at table {table}" if table else ""
    if not SERVER_CODE.search(text) and any(mark in text.lower() for mark in _LOST):
        return SourceUnavailableError(
            f"Reading {display_url} was interrupted{place}: {first}.",
            remedy="run again once the server answers.",
            reason="source-connection-lost",
            table=table,
        )
    if "max_allowed_packet" in text:
        return SourceError(
            f"The source {display_url} could not be read{place}: {first}.",
            remedy="put a view in its place that leaves out or cuts the long values: a row has 1 GB at most.",
            reason="row-too-long",
            table=table,
        )
    return SourceError(
        f"The source {display_url} could not be read{place}: {first}.",
        remedy="correct the value or the view that the message names (--debug shows all of it), then run again.",
        reason="source-not-readable",
        table=table,
    )

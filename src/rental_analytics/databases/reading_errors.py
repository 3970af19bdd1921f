"""What ConnectorX says when it cannot read, as errors of ours."""

from __future__ import annotations

import re

from rental_analytics.databases.base import ReadPlan
from rental_analytics.errors import SourceError, SourceUnavailableError

SERVER_CODE = re.compile(r"\bERROR (\d+)")
"""Where ConnectorX repeats an error code of a server."""

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


def reading_error(text: str, plan: ReadPlan | None, display_url: str) -> SourceError:
    """The error for what ConnectorX says of a statement that reads a plan's table."""
    first = text.splitlines()[0]
    table, place = (plan.table.name, f" at table {plan.place}") if plan else (None, "")
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

"""Where commands print: results to standard output, messages to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rental_analytics.monitoring.console import SteadyConsole
from rental_analytics.monitoring.interruption import Interruption
from rental_analytics.monitoring.streams import OutputStream
from rental_analytics.monitoring.text import Secrets, visible_json

if TYPE_CHECKING:
    import pyarrow as pa

secrets = Secrets()
output = SteadyConsole(secrets)
messages = SteadyConsole(secrets, stderr=True)
interruption = Interruption()


def print_table(table: pa.Table, title: str | None = None) -> None:
    """Print rows for a person."""
    from rental_analytics.monitoring.tables import print_table as print_rows

    print_rows(output, table, title)


def print_json(record: Any) -> None:
    """Print a record as JSON."""
    from rental_analytics.monitoring.values import json_text

    write_json(json_text(record) + "\n")


def write_json(text: str) -> None:
    """Write JSON; in an encoding other than UTF-8 all that is not ASCII is escaped."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    sys.stdout.write(visible_json(text, ascii_only=encoding not in {"utf8", "utf8sig"}))


def write_exact(text: str) -> None:
    """Write a text for other programs: in UTF-8 as it is, unless a person watches."""
    if sys.stdout.isatty() or not isinstance(sys.stdout, OutputStream):
        sys.stdout.write(text)
    else:
        sys.stdout.write_bytes(text.encode("utf-8", "backslashreplace"))

"""Reading a statement with ConnectorX as a stream of Arrow batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rental_analytics.errors import SourceError, SourceUnavailableError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
# MySQL: too many connections, of all or of one user, shutdown, lock waits, deadlock, a query or connection that was
# killed or idle for too long, a lost server.
TRANSIENT_CODES = frozenset({1040, 1053, 1203, 1205, 1213, 1226, 1317, 1927, 2002, 2003, 2006, 2013, 2055, 4031})
_CODE = re.compile(r"\bERROR (\d+)")
_TABLE = re.compile(r'\bFROM (?:`([^`]+)`|"([^"]+)")')
_LOST = (
    "connection",
    "could not connect",
    "timed out",
    "timeout",
    "broken pipe",
    "io error",
    "ioerror",
    "tlserror",
    "server disconnected",
    "server has gone away",
    "database is locked",
    "table is locked",
    "schema is locked",
)


@contextmanager
def stream(url: str, sql: str, *, session: str | None = None, display_url: str) -> Iterator[pa.RecordBatchReader]:
    """Give a reader over the statement's rows; it is read while the block runs.

    Raises:
        SourceUnavailableError: the connection could not be made or was lost.
        SourceError: the statement was refused, or a value cannot be read.
    """
    import connectorx
    import pyarrow as pa

    failures: list[BaseException] = []

    def batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 a panic in ConnectorX's Rust code is no Exception
            failures.append(error)
            raise RuntimeError(str(error)) from None

    try:
        reader = connectorx.read_sql(
            url, sql, return_type="arrow_stream", batch_size=BATCH_ROWS, pre_execution_query=session
        )
    except BaseException as error:
        raise _translated(error, sql, display_url) from error
    try:
        yield pa.RecordBatchReader.from_batches(reader.schema, batches(reader))
    except Exception:
        if failures:
            raise _translated(failures[0], sql, display_url) from failures[0]
        raise


def _translated(error: BaseException, sql: str, display_url: str) -> BaseException:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return error
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    found = _TABLE.search(sql)
    table = (found[1] or found[2]) if found else None
    place = f" at table {table}" if table else ""
    if _may_pass(text):
        return SourceUnavailableError(
            f"Reading {display_url} was interrupted{place}: {text}.",
            remedy="run again once the server answers.",
            table=table,
        )
    remedy = "look at the value or statement named; run with --debug for the whole error."
    if "max_allowed_packet" in text:
        remedy = "raise the server's max_allowed_packet: the values of one row are longer than that together."
    return SourceError(f"The source {display_url} could not be read{place}: {text}.", remedy=remedy, table=table)


def _may_pass(text: str) -> bool:
    """A code of the server tells more than its words: a refused login, too, comes as a wait for a connection."""
    codes = [int(code) for code in _CODE.findall(text)]
    return any(code in TRANSIENT_CODES for code in codes) if codes else any(mark in text.lower() for mark in _LOST)

"""What a user may ask of a DuckDB warehouse: a statement that only reads."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rental_analytics.errors import ConfigurationError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_TABLES = "SELECT table_schema, table_name FROM information_schema.tables"
_COLUMNS = "SELECT table_schema, table_name, column_name FROM information_schema.columns ORDER BY ALL"
_UNKNOWN_COLUMN = re.compile(
    r"not found in FROM clause|does not have a column named|does not exist on \w+ side of join|No matching columns"
)
_SYSTEM_CANDIDATE = re.compile(r' Did you mean "(?:pg|duckdb|sqlite)_[^"]*"\?')
"""What DuckDB proposes for a table it does not know; none of its own is what somebody looks for here."""


def check_reads(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    """See that a statement is a SELECT, or tells how one is done: EXPLAIN ANALYZE does what it explains.

    Raises:
        ConfigurationError: it is something else.
    """
    import duckdb

    kinds = [statement.type]
    if statement.type == duckdb.StatementType.EXPLAIN:
        kinds = [one.type for one in connection.extract_statements(_explained(statement.query))]
    other = [kind for kind in kinds if kind != duckdb.StatementType.SELECT]
    if other or not kinds:
        raise ConfigurationError(
            f"A query only reads, and this is a statement of type {other[0].name if other else 'EXPLAIN'}.",
            remedy="write a SELECT; to change the tables, change the source and `rental run`.",
            reason="query-not-reading",
        )


def _explained(sql: str) -> str:
    """What stands behind EXPLAIN and its options."""
    import duckdb

    text = sql.encode()
    # The first is EXPLAIN itself.
    starts = [start for start, _ in duckdb.tokenize(sql)][1:]
    if text[starts[0] :].startswith(b"("):
        depth = 0
        for place, start in enumerate(starts):
            depth += {b"(": 1, b")": -1}.get(text[start : start + 1], 0)
            if not depth and place + 1 < len(starts):
                return text[starts[place + 1] :].decode()
    is_option = text[starts[0] :][:7].lower() == b"analyze"
    return text[starts[1 if is_option else 0] :].decode()


@contextmanager
def failing(sql: str = "") -> Iterator[None]:
    """Turn what DuckDB says of a user's statement into an error of ours; Arrow passes it on in words of its own."""
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        told = _SYSTEM_CANDIDATE.sub("", " ".join(str(error).split()))
        statement, listed = _listing(sql, told)
        raise ConfigurationError(
            f"The query failed: {told}.",
            remedy=f"correct the SQL; `rental query {shlex.quote(statement)}` lists the {listed}.",
            reason="query-failed",
        ) from error


def _listing(sql: str, told: str) -> tuple[str, str]:
    """A statement that lists what the user may have meant, and what it lists."""
    if not _UNKNOWN_COLUMN.search(told):
        return _TABLES, "tables"
    table = _only_table(sql)
    return f"DESCRIBE {table}" if table else _COLUMNS, "columns"


def _only_table(sql: str) -> str:
    """The table of a schema that a statement names, as it is written, or nothing where it names others too."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    with suppress(SqlglotError, RecursionError), _silent_parser():
        parsed = sqlglot.parse_one(sql, read="duckdb")
        if isinstance(parsed, exp.Command) and parsed.name.upper() == "EXPLAIN":
            parsed = sqlglot.parse_one(_explained(sql), read="duckdb")
        named = {
            exp.table_(table.this, db=table.args["db"]).sql(dialect="duckdb") if table.db else ""
            for table in parsed.find_all(exp.Table)
        }
        return named.pop() if len(named) == 1 else ""
    return ""


@contextmanager
def _silent_parser() -> Iterator[None]:
    """What sqlglot cannot parse it tells in a log, which nobody who asks the warehouse wants to read."""
    log = logging.getLogger("sqlglot")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def first_batches(reader: pa.RecordBatchReader, limit: int) -> Iterator[pa.RecordBatch]:
    """The batches that hold the first rows, `limit` of them or a few more."""
    rows = 0
    for batch in reader:
        yield batch
        rows += batch.num_rows
        if rows >= limit:
            return

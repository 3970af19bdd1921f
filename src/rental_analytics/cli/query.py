"""`rental query`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rental_analytics.analysis.warehouse import open_warehouse, warehouse_settings
from rental_analytics.cli.app import app
from rental_analytics.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rental_analytics.cli.output import messages, output, print_table, write_exact, write_json
from rental_analytics.errors import ConfigurationError
from rental_analytics.regular_file import read_regular_file

if TYPE_CHECKING:
    import pyarrow as pa

    from rental_analytics.warehouses.base import Warehouse

_SHOWN = 1_000
_MOST = 10**15
_LONGEST = 2**20
"""Bytes of a file with a statement that is read."""


@app.command(epilog='Example: rental query --csv "SELECT * FROM ops.row_accounting" > accounting.csv')
def query(
    sql: Annotated[str | None, typer.Argument(help="One statement that only reads.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read the statement from a file; - is standard input.", metavar="FILE")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV (RFC 4180, UTF-8); NULL is an empty field.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=0, max=_MOST, help="Rows to print; 0 for all. Default: 1000, with --csv and --json all."),
    ] = None,
) -> None:
    """Ask the warehouse; nothing can be changed."""
    if as_json and as_csv:
        raise ConfigurationError(
            "--json and --csv exclude each other.", remedy="give one of them.", reason="options-exclude-each-other"
        )
    statement = _statement(sql, file)
    wanted = limit if limit is not None else 0 if as_csv or as_json else _SHOWN
    with open_warehouse(warehouse_settings(config, overrides)) as warehouse:
        exported = as_csv or as_json
        more = _export(warehouse, statement, wanted, as_csv=as_csv) if exported else _show(warehouse, statement, wanted)
    if more:
        sys.stdout.flush()
        messages.show(f"There are more rows than {wanted:,}; see --limit.")


def _statement(sql: str | None, file: Path | None) -> str:
    """What is asked, from the argument or from a file."""
    if (sql is None) == (file is None):
        raise ConfigurationError(
            "A query is one statement, given as an argument or in a file.",
            remedy='write rental query "SELECT ...", or rental query --file FILE.',
            reason="options-exclude-each-other",
        )
    if file is None:
        return str(sql)
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else read_regular_file(file, _LONGEST)
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"The query in {file} cannot be read: {told}.",
            remedy="name a file with one SQL statement, in UTF-8.",
            reason="query-file-unreadable",
        ) from error


def _show(warehouse: Warehouse, sql: str, limit: int) -> bool:
    """Print a table; gives whether there are more rows."""
    table = warehouse.query(sql, limit + 1 if limit else None)
    shown = table.slice(0, limit) if limit else table
    if table.column_names == ["explain_key", "explain_value"]:
        _show_plan(shown)
    else:
        print_table(shown)
    return bool(shown.num_rows < table.num_rows)


def _show_plan(table: pa.Table) -> None:
    """A plan of DuckDB is a drawing of several lines."""
    for plan in table.column("explain_value").to_pylist():
        for line in str(plan).splitlines():
            output.show(line)


def _export(warehouse: Warehouse, sql: str, limit: int, *, as_csv: bool) -> bool:
    """Write rows as they come; gives whether there are more."""
    batches = warehouse.batches(sql, limit + 1 if limit else None)
    write = _write_csv if as_csv else _write_json
    left = _Limited(batches, limit)
    write(left)
    return left.has_more


class _Limited:
    """Batches up to a number of rows, 0 for all; knows afterwards whether there were more."""

    def __init__(self, batches: pa.RecordBatchReader, limit: int) -> None:
        self.schema = batches.schema
        self.has_more = False
        self._batches = batches
        self._limit = limit

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        seen = 0
        for batch in self._batches:
            seen += batch.num_rows
            self.has_more = bool(self._limit) and seen > self._limit
            yield batch.slice(0, batch.num_rows - (seen - self._limit)) if self.has_more else batch
            if self.has_more:
                return


def _write_csv(batches: _Limited) -> None:
    from rental_analytics.monitoring.csv_text import END, csv_header, csv_rows
    from rental_analytics.monitoring.text import visible

    # A person's terminal is not steered by what is in the data; a file gets it as it is.
    safe = (lambda text: "\n".join(map(visible, text.split(END)))) if sys.stdout.isatty() else str
    write_exact(safe(csv_header(batches.schema.names)))
    for batch in batches:
        write_exact(safe(csv_rows(batch)))


def _write_json(batches: _Limited) -> None:
    """An array with a line for each row."""
    from rental_analytics.monitoring.values import json_line, table_records

    opening = "[\n  "
    for batch in batches:
        if batch.num_rows:
            write_json(opening + ",\n  ".join(map(json_line, table_records(batch))))
            opening = ",\n  "
    sys.stdout.write("\n]\n" if opening.startswith(",") else "[]\n")

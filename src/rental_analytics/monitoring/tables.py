"""Tables on a terminal, or wide and plain elsewhere."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    import pyarrow as pa


def print_table(console: Console, table: pa.Table, title: str | None = None) -> None:
    """Print rows side by side; one below the other where a terminal is too narrow to keep words whole."""
    if title:
        console.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
    grid, dense = _grid(table), _grid(table, dense=True)
    unbounded = console.options.update(width=10_000)
    needed = Measurement.get(console, unbounded, grid).maximum
    if not console.is_terminal:
        width = max(80, needed)
        wide = Console(file=sys.stdout, width=width, emoji=False)
        wide.on_broken_pipe = console.on_broken_pipe  # type: ignore[method-assign]
        wide.print(grid)
    elif needed <= console.width:
        console.print(grid)
    elif Measurement.get(console, unbounded, dense).minimum <= console.width:
        console.print(dense)
    else:
        _print_records(console, table)
    if not table.num_rows:
        console.print("(no rows)")


def _grid(table: pa.Table, *, dense: bool = False) -> Table:
    grid = Table(header_style="bold")
    if dense:
        grid.box, grid.show_edge, grid.pad_edge, grid.collapse_padding = box.SIMPLE_HEAD, False, False, True
    columns = [[_shown(value) for value in column.to_pylist()] for column in table.columns]
    for field, values in zip(table.schema, columns, strict=True):
        numeric = str(field.type).startswith(("int", "uint", "double", "float", "decimal"))
        longest = max((len(word) for value in (_shown(field.name), *values) for word in value.split()), default=1)
        grid.add_column(
            _shown(field.name),
            justify="right" if numeric else "left",
            # What is typed again is never shortened, and words are not broken.
            no_wrap=field.name == "run_id" or not any(" " in value for value in values),
            overflow="fold",
            min_width=longest,
        )
    for row in zip(*columns, strict=True):
        grid.add_row(*row)
    return grid


def _print_records(console: Console, table: pa.Table) -> None:
    """A block for each row, a line for each column."""
    width = max(len(name) for name in table.column_names)
    for number, row in enumerate(table.to_pylist(), start=1):
        console.rule(f"[bold]row {number}", align="left", style="dim")
        for name, value in row.items():
            console.print(f"[bold]{_shown(name):<{width}}[/bold]  {_shown(value)}", highlight=False, soft_wrap=True)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    # A value from the marketplace must not steer the reader's terminal.
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: repr(match[0])[1:-1], str(value))
    return escape(text)
